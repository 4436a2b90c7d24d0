// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// Hands over the bytes of a file in an archive, its holes as zeros, and reads no further than that file. With an index
/// only the blocks of the file are read, and the sum of its content is compared at its end; of a segmented part only
/// the segment that holds it.
///
/// - Parameters:
///   - path: In the archive, as `ArchiveEntry.path`. The first entry of this path counts.
///   - each: Called with the bytes in order; false ends the reading.
/// - Returns: The number of bytes handed over; nil when no file has this path, after everything has been read.
/// - Throws: `ArchiveError`, `FileError`, `Interrupted`, and any error of `each`. Every compressed block is compared
///   with its checksum before its bytes are handed over.
public func readMember(
    _ path: [UInt8], of file: FilePath, compression: Compression?, threads: Int, cancellation: Cancellation,
    each: (UnsafeRawBufferPointer) throws -> Bool
) throws -> Int64? {
    let reader = try ArchiveReader(
        file, compression: compression, threads: threads, cancellation: cancellation,
        progress: SilentProgress(), only: try SegmentList.of(file)?.holding(path), use: .pick { $0 == path })
    defer { reader.stop() }
    while let entry = try reader.next() {
        guard entry.kind == .file, entry.path == path else { continue }
        var end: Int64 = 0
        let zeros = [UInt8](repeating: 0, count: 64 << 10)
        func fill(to offset: Int64) throws {
            while end < offset {
                try cancellation.check()
                let count = Int(min(Int64(zeros.count), offset - end))
                let goesOn = try zeros.withUnsafeBytes {
                    try each(UnsafeRawBufferPointer(rebasing: $0[..<count]))
                }
                guard goesOn else { throw Enough() }
                end += Int64(count)
            }
        }
        do {
            try reader.content { offset, part in
                try fill(to: offset)
                guard try each(part) else { throw Enough() }
                end += Int64(part.count)
            }
            try fill(to: entry.size)
        } catch is Enough { return end }
        try reader.checkPicked()
        return end
    }
    return nil
}

private struct Enough: Error {}
