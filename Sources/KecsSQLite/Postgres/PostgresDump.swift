// SPDX-License-Identifier: Apache-2.0
import KecsSystem

extension SQLiteDatabase {
    /// Writes SQL that `psql` (PostgreSQL 10 and newer) loads into an empty database: tables with their rows, keys,
    /// indexes and numbering, as of one moment and in one transaction. A row must fit into memory.
    ///
    /// Definitions that PostgreSQL would not understand unchanged (views, triggers, CHECK constraints, indexes of
    /// expressions) follow as comments.
    ///
    /// - Throws: Also for a damaged database, and for a text that is not UTF-8. The SQL written by then loads nothing.
    public func dumpPostgres(_ write: @escaping ([UInt8]) throws -> Void) throws {
        var sink = TextSink(write)
        try execute("BEGIN")
        defer { endReading() }
        try sink.add(
            """
            -- For psql: psql --set ON_ERROR_STOP=1 --file FILE DATABASE
            SET client_encoding = 'UTF8';
            SET standard_conforming_strings = on;
            SET DateStyle = 'ISO';
            BEGIN;


            """)
        let version = try value("PRAGMA user_version")?.integer ?? 0
        if version != 0 { try sink.add("-- user_version of the SQLite database: \(version)\n\n") }
        let names = try query(
            """
            SELECT name, type FROM pragma_table_list
            WHERE schema = 'main' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name
            """)
        var tables: [PostgresTable] = []
        for row in names where row[1].text == "table" {
            try patience.cancellation?.check()
            tables.append(try PostgresTable(row[0].text ?? "", in: self))
        }
        for table in tables {
            for remark in table.remarks { try sink.add(comment(remark)) }
            try sink.add(table.definition + "\n")
        }
        for table in tables { try addRows(of: table, to: &sink) }
        for table in tables { try addNumbering(of: table, to: &sink) }
        for table in tables { try addIndexes(of: table, to: &sink) }
        for table in tables { try addForeignKeys(of: table, among: tables, to: &sink) }
        try addLeftOut(to: &sink)
        try sink.add("COMMIT;\n")
        try sink.flush()
    }

    // MARK: Rows

    private func addRows(of table: PostgresTable, to sink: inout TextSink) throws {
        let names = table.columns.map(\.name)
        try sink.add("COPY \(sqlIdentifier(table.name)) (\(PostgresTable.list(names))) FROM stdin;\n")
        let columns = names.map(sqlIdentifier).joined(separator: ", ")
        try prepare("SELECT \(columns) FROM main.\(sqlIdentifier(table.name))").run { row in
            var line: [UInt8] = []
            for (column, value) in zip(table.columns, row.values) {
                if !line.isEmpty || column.name != table.columns.first?.name {
                    line.append(UInt8(ascii: "\t"))
                }
                try add(value, of: column, in: table, to: &line)
            }
            line.append(UInt8(ascii: "\n"))
            try sink.add(line)
        }
        try sink.add("\\.\n\n")
    }

    /// Writes a value in the format of https://www.postgresql.org/docs/15/sql-copy.html.
    private func add(
        _ value: SQLiteValue, of column: PostgresColumn, in table: PostgresTable, to line: inout [UInt8]
    ) throws {
        if value.isNull {
            line += Array("\\N".utf8)
            return
        }
        if column.kind == .bytea {
            line += Array("\\\\x".utf8)
            line += SQLiteText.hexDigits(value.bytes ?? Array(Self.text(of: value).utf8))
            return
        }
        switch value {
        case .brokenText:
            throw SQLiteError(
                extendedCode: 1,
                message:
                    "a text in \(table.name).\(column.name) is not UTF-8, which PostgreSQL does not take",
                path: path)
        case .integer(let number) where column.kind == .boolean:
            line.append(UInt8(ascii: number == 0 ? "f" : "t"))
        case .integer, .real: line += Array(Self.text(of: value).utf8)
        case .text(let text):
            for byte in text.utf8 {
                switch byte {
                case UInt8(ascii: "\\"): line += Array("\\\\".utf8)
                case UInt8(ascii: "\n"): line += Array("\\n".utf8)
                case UInt8(ascii: "\r"): line += Array("\\r".utf8)
                case UInt8(ascii: "\t"): line += Array("\\t".utf8)
                default: line.append(byte)
                }
            }
        case .blob, .null: break
        }
    }

    private static func text(of value: SQLiteValue) -> String {
        switch value {
        case .integer(let number): String(number)
        case .real(.infinity): "Infinity"
        case .real(-.infinity): "-Infinity"
        case .real(let number): "\(number)"
        default: value.text ?? ""
        }
    }

    /// The next row gets the number that SQLite would have given it.
    private func addNumbering(of table: PostgresTable, to sink: inout TextSink) throws {
        guard let column = table.identity else { return }
        var last =
            try value("SELECT max(\(sqlIdentifier(column))) FROM main.\(sqlIdentifier(table.name))")?.integer
            ?? 0
        if try value("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'") != nil {
            let counted = try query("SELECT max(seq) FROM sqlite_sequence WHERE name = ?", .text(table.name))
            last = max(last, counted.first?[0].integer ?? 0)
        }
        let place = "pg_get_serial_sequence(\(quoted(sqlIdentifier(table.name))), \(quoted(column)))"
        try sink.add(
            last > 0 ? "SELECT setval(\(place), \(last));\n" : "SELECT setval(\(place), 1, false);\n")
    }

    // MARK: What hangs on the tables

    private func addIndexes(of table: PostgresTable, to sink: inout TextSink) throws {
        let indexes = try query(
            "SELECT name, \"unique\", partial FROM pragma_index_list(?) WHERE origin = 'c' ORDER BY name",
            .text(table.name))
        for row in indexes {
            guard let name = row[0].text else { continue }
            let columns = try query(
                "SELECT name, \"desc\", coll FROM pragma_index_xinfo(?) WHERE key = 1 ORDER BY seqno",
                .text(name))
            let isPlain = columns.allSatisfy { $0[0].text != nil && $0[2].text == "BINARY" }
            guard isPlain, row[2].integer == 0 else {
                let sql = try query("SELECT sql FROM sqlite_schema WHERE name = ?", .text(name)).first?[0]
                    .text
                try sink.add(comment("left out: \(sql ?? name)"))
                continue
            }
            let list = columns.map { column in
                sqlIdentifier(column[0].text ?? "") + (column[1].integer == 1 ? " DESC" : "")
            }.joined(separator: ", ")
            try sink.add(
                "CREATE \(row[1].integer == 1 ? "UNIQUE " : "")INDEX \(sqlIdentifier(name)) "
                    + "ON \(sqlIdentifier(table.name)) (\(list));\n")
        }
    }

    private func addForeignKeys(
        of table: PostgresTable, among tables: [PostgresTable], to sink: inout TextSink
    ) throws {
        let rows = try query(
            "SELECT id, \"table\", \"from\", \"to\", on_update, on_delete FROM pragma_foreign_key_list(?) ORDER BY id, seq",
            .text(table.name))
        let violated = Set(
            try rows.isEmpty
                ? [] : query("SELECT fkid FROM pragma_foreign_key_check(?)", .text(table.name)).map { $0[0] })
        for id in Set(rows.map { $0[0] }).sorted(by: { ($0.integer ?? 0) < ($1.integer ?? 0) }) {
            let own = rows.filter { $0[0] == id }
            guard let first = own.first, let target = first[1].text else { continue }
            let from = own.compactMap { $0[2].text }
            let other = tables.first { $0.name.lowercased() == target.lowercased() }
            var to = own.compactMap { $0[3].text }
            if to.isEmpty { to = other?.key.map(\.name) ?? [] }
            let text = "FOREIGN KEY (\(PostgresTable.list(from))) REFERENCES "
            guard let other, to.count == from.count, other.isUnique(to),
                !other.key.contains(where: \.holdsNull),
                zip(from, to).allSatisfy({ table.column($0)?.kind == other.column($1)?.kind })
            else {
                try sink.add(
                    comment("left out of \(table.name): \(text)\(target) (\(PostgresTable.list(to)))"))
                continue
            }
            let names = to.compactMap { other.column($0)?.name }
            // Rows that violate it may exist already: SQLite checks none unless it is told to.
            try sink.add(
                "ALTER TABLE \(sqlIdentifier(table.name)) ADD \(text)\(sqlIdentifier(other.name)) "
                    + "(\(PostgresTable.list(names))) ON UPDATE \(first[4].text ?? "NO ACTION") "
                    + "ON DELETE \(first[5].text ?? "NO ACTION")\(violated.contains(id) ? " NOT VALID" : "");\n"
            )
        }
    }

    private func addLeftOut(to sink: inout TextSink) throws {
        let others = try query(
            """
            SELECT sql FROM sqlite_schema WHERE sql NOT NULL
            AND (type IN ('view', 'trigger') OR sql LIKE 'CREATE VIRTUAL TABLE%') ORDER BY type, name
            """)
        for row in others { try sink.add(comment("left out: \(row[0].text ?? "")")) }
        let checked = try query(
            """
            SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%CHECK%(%'
            AND sql NOT LIKE 'CREATE VIRTUAL TABLE%' ORDER BY name
            """)
        for row in checked {
            try sink.add(comment("left out: the CHECK constraints of \(row[0].text ?? "")"))
        }
    }

    private func comment(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).map { "-- \($0)\n" }.joined()
    }

    private func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }
}
