// SPDX-License-Identifier: Apache-2.0
import KecsBackups
public import KecsSQLite
import KecsSystem
public import SystemPackage

/// A database that belongs to no instance, with the folder of its migrations.
public struct ForeignMigrations: Sendable {
    public var database: FilePath
    public var folder: FilePath
    /// The tool; nil to determine it by the ledger and the files.
    public var tool: MigrationTool?

    public init(database: FilePath, folder: FilePath, tool: MigrationTool? = nil) {
        self.database = database
        self.folder = folder
        self.tool = tool
    }
}

/// Migrates any SQLite database with the files of sqlx, golang-migrate or dbmate, and keeps their ledger for them.
public struct MigrateDatabase: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    public func status(_ foreign: ForeignMigrations) throws -> MigrationStatus {
        try check(foreign.database)
        return try explained(foreign) {
            let database = try SQLiteDatabase.reading(
                foreign.database, cancellation: site.machine.cancellation)
            let (files, plan) = try self.plan(foreign, database)
            return MigrationStatus(
                outcome: .done, database: foreign.database.string, tool: files.tool,
                version: plan.current ?? 0, newest: files.migrations.last?.version ?? 0,
                migrations: plan.items, drift: [], isRecognised: false)
        }
    }

    /// Migrates the database. A lock next to the database, in the rehearsal's folder, excludes a second run.
    public func run(_ foreign: ForeignMigrations, _ request: MigrateRequest) async throws -> MigrateReport {
        try check(foreign.database)
        let name = foreign.database.lastComponent?.string ?? "database"
        let place = foreign.database.removingLastComponent().appending(".\(name).kecsctl")
        try place.createFolder()
        let lock = try await hold(place.appending("lock"), foreign.database)
        defer {
            lock.unlock()
            place.discardQuietly()
        }
        return try await run(foreign, request, scratch: place.appending("rehearsal")) {
            let file = try self.backup(foreign.database)
            return (file.string, "cp \(file) \(foreign.database).restored")
        }
    }

    /// Migrates a database of an instance, with a backup of the instance before. Call it under its lock.
    public func run(
        _ foreign: ForeignMigrations, _ request: MigrateRequest, of instance: Instance, part: String
    ) async throws -> MigrateReport {
        try check(foreign.database)
        var report = try await run(foreign, request, scratch: instance.folder.restoring) {
            let taken = try await TakeBackup(site: site).run(
                instance, BackupRequest(reason: .beforeMigration, prune: false, force: request.force)
            ).backup
            guard let taken else {
                throw Failure(.failed, "the database of “\(instance.name)” was not migrated without a backup")
            }
            return (
                taken.id.description, "kecsctl restore \(instance.name) --from \(taken.id) --part \(part)"
            )
        }
        if report.outcome == .done, await (try site.runtime(instance)).state().mayWrite {
            report.notes.append(
                "“\(instance.name)” is running: a server that read the old schema should be restarted")
        }
        return report
    }

    /// - Parameter backup: Takes a backup, and returns its name and the command that restores it.
    private func run(
        _ foreign: ForeignMigrations, _ request: MigrateRequest, scratch: FilePath,
        backup: () async throws -> (place: String, restore: String)
    ) async throws -> MigrateReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let migration = RehearsedMigration(
            site: site, database: foreign.database, scratch: scratch, limit: request.limit)
        func prepare(_ database: SQLiteDatabase) throws -> RehearsedMigration.Prepared? {
            let (files, plan) = try self.plan(foreign, database)
            let actions = try plan.actions(to: request.target, force: request.force)
            let applied = files.migrations.filter { migration in
                plan.ledger.applied.contains { $0.version == migration.version }
            }
            return RehearsedMigration.Prepared(
                run: MigrationRun(
                    ledger: MigrationLedger(files.tool), actions: actions, applied: applied,
                    now: { [clock] in clock.now() }),
                isForeign: true)
        }

        let now = try status(foreign)
        let isNeeded = try explained(foreign) {
            let database = try SQLiteDatabase.reading(
                foreign.database, cancellation: site.machine.cancellation)
            return try prepare(database)?.run.actions.isEmpty == false
        }
        var report = MigrateReport(
            outcome: .already, database: foreign.database.string, from: now.version, to: now.version,
            applied: [], lint: [], rejects: [:], notes: [], durationSeconds: 0)
        guard isNeeded else { return report }

        let backup = request.dryRun ? nil : try await backup()
        guard let rehearsed = try explained(foreign, { try migration.rehearse(prepare) }) else {
            return report
        }
        report.lint = rehearsed.lint
        report.rehearsal = rehearsed.rehearsal
        report.to = request.target ?? now.newest
        if !rehearsed.objections.isEmpty, !request.force, !request.dryRun {
            throw Failure(
                .failed, "\(foreign.database) was not migrated, as the rehearsal found something",
                cause: rehearsed.objections.joined(separator: "; "),
                remedy:
                    "kecsctl migrate schema --database \(foreign.database) --migrations \(foreign.folder) --dry-run"
            )
        }
        if let backup {
            report.applied = try migration.run(
                backup: backup.place, restore: backup.restore, prepare)
            report.backup = backup.place
            report.outcome = .done
        } else {
            report.applied = rehearsed.rehearsal.steps
            report.outcome = .planned
        }
        report.durationSeconds = (clock.elapsed() - began).inSeconds
        return report
    }

    private func plan(
        _ foreign: ForeignMigrations, _ database: SQLiteDatabase
    ) throws -> (MigrationDirectory, MigrationPlan) {
        let files = try MigrationDirectory(
            foreign.folder, tool: foreign.tool, ledger: try MigrationLedger.find(in: database))
        let ledger = try MigrationLedger(files.tool).read(database, known: files.migrations)
        return (files, MigrationPlan(files.migrations, ledger))
    }

    /// `db.sqlite` → `db.backup.1763689530.sqlite`, as the guides call it; a second one of the same second gets `-2`.
    private func backup(_ database: FilePath) throws -> FilePath {
        let folder = database.removingLastComponent()
        let stem = database.stem ?? "database"
        let ending = database.extension.map { ".\($0)" } ?? ""
        let seconds = site.machine.clock.now().seconds
        var number = 1
        while true {
            let file = folder.appending(
                "\(stem).backup.\(seconds)" + (number > 1 ? "-\(number)" : "") + ending)
            guard try file.isPresent else {
                _ = try captureSQLite(
                    database, to: file, cancellation: site.machine.cancellation,
                    progress: site.machine.progress)
                try folder.sync()
                return file
            }
            number += 1
        }
    }

    private func hold(_ lock: FilePath, _ database: FilePath) async throws -> FileLock {
        do {
            return try await FileLock.acquire(
                lock, command: "migrate", wait: nil, clock: site.machine.clock,
                cancellation: site.machine.cancellation)
        } catch let error as LockHeld {
            throw Failure(
                .busy, "another kecsctl migrates \(database)", cause: "\(error.path) is held",
                remedy: Remedy.again() ?? "ls -l \(error.path)")
        }
    }

    private func check(_ file: FilePath) throws {
        guard try file.isPresent else { throw Failure(.notFound, "there is no database \(file)") }
        guard try DatabaseEngine(of: file) == .sqlite else {
            throw Failure(
                .usage, "\(file) is no SQLite database",
                cause: "it does not begin as one does", remedy: "file \(file)")
        }
    }

    private func explained<Value>(_ foreign: ForeignMigrations, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let problem as MigrationProblem {
            throw Failure(
                problem, "\(foreign.database)",
                remedy: "kecsctl migrate status --database \(foreign.database) --migrations \(foreign.folder)"
            )
        } catch let failure as MigrationFailure {
            throw Failure(
                .failed, "the rehearsal of the migration of \(foreign.database) failed: \(failure)",
                cause: "the database was not touched",
                remedy: "kecsctl migrate status --database \(foreign.database) --migrations \(foreign.folder)"
            )
        }
    }
}
