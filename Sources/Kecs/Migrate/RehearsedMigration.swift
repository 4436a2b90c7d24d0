// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import SystemPackage

/// Migrations of one database file: rehearsed on a copy, then run in one transaction. The caller chooses the migrations
/// and the place of the backup.
struct RehearsedMigration: Sendable {
    let site: Site
    let database: FilePath
    /// A folder of ours, on a file system with space for the copy; made and removed here.
    let scratch: FilePath
    /// The limit for the rehearsal, and for the run.
    let limit: Duration?

    /// The migration that the database needs, decided on any copy of it. Nil when it needs none.
    struct Prepared {
        var run: MigrationRun
        /// True when the files are a user's own, to be examined before they run.
        var isForeign: Bool
        var afterwards: (SQLiteDatabase, DatabaseContent) throws -> Void = { _, _ in }
    }

    struct Rehearsed {
        var rehearsal: MigrationRehearsal
        var lint: [MigrationFinding]
        /// The objections to it, which only `--force` overrides.
        var objections: [String] { rehearsal.findings + lint.map(\.description) }
    }

    /// Reads without leaving sidecars where there were none.
    static func open(
        _ file: FilePath, for writing: Bool = false, cancellation: Cancellation
    ) throws -> SQLiteDatabase {
        try writing
            ? SQLiteDatabase(file, .readWrite, cancellation: cancellation)
            : SQLiteDatabase.reading(file, cancellation: cancellation)
    }

    func rehearse(_ prepare: (SQLiteDatabase) throws -> Prepared?) throws -> Rehearsed? {
        try checkRoom()
        if try scratch.isPresent { try scratch.removeTree() }
        try scratch.createFolder()
        do {
            let result = try limited(limit, within: site.machine.cancellation) {
                try rehearse(prepare, $0)
            }
            try scratch.removeTree()
            return result
        } catch {
            scratch.discardQuietly()
            if let interrupted = error as? Interrupted, interrupted.why == .timeout, let limit {
                throw Failure(
                    .timeout, "the rehearsal of the migration took longer than \(limit)",
                    cause: "\(database) was not touched", remedy: "kecsctl migrate schema --help")
            }
            throw error
        }
    }

    private func rehearse(
        _ prepare: (SQLiteDatabase) throws -> Prepared?, _ cancellation: Cancellation
    ) throws -> Rehearsed? {
        site.machine.progress.step("rehearsing on a copy", total: nil)
        let copy = scratch.appending("copy.sqlite")
        _ = try captureSQLite(database, to: copy, cancellation: cancellation)
        let trial = try SQLiteDatabase(copy, .readWrite, cancellation: cancellation)
        guard let prepared = try prepare(trial), !prepared.run.actions.isEmpty else { return nil }
        let lint =
            prepared.isForeign
            ? try lintMigrations(prepared.run.actions, schemaOf: trial, scratch: scratch) : []
        return Rehearsed(
            rehearsal: try prepared.run.rehearse(on: trial, afterwards: prepared.afterwards), lint: lint)
    }

    /// Checks the space for the copy, for the pages that the migrations rewrite, and for the journal.
    private func checkRoom() throws {
        let size = try FileStatus.of(database)?.size ?? 0
        let needed = ByteCount(size) * 3 + ByteCount(1 << 20)
        let free = try site.machine.freeSpace(scratch)
        guard needed <= free else {
            throw Failure(
                .noRoom, "not enough free space to rehearse the migration of \(database)",
                cause:
                    "\(free) are free in \(scratch.removingLastComponent()) and about \(needed) are needed",
                remedy: "kecsctl backups prune --keep 1")
        }
    }

    /// Migrates the real database. Decides again on the steps, under the lock of the transaction's connection.
    ///
    /// - Parameter backup: The place of the backup, for the message of a failure; `restore`, the command that restores
    ///   it.
    func run(
        backup: String, restore: String, _ prepare: (SQLiteDatabase) throws -> Prepared?
    ) throws -> [MigrationRun.Step] {
        site.machine.progress.step("migrating \(database)", total: nil)
        do {
            defer { scratch.discardQuietly() }
            return try limited(limit, within: site.machine.cancellation) { cancellation in
                let live = try SQLiteDatabase(database, .readWrite, cancellation: cancellation)
                guard let prepared = try prepare(live), !prepared.run.actions.isEmpty else { return [] }
                return try prepared.run.apply(
                    to: live, scratch: scratch, afterwards: prepared.afterwards)
            }
        } catch let failure as MigrationFailure {
            let proof =
                failure.digestBefore == failure.digestAfter
                ? "the content is what it was (SHA-256 \(failure.digestAfter?.prefix(16) ?? "?")…)"
                : "the content is not what it was before: another program wrote to it meanwhile"
            throw Failure(
                .failed, "Migration failed, rolled back: \(failure)",
                cause: "\(proof). Backup available at: \(backup)", remedy: restore)
        } catch {
            let failure = Failure.describing(error)
            throw Failure(
                failure.kind, "Migration failed, rolled back: \(failure.message)",
                cause: (failure.cause.map { "\($0). " } ?? "") + "Backup available at: \(backup)",
                remedy: restore)
        }
    }
}

extension Failure {
    /// - Parameter subject: "the schema of “dev”".
    init(_ problem: MigrationProblem, _ subject: String, remedy: String?) {
        switch problem.kind {
        case .usage: self.init(.usage, "\(subject) cannot be migrated", cause: problem.why, remedy: remedy)
        case .state: self.init(.failed, "\(subject) cannot be migrated", cause: problem.why, remedy: remedy)
        case .newer:
            self.init(.failed, "\(subject) is newer than this kecsctl", cause: problem.why, remedy: remedy)
        }
    }
}
