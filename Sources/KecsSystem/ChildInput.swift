// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import SystemPackage

/// What a child is fed with, piece by piece. A file is open only while it is read, and then until `close`.
struct ChildInput: Sendable {
    private var pieces: ArraySlice<ProcessCall.Piece>
    /// The next bytes; empty only before `fill` and at the end.
    private(set) var waiting: ArraySlice<UInt8> = []
    private var file: CInt = -1
    /// Of the file that is open, where it goes on, and how many bytes are still to be read of it.
    private var offset: Int64 = 0
    private var rest: Int64 = 0

    private static let pieceSize = 256 << 10

    init(_ pieces: [ProcessCall.Piece]) { self.pieces = pieces[...] }

    /// Sees to it that bytes are waiting.
    ///
    /// - Returns: False when nothing is left.
    /// - Throws: `FileError` for a file that cannot be read, or that is shorter than was said.
    mutating func fill() throws -> Bool {
        while waiting.isEmpty {
            guard let piece = pieces.first else { return false }
            switch piece {
            case .bytes(let bytes):
                waiting = bytes[...]
                pieces.removeFirst()
            case .part(let path, let from, let count):
                try read(path, from: from, count: count)
            }
        }
        return true
    }

    mutating func take(_ count: Int) { waiting = waiting.dropFirst(count) }

    mutating func close() {
        if file >= 0 { Glibc.close(file) }
        file = -1
    }

    private mutating func read(_ path: FilePath, from: Int64, count: Int64) throws {
        if file < 0 {
            file = path.withPlatformString { paths_open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0) }
            guard file >= 0 else { throw FileError.last("open", path) }
            (offset, rest) = (from, count)
        }
        if rest > 0 {
            let wanted = Int(min(rest, Int64(Self.pieceSize)))
            let position = offset
            var bytes = [UInt8](repeating: 0, count: wanted)
            let count = pread(file, &bytes, wanted, off_t(position))
            if count < 0 {
                guard errno == EINTR else { throw FileError.last("read", path) }
                return
            }
            guard count > 0 else { throw FileError("read all of", path, .ioError) }
            bytes.removeLast(wanted - count)
            waiting = bytes[...]
            offset += Int64(bytes.count)
            rest -= Int64(bytes.count)
        }
        if rest == 0 {
            close()
            pieces.removeFirst()
        }
    }
}
