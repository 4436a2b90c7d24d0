// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The frames at the end of our tar.gz files that hold their index: gzip members without content, so that every other
/// program unpacks the archive as if they were not there.
///
/// ```text
///  0  1f 8b 08 04  00 00 00 00  00 03      deflate, extra field, no time, Unix
/// 10  length of the extra field  u16       16 + the payload's
/// 12  'K' 'X'  length  u16                 our subfield: 12 + the payload's
/// 16  frame size    u32                    from the first 1f to the last byte of the trailer
/// 20  0             u32
/// 24  checksum      u32                    CRC-32 of bytes 0..<24 and 28..<frame size
/// 28  payload … 03 00, CRC-32 and size of no content
/// ```
/// The payloads, one after the other, are the index. The last frame is the footer, by which a reader at the end of the file
/// finds the others: version 1, the size of all frames before it, and that of the index, each u32. All numbers are
/// little-endian.
enum IndexFrame {
    /// The largest index that is written: that of about a million files. An archive of more has none.
    static let indexLimit = 32 << 20
    /// busybox 1.36 reads an extra field only when it fits into the 16 KiB of input that it holds.
    static let payloadLimit = 8 << 10
    /// An empty deflate stream, the CRC-32 of nothing, the size of nothing.
    private static let tail: [UInt8] = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    private static let footerPayload = 12
    static let footerSize = GzipMember.headerSize + footerPayload + tail.count
    private static let version: UInt32 = 1
    private static let sizeLimit = GzipMember.headerSize + payloadLimit + tail.count

    /// All frames of an index, the footer at their end.
    static func frames(of index: [UInt8]) -> [[UInt8]] {
        var frames: [[UInt8]] = []
        var rest = index[...]
        while !rest.isEmpty {
            frames.append(frame(rest.prefix(payloadLimit)))
            rest = rest.dropFirst(payloadLimit)
        }
        var footer = [UInt8](repeating: 0, count: footerPayload)
        footer.withUnsafeMutableBytes {
            $0.put(version, at: 0)
            $0.put(UInt32(frames.reduce(0) { $0 + $1.count }), at: 4)
            $0.put(UInt32(index.count), at: 8)
        }
        frames.append(frame(footer[...]))
        return frames
    }

    private static func frame(_ payload: ArraySlice<UInt8>) -> [UInt8] {
        var frame = GzipMember.template + [UInt8](repeating: 0, count: 12) + payload + tail
        let size = frame.count
        frame.withUnsafeMutableBytes { bytes in
            bytes.put(UInt16(16 + payload.count), at: 10)
            bytes.put(UInt8(ascii: "X"), at: 13)
            bytes.put(UInt16(12 + payload.count), at: 14)
            bytes.put(UInt32(size), at: 16)
            bytes.put(GzipMember.checksum(UnsafeRawBufferPointer(bytes)), at: 24)
        }
        return frame
    }

    /// Returns the size of the frame that begins with these bytes; nil for anything else.
    static func size(_ header: UnsafeRawBufferPointer) -> Int? {
        guard header.count >= GzipMember.headerSize else { return nil }
        for index in GzipMember.template.indices where ![10, 11, 13, 14, 15].contains(index) {
            guard header[index] == GzipMember.template[index] else { return nil }
        }
        let size = Int(header.get(at: 16))
        let payload = size - GzipMember.headerSize - tail.count
        guard header[13] == UInt8(ascii: "X"), (1...sizeLimit).contains(size), payload > 0,
            header.get16(at: 10) == 16 + payload, header.get16(at: 14) == 12 + payload,
            header.get(at: 20) == 0
        else { return nil }
        return size
    }

    /// Returns the payload; nil when any bit of the frame differs from the one that was written.
    static func payload(_ frame: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard size(frame) == frame.count, GzipMember.isWhole(frame),
            frame.suffix(tail.count).elementsEqual(tail)
        else { return nil }
        return UnsafeRawBufferPointer(rebasing: frame[GzipMember.headerSize..<(frame.count - tail.count)])
    }

    struct Footer: Equatable {
        /// The size of the frames before it.
        var frames: Int
        var index: Int
    }

    static func footer(_ frame: UnsafeRawBufferPointer) -> Footer? {
        guard frame.count == footerSize, let payload = payload(frame), payload.get(at: 0) == version else {
            return nil
        }
        return Footer(frames: Int(payload.get(at: 4)), index: Int(payload.get(at: 8)))
    }
}

/// Puts an index together from its frames, in their order.
struct IndexFrames {
    private var index: [UInt8] = []
    /// The size of the frames before the last.
    private var bytes = 0
    private var last: [UInt8] = []

    var isEmpty: Bool { last.isEmpty }

    /// - Returns: False for a frame that is damaged, or when the index becomes larger than any of ours.
    mutating func add(_ frame: UnsafeRawBufferPointer) -> Bool {
        guard IndexFrame.payload(frame) != nil else { return false }
        last.withUnsafeBytes { if let payload = IndexFrame.payload($0) { index += payload } }
        bytes += last.count
        last = Array(frame)
        return index.count <= IndexFrame.indexLimit
    }

    /// The index; nil when the last frame is not the footer of those before it.
    var whole: [UInt8]? {
        let footer = last.withUnsafeBytes { IndexFrame.footer($0) }
        return footer == IndexFrame.Footer(frames: bytes, index: index.count) ? index : nil
    }
}
