// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
public import SystemPackage

/// Writes a database as text, and makes a database from text.
public struct DumpDatabase: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// The program that the SQL is for.
    public enum Dialect: String, CaseIterable, Sendable {
        /// The output of `sqlite3 FILE .dump`.
        case sqlite
        /// SQL that `psql` loads into an empty database.
        case postgres
    }

    /// Writes the whole dump, piece by piece.
    public func sql(
        _ target: DatabaseTarget, _ dialect: Dialect = .sqlite, to write: @escaping ([UInt8]) throws -> Void
    ) throws {
        let database = try target.open(site)
        switch dialect {
        case .sqlite: try database.dumpSQL(write)
        case .postgres: try database.dumpPostgres(write)
        }
    }

    /// Writes the output of `sqlite3 -header -csv FILE "SELECT * FROM table"`, piece by piece.
    public func csv(
        _ target: DatabaseTarget, table: String, to write: @escaping ([UInt8]) throws -> Void
    ) throws {
        let database = try target.open(site)
        let names = try database.query("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")
            .compactMap { $0[0].text }
        guard names.contains(table) else {
            throw Failure(
                .usage, "\(target.name) has no table “\(table)”",
                cause: "there are \(names.sorted().joined(separator: ", "))",
                remedy: "kecsctl db query \(target.argument) \"SELECT name FROM sqlite_schema\"")
        }
        try database.writeCSV(table: table, to: write)
    }

    /// Makes a new database from a dump.
    public func load(_ dump: FilePath, into file: FilePath) throws -> LoadReport {
        guard let status = try FileStatus.following(dump) else {
            throw Failure(.notFound, "there is no file \(dump)")
        }
        guard status.kind == .file else {
            throw Failure(
                .usage, "\(dump) is no regular file", cause: "a dump is read more than once",
                remedy: "ls -ld \(ShellWords.quote([dump.string]))")
        }
        guard try !file.isPresent else {
            throw Failure(
                .usage, "\(file) exists already", remedy: "kecsctl db load \(dump) --into \(file).new")
        }
        let draft = file.draftBeside()
        let facts: SQLiteSnapshotFacts
        do {
            facts = try loadSQLDump(
                dump, into: draft, cancellation: site.machine.cancellation, progress: site.machine.progress)
            try draft.renameWithoutReplacing(to: file)
            try file.removingLastComponent().sync()
        } catch {
            if try draft.isPresent { try draft.remove() }
            throw error
        }
        return LoadReport(outcome: .done, database: file.string, bytes: facts.bytes, tables: facts.tables)
    }
}

/// The result of `db load`.
public struct LoadReport: OperationReport {
    public static let kind = "LoadReport"
    public var outcome: Outcome
    public var database: String
    public var bytes: Int64
    /// Rows by table.
    public var tables: [String: Int64]
}
