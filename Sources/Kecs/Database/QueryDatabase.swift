// SPDX-License-Identifier: Apache-2.0
public import KecsSQLite
public import KecsSystem

/// The answer to a query.
public struct QueryReport: OperationReport {
    public static let kind = "QueryReport"
    public var outcome: Outcome
    public var columns: [String]
    public var rows: [[JSONValue]]
    /// The limit on rows was reached; CSV has none.
    public var isCut: Bool
}

/// Queries the database without being able to change it.
public struct QueryDatabase: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// - Parameter limit: The most rows held in memory.
    public func run(_ target: DatabaseTarget, _ sql: String, limit: Int = 100_000) throws -> QueryReport {
        let database = try target.open(site)
        let statement = try reading(sql, in: database, target)
        var report = QueryReport(outcome: .done, columns: statement.columns, rows: [], isCut: false)
        do {
            try statement.run { row in
                guard report.rows.count < limit else { throw Enough() }
                report.rows.append(row.values.map { JSONValue($0) })
            }
        } catch is Enough {
            report.isCut = true
        }
        return report
    }

    /// Writes the result as `sqlite3 -header -csv` does, piece by piece.
    public func csv(
        _ target: DatabaseTarget, _ sql: String, to write: @escaping ([UInt8]) throws -> Void
    ) throws {
        let database = try target.open(site)
        _ = try reading(sql, in: database, target)
        try database.writeCSV(sql, to: write)
    }

    private struct Enough: Error {}

    /// Commands that read. VACUUM INTO, ATTACH and some pragmas write although SQLite calls them reading.
    private static let reading: Set<String> = ["SELECT", "WITH", "VALUES", "EXPLAIN"]
    private static let readingPragmas: Set<String> = [
        "TABLE_LIST", "TABLE_INFO", "TABLE_XINFO", "INDEX_LIST", "INDEX_INFO", "INDEX_XINFO",
        "FOREIGN_KEY_LIST", "FOREIGN_KEY_CHECK", "INTEGRITY_CHECK", "QUICK_CHECK", "DATABASE_LIST",
        "COLLATION_LIST", "FUNCTION_LIST", "COMPILE_OPTIONS",
    ]
    private static let actingPragmas: Set<String> = ["WAL_CHECKPOINT", "OPTIMIZE", "INCREMENTAL_VACUUM"]

    private func reading(
        _ sql: String, in database: SQLiteDatabase, _ target: DatabaseTarget
    ) throws -> SQLiteStatement {
        let statement = try database.prepare(sql)
        let tokens = (splitSQL(sql).first?.tokens ?? []).filter { $0 != ";" }
        let first = tokens.first ?? ""
        var isAllowed = Self.reading.contains(first)
        if first == "PRAGMA", tokens.count > 1 {
            // With a name alone every pragma only reads, except for a few that act.
            isAllowed =
                Self.readingPragmas.contains(tokens[1])
                || (tokens.count == 2 && !Self.actingPragmas.contains(tokens[1]))
        }
        guard isAllowed, statement.isReadOnly else {
            throw Failure(
                .usage, "`db query` only reads, and this would write", cause: "\(first) …",
                remedy: "kecsctl db dump \(target.argument)")
        }
        return statement
    }
}

extension JSONValue {
    /// A blob as hexadecimal, as `hex()` writes it.
    public init(_ value: SQLiteValue) {
        switch value {
        case .null: self = .null
        case .integer(let number): self = .integer(number)
        case .real(let number): self = .real(number)
        case .text(let text): self = .string(text)
        case .brokenText(let bytes): self = .string(String(decoding: bytes, as: UTF8.self))
        case .blob(let bytes): self = .string(hex(bytes).uppercased())
        }
    }
}
