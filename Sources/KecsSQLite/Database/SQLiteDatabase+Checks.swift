// SPDX-License-Identifier: Apache-2.0
import CSQLite

/// A row that refers to a missing one.
public struct ForeignKeyViolation: Hashable, Sendable {
    public let table: String
    /// Nil in a WITHOUT ROWID table.
    public let rowid: Int64?
    public let parent: String

    public init(table: String, rowid: Int64?, parent: String) {
        self.table = table
        self.rowid = rowid
        self.parent = parent
    }
}

extension SQLiteDatabase {
    /// Returns the problems that `integrity_check` or `quick_check` reports, up to `limit`; none means sound.
    ///
    /// It is no checksum: it misses four of five single flipped bits in a table without an index.
    ///
    /// - Parameters:
    ///   - quick: True to skip the comparison of every index with its table.
    ///   - constraints: True when a row that breaks a CHECK or NOT NULL of its table counts as a problem. The file
    ///     itself is sound then.
    /// - Throws: Errors that do not concern the content: no permission, busy, out of memory, `Interrupted`; and
    ///   SQLITE_ERROR when the schema needs a function or collation that the program which wrote it has, and this one
    ///   does not.
    public func integrityProblems(
        quick: Bool = false, limit: Int = 20, constraints: Bool = true
    ) throws -> [String] {
        var problems: [String] = []
        try execute("PRAGMA ignore_check_constraints = \(constraints ? "OFF" : "ON")")
        do {
            try prepare("PRAGMA \(quick ? "quick_check" : "integrity_check")(\(limit))").run { row in
                let text = row[0].bytes.map { String(decoding: $0, as: UTF8.self) } ?? "unreadable answer"
                if text == "ok" || !constraints && text.hasPrefix("NULL value in ") { return }
                problems.append(text)
            }
        } catch let error as SQLiteError where error.isCorrupt {
            // An unreadable page ends the check instead of being a line of its answer.
            problems.append(error.message)
        }
        return problems
    }

    /// Returns every row whose foreign key points at nothing; also where foreign keys are not enforced.
    public func foreignKeyViolations(limit: Int = 1000) throws -> [ForeignKeyViolation] {
        try query("SELECT \"table\", rowid, parent FROM pragma_foreign_key_check LIMIT \(limit)").map { row in
            ForeignKeyViolation(
                table: row[0].text ?? "", rowid: row[1].integer, parent: row[2].text ?? "")
        }
    }

    /// Returns the number of rows of each ordinary table of the main database. Virtual tables, their shadow tables and
    /// SQLite's own are left out.
    public func tableRowCounts() throws -> [String: Int64] {
        var counts: [String: Int64] = [:]
        for table in try ordinaryTables() {
            counts[table] = try value("SELECT count(*) FROM main.\(sqlIdentifier(table))")?.integer
        }
        return counts
    }

    /// Returns the names, in the order of their creation.
    public func ordinaryTables() throws -> [String] {
        // pragma_table_list knows which tables belong to a virtual one, where that one's module is built in.
        try query(
            """
            SELECT s.name FROM sqlite_schema AS s JOIN pragma_table_list AS l ON l.name = s.name
            WHERE s.type = 'table' AND l.schema = 'main' AND l.type = 'table' AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
            ORDER BY s.rowid
            """
        ).compactMap { $0[0].text }
    }
}
