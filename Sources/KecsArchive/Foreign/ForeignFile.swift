// SPDX-License-Identifier: Apache-2.0
import CLinux
import CIgzip
import Glibc
import KecsSystem
public import SystemPackage

/// The kind of a file from elsewhere, recognised by its content and never by its name.
public enum ForeignFile: Hashable, Sendable {
    case tarGz
    /// A gzip of something that is no tar.
    case gzip
    case tar
    /// A zip, 7z or cpio, or a tar that is compressed with bzip2, xz, zstd or lz4.
    case otherArchive
    /// Compressed by one of the latter, without an archive in it.
    case compressed
    case sqlite
    /// SQL text that SQLite may be able to run.
    case sqlDump
    case duckdb
    case gpg
    case age
    case unknown

    /// True when `unpackArchive` accepts it.
    public var isArchive: Bool { self == .tar || self == .tarGz || self == .otherArchive }

    /// Reads the beginning only.
    ///
    /// Not for a database that this process has open: the file is opened and closed here.
    public static func sniff(_ path: FilePath) throws -> ForeignFile {
        let file = path.withPlatformString { paths_open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0) }
        guard file >= 0 else { throw FileError.last("open", path) }
        defer { close(file) }
        guard try FileStatus.of(descriptor: file, at: path).kind == .file else { return .unknown }
        var head = [UInt8](repeating: 0, count: 64 << 10)
        let count = try head.withUnsafeMutableBytes { try readFully(file, into: $0, of: path) }
        return of(Array(head[..<count])) { ForeignDecoder.start(of: path) }
    }

    static func of(_ head: [UInt8], inside: () -> [UInt8]?) -> ForeignFile {
        if head.starts(with: "SQLite format 3\u{0}".utf8) { return .sqlite }
        if head.dropFirst(8).starts(with: "DUCK".utf8) { return .duckdb }
        if head.starts(with: [0x1f, 0x8b, 8]) {
            let start = inflatedStart(of: head)
            return isTar(start) ? .tarGz : ForeignContainer.isCpio(start) ? .otherArchive : .gzip
        }
        if isTar(head) { return .tar }
        if let container = ForeignContainer.of(head, inside: inside) {
            return container == nil ? .compressed : .otherArchive
        }
        if head.starts(with: "age-encryption.org/v1\n".utf8) { return .age }
        let text = head.drop { $0 == 0x20 || (9...13).contains($0) }
        if text.starts(with: "-----BEGIN AGE ENCRYPTED FILE-----".utf8) { return .age }
        if text.starts(with: "-----BEGIN PGP MESSAGE-----".utf8) || isPGPPacket(head) { return .gpg }
        return isSQL(head) ? .sqlDump : .unknown
    }

    /// Returns true for a header whose checksum is right; old tars have no magic (POSIX.1-1988, ustar Interchange
    /// Format).
    static func isTar(_ head: [UInt8]) -> Bool {
        guard head.count >= 512, head[0] != 0 else { return false }
        let field = head[148..<156]
        let digits = field.drop { $0 == 0x20 }.prefix { (0x30...0x37).contains($0) }
        guard !digits.isEmpty else { return false }
        let told = digits.reduce(0) { $0 * 8 + Int($1 - 0x30) }
        let sum = head[..<512].enumerated().reduce(0) {
            $0 + ((148..<156).contains($1.offset) ? 0x20 : Int($1.element))
        }
        return told == sum
    }

    /// The first packet is one that begins an encrypted message: RFC 9580, 4.2 and 5.
    private static func isPGPPacket(_ head: [UInt8]) -> Bool {
        guard let first = head.first, first & 0x80 != 0, head.count > 4 else { return false }
        let isNewFormat = first & 0x40 != 0
        let tag = isNewFormat ? first & 0x3f : (first >> 2) & 0xf
        let lengthSize =
            isNewFormat
            ? (head[1] < 192 ? 1 : head[1] < 224 ? 2 : head[1] == 255 ? 5 : 1) : [1, 2, 4, 0][Int(first & 3)]
        guard head.count > 1 + lengthSize else { return false }
        let version = head[1 + lengthSize]
        return switch tag {
        case 1: version == 3 || version == 6
        case 3: (4...6).contains(version)
        case 18: version == 1 || version == 2
        default: false
        }
    }

    /// Returns true when it is text whose first word begins a statement of a dump.
    private static func isSQL(_ head: [UInt8]) -> Bool {
        guard !head.contains(0) else { return false }
        var rest = head.starts(with: [0xef, 0xbb, 0xbf]) ? head.dropFirst(3) : head[...]
        while let byte = rest.first {
            if byte == 0x20 || (9...13).contains(byte) || byte == UInt8(ascii: ";") {
                rest = rest.dropFirst()
            } else if rest.starts(with: "--".utf8) {
                rest = rest.drop { $0 != UInt8(ascii: "\n") }
            } else if rest.starts(with: "/*".utf8) {
                rest = rest.dropFirst(2)
                while !rest.isEmpty, !rest.starts(with: "*/".utf8) { rest = rest.dropFirst() }
                rest = rest.dropFirst(2)
            } else {
                break
            }
        }
        let word = String(decoding: rest.prefix(8).prefix { $0 > 0x40 }, as: UTF8.self).uppercased()
        return ["PRAGMA", "BEGIN", "CREATE", "INSERT", "DROP", "SAVEPOIN", "REPLACE"].contains(word)
    }

    /// Returns the first 512 bytes of a gzip's content, or as many as there are.
    static func inflatedStart(of head: [UInt8]) -> [UInt8] {
        // The state holds a window of more than 64 KiB.
        let state = UnsafeMutablePointer<inflate_state>.allocate(capacity: 1)
        defer { state.deallocate() }
        isal_inflate_init(state)
        state.pointee.crc_flag = UInt32(ISAL_GZIP)
        var input = head
        var output = [UInt8](repeating: 0, count: 512)
        let count = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                state.pointee.next_in = input.baseAddress
                state.pointee.avail_in = UInt32(input.count)
                state.pointee.next_out = output.baseAddress
                state.pointee.avail_out = UInt32(output.count)
                isal_inflate(state)
                return output.count - Int(state.pointee.avail_out)
            }
        }
        return Array(output[..<count])
    }
}
