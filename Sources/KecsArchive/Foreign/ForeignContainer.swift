// SPDX-License-Identifier: Apache-2.0
import CArchive
import SystemPackage

/// An archive of another program that is decoded before our own reader sees it, recognised by its first bytes.
enum ForeignContainer: Hashable, Sendable {
    /// Compressed with bzip2, xz, zstd or lz4. The content must be a tar.
    case compressedTar
    /// Plain, or compressed as above or with gzip.
    case cpio
    case zip
    case sevenZip

    private static let streams: [[UInt8]] = [
        [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0],  // xz
        [0x28, 0xb5, 0x2f, 0xfd],  // zstd
        [0x04, 0x22, 0x4d, 0x18],  // lz4
    ]

    /// Returns the container that a file with this beginning seems to be; nil for none of these. A stream is examined
    /// with `inside`.
    ///
    /// - Parameter inside: The first block of the decompressed stream; nil when its beginning is damaged.
    /// - Returns: `.some(nil)` for a stream of something that is no archive.
    static func of(_ head: [UInt8], inside: () -> [UInt8]?) -> ForeignContainer?? {
        if head.starts(with: "PK\u{3}\u{4}".utf8) || head.starts(with: "PK\u{5}\u{6}".utf8) { return .zip }
        if head.starts(with: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]) { return .sevenZip }
        if isCpio(head) { return .cpio }
        guard isStream(head) else { return nil }
        // A damaged stream is reported when it is read.
        guard let inside = inside() else { return .compressedTar }
        if isCpio(inside) { return .cpio }
        return .some(ForeignFile.isTar(inside) ? .compressedTar : nil)
    }

    static func isStream(_ head: [UInt8]) -> Bool {
        if streams.contains(where: { head.starts(with: $0) }) { return true }
        guard head.starts(with: "BZh".utf8), head.count >= 10, (0x31...0x39).contains(head[3]) else {
            return false
        }
        // A block, or the end of an empty stream.
        return head[4..<10].elementsEqual([0x31, 0x41, 0x59, 0x26, 0x53, 0x59])
            || head[4..<10].elementsEqual([0x17, 0x72, 0x45, 0x38, 0x50, 0x90])
    }

    /// Returns true for cpio's three text formats, and for the binary one as GNU cpio writes it on this machine: its
    /// second half-word numbers are followed by a name that is no longer than a path.
    static func isCpio(_ head: [UInt8]) -> Bool {
        if ["070701", "070702"].contains(where: { head.starts(with: $0.utf8) }) {
            return head.count >= 110
                && head[6..<110].allSatisfy {
                    (0x30...0x39).contains($0) || (0x41...0x46).contains($0 & 0xdf)
                }
        }
        if head.starts(with: "070707".utf8) {
            return head.count >= 76 && head[6..<76].allSatisfy { (0x30...0x37).contains($0) }
        }
        guard head.count >= 28, head[0] == 0xc7, head[1] == 0x71 else { return false }
        let nameSize = Int(head[20]) | Int(head[21]) << 8
        return (2...4096).contains(nameSize) && head[26] != 0
    }

    var code: CInt {
        switch self {
        case .compressedTar: CInt(carchive_compressed.rawValue)
        case .cpio: CInt(carchive_cpio.rawValue)
        case .zip: CInt(carchive_zip.rawValue)
        case .sevenZip: CInt(carchive_7zip.rawValue)
        }
    }
}
