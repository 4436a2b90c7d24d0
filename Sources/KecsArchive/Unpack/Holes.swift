// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Zeros come back as holes in pieces of this many bytes.
let holeStep: Int64 = 64 << 10

extension UnsafeRawBufferPointer {
    /// Hands over the runs that are not zeros, each with its place. Pieces of `holeStep`, and the last one, that are zeros are
    /// left out: they become a hole again, as most of them were one. Smaller ones would leave databases in fragments.
    func forEachData(_ body: (Int, UnsafeRawBufferPointer) throws -> Void) rethrows {
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
