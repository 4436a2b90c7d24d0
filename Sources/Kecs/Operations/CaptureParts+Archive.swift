// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// The writing of one part's archives, and the reading back.
extension CaptureParts {
    /// A database was archived as plain files, which a live one never may be.
    struct NewDatabase: Error, CustomStringConvertible {
        let path: String
        var description: String { "the database \(path) appeared while its folder was being read" }
    }

    /// A part as it was written, before it is read back.
    struct WrittenPart {
        var file: String
        var compression: Compression
        /// Of what was written now.
        var summary: ArchiveSummary
        /// These are of the whole part, linked archives included.
        var bytes: Int64
        var sourceBytes: Int64
        var entries: Int
        var sha256: String
        /// The list of a segmented part, and the numbers of those segments that were written now.
        var segments: (list: SegmentList, new: [Int], bytes: [String: WrittenBytes])?
    }

    private func writeFile(
        _ plan: PartPlan, source: TreeSource, _ compression: Compression
    ) throws -> WrittenPart {
        let name = "\(plan.part.name).\(compression.fileExtension)"
        let summary = try writeArchive(
            of: source, to: draft.folder.appending(name), compression: compression, threads: site.threads,
            cancellation: site.machine.cancellation, progress: site.machine.progress)
        return WrittenPart(
            file: name, compression: compression, summary: summary, bytes: summary.bytes,
            sourceBytes: summary.sourceBytes, entries: summary.entries, sha256: summary.sha256)
    }

    /// Reads the part back: the bytes on the disk are those that were hashed, and it unpacks.
    private func readBack(_ written: WrittenPart, of plan: PartPlan) throws {
        let file = draft.folder.appending(written.file)
        var problem: String?
        if let (list, new, bytes) = written.segments {
            do {
                try checkSegments(
                    new, of: list, in: file, compression: written.compression, written: bytes,
                    threads: site.threads, cancellation: site.machine.cancellation, progress: SilentProgress()
                )
            } catch let error as ArchiveError {
                problem = "\(error.file): \(error.why)"
            }
        } else {
            let check = try checkArchive(
                file, compression: written.compression, written: written.summary, threads: site.threads,
                cancellation: site.machine.cancellation, progress: SilentProgress())
            if check.sha256 != written.sha256 || check.entries != written.entries
                || check.sourceBytes != written.sourceBytes || check.bytes != written.bytes
            {
                problem = "\(file) has the SHA-256 \(check.sha256) instead of \(written.sha256)"
            }
        }
        guard let problem else { return }
        throw Failure(
            .damaged,
            "the archive of “\(instance.name)/\(plan.part.name)” was not read back as it was written",
            cause: problem, remedy: "kecsctl doctor \(instance.name)")
    }

    func archive(
        _ plan: PartPlan, _ captured: CapturedDatabases, consistency: Consistency, isHeld: Bool
    ) throws -> Manifest.Part {
        let source = captured.source
        let compression = Compression(rawValue: try instance.settings.text(.compression) ?? "") ?? .fast
        let written =
            try plan.isSegmented
            ? writeSegments(
                plan, source: source, databases: captured.records, compression,
                isHeld: isHeld || consistency == .stopped)
            : writeFile(plan, source: source, compression)
        let summary = written.summary
        if let gone = summary.vanished.first(where: { source.substitutes[$0] != nil }) {
            throw Failure(
                .failed, "a database of “\(instance.name)” changed its files while it was being archived",
                cause: "\(source.root.appending(bytes: gone)) was copied and has since been removed",
                remedy: "kecsctl backup \(instance.name) --consistency stopped")
        }
        let known = Set(plan.scan.databases.map(\.path))
        let knownFolders = Set(plan.scan.databaseFolders.map(\.path))
        let new =
            summary.databases.first { !known.contains($0) }
            ?? summary.databaseFolders.map(\.path).first { !knownFolders.contains($0) }
        if let new {
            try draft.folder.appending(written.file).removeTree()
            throw NewDatabase(path: printable(new))
        }
        var captured = captured
        try captured.take(summary.digests, site.machine.cancellation)
        try refuseTouched(captured)
        try readBack(written, of: plan)
        let warnings =
            summary.special.map { "left out, not a file, folder or link of its owner's: \(printable($0))" }
            + summary.vanished.map { "gone while it was being read: \(printable($0))" }
            + summary.changed.map { "changed every time it was read: \(printable($0))" }
        let torn =
            summary.changed.filter { path in !ignoreChanging.contains { $0.matches(path) } }
            + (try changedDatabases(of: plan, source))
        var record = Manifest.Part(
            name: plan.part.name, file: written.file, root: plan.root, compression: compression,
            bytes: written.bytes, sourceBytes: written.sourceBytes, entries: written.entries,
            sha256: written.sha256,
            consistency: isHeld || !plan.opaqueDatabases.isEmpty || consistency == .stopped
                ? consistency : .live,
            fingerprint: isSettled(plan) && plan.canBeLinked ? summary.fingerprint : "",
            databases: captured.records,
            warnings: warnings)
        // Of linked archives only the apparent size is known.
        let isSparse = written.segments == nil && summary.dataBytes < summary.sourceBytes
        record.dataBytes = isSparse ? summary.dataBytes : nil
        record.torn = torn.isEmpty ? nil : torn.map { printable($0) }
        record.attributes = plan.attributes
        record.excluded = plan.excluded
        record.segments = written.segments?.list.segments.count
        return record
    }

    /// Returns the databases that were read as files in place, and that another process has written meanwhile.
    private func changedDatabases(of plan: PartPlan, _ source: TreeSource) throws -> [[UInt8]] {
        try plan.scan.databases.lazy.map(\.path).filter { source.substitutes[$0] == nil }.filter { path in
            try DatabaseIdentity(of: path, in: source.root).text != plan.identities[path]?.text
        }
    }

    /// Returns true when the tree's last change is so old that another one could not carry the same time stamp.
    private func isSettled(_ plan: PartPlan) -> Bool {
        site.machine.clock.now().since(plan.scan.newest) > .seconds(2)
    }
}
