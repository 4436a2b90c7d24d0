// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// Makes one archive of a part's, whatever that is: the same entries, in the same order.
///
/// - Parameters:
///   - part: The archive's file, or the folder of a segmented part.
///   - sha256: Of the file or of the segments' list, as the manifest has it.
///   - file: Created with mode 0600; after an error it is gone again.
///   - keepsHoles: Whether holes stay recorded as such, which not every tar knows. False writes them out as zeros.
/// - Returns: Its summary, in which `dataBytes` does not count what was a recorded hole and becomes one again.
/// - Throws: As `writeArchive` and `checkArchive`.
public func joinArchives(
    of part: FilePath, sha256: String, to file: FilePath, compression: Compression, keepsHoles: Bool,
    threads: Int, cancellation: Cancellation, progress: any ProgressSink
) throws -> ArchiveSummary {
    let reader = try ArchiveReader(
        part, compression: compression, takesForeign: false, threads: threads, cancellation: cancellation,
        progress: SilentProgress())
    defer { reader.stop() }
    return try ArchiveWriter.write(
        file, compression: compression, threads: threads, cancellation: cancellation, progress: progress
    ) { stream in
        var joined = JoinedArchive(stream, keepsHoles: keepsHoles, cancellation: cancellation)
        while let entry = try reader.next() { try joined.add(entry, reader) }
        let read = reader.finish().sha256
        guard read == sha256 else {
            throw ArchiveError(.damaged, part, "its SHA-256 is \(read) and should be \(sha256)")
        }
        return joined.summary
    }
}

private struct JoinedArchive {
    private(set) var summary = ArchiveSummary()
    private let stream: TarStream
    private let keepsHoles: Bool
    private let cancellation: Cancellation
    private var headers = HeaderWriter()

    init(_ stream: TarStream, keepsHoles: Bool, cancellation: Cancellation) {
        self.stream = stream
        self.keepsHoles = keepsHoles
        self.cancellation = cancellation
    }

    mutating func add(_ read: ArchiveEntry, _ reader: ArchiveReader) throws {
        var entry = TarEntry(read)
        if !keepsHoles { entry.extents = nil }
        _ = try headers.write(entry, to: stream, &summary)
        guard read.kind == .file else { return }
        var sum = ContentSum()
        var end: Int64 = 0
        try reader.content { offset, part in
            if entry.extents == nil, offset > end {
                try stream.zeros(offset - end)
                try sum.addHole(to: offset, cancellation)
                leaveOut(hole: offset - end)
            }
            try stream.append(part)
            sum.add(part)
            end = offset + Int64(part.count)
        }
        if entry.extents == nil, read.size > end {
            try stream.zeros(read.size - end)
            try sum.addHole(to: read.size, cancellation)
            leaveOut(hole: read.size - end)
        }
        stream.end(sum: sum.value)
        try stream.pad()
    }

    /// Zeros come back as a hole in whole pieces; the last and the first of them can be partly data.
    private mutating func leaveOut(hole count: Int64) {
        summary.dataBytes -= max(0, count - 2 * holeStep)
    }
}

extension TarEntry {
    /// The entry as it was read, for another archive of ours.
    fileprivate init(_ read: ArchiveEntry) {
        let facts = IndexedFacts(read)
        self.init(
            path: read.path, type: facts.type, mode: read.mode, owner: read.owner, group: read.group,
            modifiedSeconds: read.modified.seconds, modifiedNanoseconds: read.modified.nanoseconds,
            size: read.size,
            link: read.kind == .hardLink ? Array("./".utf8) + read.linkTarget : read.linkTarget,
            records: Attributes.records(of: read), extents: read.extents)
    }
}

extension Attributes {
    /// Those that an entry was read with.
    fileprivate static func records(of entry: ArchiveEntry) -> Records {
        var records: Records = entry.xattrs.map { (xattrKey + encoded($0.name), $0.value) }
        if let text = entry.accessACL { records.append((accessKey, text)) }
        if let text = entry.defaultACL { records.append((defaultKey, text)) }
        return records.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }
}
