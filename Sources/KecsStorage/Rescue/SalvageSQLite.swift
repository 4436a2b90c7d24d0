// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// How many rows of each table were found.
public struct SalvagedRows: Hashable, Sendable {
    /// By table, in the new database.
    public var tables: [String: Int64] = [:]
    /// Rows that were found but fit no table, or not beside the others: in the table `lost_and_found`.
    public var lostAndFound: Int64 = 0
    /// Indexes, triggers and views that could not be made again, with the reason.
    public var notMade: [String] = []
}

/// Reads every row that can be made sense of out of a damaged database into a new one, page by page, without SQLite's
/// own reading: one bad page then costs its own rows and no others. Like `.recover` of the sqlite3 tool, which
/// distributions build without the module that it needs.
///
/// - Parameter copy: Of the damaged file, its write-ahead log already brought in as far as that is possible.
/// - Parameter destination: Must not exist; after an error it is gone again.
public func salvageSQLite(
    _ copy: FilePath, into destination: FilePath, cancellation: Cancellation
) throws -> SalvagedRows {
    let pages = try SQLitePages(copy)
    do {
        let database = try SQLiteDatabase(destination, .create, cancellation: cancellation)
        try database.execute("PRAGMA synchronous = OFF")
        try database.execute("PRAGMA page_size = \(pages.pageSize)")
        var salvage = Salvage(pages: pages, database: database, cancellation: cancellation)
        let rows = try database.transaction { try salvage.run() }
        try destination.sync()
        return rows
    } catch {
        for suffix in ["", "-wal", "-journal"] {
            let file = beside(destination, suffix)
            if file.isPresent { try file.remove() }
        }
        throw error
    }
}

private struct Salvage {
    let pages: SQLitePages
    let database: SQLiteDatabase
    let cancellation: Cancellation
    var result = SalvagedRows()
    var seen: Set<Int> = []

    struct Table {
        var name: String
        var root: Int
        /// Names of the columns that lie in a record, in its order; nil for one that is computed.
        var columns: [String?]
        var rowidColumn: Int?
        var insert: SQLiteStatement
    }

    mutating func run() throws -> SalvagedRows {
        let schema = leaves(below: 1).flatMap { pages.records($0) }.compactMap { record -> [String?]? in
            guard record.values.count == 5 else { return nil }
            return [
                record.values[0].text, record.values[1].text, record.values[3].integer.map { "\($0)" },
                record.values[4].text,
            ]
        }
        var tables: [Table] = []
        for entry in schema where entry[0] == "table" {
            guard let name = entry[1], let sql = entry[3], !name.hasPrefix("sqlite_") else { continue }
            if let table = try table(name, sql, root: entry[2].flatMap { Int($0) } ?? 0) {
                tables.append(table)
            }
        }
        try database.execute(
            "CREATE TABLE IF NOT EXISTS lost_and_found (page INTEGER, id INTEGER, fields INTEGER, row TEXT)")
        for table in tables {
            for page in leaves(below: table.root) { try add(page, to: [table]) }
        }
        // Leaves that no readable page leads to any more.
        let free = pages.freePages()
        for page in 2..<max(pages.count + 1, 2)
        where !seen.contains(page) && !free.contains(page) && pages.kind(page) == .tableLeaf {
            try add(page, to: tables)
        }
        for entry in schema where entry[0] != "table" {
            guard let sql = entry[3], let name = entry[1] else { continue }
            do {
                try database.execute(sql)
            } catch let error as SQLiteError {
                result.notMade.append("\(entry[0] ?? "") \(name): \(error.message)")
            }
        }
        if result.lostAndFound == 0 { try database.execute("DROP TABLE lost_and_found") }
        return result
    }

    private mutating func table(_ name: String, _ sql: String, root: Int) throws -> Table? {
        do {
            try database.execute(sql)
        } catch let error as SQLiteError {
            result.notMade.append("table \(name): \(error.message)")
            return nil
        }
        result.tables[name] = 0
        let columns = try database.query(
            "SELECT name, upper(type), pk, hidden FROM pragma_table_xinfo(?)", .text(name))
        let keys = columns.filter { ($0[2].integer ?? 0) > 0 }
        // Only INTEGER PRIMARY KEY, alone, is the rowid itself; the record then holds NULL in its place.
        let alias = keys.count == 1 && keys[0][1].text == "INTEGER" ? keys[0][0].text : nil
        let stored = columns.filter { $0[3].integer != 2 }
        let names = stored.map { $0[3].integer == 0 ? $0[0].text : nil }
        let list = names.compactMap(\.self)
        let insert = try database.prepare(
            "INSERT INTO \(sqlIdentifier(name)) (\(list.map { sqlIdentifier($0) }.joined(separator: ", "))) "
                + "VALUES (\(list.map { _ in "?" }.joined(separator: ", ")))")
        return Table(
            name: name, root: root, columns: names,
            rowidColumn: names.firstIndex { $0 != nil && $0 == alias },
            insert: insert)
    }

    /// The leaves of one tree, from the left, over every page that can be read.
    private mutating func leaves(below root: Int) -> [Int] {
        guard root >= 1, root <= pages.count, seen.insert(root).inserted else { return [] }
        switch pages.kind(root) {
        case .tableLeaf: return [root]
        case .tableInterior: return pages.children(root).flatMap { leaves(below: $0) }
        case .other: return []
        }
    }

    private mutating func add(_ page: Int, to tables: [Table]) throws {
        try cancellation.check()
        for record in pages.records(page) {
            // A row of a page that is nobody's goes where only one table could have it.
            let fitting = tables.filter { fits(record, $0, isKnown: tables.count == 1) }
            if fitting.count == 1, try insert(record, fitting[0]) { continue }
            result.lostAndFound += 1
            try database.execute(
                "INSERT INTO lost_and_found VALUES (?, ?, ?, ?)", .integer(Int64(page)),
                .integer(record.rowid), .integer(Int64(record.values.count)),
                .text("\(record.values.map(\.plain))"))
        }
    }

    private func fits(_ record: SQLitePages.Record, _ table: Table, isKnown: Bool) -> Bool {
        isKnown ? record.values.count <= table.columns.count : record.values.count == table.columns.count
    }

    private mutating func insert(_ record: SQLitePages.Record, _ table: Table) throws -> Bool {
        var values: [SQLiteValue] = []
        for (index, name) in table.columns.enumerated() where name != nil {
            var value = index < record.values.count ? record.values[index] : .null
            if index == table.rowidColumn { value = .integer(record.rowid) }
            values.append(value)
        }
        do {
            try table.insert.run(values)
            result.tables[table.name, default: 0] += 1
            return true
        } catch let error as SQLiteError where [19, 20].contains(error.code) {
            // SQLITE_CONSTRAINT, SQLITE_MISMATCH
            return false
        }
    }
}

extension SQLiteValue {
    fileprivate var plain: String {
        switch self {
        case .null: "NULL"
        case .integer(let number): "\(number)"
        case .real(let number): "\(number)"
        case .text(let text): text
        case .brokenText(let bytes), .blob(let bytes): hex(bytes)
        }
    }
}
