// SPDX-License-Identifier: Apache-2.0
import CSQLite
import KecsSystem
import SystemPackage

/// Migrations with a script that refuses to run inside a transaction: VACUUM, `PRAGMA journal_mode`, transactions of
/// its own. If it ran on the real database, a kill would leave half of it.
///
/// So no other connection is let in, and everything runs on a copy. SQLite's backup then writes the copy's pages back,
/// in one transaction for every reader: a kill leaves the old pages or the new ones, by SQLite's own journal.
extension MigrationRun {
    func applyThroughCopy(
        to database: SQLiteDatabase, scratch: FilePath,
        afterwards: (SQLiteDatabase, _ before: DatabaseContent) throws -> Void
    ) throws -> [Step] {
        let file = scratch.appending("outside-transaction.sqlite")
        if try scratch.isPresent { try scratch.removeTree() }
        try scratch.createFolder()
        defer { scratch.discardQuietly() }
        return try database.alone {
            try database.copyPages(to: file)
            let copy = try SQLiteDatabase(file, .readWrite, cancellation: database.cancellation)
            // It is thrown away after any failure.
            try copy.execute("PRAGMA synchronous = OFF")
            let usedWAL = try copy.usesWAL()
            let before = try copy.content()
            let steps: [Step]
            do {
                steps = try applyOutsideTransaction(to: copy, before, afterwards: afterwards)
            } catch var failure as MigrationFailure {
                failure.digestBefore = before.digest
                failure.digestAfter = try database.content().digest
                throw failure
            }
            // The WAL mode is no content, and is set before: the pages that are written back do not carry it.
            let usesWAL = try copy.usesWAL()
            try copy.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            let expected = try copy.content()
            if usesWAL != usedWAL {
                try database.execute("PRAGMA journal_mode = \(usesWAL ? "WAL" : "DELETE")")
            }
            try database.replacePages(by: copy)
            guard try database.content() == expected else {
                throw SQLiteError(
                    extendedCode: SQLITE_CORRUPT, message: "what was written back is not what was migrated",
                    path: database.path)
            }
            return steps
        }
    }

    private func applyOutsideTransaction(
        to copy: SQLiteDatabase, _ before: DatabaseContent,
        afterwards: (SQLiteDatabase, _ before: DatabaseContent) throws -> Void
    ) throws -> [Step] {
        try copy.execute("PRAGMA foreign_keys = OFF")
        let orphans = try copy.orphans()
        try copy.transaction { try begin(in: copy) }
        var inForce = applied
        var steps: [Step] = []
        for action in actions {
            if action.script?.refusesTransaction == true {
                steps.append(try run(action, &inForce, in: copy))
            } else {
                steps.append(try copy.transaction { try run(action, &inForce, in: copy) })
            }
            // The script may have switched them on.
            try copy.execute("PRAGMA foreign_keys = OFF")
        }
        try copy.transaction {
            try afterwards(copy, before)
            try check(copy, orphansBefore: orphans)
        }
        return steps
    }
}

extension SQLScriptStatement {
    /// Returns why the statement is not allowed in a migration; nil when it is. Inside the transaction that protects
    /// the data, no statement may end it. Outside of one, only statements that reach other files are refused, as those
    /// are not backed up.
    func objection(outsideTransaction: Bool) -> String? {
        guard let word = tokens.first else { return nil }
        switch word {
        case "ATTACH", "DETACH": return "\(word) reaches another file, which is not backed up"
        case "VACUUM" where tokens.contains("INTO"): return "VACUUM INTO writes another file"
        case "BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "VACUUM":
            return outsideTransaction ? nil : "\(word) cannot be part of one transaction with the rest"
        default: return nil
        }
    }
}

extension SQLiteDatabase {
    var cancellation: Cancellation? { patience.cancellation }

    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// Runs `body` while no other connection can read or write, in any journal mode.
    ///
    /// - Throws: `SQLiteError` (`isBusy`) when another connection has it open, in WAL mode, or is using it.
    func alone<Result>(_ body: () throws -> Result) throws -> Result {
        try execute("PRAGMA locking_mode = EXCLUSIVE")
        // In this mode the locks are kept when a transaction ends.
        try execute("BEGIN EXCLUSIVE")
        try execute("COMMIT")
        defer {
            try? execute("PRAGMA locking_mode = NORMAL")
            // The next access gives the locks back.
            _ = try? value("SELECT count(*) FROM sqlite_schema")
        }
        return try body()
    }

    /// - Parameter file: Must not exist.
    fileprivate func copyPages(to file: FilePath) throws {
        let copy = try SQLiteDatabase(file, .create)
        try copy.execute("PRAGMA synchronous = OFF")
        try Self.copyPages(from: self, to: copy)
    }

    /// Replaces everything in it by the content of the other, in one transaction: a reader sees one or the other.
    ///
    /// - Throws: `SQLiteError`; with SQLITE_READONLY when the other has pages of another size and this one is in WAL
    ///   mode.
    fileprivate func replacePages(by other: SQLiteDatabase) throws {
        try Self.copyPages(from: other, to: self)
    }

    private static func copyPages(from source: SQLiteDatabase, to target: SQLiteDatabase) throws {
        guard let backup = sqlite3_backup_init(target.handle, "main", source.handle, "main") else {
            throw target.lastError()
        }
        let code = sqlite3_backup_step(backup, -1)
        let end = sqlite3_backup_finish(backup)
        guard code == SQLITE_DONE, end == SQLITE_OK else {
            let code = code == SQLITE_DONE ? end : code
            throw SQLiteError(
                extendedCode: code, message: "copying failed: \(String(cString: sqlite3_errstr(code)))",
                path: target.path)
        }
    }
}
