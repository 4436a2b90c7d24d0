// SPDX-License-Identifier: Apache-2.0
import CSQLite
import Glibc
public import KecsSystem
public import SystemPackage

/// A connection to an SQLite file. Not `Sendable`: one thread owns it.
///
/// While a connection is open, nothing in this process may open and close the same file on its own: POSIX locks belong
/// to the process and vanish with the first close (https://sqlite.org/howtocorrupt.html, 2.2).
public final class SQLiteDatabase {
    public enum Mode: Hashable, Sendable {
        /// May still create `-wal` and `-shm` next to a WAL database, and leaves them behind.
        case readOnly
        /// Rolls back or checkpoints a killed writer's transaction, as every writer would.
        case readWrite
        /// Like `readWrite`; a missing file is created with mode 0600.
        case create
        /// Without locks and without the WAL: only for closed files of our own that no other process can open.
        case immutable
    }

    public let path: FilePath
    public let mode: Mode
    let handle: OpaquePointer
    let patience: Patience
    private let admitted: AdmittedDatabase
    /// The copy that is really open, when the original must not be touched.
    let privateCopy: PrivateCopy?

    /// - Parameters:
    ///   - busyTimeout: The time for which a statement waits for another connection's lock.
    ///   - cancellation: Checked every few thousand steps of a statement, which ends with `Interrupted` once it is set.
    /// - Throws: `SQLiteError`. Only the first statement notices a file that is no database.
    public convenience init(
        _ path: FilePath, _ mode: Mode, busyTimeout: Duration = .seconds(5), cancellation: Cancellation? = nil
    ) throws {
        // The next writer rolls a killed writer's transaction back, but never elsewhere.
        if mode != .immutable { try HotJournal.examine(path) }
        try self.init(path, mode, copy: nil, busyTimeout: busyTimeout, cancellation: cancellation)
    }

    /// Opens a database for reading only, and leaves it unchanged: no sidecars where there were none. A killed writer's
    /// transaction is rolled back in a private copy.
    ///
    /// - Parameter scratch: The folder for the copy.
    public static func reading(
        _ path: FilePath, busyTimeout: Duration = .seconds(5), scratch: FilePath? = nil,
        cancellation: Cancellation? = nil
    ) throws -> SQLiteDatabase {
        let start = ContinuousClock.now
        while try HotJournal.look(at: path) == .hot {
            try cancellation?.check()
            do {
                let copy = try PrivateCopy(of: path, in: scratch ?? PrivateCopy.usualPlace, cancellation)
                return try SQLiteDatabase(
                    path, .readWrite, copy: copy, busyTimeout: busyTimeout, cancellation: cancellation)
            } catch let error as SQLiteError where error.isBusy {
                // Another check of ours is copying it, or another process has come to roll it back.
                guard ContinuousClock.now - start < busyTimeout else { throw error }
                usleep(20_000)
            }
        }
        // The last connection to a WAL database removes its sidecars, unless it only reads. So a killed writer's
        // sidecars stay, and those that only we needed go: also those of one of us that was killed, whose log is empty.
        let log = try FileStatus.of((AdmittedDatabase.place(of: path) ?? path).beside("-wal"))
        let hasLog = (log?.size ?? 0) > 0
        let original = try readable(
            path, hasLog ? .readOnly : .readWrite, busyTimeout: busyTimeout, cancellation: cancellation)
        if let original { return original }
        let copy = try PrivateCopy(of: path, in: scratch ?? PrivateCopy.usualPlace, cancellation)
        return try SQLiteDatabase(
            path, .readWrite, copy: copy, busyTimeout: busyTimeout, cancellation: cancellation)
    }

    /// Opens the original.
    ///
    /// - Returns: Nil when SQLite cannot read it where it is: a WAL database in a folder that cannot be written, without its
    ///   `-shm`. `immutable=1` would read it without the WAL, that is, without the newest commits. It is closed again then,
    ///   because whoever copies it must not find it open.
    private static func readable(
        _ path: FilePath, _ mode: Mode, busyTimeout: Duration, cancellation: Cancellation?
    ) throws -> SQLiteDatabase? {
        let database = try SQLiteDatabase(
            path, mode, copy: nil, busyTimeout: busyTimeout, cancellation: cancellation)
        guard !folderIsWritable(of: AdmittedDatabase.place(of: path) ?? path) else { return database }
        do {
            try database.execute("PRAGMA schema_version")
            return database
        } catch let error as SQLiteError where error.cannotOpen || error.isReadOnly {
            return nil
        } catch is SQLiteError {
            // The first statement reports a damaged or busy one.
            return database
        }
    }

    /// - Parameter copy: The copy that is opened instead of `path`. Errors name `path`.
    init(
        _ path: FilePath, _ mode: Mode, copy: PrivateCopy?, busyTimeout: Duration, cancellation: Cancellation?
    ) throws {
        self.path = path
        self.mode = mode
        privateCopy = copy
        patience = Patience(busyTimeout, cancellation)
        admitted = try AdmittedDatabase(copy?.file ?? path, creating: mode == .create)
        let name = mode == .immutable ? "file:\(admitted.name)?immutable=1" : admitted.name
        var opened: OpaquePointer?
        guard sqlite3_open_v2(name, &opened, Self.flags(mode), "unix") == SQLITE_OK, let opened else {
            let error = SQLiteError.last(opened, path: path)
            sqlite3_close_v2(opened)
            throw error
        }
        handle = opened
        sqlite3_extended_result_codes(handle, 1)
        // A hostile file cannot damage itself further by SQL, nor load code. trusted_schema stays on: no function here
        // has effects, and without it SQLite 3.40 refuses every CHECK (json_valid(…)), which are common and in our
        // schema.
        csqlite_configure(handle, SQLITE_DBCONFIG_DEFENSIVE, 1)
        csqlite_configure(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0)
        // VACUUM attaches a temporary one.
        sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, mode == .readWrite || mode == .create ? 1 : 0)
        patience.govern(handle)
        try execute("PRAGMA cell_size_check = ON")
    }

    /// Statements that are still alive keep the file open until they are gone.
    deinit { sqlite3_close_v2(handle) }

    /// Runs one statement and drops its rows.
    public func execute(_ sql: String, _ arguments: SQLiteValue...) throws {
        try prepare(sql).run(arguments)
    }

    public func query(_ sql: String, _ arguments: SQLiteValue...) throws -> [SQLiteRow] {
        try prepare(sql).rows(arguments)
    }

    /// The first value of the first row; nil when there is no row.
    public func value(_ sql: String, _ arguments: SQLiteValue...) throws -> SQLiteValue? {
        try prepare(sql).rows(arguments).first?.values.first
    }

    /// - Throws: `SQLiteError` with SQLITE_MISUSE when `sql` holds no statement, or more than one.
    public func prepare(_ sql: String) throws -> SQLiteStatement {
        var statement: OpaquePointer?
        var rest = true
        let code = sql.utf8CString.withUnsafeBufferPointer { text in
            var tail: UnsafePointer<CChar>?
            let code = sqlite3_prepare_v3(handle, text.baseAddress, Int32(text.count), 0, &statement, &tail)
            if code == SQLITE_OK, let tail {
                var next: OpaquePointer?
                // Comments and spaces after the statement prepare to nothing.
                let nothing = sqlite3_prepare_v3(handle, tail, -1, 0, &next, nil) == SQLITE_OK && next == nil
                sqlite3_finalize(next)
                rest = !nothing
            }
            return code
        }
        guard code == SQLITE_OK else { throw lastError(sql) }
        guard let statement, !rest else {
            sqlite3_finalize(statement)
            throw SQLiteError(
                extendedCode: SQLITE_MISUSE, message: "exactly one statement is expected", sql: sql,
                path: path)
        }
        return SQLiteStatement(statement, sql: sql, of: self)
    }

    /// Runs every statement of a script of our own, up to the first that fails.
    public func executeScript(_ sql: String) throws {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw lastError(sql) }
    }

    /// Runs all of `body` or nothing. Takes the right to write at once (BEGIN IMMEDIATE), so that another writer cannot
    /// make it fail in the middle.
    public func transaction<Result>(_ body: () throws -> Result) throws -> Result {
        try execute("BEGIN IMMEDIATE")
        do {
            let result = try body()
            try execute("COMMIT")
            return result
        } catch {
            // Some errors have rolled back already (full disk, I/O), and then ROLLBACK itself would fail.
            if sqlite3_get_autocommit(handle) == 0 { try? execute("ROLLBACK") }
            throw error
        }
    }

    /// Runs `body` so that everything it reads is of the same moment.
    public func reading<Result>(_ body: () throws -> Result) throws -> Result {
        try execute("BEGIN")
        defer { endReading() }
        return try body()
    }

    /// Ends the transaction that is still open.
    func endReading() {
        if sqlite3_get_autocommit(handle) == 0 { try? execute("ROLLBACK") }
    }

    /// Returns true when the file is in WAL mode. Reads the header, and takes a reader's locks for that.
    public func usesWAL() throws -> Bool {
        try value("PRAGMA journal_mode")?.text == "wal"
    }

    func lastError(_ sql: String? = nil) -> any Error {
        if let reason = patience.cancellation?.reason,
            [SQLITE_INTERRUPT, SQLITE_BUSY].contains(sqlite3_errcode(handle))
        {
            return Interrupted(reason)
        }
        return SQLiteError.last(handle, sql: sql, path: path)
    }

    private static func flags(_ mode: Mode) -> Int32 {
        let access =
            switch mode {
            case .readOnly: SQLITE_OPEN_READONLY
            case .readWrite: SQLITE_OPEN_READWRITE
            case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .immutable: SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
            }
        return access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE
    }
}
