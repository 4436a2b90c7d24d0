// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// A database's content, regardless of its pages: equal for two files with the same tables, rows, indexes, views and
/// triggers, in any order of rows and columns.
public struct DatabaseContent: Hashable, Sendable {
    public struct Table: Hashable, Sendable {
        public var rows: Int64
        /// A digest over all rows as a set, columns by name.
        public var digest: String
        /// The columns, by name.
        public var columns: [String: String]
    }

    public var tables: [String: Table]
    /// Normalised SQL by "table users", "index users_by_name" …
    public var schema: [String: String]

    /// A line for people and reports.
    public var digest: String {
        let hasher = SHA256()
        for (name, table) in tables.sorted(by: { $0.key < $1.key }) {
            hasher.update(Array("\(name)\0\(table.rows)\0\(table.digest)\0".utf8))
        }
        for (name, sql) in schema.sorted(by: { $0.key < $1.key }) {
            hasher.update(Array("\(name)\0\(sql)\0".utf8))
        }
        return hasher.finish()
    }

    /// Returns the differences from `other`, in words; empty when they are equal.
    public func differences(from other: DatabaseContent) -> [String] {
        var found: [String] = []
        for name in Set(tables.keys).union(other.tables.keys).sorted() {
            switch (tables[name], other.tables[name]) {
            case (let mine?, let theirs?):
                for column in theirs.columns.keys.sorted() where mine.columns[column] == nil {
                    found.append("the column \(name).\(column) is lost")
                }
                for column in mine.columns.keys.sorted() where theirs.columns[column] == nil {
                    found.append("the column \(name).\(column) is new")
                }
                if mine.rows != theirs.rows {
                    found.append("\(name) has \(mine.rows) rows instead of \(theirs.rows)")
                } else if mine.digest != theirs.digest, Set(mine.columns.keys) == Set(theirs.columns.keys) {
                    found.append("values in \(name) are not what they were")
                }
            case (nil, let theirs?): found.append("the table \(name) with \(theirs.rows) rows is lost")
            case (_?, nil): found.append("the table \(name) is new")
            case (nil, nil): break
            }
        }
        for name in Set(schema.keys).union(other.schema.keys).sorted()
        where schema[name] != other.schema[name] {
            switch (schema[name], other.schema[name]) {
            case (nil, _): found.append("the \(name) is lost")
            case (_, nil): found.append("the \(name) is new")
            default: found.append("the definition of the \(name) is not what it was")
            }
        }
        return found
    }
}

extension SQLiteDatabase {
    /// - Parameter isCounted: Called for each table by name. Everything that belongs to a table for which it returns
    ///   false is left out too.
    public func content(where isCounted: (String) -> Bool = { _ in true }) throws -> DatabaseContent {
        var content = DatabaseContent(tables: [:], schema: [:])
        for table in try ordinaryTables() where isCounted(table) {
            content.tables[table] = try tableContent(table)
        }
        for object in try schemaSQL() where isCounted(object.table) {
            content.schema["\(object.kind) \(object.name)"] = comparableSQL(object.sql)
        }
        return content
    }

    private func tableContent(_ table: String) throws -> DatabaseContent.Table {
        var columns: [String: String] = [:]
        for row in try query("SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden <> 1", .text(table)) {
            columns[row[0].text ?? ""] = row[1].text ?? ""
        }
        let list = columns.keys.sorted().map { sqlIdentifier($0) }.joined(separator: ", ")
        var rows = RowSetDigest()
        try prepare("SELECT \(list) FROM main.\(sqlIdentifier(table))").run { rows.add($0.values) }
        return DatabaseContent.Table(rows: rows.count, digest: rows.text, columns: columns)
    }
}

/// A digest over rows as a set: it does not depend on their order, and counts equal rows.
public struct RowSetDigest: Hashable, Sendable {
    public private(set) var count: Int64 = 0
    private var sum: [UInt64] = [0, 0, 0, 0]

    public init() {}

    public var text: String { sum.map { String($0, radix: 16) }.joined(separator: "-") }

    public mutating func add(_ values: [SQLiteValue]) {
        count += 1
        for (index, part) in Self.hash(values).enumerated() { sum[index] &+= part }
    }

    private static func hash(_ values: [SQLiteValue]) -> [UInt64] {
        var bytes: [UInt8] = []
        func add(_ kind: UInt8, _ content: [UInt8]) {
            bytes.append(kind)
            withUnsafeBytes(of: content.count.littleEndian) { bytes += $0 }
            bytes += content
        }
        for value in values {
            switch value {
            case .null: add(0, [])
            case .integer(let number): withUnsafeBytes(of: number.littleEndian) { add(1, Array($0)) }
            case .real(let number):
                withUnsafeBytes(of: number.bitPattern.littleEndian) { add(2, Array($0)) }
            case .text(let text): add(3, Array(text.utf8))
            case .brokenText(let text): add(3, text)
            case .blob(let blob): add(4, blob)
            }
        }
        let digest = sha256Bytes(bytes)
        return (0..<4).map { part in
            digest[part * 8..<part * 8 + 8].reduce(0) { $0 << 8 | UInt64($1) }
        }
    }
}

/// Returns the SQL in a form in which two definitions with the same meaning are equal, although a rebuild has quoted a
/// name or moved a column. Plain names lose their quotes, and the parts of a table's definition are sorted.
func comparableSQL(_ sql: String) -> String {
    let tokens = splitSQL(sql).first?.tokens ?? []
    let bare = tokens.map { token in
        guard let quote = token.first, "\"`[".contains(quote), token.count > 2 else { return token }
        let inner = token.dropFirst().dropLast()
        let isPlain = inner.utf8.allSatisfy {
            $0 == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
        }
        return isPlain ? inner.uppercased() : String(token)
    }
    guard bare.starts(with: ["CREATE", "TABLE"]), let open = bare.firstIndex(of: "(") else {
        return bare.joined(separator: " ")
    }
    var parts: [[String]] = [[]]
    var depth = 0
    var tail: [String] = []
    for token in bare[open...] {
        if token == ")" { depth -= 1 }
        if depth == 0, token != "(" {
            if token != ")" { tail.append(token) }
        } else if depth == 1, token == "," {
            parts.append([])
        } else if depth > 0 {
            parts[parts.count - 1].append(token)
        }
        if token == "(" { depth += 1 }
    }
    return
        (bare[..<open].joined(separator: " ") + " ( "
        + parts.map { $0.joined(separator: " ") }.sorted().joined(separator: " , ") + " ) "
        + tail.joined(separator: " "))
}
