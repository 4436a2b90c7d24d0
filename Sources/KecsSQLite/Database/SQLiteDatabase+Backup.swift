// SPDX-License-Identifier: Apache-2.0
import CLinux
import CSQLite
import Glibc
public import KecsSystem
public import SystemPackage

/// The content of a finished copy of a database, and the delay that it caused to others.
public struct SQLiteSnapshotFacts: Hashable, Sendable {
    public var pages: Int64
    public var pageSize: Int64
    public var bytes: Int64
    /// The SHA-256 digest of the copy's bytes. Equal for two copies between which nothing was written.
    public var sha256: String
    /// The time for which a reader's lock was held on the source. Writers of a database in rollback mode waited as
    /// long, writers of one in WAL mode did not.
    public var lockedFor: Duration
    /// Rows of each ordinary table, counted in the copy.
    public var tables: [String: Int64]
    /// The reason why the integrity check was not a full one: the schema needs a function that only its own program
    /// has. Nil when it was full.
    public var unchecked: String?
    public var userVersion: Int64
    public var applicationID: Int64
}

extension SQLiteDatabase {
    /// Copies the database as of one moment into a new file: one in WAL mode with SQLite's online backup, one in
    /// rollback mode with `copyFile`.
    ///
    /// The online backup reads inside one read transaction. Steps without one start over after every foreign write, and
    /// so never end while a writer is busy (100 pages a step: killed after 35 s; in one transaction: 1 s for 375 MiB).
    ///
    /// - Parameter destination: Must not exist. Mode 0600, synced, no sidecars; after an error it is gone again.
    /// - Throws: `SQLiteError` (`isBusy` when no lock is available within the busy timeout), `FileError`,
    ///   `Interrupted`.
    public func backup(
        to destination: FilePath, cancellation: Cancellation, progress: any ProgressSink = SilentProgress()
    ) throws -> SQLiteSnapshotFacts {
        let lockedFor = try copy(
            to: destination, cancellation: cancellation, progress: progress)
        do {
            let digest = try sha256(ofFile: destination, cancellation)
            let copy = try SQLiteDatabase(destination, .immutable, cancellation: cancellation)
            return try copy.facts(sha256: digest, lockedFor: lockedFor)
        } catch {
            throw removed(destination, after: error)
        }
    }

    /// Copies the database as of one moment into a new file, without looking at it.
    ///
    /// - Returns: The time for which the source was locked.
    /// - Throws: As `backup`.
    func copy(
        to destination: FilePath, cancellation: Cancellation, progress: any ProgressSink
    ) throws -> Duration {
        try cancellation.check()
        let usesWAL = try usesWAL()
        let target = try OwnFile(creating: destination)
        do {
            return try usesWAL
                ? copyPages(to: target, cancellation, progress)
                : copyFile(to: target, cancellation, progress)
        } catch {
            throw removed(destination, after: error)
        }
    }

    private func removed(_ destination: FilePath, after error: any Error) -> any Error {
        _ = destination.withPlatformString { paths_unlink($0) }
        // Damage to the content came from the source; an error in writing did not.
        if let error = error as? SQLiteError, error.isCorrupt { return error.about(path) }
        return error
    }

    func facts(sha256: String, lockedFor: Duration) throws -> SQLiteSnapshotFacts {
        func pragma(_ name: String) throws -> Int64 { try value("PRAGMA \(name)")?.integer ?? 0 }
        let pages = try pragma("page_count")
        let pageSize = try pragma("page_size")
        return SQLiteSnapshotFacts(
            pages: pages, pageSize: pageSize, bytes: pages * pageSize, sha256: sha256, lockedFor: lockedFor,
            tables: try tableRowCounts(), userVersion: try pragma("user_version"),
            applicationID: try pragma("application_id"))
    }

    /// - Returns: The time for which the source was locked.
    private func copyPages(
        to target: borrowing OwnFile, _ cancellation: Cancellation,
        _ progress: any ProgressSink
    ) throws -> Duration {
        // Open twice: it has no locks that closing could drop.
        let path = target.path
        let copy = try SQLiteDatabase(path, .readWrite)
        // No other process sees the copy before it is complete, so it needs no journal and no locks.
        for setting in ["synchronous = OFF", "journal_mode = OFF", "locking_mode = EXCLUSIVE"] {
            try copy.execute("PRAGMA \(setting)")
        }
        try execute("BEGIN")
        defer { endReading() }
        // The first read takes the lock, waiting up to the busy timeout, and in WAL mode it sets the moment.
        try execute("PRAGMA schema_version")
        let start = ContinuousClock.now
        let pageSize = try value("PRAGMA page_size")?.integer ?? 4096
        guard let backup = sqlite3_backup_init(copy.handle, "main", handle, "main") else {
            throw copy.lastError()
        }
        var code = SQLITE_OK
        var done: Int64 = 0
        do {
            while code == SQLITE_OK {
                try cancellation.check()
                code = sqlite3_backup_step(backup, Int32(Int64(Self.unsyncedLimit) / pageSize))
                let now =
                    Int64(sqlite3_backup_pagecount(backup) - sqlite3_backup_remaining(backup)) * pageSize
                // The device writes one piece while the next one is copied.
                target.startWriting(from: done, count: now - done)
                target.awaitWriting(upTo: done)
                progress.advance(now - done)
                done = now
            }
        } catch {
            sqlite3_backup_finish(backup)
            throw error
        }
        let end = sqlite3_backup_finish(backup)
        guard code == SQLITE_DONE, end == SQLITE_OK else {
            let text = String(cString: sqlite3_errstr(code == SQLITE_DONE ? end : code))
            throw SQLiteError(
                extendedCode: code == SQLITE_DONE ? end : code, message: "copying failed: \(text)", path: path
            )
        }
        try execute("COMMIT")
        let lockedFor = ContinuousClock.now - start
        try copy.syncFile()
        return lockedFor
    }

    /// Syncs through SQLite's own descriptor. Pages that are still in its page cache stay there.
    private func syncFile() throws {
        let file = try file()
        let code = file.pointee.pMethods.pointee.xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY)
        guard code == SQLITE_OK else {
            throw SQLiteError(extendedCode: code, message: "cannot sync the copy", path: path)
        }
    }
}
