// SPDX-License-Identifier: Apache-2.0
import CIgzip
import KecsSystem

/// The sum of a file's content, as `ArchiveEntry.contentSum`.
public struct ContentSum {
    private static let zeros = [UInt8](repeating: 0, count: 64 << 10)

    public private(set) var value: UInt64 = 0
    private var end: Int64 = 0

    public init() {}

    public mutating func add(_ part: UnsafeRawBufferPointer) {
        value = crc64_ecma_refl(
            value, part.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(part.count))
        end += Int64(part.count)
    }

    mutating func addHole(to offset: Int64, _ cancellation: Cancellation) throws {
        while end < offset {
            try cancellation.check()
            let part = Int(min(Int64(Self.zeros.count), offset - end))
            Self.zeros.withUnsafeBytes { add(UnsafeRawBufferPointer(rebasing: $0[..<part])) }
        }
    }
}
