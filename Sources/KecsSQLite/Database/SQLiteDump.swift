// SPDX-License-Identifier: Apache-2.0
import CSQLite

extension SQLiteDatabase {
    /// Writes the output of `sqlite3 FILE .dump` (3.40), byte for byte, as of one moment.
    ///
    /// It differs in two cases. A text with a NUL in it is written whole. And after the last line come `user_version`,
    /// `application_id` and the WAL mode where the database has them: a control plane that finds version 0 migrates.
    ///
    /// - Throws: Also for a damaged database, of which the tool would write a part.
    public func dumpSQL(_ write: @escaping ([UInt8]) throws -> Void) throws {
        var sink = TextSink(write)
        try execute("BEGIN")
        defer { endReading() }
        try sink.add("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n")
        let tables = try query(
            """
            SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql NOT NULL
            ORDER BY tbl_name = 'sqlite_sequence', rowid
            """)
        var hasVirtualTable = false
        for row in tables {
            guard let name = row[0].text, let sql = row[1].text else { throw unreadableSchema }
            if sql.hasPrefix("CREATE VIRTUAL TABLE") {
                if !hasVirtualTable { try sink.add("PRAGMA writable_schema=ON;\n") }
                hasVirtualTable = true
                let table = doubled(name)
                try sink.add(
                    "INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)"
                        + "VALUES('table','\(table)','\(table)',0,'\(doubled(sql))');\n")
            } else if try addDefinition(of: name, sql, to: &sink) {
                try addRows(of: name, to: &sink)
            }
        }
        let others =
            "SELECT sql FROM sqlite_schema WHERE sql NOT NULL AND type IN ('index', 'trigger', 'view')"
        for row in try query(others) {
            guard let sql = row[0].text else { throw unreadableSchema }
            // A comment at the end would swallow the semicolon.
            try sink.add(sql + (Array(sql.utf8).firstRange(of: Array("--".utf8)) == nil ? ";\n" : "\n;\n"))
        }
        if hasVirtualTable { try sink.add("PRAGMA writable_schema=OFF;\n") }
        try sink.add("COMMIT;\n")
        for name in ["user_version", "application_id"] {
            let number = try value("PRAGMA \(name)")?.integer ?? 0
            if number != 0 { try sink.add("PRAGMA \(name)=\(number);\n") }
        }
        if try usesWAL() { try sink.add("PRAGMA journal_mode=WAL;\n") }
        try sink.flush()
    }

    /// - Returns: True when its rows follow.
    private func addDefinition(of name: String, _ sql: String, to sink: inout TextSink) throws -> Bool {
        if name == "sqlite_sequence" {
            try sink.add("DELETE FROM sqlite_sequence;\n")
        } else if name.hasPrefix("sqlite_stat"), name.utf8.count == 12 {
            try sink.add("ANALYZE sqlite_schema;\n")
        } else if name.hasPrefix("sqlite_") {
            return false
        } else if sql.hasPrefix("CREATE TABLE '") || sql.hasPrefix("CREATE TABLE \"") {
            try sink.add("CREATE TABLE IF NOT EXISTS \(sql.dropFirst(13));\n")
        } else {
            try sink.add("\(sql);\n")
        }
        return true
    }

    private func addRows(of table: String, to sink: inout TextSink) throws {
        // table_info leaves generated columns out, and VALUES must not name them.
        let columns = try query("SELECT name FROM pragma_table_info(?)", .text(table)).compactMap {
            $0[0].text
        }
        let list = columns.map(sqlIdentifier).joined(separator: ",")
        let start = Array("INSERT INTO \(SQLiteText.name(table)) VALUES(".utf8)
        func add(_ values: ArraySlice<SQLiteValue>) throws {
            var line = start
            for (index, value) in values.enumerated() {
                if index > 0 { line.append(UInt8(ascii: ",")) }
                line += SQLiteText.literal(value)
            }
            try sink.add(line + Array(");\n".utf8))
        }
        guard let rowid = rowidName(of: table, besides: columns) else {
            return try prepare("SELECT \(list) FROM main.\(sqlIdentifier(table))").run {
                try add($0.values[...])
            }
        }
        let rows = "FROM main.\(sqlIdentifier(table))"
        var last: Int64?
        while true {
            do {
                let after = last.map { " WHERE \(rowid) > \($0)" } ?? ""
                try limitingRows(to: Self.rowLimit) {
                    try prepare("SELECT \(rowid), \(list) \(rows)\(after) ORDER BY \(rowid)").run { row in
                        try add(row.values.dropFirst())
                        last = row[0].integer
                    }
                }
                return
            } catch let error as SQLiteError where error.code == SQLITE_TOOBIG {
                let after = last.map { " WHERE \(rowid) > \($0)" } ?? ""
                guard let large = try value("SELECT min(\(rowid)) \(rows)\(after)")?.integer else {
                    throw error
                }
                try addLargeRow(of: table, large, named: rowid, columns: columns, to: &sink)
                last = large
            }
        }
    }

    private var unreadableSchema: SQLiteError {
        SQLiteError(extendedCode: SQLITE_CORRUPT, message: "the schema is not UTF-8", path: path)
    }

    private func doubled(_ text: String) -> String {
        String(text.unicodeScalars.flatMap { $0 == "'" ? ["'", "'"] : [$0] }.map(Character.init))
    }
}
