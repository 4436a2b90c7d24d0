// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// Hands over every member in the order of the archive.
///
/// - Parameters:
///   - digests: True to compute digests of the files' contents too. A hard link has none of its own.
///   - only: Of a segmented part the numbers of the segments to read; nil for all.
/// - Throws: The errors of `checkArchive`, and any error of `each`. Entries before the damaged place have been handed
///   over.
public func listArchive(
    _ file: FilePath, digests: Bool, only: Range<Int>? = nil, cancellation: Cancellation,
    each: (ArchiveEntry) throws -> Void
) throws {
    let reader = try ArchiveReader(
        file, compression: nil, threads: Threads.processors, cancellation: cancellation,
        progress: SilentProgress(), only: only)
    try list(reader, digests, cancellation, each)
}

/// Hands over the members of some segments, one after the other.
///
/// - Parameters:
///   - folder: Of the part.
///   - segments: Of its list.
///   - digests: As for `listArchive`.
///   - each: Called with the segment and each of its entries.
/// - Throws: As `listArchive`.
public func listSegments(
    _ segments: [Segment], in folder: FilePath, digests: Bool, cancellation: Cancellation,
    each: (Segment, ArchiveEntry) throws -> Void
) throws {
    let memory = SegmentMemory()
    for segment in segments {
        let reader = try ArchiveReader(
            folder, segment, compression: nil, memory: memory, cancellation: cancellation,
            progress: SilentProgress())
        try list(reader, digests, cancellation) { try each(segment, $0) }
    }
}

private func list(
    _ reader: ArchiveReader, _ digests: Bool, _ cancellation: Cancellation,
    _ each: (ArchiveEntry) throws -> Void
) throws {
    defer { reader.stop() }
    let digest = SHA256()
    let zeros = [UInt8](repeating: 0, count: 64 << 10)
    while var entry = try reader.next() {
        if digests, entry.kind == .file {
            var end: Int64 = 0
            digest.reset()
            func addHole(to offset: Int64) throws {
                while end < offset {
                    try cancellation.check()
                    let part = Int(min(Int64(zeros.count), offset - end))
                    zeros.withUnsafeBytes { digest.update(UnsafeRawBufferPointer(rebasing: $0[..<part])) }
                    end += Int64(part)
                }
            }
            try reader.content { offset, part in
                try addHole(to: offset)
                digest.update(part)
                end += Int64(part.count)
            }
            try addHole(to: entry.size)
            entry.contentSHA256 = digest.finish()
        }
        try each(entry)
    }
}
