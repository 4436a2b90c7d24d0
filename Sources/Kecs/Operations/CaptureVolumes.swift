// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// Captures volumes that only the runtime can reach. They come as a tar stream, which becomes the archive unchanged: a
/// user who may not read the volume may not set the owners of its files either, so that unpacking would lose them.
struct CaptureVolumes: Sendable {
    let site: Site
    let instance: Instance
    let runtime: any Runtime
    let draft: BackupDraft

    /// The limit for a volume that nothing writes to.
    static let longest = Duration.seconds(24 * 3600)

    private func file(_ part: Part) -> FilePath { draft.folder.appending("\(part.name).tar") }

    /// Copies the part's volume. Call it while nothing can write.
    func copy(_ part: Part, limit: Duration) async throws {
        guard let volume = part.volumeOutOfReach else { return }
        guard limit > .zero else {
            throw Failure(
                .timeout, "“\(instance.name)” would have to be paused for too long",
                cause: "the volume “\(volume)” is copied whole; it runs again",
                remedy: "kecsctl backup \(instance.name) --consistency stopped")
        }
        try await runtime.volumeAccess.copyVolume(volume, to: file(part), limit: limit)
    }

    /// Copies the volumes under a journal: if this run is killed, the next run removes what was made for the copy.
    func copyUnderJournal(_ parts: [Part]) async throws {
        let journal = Journal(
            operation: "backup", startedAt: site.machine.clock.now(), runsAfterwards: false, mayBeFrozen: true
        )
        try journal.write(to: instance.folder.journal)
        do {
            for part in parts { try await copy(part, limit: Self.longest) }
        } catch {
            throw await TakeBack(site: site, instance: instance).run(journal, restart: false, after: error)
        }
        try Journal.close(instance.folder.journal)
    }

    /// Reads the tar back, and opens the databases in it.
    func record(_ part: Part, _ consistency: Consistency) throws -> Manifest.Part {
        let file = file(part)
        let cancellation = site.machine.cancellation
        try file.sync()
        let check = try checkArchive(
            file, compression: Compression.none, threads: site.threads, cancellation: cancellation,
            progress: site.machine.progress)
        let scratch = try draft.scratch(for: part.name)
        _ = try unpackArchive(
            file, into: scratch,
            options: UnpackOptions(
                maxEntries: check.entries + 1, maxBytes: check.sourceBytes,
                owners: .all(owner: Machine.userID, group: Machine.groupID)),
            threads: site.threads, cancellation: cancellation, progress: SilentProgress())
        let scan = try scanTree(TreeSource(root: scratch), cancellation: cancellation)
        let databases = try scan.databases.map { try self.database($0, in: scratch) }
        try draft.dropScratch(for: part.name)
        return Manifest.Part(
            name: part.name, file: "\(part.name).tar", root: instance.root(of: part), compression: .none,
            bytes: check.bytes, sourceBytes: check.sourceBytes, entries: check.entries, sha256: check.sha256,
            consistency: consistency, fingerprint: "", databases: databases, warnings: [])
    }

    private func database(_ found: TreeScan.Database, in scratch: FilePath) throws -> Manifest.Database {
        let file = scratch.appending(bytes: found.path)
        // The digest of the file as it is in the archive, before SQLite recovers it here from its write-ahead log.
        let facts = try digest(of: file, cancellation: site.machine.cancellation)
        var record = Manifest.Database(
            path: printable(found.path), engine: found.engine, bytes: facts.bytes, pages: nil, tables: nil,
            sha256: facts.sha256, userVersion: nil, identity: nil, sidecars: [])
        for suffix in ["-wal", "-journal", ".wal"]
        where try file.beside(suffix).isPresent {
            record.sidecars.append(record.path + suffix)
        }
        guard found.engine == .sqlite else { return record }
        let copy = file.beside(".kecsctl")
        let content = try captureSQLite(file, to: copy, cancellation: site.machine.cancellation)
        record.pages = content.pages
        record.tables = content.tables
        record.userVersion = content.userVersion
        return record
    }
}
