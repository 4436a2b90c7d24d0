// SPDX-License-Identifier: Apache-2.0
public import KecsSQLite
public import KecsSystem
public import SystemPackage

/// The database of an instance: the state that its control plane remembers. One thread owns it.
public final class StateDatabase {
    /// "KECS", in the header of the file.
    public static let applicationID: Int64 = 0x4B45_4353

    /// The database, for everything that has no method of its own.
    public let database: SQLiteDatabase

    private init(_ database: SQLiteDatabase) { self.database = database }

    /// Opens a database of the newest schema.
    ///
    /// - Throws: `StateError` for a file that is not ours, or older or newer than this program; `SQLiteError`.
    public static func open(
        _ path: FilePath, _ mode: SQLiteDatabase.Mode = .readWrite, busyTimeout: Duration = .seconds(5),
        cancellation: Cancellation? = nil
    ) throws -> StateDatabase {
        let database =
            try mode == .readOnly
            ? SQLiteDatabase.reading(path, busyTimeout: busyTimeout, cancellation: cancellation)
            : SQLiteDatabase(path, mode, busyTimeout: busyTimeout, cancellation: cancellation)
        try examine(database)
        if mode == .readWrite { try database.execute("PRAGMA foreign_keys = ON") }
        return StateDatabase(database)
    }

    /// Makes a database of the newest schema, mode 0600, in WAL mode. An existing one is opened. An empty file, as a
    /// killed `create` leaves it, is filled.
    ///
    /// - Parameter now: The time for the ledger of migrations.
    public static func create(
        _ path: FilePath, at now: Moment, busyTimeout: Duration = .seconds(5),
        cancellation: Cancellation? = nil
    ) throws -> StateDatabase {
        let database = try SQLiteDatabase(path, .create, busyTimeout: busyTimeout, cancellation: cancellation)
        if try isEmpty(database) {
            // Not possible inside a transaction, and harmless for a file that stays empty.
            try database.execute("PRAGMA journal_mode = WAL")
            try database.transaction {
                guard try isEmpty(database) else { return }
                try database.execute("PRAGMA application_id = \(applicationID)")
            }
        }
        if try applicationID(of: database) == applicationID, try version(of: database) == 0 {
            try Migration().run(database, to: SchemaHistory.kecs.newest, at: now)
        }
        try examine(database)
        try database.execute("PRAGMA foreign_keys = ON")
        return StateDatabase(database)
    }

    private static func examine(_ database: SQLiteDatabase) throws {
        let newest = SchemaHistory.kecs.newest
        let found = try applicationID(of: database)
        guard found == applicationID else {
            throw StateError.notOurs(database.path, applicationID: found)
        }
        let version = try version(of: database)
        if version > newest {
            throw StateError.newer(database.path, version: version, newest: newest)
        }
        if version < newest {
            throw StateError.older(database.path, version: version, newest: newest)
        }
    }

    private static func isEmpty(_ database: SQLiteDatabase) throws -> Bool {
        try applicationID(of: database) == 0 && version(of: database) == 0
            && database.value("SELECT count(*) FROM sqlite_schema") == 0
    }

    private static func applicationID(of database: SQLiteDatabase) throws -> Int64 {
        try database.value("PRAGMA application_id")?.integer ?? 0
    }

    private static func version(of database: SQLiteDatabase) throws -> Int64 {
        try database.value("PRAGMA user_version")?.integer ?? 0
    }
}
