// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSQLite
import KecsState
import KecsSystem
import SystemPackage

/// The options of `migrate schema`.
public struct MigrateRequest: Sendable {
    /// Nil for the newest; 0 for the state before the first.
    public var target: Int64?
    /// The limit for the rehearsal, and for the run.
    public var limit: Duration?
    /// True to continue although the rehearsal found something.
    public var force: Bool
    /// True for only the rehearsal.
    public var dryRun: Bool

    public init(target: Int64? = nil, limit: Duration? = nil, force: Bool = false, dryRun: Bool = false) {
        self.target = target
        self.limit = limit
        self.force = force
        self.dryRun = dryRun
    }
}

/// Brings the control plane's database to another version: backup, rehearsal on a copy, one transaction.
public struct MigrateSchema: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    public func status(_ instance: Instance) async throws -> MigrationStatus {
        try status(instance, try await stateDatabase(of: instance, site))
    }

    private func status(_ instance: Instance, _ file: FilePath) throws -> MigrationStatus {
        let database = try SQLiteDatabase.reading(file, cancellation: site.machine.cancellation)
        let status = try explained(instance) { try UpstreamHistory.status(of: database) }
        return MigrationStatus(
            outcome: .done, database: file.string, tool: .kecsctl, version: status.plan.current ?? 0,
            newest: UpstreamHistory.newest, migrations: status.plan.items, drift: status.drift,
            isRecognised: !status.baseline.isEmpty)
    }

    /// Migrates the schema. Call it under the instance's lock.
    public func run(_ instance: Instance, _ request: MigrateRequest) async throws -> MigrateReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let file = try await stateDatabase(of: instance, site)
        let migration = RehearsedMigration(
            site: site, database: file, scratch: instance.folder.restoring,
            limit: request.limit)
        func report(_ outcome: Outcome, _ from: Int64, _ to: Int64) -> MigrateReport {
            MigrateReport(
                outcome: outcome, database: file.string, from: from, to: to, applied: [], lint: [],
                rejects: [:], notes: [], durationSeconds: (clock.elapsed() - began).inSeconds)
        }

        // Decide.
        let now = try status(instance, file)
        let target = request.target ?? UpstreamHistory.newest
        func prepare(_ database: SQLiteDatabase) throws -> RehearsedMigration.Prepared? {
            let status = try UpstreamHistory.status(of: database)
            let run = try UpstreamHistory.run(
                status, to: target, force: request.force, now: { [clock] in clock.now() })
            return RehearsedMigration.Prepared(
                run: run, isForeign: false,
                afterwards: UpstreamHistory.finish(run, writer: "\(site.tool.name) \(site.tool.version)"))
        }
        let isNeeded = try explained(instance) {
            let database = try SQLiteDatabase.reading(file, cancellation: site.machine.cancellation)
            return try prepare(database)?.run.actions.isEmpty == false
        }
        guard isNeeded else { return report(.already, now.version, now.version) }

        // The backup comes first: even a failed rehearsal must find it there.
        var backup: BackupSummary?
        if !request.dryRun {
            backup = try await TakeBackup(site: site).run(
                instance, BackupRequest(reason: .beforeMigration, prune: false, force: request.force)
            ).backup
        }
        let rehearsed = try explained(instance) { try migration.rehearse(prepare) }
        guard let rehearsed else { return report(.already, now.version, now.version) }
        if !rehearsed.objections.isEmpty, !request.force, !request.dryRun {
            throw Failure(
                .failed,
                "the schema of “\(instance.name)” was not migrated, as the rehearsal found something",
                cause: rehearsed.objections.joined(separator: "; "),
                remedy: "kecsctl migrate schema \(instance.name) --dry-run")
        }
        var result = report(request.dryRun ? .planned : .done, now.version, target)
        result.rehearsal = rehearsed.rehearsal
        if request.dryRun {
            result.applied = rehearsed.rehearsal.steps
            result.durationSeconds = (clock.elapsed() - began).inSeconds
            return result
        }

        // Act.
        guard let backup else {
            throw Failure(.failed, "the schema of “\(instance.name)” was not migrated without a backup")
        }
        result.backup = backup.id.description
        result.applied = try migration.run(
            backup: backup.path,
            restore: "kecsctl restore \(instance.name) --from \(backup.id) --part data", prepare)
        result.rejects = try SQLiteDatabase.reading(file, cancellation: site.machine.cancellation).rejects()
        let runtime = try site.runtime(instance)
        if await runtime.state().mayWrite {
            result.notes.append(
                "“\(instance.name)” is running: a server that read the old schema should be restarted")
        }
        result.durationSeconds = (clock.elapsed() - began).inSeconds
        return result
    }

    private func explained<Value>(_ instance: Instance, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let problem as MigrationProblem {
            throw Failure(
                problem, "the schema of “\(instance.name)”",
                remedy: problem.kind == .newer
                    ? "kecsctl backups list \(instance.name)" : "kecsctl migrate status \(instance.name)")
        } catch let failure as MigrationFailure {
            throw Failure(
                .failed, "the rehearsal of the migration of “\(instance.name)” failed: \(failure)",
                cause: "its database was not touched", remedy: "kecsctl migrate status \(instance.name)")
        }
    }
}
