// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// Makes one archive of those that a part is cut into: the same entries, in the same order.
///
/// - Parameters:
///   - folder: Of the part.
///   - file: Created with mode 0600; after an error it is gone again.
/// - Returns: Nil when an archive of the part has no index, and nothing was made.
/// - Throws: As `writeArchive`; `ArchiveError` for a damaged block of a segment.
public func joinSegments(
    of list: SegmentList, in folder: FilePath, to file: FilePath, compression: Compression, threads: Int,
    cancellation: Cancellation, progress: any ProgressSink
) throws -> ArchiveSummary? {
    for segment in list.segments where try ArchiveIndex.of(folder.appending(segment.file)) == nil {
        return nil
    }
    let writer = try ArchiveWriter(
        compression: compression, threads: threads, cancellation: cancellation, progress: progress)
    do {
        try writer.begin(file)
    } catch {
        writer.fail(error)
        throw error
    }
    do {
        var summary = ArchiveSummary()
        try writer.run { stream in
            for segment in list.segments {
                let place = folder.appending(segment.file)
                guard let index = try ArchiveIndex.of(place) else {
                    throw ArchiveError(.damaged, place, "its index is damaged")
                }
                try index.copy(to: stream, &summary, cancellation)
            }
            try writer.end()
        }
        guard let written = writer.written.first else { throw FileError("archive", folder, .ioError) }
        summary.bytes = written.bytes
        summary.sha256 = written.sha256
        summary.members = written.members
        return summary
    } catch {
        try? file.remove()
        throw error
    }
}

extension ArchiveIndex {
    /// Copies all entries, without the end mark behind them.
    fileprivate func copy(
        to stream: TarStream, _ summary: inout ArchiveSummary, _ cancellation: Cancellation
    ) throws {
        var items: [Item] = []
        try forEach { items.append($0) }
        let pieces = try PickedBytes(self, items.map(\.range), cancellation, SilentProgress())
        var rest = UnsafeRawBufferPointer(start: nil, count: 0)
        for item in items {
            var facts = IndexedFacts(item.entry)
            facts.hasHoles = item.hasHoles
            stream.begin(facts)
            var missing = item.range.upperBound - item.range.lowerBound
            while missing > 0 {
                if rest.isEmpty {
                    guard let piece = try pieces.next() else {
                        throw ArchiveError(.damaged, file, "it ends inside an entry")
                    }
                    rest = piece
                }
                let count = Int(min(missing, Int64(rest.count)))
                try stream.append(UnsafeRawBufferPointer(rebasing: rest[..<count]))
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                missing -= Int64(count)
            }
            if let sum = item.sum { stream.end(sum: sum) }
            summary.entries += 1
            summary.sourceBytes = summary.sourceBytes.adding(item.entry.size)
        }
    }
}
