// SPDX-License-Identifier: Apache-2.0
import CSQLite

/// A row that refers to one that is not there.
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
    /// What `integrity_check` or `quick_check` says, up to `limit` problems; none means sound.
    ///
    /// It is no checksum: of single flipped bits in a table without an index it misses four in five.
    ///
    /// - Parameters:
    ///   - quick: Leaves out the comparison of every index with its table.
    ///   - constraints: Whether a row that breaks a CHECK or NOT NULL of its table is a problem. It is none of the file.
    /// - Throws: What is not about the content: no permission, busy, out of memory, `Interrupted`; and SQLITE_ERROR when
    ///   the schema needs a function or collation that the program has which wrote it, and this one has not.
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
            // A page that cannot be read at all ends the check instead of being a line of its answer.
            problems.append(error.message)
        }
        return problems
    }

    /// Every row whose foreign key points at nothing; also where foreign keys are not enforced.
    public func foreignKeyViolations(limit: Int = 1000) throws -> [ForeignKeyViolation] {
        try query("SELECT \"table\", rowid, parent FROM pragma_foreign_key_check LIMIT \(limit)").map { row in
            ForeignKeyViolation(
                table: row[0].text ?? "", rowid: row[1].integer, parent: row[2].text ?? "")
        }
    }

    /// How many rows each ordinary table of the main database has. Virtual tables, their shadow tables and SQLite's own are left out.
    public func tableRowCounts() throws -> [String: Int64] {
        var counts: [String: Int64] = [:]
        for table in try ordinaryTables() {
            counts[table] = try value("SELECT count(*) FROM main.\(sqlIdentifier(table))")?.integer
        }
        return counts
    }

    /// By name, in the order of their creation.
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
