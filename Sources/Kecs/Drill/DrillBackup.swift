// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
public import SystemPackage

/// The options of `backups drill`.
public struct DrillRequest: Sendable {
    /// The backup's id or its beginning; nil for the newest good one.
    public var from: String?
    /// Where the backup lies when it is a copy on a remote; `from` does not count then.
    public var remote: RemoteSource?
    /// The folder below which the drill makes its own; nil for the first of `$TMPDIR`, /var/tmp and /tmp with enough
    /// free space.
    public var folder: FilePath?
    /// True to start a server on the restored data, too.
    public var start: Bool
    public var dryRun: Bool

    public init(
        from: String? = nil, remote: RemoteSource? = nil, folder: FilePath? = nil, start: Bool = false,
        dryRun: Bool = false
    ) {
        self.from = from
        self.remote = remote
        self.folder = folder
        self.start = start
        self.dryRun = dryRun
    }
}

/// Rehearses a restore: unpacks a backup in a private folder, checks the result, and keeps a report. The instance is
/// neither touched nor locked; the drill writes only the evidence and the backup's mark.
public struct DrillBackup: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Drills the backup.
    ///
    /// - Throws: `Failure` for problems that are not the backup's: no free space, no engine, an interruption. Nothing
    ///   is recorded then.
    public func run(
        _ name: InstanceName, _ request: DrillRequest, command: String
    ) async throws -> DrillReport {
        let store = site.home.backupStore(of: name)
        guard let remote = request.remote else {
            let judged = try store.judged()
            let backup = try choose(judged, request.from, name, store)
            return try await run(backup, judged, nil, name, request, command: command)
        }
        let copy = try await ListRemoteBackups(site: site).find(
            remote.wanted, of: remote.instance ?? name, on: remote.remote)
        if request.dryRun {
            return DrillReport(
                outcome: .planned, backup: copy.id, remote: copy.remote,
                parts: copy.manifest?.parts.map(\.name) ?? [], startedAt: site.machine.clock.now(),
                tool: site.tool)
        }
        let fetched = try await FetchedBackup(
            remote, for: name, site: site, command: command, verifies: false)
        do {
            let backup = BackupStore(folder: fetched.folder.removingLastComponent()).look(at: copy.id)
            let report = try await run(backup, try store.judged(), copy, name, request, command: command)
            try await fetched.close()
            return report
        } catch {
            // What failed is told; the next command removes what was fetched.
            try? await fetched.close()
            throw error
        }
    }

    /// - Parameter copy: What lies on a remote, when `backup` was fetched from there.
    private func run(
        _ backup: StoredBackup, _ judged: JudgedBackups, _ copy: RemoteBackup?, _ name: InstanceName,
        _ request: DrillRequest, command: String
    ) async throws -> DrillReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        var report = DrillReport(
            outcome: .planned, backup: backup.id, remote: copy?.remote,
            parts: backup.manifest?.parts.map(\.name) ?? [], startedAt: clock.now(), tool: site.tool)
        let needed = ByteCount((backup.manifest?.parts ?? []).total(\.roomNeeded.bytes))
        let place = try DrillFolder.place(for: needed, given: request.folder, site)
        let server = request.start ? try DrillServer(site: site, name: name) : nil
        if request.dryRun {
            report.durationSeconds = (clock.elapsed() - began).inSeconds
            return report
        }
        let folder = try await DrillFolder(site, for: name, in: place, command: command)
        do {
            try await drill(backup, of: name, judged, in: folder.path, server, &report)
        } catch {
            // Reports the failure itself, not the leftovers that could not be removed after it: the next command tries
            // that again.
            try? await folder.close()
            guard error is Interrupted || error is CancellationError else { throw error }
            throw try folder.tellingRest(after: error)
        }
        do { try await folder.close() } catch {
            report.notes.append(
                "the next command removes what is left of it: \(Failure.describing(error).sentence)")
        }
        guard try backup.folder.isFolder else {
            throw Failure(
                .failed, "the backup “\(backup.id)” was removed while it was drilled",
                remedy: "kecsctl backups drill \(name)")
        }
        report.passed = report.problems.isEmpty
        report.outcome = report.problems.isEmpty ? .done : .failed
        report.durationSeconds = (clock.elapsed() - began).inSeconds
        report.evidence = try await KeepDrill(site: site, command: command).run(report, of: name, copy).string
        return report
    }

    private func choose(
        _ judged: JudgedBackups, _ from: String?, _ name: InstanceName, _ store: BackupStore
    ) throws -> StoredBackup {
        guard let from, from != "latest" else {
            if let error = judged.unreadable { throw error }
            guard let latest = judged.latest() else { throw BackupStore.none(name.description) }
            return latest
        }
        let backup = try store.find(from, instance: name.description)
        if let error = backup.unreadable {
            throw Failure.describing(error, doing: "read the backup “\(backup.id)”")
        }
        return backup
    }

    // MARK: The drill

    private func drill(
        _ backup: StoredBackup, of name: InstanceName, _ judged: JudgedBackups, in folder: FilePath,
        _ server: DrillServer?, _ report: inout DrillReport
    ) async throws {
        let store = BackupStore(folder: backup.folder.removingLastComponent())
        if let problem = backup.markProblem { report.notes.append(problem) }
        if backup.isDegraded { report.notes.append("it was taken while the instance was degraded") }
        report.problems += backup.lacks.map {
            .init(kind: .lacking, part: $0.part, path: $0.path, why: $0.detail)
        }
        let manifest: Manifest
        do {
            manifest = try step("looking at \(backup.id)", "manifest", &report) {
                try VerifyBackup(
                    depth: .quick, threads: site.threads, cancellation: site.machine.cancellation,
                    progress: site.machine.progress
                ).run(backup.id, in: store)
            }
        } catch let damage as BackupDamage {
            report.problems.append(.init(kind: .damaged, path: damage.file, why: damage.why))
            return
        }
        let unsealed: UnsealedBackup
        do {
            unsealed = try await UnsealBackup(site: site).run(
                backup, settings: try site.settings(ofBackupsOf: name))
        } catch let damage as BackupDamage {
            report.problems.append(.init(kind: .damaged, path: damage.file, why: damage.why))
            return
        }
        defer { unsealed.close() }
        let backup = unsealed.backup
        let parts = folder.appending("parts")
        try parts.createFolder()
        var restored: [Manifest.Part] = []
        for part in backup.manifest?.parts ?? manifest.parts {
            do {
                try step("unpacking \(part.file)", "restore \(part.name)", &report) {
                    try unpack(part, of: backup, into: parts.appending(part.name))
                }
                restored.append(part)
            } catch let error as ArchiveError {
                report.problems.append(
                    .init(kind: .damaged, part: part.name, path: part.file, why: error.why))
            }
        }
        let check = CheckRestored(site: site, reference: reference(for: backup, judged))
        for part in restored {
            let found = try step("checking \(part.name)", "check \(part.name)", &report) {
                try check.run(part, in: parts.appending(part.name))
            }
            report.databases += found.databases
            report.problems += found.problems
            report.notes += found.notes
        }
        guard let server else { return }
        guard report.problems.isEmpty else {
            report.notes.append("it was not started: what was restored is not as it should be")
            return
        }
        let clock = site.machine.clock
        let began = clock.elapsed()
        let started = try await server.run(on: parts, in: folder)
        report.server = started.server
        report.steps.append(.init(name: "start", seconds: (clock.elapsed() - began).inSeconds))
        if let why = started.problem { report.problems.append(.init(kind: .server, why: why)) }
    }

    private func step<Value>(
        _ progress: String, _ name: String, _ report: inout DrillReport, _ body: () throws -> Value
    ) throws -> Value {
        try site.machine.cancellation.check()
        site.machine.progress.step(progress, total: nil)
        let began = site.machine.clock.elapsed()
        defer {
            report.steps.append(
                .init(name: name, seconds: (site.machine.clock.elapsed() - began).inSeconds))
        }
        return try body()
    }

    private func unpack(_ part: Manifest.Part, of backup: StoredBackup, into folder: FilePath) throws {
        try folder.createFolder()
        _ = try unpackArchive(
            backup.archive(of: part), into: folder,
            options: UnpackOptions(
                expectedSHA256: part.sha256, maxEntries: part.entries, maxBytes: part.sourceBytes),
            threads: site.threads, cancellation: site.machine.cancellation, progress: site.machine.progress)
    }

    /// Returns the newest older backup of the instance that passed its drill, else the newest older good one; none from
    /// before a loss of the database that was accepted since.
    private func reference(for backup: StoredBackup, _ judged: JudgedBackups) -> Manifest? {
        let instance = backup.manifest?.instanceId
        let older = judged.all.drop { $0.id != backup.id }.dropFirst()
            .filter { $0.isGood && $0.manifest?.instanceId == instance }
        guard let found = older.first(where: { $0.mark.drill?.passed == true }) ?? older.first else {
            return nil
        }
        let since = judged.all.drop { $0.id != backup.id }.prefix { $0.id != found.id }
        var manifest = found.manifest
        let accepted = Set(since.flatMap { $0.manifest?.acceptedLosses ?? [] })
        for index in manifest?.parts.indices ?? 0..<0 {
            let name = manifest?.parts[index].name ?? ""
            manifest?.parts[index].databases.removeAll {
                accepted.contains(name) || accepted.contains("\(name)/\($0.path)")
            }
        }
        return manifest
    }
}
