// SPDX-License-Identifier: Apache-2.0
public import SystemPackage

/// Inflates gzip that comes piece by piece from anywhere: a file inside another one, an object of a store. One thread
/// and a fixed amount of memory; CRC and length of every member are checked.
public final class GzipStream {
    /// A multiple of `Tar.block`, as `TarReader` wants it.
    private static let roomSize = 256 << 10

    private let name: FilePath
    private let source: () throws -> UnsafeRawBufferPointer?
    private let inflater = StreamInflater()
    private let room = UnsafeMutableRawBufferPointer.allocate(
        byteCount: roomSize, alignment: Block.alignment)
    private var input = UnsafeRawBufferPointer(start: nil, count: 0)
    private var isAtEnd = false
    private var isFirst = true

    /// - Parameters:
    ///   - name: For errors.
    ///   - source: Gives pieces, each valid until the next call; nil after the last.
    public init(_ name: FilePath, from source: @escaping () throws -> UnsafeRawBufferPointer?) {
        self.name = name
        self.source = source
    }

    deinit { room.deallocate() }

    /// - Returns: A piece of the content, valid until the next call; nil after the last. Only the last one is shorter
    ///   than the others.
    /// - Throws: `ArchiveError`, and any error of the source.
    public func next() throws -> UnsafeRawBufferPointer? {
        var filled = 0
        while filled < room.count {
            if input.isEmpty, !isAtEnd {
                if let piece = try source() { input = piece } else { isAtEnd = true }
                continue
            }
            if inflater.isBetweenMembers {
                if isAtEnd {
                    guard !isFirst else { throw ArchiveError(.damaged, name, "it is empty") }
                    break
                }
                if isFirst, input[0] != 0x1f {
                    throw ArchiveError(.damaged, name, "it does not begin as gzip does (1f 8b)")
                }
                isFirst = false
            }
            let rest = UnsafeMutableRawBufferPointer(rebasing: room[filled...])
            guard case .progress(let consumed, let produced) = inflater.inflate(input, into: rest) else {
                throw ArchiveError(.damaged, name, "its compressed data are damaged")
            }
            if consumed == 0, produced == 0, !inflater.isBetweenMembers {
                throw ArchiveError(
                    .damaged, name,
                    isAtEnd ? "its compressed data end too early" : "its compressed data are damaged")
            }
            input = UnsafeRawBufferPointer(rebasing: input[consumed...])
            filled += produced
        }
        return filled > 0 ? UnsafeRawBufferPointer(rebasing: room[..<filled]) : nil
    }

    /// The whole content.
    ///
    /// - Parameter limit: More is an error, so that a few bytes cannot fill the memory.
    public func contents(limit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let piece = try next() {
            guard piece.count <= limit - bytes.count else {
                throw ArchiveError(.unsupported, name, "its content is larger than \(limit) bytes")
            }
            bytes.append(contentsOf: piece)
        }
        return bytes
    }
}

extension GzipStream: TarPieces {
    var isStrict: Bool { false }
}
