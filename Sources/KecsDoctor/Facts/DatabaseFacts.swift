// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSQLite
public import KecsSystem
public import SystemPackage

/// The facts about the state database in its files, without opening it as a database.
public struct DatabaseFacts: Sendable {
    public enum Kind: Sendable, Hashable {
        case missing
        /// The file that `sqlite3 FILE < backup.sqlite` leaves.
        case empty
        case sqlite
        case duckdb
        case other
    }

    public let file: FilePath
    public let kind: Kind
    /// The status of the file; nil when it is missing.
    public let status: FileStatus?
    public let walBytes: Int64
    /// True when the header says WAL (bytes 18 and 19 of the file format).
    public let usesWAL: Bool
    /// The existing ones of `-wal`, `-shm`, `-journal` and DuckDB's `.wal`.
    public let sidecars: [String]

    public init(_ file: FilePath) throws {
        self.file = file
        status = try FileStatus.of(file.resolved())
        var found: [String] = []
        var wal: Int64 = 0
        for suffix in DatabaseEngine.sidecarSuffixes {
            guard let status = try FileStatus.of(file.beside(suffix)) else { continue }
            found.append(suffix)
            if suffix == "-wal" || suffix == ".wal" { wal = wal.adding(status.size) }
        }
        sidecars = found
        walBytes = wal
        guard let status, status.kind == .file else {
            (kind, usesWAL) = (status == nil ? .missing : .other, false)
            return
        }
        let head = status.size == 0 ? [] : try file.resolved().prefix(100)
        usesWAL = head.count > 19 && head[18] == 2 && head[19] == 2
        kind =
            if status.size == 0 {
                .empty
            } else if head.starts(with: Array("SQLite format 3\0".utf8)) {
                .sqlite
            } else if head.dropFirst(8).starts(with: Array("DUCK".utf8)) {
                .duckdb
            } else {
                .other
            }
    }

    /// Reads the database without leaving anything behind.
    ///
    /// A database that a server has open is read under SQLite's locks. One that was closed cleanly is read without:
    /// opening it normally would create `-wal` and `-shm` next to it, owned by the user who runs the doctor, and lock
    /// its server out.
    ///
    /// - Throws: `CannotTell` when it is no SQLite database, when only recovery could read it, or when it changed
    ///   meanwhile.
    func read<Value>(_ cancellation: Cancellation, _ body: (SQLiteDatabase) throws -> Value) throws -> Value {
        guard kind == .sqlite else { throw CannotTell("\(file) is no SQLite database") }
        if sidecars.contains("-journal") {
            // A transaction that was cut off is rolled back in a private copy.
            return try body(
                try SQLiteDatabase.reading(file, busyTimeout: .seconds(2), cancellation: cancellation))
        }
        if sidecars.contains("-wal") || sidecars.contains("-shm") {
            guard sidecars.contains("-shm") else {
                throw CannotTell("it was not closed; the next start recovers it")
            }
            let database = try SQLiteDatabase(
                file, .readOnly, busyTimeout: .seconds(2), cancellation: cancellation)
            return try body(database)
        }
        let result: Result<Value, any Error>
        do {
            let database = try SQLiteDatabase(file.resolved(), .immutable, cancellation: cancellation)
            result = .success(try body(database))
        } catch {
            result = .failure(error)
        }
        let now = try FileStatus.of(file.resolved())
        guard now == status, try !file.beside("-wal").isPresent else {
            throw CannotTell("it was being written meanwhile")
        }
        return try result.get()
    }
}
