// SPDX-License-Identifier: Apache-2.0
import KecsSQLite

/// The columns of one row, by name.
struct RecordFields {
    let table: String
    let positions: [String: Int]
    let row: SQLiteRow

    /// Returns a NOT NULL text.
    func text(_ column: String) throws -> String {
        guard let text = try optional(column) else {
            throw unreadable(column, "NULL where a text must stand")
        }
        return text
    }

    /// Returns a text. NULL and "" stay distinct: the two eras of upstream wrote one or the other.
    func optional(_ column: String) throws -> String? {
        switch try value(column) {
        case .null: return nil
        case .text(let text): return text
        case .brokenText: throw unreadable(column, "the text is not UTF-8")
        case .integer, .real, .blob: throw unreadable(column, "a number or bytes where a text must stand")
        }
    }

    func integer(_ column: String) throws -> Int64 {
        guard let number = try optionalInteger(column) else {
            throw unreadable(column, "NULL where a number must stand")
        }
        return number
    }

    func optionalInteger(_ column: String) throws -> Int64? {
        switch try value(column) {
        case .null: return nil
        case .integer(let number): return number
        default: throw unreadable(column, "no whole number")
        }
    }

    func flag(_ column: String) throws -> Bool { try integer(column) != 0 }
    func json(_ column: String) throws -> JSONText { JSONText(try optional(column)) }

    private func value(_ column: String) throws -> SQLiteValue {
        guard let position = positions[column] else { throw unreadable(column, "there is no such column") }
        return row[position]
    }

    private func unreadable(_ column: String, _ why: String) -> StateError {
        .unreadable(table: table, column: column, why: why)
    }
}

extension StateDatabase {
    /// - Parameter clause: The SQL after the table's name: WHERE, ORDER BY. Without an order, rows come in no fixed
    ///   one.
    func records<Record>(
        of table: String, _ clause: String, _ arguments: [SQLiteValue] = [],
        as make: (RecordFields) throws -> Record
    ) throws -> [Record] {
        let statement = try database.prepare("SELECT * FROM \(table) \(clause)")
        let positions = Dictionary(
            uniqueKeysWithValues: statement.columns.enumerated().map { ($0.element, $0.offset) })
        var records: [Record] = []
        try statement.run(arguments) { row in
            records.append(try make(RecordFields(table: table, positions: positions, row: row)))
        }
        return records
    }
}
