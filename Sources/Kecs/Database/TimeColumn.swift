// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem

/// A column of a table that holds nothing but times, in one of the forms that databases have for them.
struct TimeColumn {
    /// The name as it is written in SQL.
    let table: String
    let column: String
    private let form: Form

    private enum Form {
        /// ISO 8601, as SQLite reads it.
        case text
        /// Counted since 1970.
        case seconds, milliseconds, microseconds
    }

    /// - Throws: `Failure(.usage)` when there is no such table or column, or when any of its values is no time.
    init(_ table: String, _ column: String, in database: SQLiteDatabase, _ target: DatabaseTarget) throws {
        let tables = try database.ordinaryTables()
        guard let table = tables.first(where: { $0.lowercased() == table.lowercased() }) else {
            let near = NearestWord.of(table, among: tables)
            throw Failure(
                .usage, "the database of \(target.name) has no table “\(table)”",
                cause: near.map { "the nearest is “\($0)”" }
                    ?? "it has \(tables.sorted().joined(separator: ", "))",
                remedy: "kecsctl db check \(target.argument)")
        }
        let columns = try database.query("SELECT name FROM pragma_table_info(?)", .text(table)).compactMap {
            $0[0].text
        }
        guard let column = columns.first(where: { $0.lowercased() == column.lowercased() }) else {
            throw Failure(
                .usage, "the table “\(table)” has no column “\(column)”",
                cause: "it has \(columns.joined(separator: ", "))",
                remedy: "kecsctl db query \(target.argument) \"SELECT * FROM \(table) LIMIT 1\"")
        }
        self.table = sqlIdentifier(table)
        self.column = sqlIdentifier(column)
        form = try Self.form(self.table, self.column, in: database) { value in
            Failure(
                .usage, "the column “\(column)” of “\(table)” is no time",
                cause: "one of its values is \(value)",
                remedy: "kecsctl db query \(target.argument) \"SELECT \(column) FROM \(table) LIMIT 5\"")
        }
    }

    /// Returns the form in which every value is a time between 1980 and 2200. Ids and amounts do not qualify, and
    /// seconds differ from milliseconds.
    /// A column without a value counts as one of texts.
    private static func form(
        _ table: String, _ column: String, in database: SQLiteDatabase, refusal: (String) -> Failure
    ) throws -> Form {
        guard
            let type = try database.value(
                "SELECT typeof(\(column)) FROM \(table) WHERE \(column) IS NOT NULL LIMIT 1")?.text
        else { return .text }  // Nothing in it is older than any time.
        let (first, last) = (Int64(315_532_800), Int64(7_258_118_400))
        let forms: [(Form, String)] =
            type == "text"
            ? [
                (
                    .text,
                    "typeof(\(column)) = 'text' AND \(column) GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*' "
                        + "AND strftime('%s', \(column)) IS NOT NULL"
                )
            ]
            : [(Form.seconds, Int64(1)), (.milliseconds, 1000), (.microseconds, 1_000_000)].map {
                form, factor in
                (
                    form,
                    "typeof(\(column)) IN ('integer', 'real') AND \(column) BETWEEN \(first * factor) AND \(last * factor)"
                )
            }
        var odd: String?
        for (form, condition) in forms {
            let value = try database.value(
                "SELECT quote(\(column)) FROM \(table) WHERE \(column) IS NOT NULL AND NOT (\(condition)) LIMIT 1"
            )
            guard let value else { return form }
            odd = odd ?? value.text
        }
        throw refusal(odd.map { String($0.prefix(80)) } ?? "of another kind")
    }

    func count(before moment: Moment, in database: SQLiteDatabase) throws -> Int64 {
        try database.value("SELECT count(*) FROM \(table) WHERE \(age) < ?", limit(moment))?.integer ?? 0
    }

    /// - Returns: The number of removed rows, without those that foreign keys removed with them.
    func remove(before moment: Moment, in database: SQLiteDatabase) throws -> Int64 {
        let count = try count(before: moment, in: database)
        try database.execute("DELETE FROM \(table) WHERE \(age) < ?", limit(moment))
        return count
    }

    private var age: String {
        form == .text ? "CAST(strftime('%s', \(column)) AS INTEGER)" : column
    }

    private func limit(_ moment: Moment) -> SQLiteValue {
        switch form {
        case .text, .seconds: .integer(moment.seconds)
        case .milliseconds: .integer(moment.seconds * 1000)
        case .microseconds: .integer(moment.seconds * 1_000_000)
        }
    }
}
