// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage

/// Zeros come back as holes in pieces of this many bytes.
let holeStep: Int64 = 64 << 10

/// Writes content to a file, and leaves out what is zeros in it.
///
/// - Parameters:
///   - offset: The content's place in the file, in bytes.
///   - path: For errors.
/// - Returns: The end of the last byte that was written, nil when all are zeros. A file that ends behind it gets its size
///   from the caller.
/// - Throws: `FileError`.
func writeWithHoles(
    _ content: UnsafeRawBufferPointer, to file: CInt, at offset: Int64, path: @autoclosure () -> FilePath
) throws -> Int64? {
    var end: Int64?
    try content.forEachData { start, data in
        var rest = data
        var position = offset + Int64(start)
        while !rest.isEmpty {
            let count = pwrite(file, rest.baseAddress, rest.count, off_t(position))
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError.last("write to", path())
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            position += Int64(count)
        }
        end = position
    }
    return end
}

extension UnsafeRawBufferPointer {
    /// Hands over the runs that are not zeros, each with its place. Pieces of `holeStep`, and the last one, that are zeros are
    /// left out: they become a hole again, as most of them were one. Smaller ones would leave databases in fragments.
    fileprivate func forEachData(_ body: (Int, UnsafeRawBufferPointer) throws -> Void) rethrows {
        let piece = Int(holeStep)
        var start = 0
        var end = 0
        while end < count {
            let next = Swift.min(end + piece, count)
            let run = UnsafeRawBufferPointer(rebasing: self[end..<next])
            if run.isZero {
                if start < end { try body(start, UnsafeRawBufferPointer(rebasing: self[start..<end])) }
                start = next
            }
            end = next
        }
        if start < end { try body(start, UnsafeRawBufferPointer(rebasing: self[start..<end])) }
    }

    private var isZero: Bool {
        guard let start = baseAddress, count > 0, self[0] == 0 else { return false }
        return memcmp(start, start + 1, count - 1) == 0
    }
}
