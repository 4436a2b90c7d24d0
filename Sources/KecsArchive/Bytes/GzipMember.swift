// SPDX-License-Identifier: Apache-2.0
import CIgzip

/// The frame of our gzip members: a legal RFC 1952 member. Its extra field holds the member's length, so that a reader
/// can find the next one without inflating, and a checksum over all of its bytes.
///
/// ```text
///  0  1f 8b 08 04  00 00 00 00  00 03      deflate, extra field, no time, Unix
/// 10  10 00                               length of the extra field: 16
/// 12  'K' 'C' 0c 00                       our subfield: 12 bytes
/// 16  member size   u32                   from the first 1f to the last byte of the trailer
/// 20  content size  u32                   what it inflates to: a multiple of 512, at most 1 MiB
/// 24  checksum      u32                   CRC-32 of bytes 0..<24 and 28..<member size
/// 28  deflate data … CRC-32 of the content, content size
/// ```
/// The checksum is there for the bits that gzip's own does not cover: the header, and the padding inside the deflate
/// data. All numbers are little-endian.
enum GzipMember {
    static let contentLimit = 1 << 20
    /// Every content is a multiple of it: tar's block.
    static let contentUnit = 512
    static let headerSize = 28
    static let trailerSize = 8
    /// Room for content that does not shrink.
    static let sizeLimit = contentLimit + (64 << 10)

    static let template: [UInt8] = [
        0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, 16, 0, UInt8(ascii: "K"), UInt8(ascii: "C"), 12, 0,
    ]

    enum Start: Equatable {
        case ours
        case foreign
        /// It resembles ours so much that it is ours with a damaged bit or two.
        case damaged
    }

    /// - Parameter bytes: The first bytes of a file, or those after a member.
    static func start(of bytes: UnsafeRawBufferPointer) -> Start {
        guard bytes.count >= template.count else { return .foreign }
        var distance = 0
        for index in template.indices { distance += (bytes[index] ^ template[index]).nonzeroBitCount }
        return distance == 0 ? .ours : distance <= 2 ? .damaged : .foreign
    }

    /// Writes header and trailer around the deflate data at `headerSize ..< headerSize + dataCount`.
    ///
    /// - Returns: The member's size.
    static func seal(
        _ member: UnsafeMutableRawBufferPointer, dataCount: Int, content: UnsafeRawBufferPointer
    ) -> Int {
        let size = headerSize + dataCount + trailerSize
        member.copyBytes(from: template)
        member.put(UInt32(size), at: 16)
        member.put(UInt32(content.count), at: 20)
        member.put(crc(content), at: headerSize + dataCount)
        member.put(UInt32(content.count), at: headerSize + dataCount + 4)
        member.put(checksum(UnsafeRawBufferPointer(rebasing: member[..<size])), at: 24)
        return size
    }

    struct Sizes {
        var member: Int
        var content: Int
    }

    /// Returns the sizes; nil where the header cannot be ours.
    static func sizes(_ header: UnsafeRawBufferPointer) -> Sizes? {
        let member = Int(header.get(at: 16))
        let content = Int(header.get(at: 20))
        guard (headerSize + trailerSize...sizeLimit).contains(member), content <= contentLimit,
            content > 0, content % contentUnit == 0
        else { return nil }
        return Sizes(member: member, content: content)
    }

    static func isWhole(_ member: UnsafeRawBufferPointer) -> Bool {
        member.get(at: 24) == checksum(member) && member.get(at: member.count - 4) == member.get(at: 20)
    }

    static func crc(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
        guard let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress else { return seed }
        return crc32_gzip_refl(seed, start, UInt64(bytes.count))
    }

    static func checksum(_ member: UnsafeRawBufferPointer) -> UInt32 {
        let head = crc(UnsafeRawBufferPointer(rebasing: member[..<24]))
        return crc(UnsafeRawBufferPointer(rebasing: member[28...]), seed: head)
    }
}

extension UnsafeMutableRawBufferPointer {
    func put(_ value: some FixedWidthInteger, at offset: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: type(of: value))
    }
}

extension UnsafeRawBufferPointer {
    func get(at offset: Int) -> UInt32 {
        UInt32(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    func get16(at offset: Int) -> Int {
        Int(UInt16(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
    }
}
