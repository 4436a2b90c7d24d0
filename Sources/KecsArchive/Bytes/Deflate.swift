// SPDX-License-Identifier: Apache-2.0
import CDeflate
import CIgzip
import Glibc

/// Turns content into one gzip member. One thread uses it.
protocol MemberCompressor: AnyObject {
    /// - Parameter member: A buffer of at least `GzipMember.sizeLimit` bytes.
    /// - Returns: The member's size.
    func compress(_ content: UnsafeRawBufferPointer, into member: UnsafeMutableRawBufferPointer) throws -> Int
}

/// A codec broke a promise: a defect of ours or of the machine, never of the data.
struct CodecError: Error, CustomStringConvertible {
    let codec: String
    let code: Int
    var description: String { "\(codec) failed with code \(code)" }
}

/// isa-l at level 1, which stores incompressible content as it is.
///
/// One block may hold compressed objects next to text, so each 16 KiB is judged separately: bytes as evenly spread as
/// noise are not worth the search (1.7 GB/s on this path, 0.47 GB/s for text, 20 GB/s stored).
final class FastDeflate: MemberCompressor {
    private static let piece = 16 << 10
    private let stream: UnsafeMutablePointer<isal_zstream>
    private let levelBuffer: UnsafeMutablePointer<UInt8>
    // ISAL_DEF_LVL1_EXTRA_LARGE, which Swift does not import. 2 % faster than the default, both ways.
    private static let levelBufferSize = (4 << 10) + 2 * (8 << 10) + 4 * (128 << 10)

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: isal_zstream())
        levelBuffer = .allocate(capacity: Self.levelBufferSize)
    }

    deinit {
        stream.deallocate()
        levelBuffer.deallocate()
    }

    func compress(_ content: UnsafeRawBufferPointer, into member: UnsafeMutableRawBufferPointer) throws -> Int
    {
        var end = GzipMember.headerSize
        var start = 0
        var isNoise = Self.isNoise(content, at: 0)
        while start < content.count {
            var next = start + Self.piece
            var nextIsNoise = isNoise
            while next < content.count {
                nextIsNoise = Self.isNoise(content, at: next)
                if nextIsNoise != isNoise { break }
                next += Self.piece
            }
            next = min(next, content.count)
            let run = UnsafeRawBufferPointer(rebasing: content[start..<next])
            end += isNoise ? Self.store(run, in: member, at: end) : try deflate(run, into: member, at: end)
            start = next
            isNoise = nextIsNoise
        }
        // An empty last block, so that no other one has to know that it is the last.
        for byte: UInt8 in [1, 0, 0, 0xff, 0xff] {
            member[end] = byte
            end += 1
        }
        return GzipMember.seal(member, dataCount: end - GzipMember.headerSize, content: content)
    }

    private func deflate(
        _ run: UnsafeRawBufferPointer, into member: UnsafeMutableRawBufferPointer, at end: Int
    ) throws -> Int {
        isal_deflate_stateless_init(stream)
        stream.pointee.level = 1
        stream.pointee.level_buf = levelBuffer
        stream.pointee.level_buf_size = UInt32(Self.levelBufferSize)
        stream.pointee.flush = UInt16(FULL_FLUSH)
        stream.pointee.end_of_stream = 0
        stream.pointee.next_in = UnsafeMutableRawPointer(mutating: run.baseAddress)?
            .assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = UInt32(run.count)
        stream.pointee.next_out = member.baseAddress?.advanced(by: end).assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(member.count - end)
        let code = isal_deflate_stateless(stream)
        guard code == 0, stream.pointee.avail_in == 0 else {
            throw CodecError(codec: "isa-l", code: Int(code))
        }
        return Int(stream.pointee.total_out)
    }

    /// Writes the run as stored blocks of at most 65,535 bytes.
    private static func store(
        _ run: UnsafeRawBufferPointer, in member: UnsafeMutableRawBufferPointer, at start: Int
    ) -> Int {
        var end = start
        var done = 0
        while done < run.count {
            let count = min(run.count - done, 65_535)
            member[end] = 0
            member[end + 1] = UInt8(count & 0xff)
            member[end + 2] = UInt8(count >> 8)
            member[end + 3] = ~UInt8(count & 0xff)
            member[end + 4] = ~UInt8(count >> 8)
            UnsafeMutableRawBufferPointer(rebasing: member[(end + 5)...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: run[done..<(done + count)]))
            end += 5 + count
            done += count
        }
        return end - start
    }

    /// Returns true when 2,048 bytes taken from all over the piece are spread like random ones.
    ///
    /// Two random bytes are equal once in 256 times, so among n of them n(n-1)/256 ordered pairs are. Deflated,
    /// encrypted and JPEG data stay within 1.06 of that; base64 is at 4, English text at 17.
    private static func isNoise(_ content: UnsafeRawBufferPointer, at start: Int) -> Bool {
        guard content.count - start >= piece else { return false }
        return withUnsafeTemporaryAllocation(of: UInt16.self, capacity: 256) { counts in
            counts.initialize(repeating: 0)
            let bytes = content.baseAddress.map { $0 + start } ?? UnsafeRawPointer(bitPattern: 1)
            guard let bytes else { return false }
            for line in 0..<64 {
                let from = bytes + line * 256
                for offset in 0..<32 { counts[Int(from.load(fromByteOffset: offset, as: UInt8.self))] &+= 1 }
            }
            var squares = 0
            for count in counts { squares &+= Int(count) &* Int(count) }
            let pairs = squares - 2048
            return pairs < 2048 * 2047 / 256 * 115 / 100
        }
    }
}

/// libdeflate, for archives that are kept for long or sent far.
final class SmallDeflate: MemberCompressor {
    private let compressor: OpaquePointer

    init() {
        // Level 8: 0.423 of a database of JSON rows at 41 MB/s; 9 gains nothing, 12 costs ten times as much.
        guard let compressor = libdeflate_alloc_compressor(8) else { fatalError("out of memory") }
        self.compressor = compressor
    }

    deinit { libdeflate_free_compressor(compressor) }

    func compress(_ content: UnsafeRawBufferPointer, into member: UnsafeMutableRawBufferPointer) throws -> Int
    {
        let room = UnsafeMutableRawBufferPointer(
            rebasing: member[GzipMember.headerSize..<(member.count - GzipMember.trailerSize)])
        let count = libdeflate_deflate_compress(
            compressor, content.baseAddress, content.count, room.baseAddress, room.count)
        guard count > 0 else { throw CodecError(codec: "libdeflate", code: 0) }
        return GzipMember.seal(member, dataCount: count, content: content)
    }
}
