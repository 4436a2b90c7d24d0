// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// Archives those segments of a tree that are not there already, in one walk.
///
/// - Parameters:
///   - plan: What `planSegments` has found a moment ago.
///   - files: The file of each segment to write; nil for one whose archive is there. An entry that appears within such
///     a segment meanwhile is left to the next backup.
/// - Returns: The summary of all that was written, and each segment by its number in `plan`. One in which nothing is left
///   has neither a file nor a record. By the segments' digests, what is known of their files for who reads them back.
/// - Throws: As `writeArchive`. Files that were written by then stay.
public func writeSegments(
    of source: TreeSource, _ plan: [PlannedSegment], files: [FilePath?], compression: Compression,
    threads: Int,
    readAt: Moment, cancellation: Cancellation, progress: any ProgressSink
) throws -> (summary: ArchiveSummary, segments: [Int: Segment], bytes: [String: WrittenBytes]) {
    let writer = try ArchiveWriter(
        compression: compression, threads: threads, isDurable: false, cancellation: cancellation,
        progress: progress)
    var summary = ArchiveSummary()
    var begun: [SegmentedTree.Begun] = []
    try writer.run { stream in
        let tree = SegmentedTree(ArchivedTree(source, stream), writer, plan, files)
        try TreeWalk(source: source, cancellation: cancellation).run(tree)
        (summary, begun) = try tree.end()
    }
    // What changed each time it was read has no state that another one could be compared with.
    let torn = Set(summary.changed.map { path in plan.lastIndex { !WalkOrder.isBefore(path, $0.first) } })
    var segments: [Int: Segment] = [:]
    var bytes: [String: WrittenBytes] = [:]
    for (one, written) in zip(begun, writer.written) {
        let planned = plan[one.number]
        segments[one.number] = Segment(
            file: files[one.number]?.lastComponent?.string ?? "", bytes: written.bytes,
            sourceBytes: one.sourceBytes, entries: one.entries, sha256: written.sha256,
            fingerprint: torn.contains(one.number) ? "" : planned.fingerprint, readAt: readAt.seconds,
            first: planned.first)
        summary.bytes = summary.bytes.adding(written.bytes)
        bytes[written.sha256] = written.members.map { WrittenBytes(members: $0, sha256: written.sha256) }
    }
    return (summary, segments, bytes)
}

/// Leads each entry of the walk to the archive of its segment, or past it.
private final class SegmentedTree: TreeVisitor {
    struct Begun {
        var number: Int
        var entries: Int
        var sourceBytes: Int64
    }

    private let tree: ArchivedTree
    private let writer: ArchiveWriter
    private let plan: [PlannedSegment]
    private let files: [FilePath?]
    private var number = 0
    private var begun: [Begun] = []
    private var isOpen = false

    init(_ tree: ArchivedTree, _ writer: ArchiveWriter, _ plan: [PlannedSegment], _ files: [FilePath?]) {
        self.tree = tree
        self.writer = writer
        self.plan = plan
        self.files = files
    }

    func end() throws -> (ArchiveSummary, [Begun]) {
        try close()
        return (tree.end(), begun)
    }

    func enter(folder: CInt, path: [UInt8], status: FileStatus) throws {
        if try isWritten(path) {
            try tree.enter(folder: folder, path: path, status: status)
        } else {
            tree.pass(path, isFolder: true)
        }
    }

    func leave(path: [UInt8], status: FileStatus) { tree.leave(path: path, status: status) }

    func visit(_ entry: WalkedName, path: [UInt8]) throws {
        if try isWritten(path) { try tree.visit(entry, path: path) } else { tree.pass(path, isFolder: false) }
    }

    func vanished(_ path: [UInt8]) { tree.vanished(path) }

    /// Whether this entry goes into an archive of this run, which is begun by then.
    private func isWritten(_ path: [UInt8]) throws -> Bool {
        while number + 1 < plan.count, WalkOrder.isBefore(plan[number].last, path) {
            // What is new between two segments belongs to the earlier one.
            guard !WalkOrder.isBefore(path, plan[number + 1].first) else { break }
            try close()
            number += 1
        }
        guard let file = files[number] else { return false }
        if !isOpen {
            try writer.begin(file)
            isOpen = true
            let before = tree.count
            begun.append(Begun(number: number, entries: before.entries, sourceBytes: before.sourceBytes))
        }
        return true
    }

    private func close() throws {
        guard isOpen, let one = begun.last else { return }
        try writer.end()
        isOpen = false
        let now = tree.count
        begun[begun.count - 1].entries = now.entries - one.entries
        begun[begun.count - 1].sourceBytes = now.sourceBytes - one.sourceBytes
    }
}
