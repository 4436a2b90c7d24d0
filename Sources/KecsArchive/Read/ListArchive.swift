// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// What is read of an archive to list it.
public enum ListDepth: Sendable {
    /// The index, where there is one: an archive without it is read as a whole.
    case index
    /// As `index`, with the sums of the files' contents. A file with holes is read for its own.
    case sums
    /// All of it, with every check of `checkArchive` but that of the index.
    case contents
}

/// Hands over every member in the order of the archive.
///
/// - Parameter only: Of a segmented part the numbers of the segments to read; nil for all.
/// - Throws: The errors of `checkArchive`, and any error of `each`. Entries before the damaged place have been handed
///   over.
public func listArchive(
    _ file: FilePath, _ depth: ListDepth, only: Range<Int>? = nil, cancellation: Cancellation,
    each: (ArchiveEntry) throws -> Void
) throws {
    if depth != .contents, let list = try SegmentList.of(file) {
        let segments = Array(list.segments[only ?? list.segments.indices])
        return try listSegments(segments, in: file, depth, cancellation: cancellation) { try each($1) }
    }
    if depth != .contents, try listByIndex(file, depth, cancellation, each) { return }
    let reader = try ArchiveReader(
        file, compression: nil, threads: Threads.processors, cancellation: cancellation,
        progress: SilentProgress(), only: only)
    try list(reader, depth, cancellation, each)
}

/// Hands over the members of some segments, one after the other.
///
/// - Parameters:
///   - segments: Of the list of the part in `folder`.
///   - each: Called with the segment and each of its entries.
/// - Throws: As `listArchive`.
public func listSegments(
    _ segments: [Segment], in folder: FilePath, _ depth: ListDepth, cancellation: Cancellation,
    each: (Segment, ArchiveEntry) throws -> Void
) throws {
    let memory = SegmentMemory()
    for segment in segments {
        try cancellation.check()
        let file = folder.appending(segment.file)
        if depth != .contents, try FileStatus.of(file)?.size == segment.bytes,
            try listByIndex(file, depth, cancellation, { try each(segment, $0) })
        {
            continue
        }
        let reader = try ArchiveReader(
            folder, segment, compression: nil, memory: memory, cancellation: cancellation,
            progress: SilentProgress())
        try list(reader, depth, cancellation) { try each(segment, $0) }
    }
}

/// Whether the archive has an index, so that one can look into it without reading it.
public func hasIndex(_ file: FilePath) throws -> Bool { try ArchiveIndex.of(file) != nil }

private func listByIndex(
    _ file: FilePath, _ depth: ListDepth, _ cancellation: Cancellation, _ each: (ArchiveEntry) throws -> Void
) throws -> Bool {
    guard let index = try ArchiveIndex.of(file) else { return false }
    var holes = false
    if depth == .sums { try index.forEach { if $0.hasHoles { holes = true } } }
    if holes { return false }
    try index.forEach { item in
        try cancellation.check()
        try each(item.entry)
    }
    return true
}

private func list(
    _ reader: ArchiveReader, _ depth: ListDepth, _ cancellation: Cancellation,
    _ each: (ArchiveEntry) throws -> Void
) throws {
    defer { reader.stop() }
    while var entry = try reader.next() {
        if depth == .sums, entry.kind == .file {
            var sum = ContentSum()
            try reader.content { offset, part in
                try sum.addHole(to: offset, cancellation)
                sum.add(part)
            }
            try sum.addHole(to: entry.size, cancellation)
            entry.contentSum = sum.value
        }
        try each(entry)
    }
}
