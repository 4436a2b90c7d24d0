// SPDX-License-Identifier: Apache-2.0

/// A table, index, view or trigger, with SQL that compares equal regardless of spaces and comments.
public struct SQLiteSchemaObject: Hashable, Sendable {
    public let kind: String
    public let name: String
    public let table: String
    public let sql: String
}

extension SQLiteDatabase {
    /// Returns everything that has SQL of its own in the schema, by kind and name. SQLite's own tables and automatic
    /// indexes are left out.
    public func schemaSQL() throws -> [SQLiteSchemaObject] {
        try query(
            """
            SELECT type, name, tbl_name, sql FROM sqlite_schema
            WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name
            """
        ).map { row in
            SQLiteSchemaObject(
                kind: row[0].text ?? "", name: row[1].text ?? "", table: row[2].text ?? "",
                sql: normalizedSQL(row[3].text ?? ""))
        }
    }
}

/// Returns the statement without comments, and with one space where tokens need one. Quoted text is untouched.
public func normalizedSQL(_ sql: String) -> String {
    var result: [UInt8] = []
    var rest = Array(sql.utf8)[...]
    var gap = false
    func glues(_ byte: UInt8) -> Bool { "(),;=<>+*/|".utf8.contains(byte) }
    func add(_ piece: ArraySlice<UInt8>) {
        if gap, let last = result.last, let first = piece.first, !glues(last), !glues(first) {
            result.append(UInt8(ascii: " "))
        }
        gap = false
        result += piece
    }
    while let byte = rest.first {
        switch byte {
        case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"), UInt8(ascii: "["):
            let close = byte == UInt8(ascii: "[") ? UInt8(ascii: "]") : byte
            let end = rest.dropFirst().firstIndex(of: close).map { $0 + 1 } ?? rest.endIndex
            // A doubled quote continues the same literal, without a gap between the halves.
            add(rest[..<end])
            rest = rest[end...]
        case UInt8(ascii: "-") where rest.dropFirst().first == UInt8(ascii: "-"):
            rest = rest.drop { $0 != UInt8(ascii: "\n") }
            gap = true
        case UInt8(ascii: "/") where rest.dropFirst().first == UInt8(ascii: "*"):
            rest = rest.dropFirst(2)
            while !rest.isEmpty, !rest.starts(with: "*/".utf8) { rest = rest.dropFirst() }
            rest = rest.dropFirst(2)
            gap = true
        case UInt8(ascii: " "), 9...13:
            rest = rest.dropFirst()
            gap = true
        default:
            add(rest[..<(rest.startIndex + 1)])
            rest = rest.dropFirst()
        }
    }
    return String(decoding: result, as: UTF8.self)
}
