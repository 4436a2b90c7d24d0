// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// A rescue under way: the schema first, then table by table, then what belongs to none.
struct Salvage {
    let pages: SQLitePages
    let database: SQLiteDatabase
    let cancellation: Cancellation
    let progress: any ProgressSink
    var result = SalvagedRows()
    var seen: PageSet
    var lostAndFound: LostAndFound

    init(
        pages: SQLitePages, database: SQLiteDatabase, cancellation: Cancellation, progress: any ProgressSink
    ) {
        self.pages = pages
        self.database = database
        self.cancellation = cancellation
        self.progress = progress
        seen = PageSet(upTo: pages.count)
        lostAndFound = LostAndFound(database: database)
    }

    struct Table {
        var name: String
        var root: Int
        /// True when its rows lie in the leaves of a tree by rowid. WITHOUT ROWID they lie on all pages of a tree like
        /// an index's.
        var hasRowid: Bool
        /// Names of the columns that lie in a record, in its order; nil for one that is computed.
        var columns: [String?]
        var rowidColumn: Int?
        var insert: SQLiteStatement
        /// The rowids of the unreadable pages in its tree: only there can a row be missing.
        var gaps: [ClosedRange<Int64>] = []
    }

    struct Entry {
        var kind: String
        var name: String
        var root: Int
        /// Nil for an index that SQLite made on its own, for a UNIQUE column.
        var sql: String?
        var tokens: [String]

        var isOfSQLite: Bool { name.hasPrefix("sqlite_") || sql == nil }
        var isVirtual: Bool { tokens.starts(with: ["CREATE", "VIRTUAL"]) }
        var isUniqueIndex: Bool { tokens.starts(with: ["CREATE", "UNIQUE"]) }
        var isTable: Bool { kind == "table" && !isOfSQLite && !isVirtual }
    }

    mutating func run() throws -> SalvagedRows {
        let schema = try readSchema()
        var tables: [Table] = []
        var unmade: [Entry] = []
        for entry in schema where entry.isTable {
            if let table = try make(entry) { tables.append(table) } else { unmade.append(entry) }
        }
        // Before the rows: of two conflicting rows, one is kept in the lost and found, so that the index is not lost.
        for entry in schema where entry.isUniqueIndex { try makeOther(entry) }
        for (index, table) in tables.enumerated() {
            progress.step("reading \(table.name)", total: nil)
            tables[index].gaps = try walk(below: table.root) { salvage, page, kind in
                salvage.result.tables[table.name]?.pages += 1
                if kind == .tableInterior { return }
                try salvage.add(page, to: [table])
            }
            result.tables[table.name]?.pagesLost += Int64(tables[index].gaps.count)
        }
        for entry in unmade {
            _ = try walk(below: entry.root) { salvage, page, kind in
                if kind != .tableInterior { try salvage.add(page, to: []) }
            }
        }
        try takeOthers(schema)
        try addOrphans(tables)
        // Virtual tables come last: their own tables are among those above, and a module that finds them reports so.
        let others = schema.filter { !$0.isTable && !$0.isOfSQLite && !$0.isUniqueIndex }
        for entry in others where entry.kind != "trigger" { try makeOther(entry) }
        for entry in others where entry.kind == "trigger" { try makeOther(entry) }
        result.lostAndFoundTable = lostAndFound.table
        result.lostAndFound = lostAndFound.rows
        return result
    }

    /// Reads the other pages. Those of indexes and of SQLite's own tables hold no rows of the user's; only the numbers
    /// of AUTOINCREMENT count.
    mutating func takeOthers(_ schema: [Entry]) throws {
        for entry in schema where entry.isOfSQLite || entry.kind == "index" {
            var numbers: [(String, Int64)] = []
            _ = try walk(below: entry.root) { salvage, page, kind in
                guard entry.name == "sqlite_sequence", kind == .tableLeaf else { return }
                for record in try salvage.pages.records(page).records where record.values.count == 2 {
                    guard let name = record.values[0].text, let number = record.values[1].integer else {
                        continue
                    }
                    numbers.append((name, number))
                }
            }
            guard try database.value("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'") != nil
            else { continue }
            for (name, number) in numbers where result.tables[name] != nil {
                let known = try database.value("SELECT seq FROM sqlite_sequence WHERE name = ?", .text(name))
                if known == nil {
                    try database.execute(
                        "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", .text(name), .integer(number)
                    )
                } else if (known?.integer ?? 0) < number {
                    try database.execute(
                        "UPDATE sqlite_sequence SET seq = ? WHERE name = ?", .integer(number), .text(name))
                }
            }
        }
    }

    /// Adds the leaves that no readable page leads to any more. A row belongs to a table when it has as many values and
    /// a rowid that is missing there. Otherwise it is a deleted one, whose page was not reused. Entries of an index
    /// differ from rows of a table WITHOUT ROWID only in their number of values.
    mutating func addOrphans(_ tables: [Table]) throws {
        progress.step("reading pages that belong to no table", total: nil)
        let free = try pages.freePages()
        let withRowid = tables.filter(\.hasRowid)
        let withoutRowid = tables.filter { !$0.hasRowid && !$0.gaps.isEmpty }
        for page in 2..<max(pages.count + 1, 2) where !seen.contains(page) && !free.contains(page) {
            switch try pages.kind(page) {
            case .tableLeaf: try add(page, to: withRowid, isKnown: false)
            case .indexLeaf, .indexInterior:
                if !withoutRowid.isEmpty {
                    try add(page, to: withoutRowid, isKnown: false, keepsOthers: false)
                }
            case .tableInterior, .other: break
            }
        }
    }

    mutating func readSchema() throws -> [Entry] {
        var entries: [Entry] = []
        _ = try walk(below: 1) { salvage, page, kind in
            guard kind == .tableLeaf else { return }
            for record in try salvage.pages.records(page).records where record.values.count == 5 {
                guard let kind = record.values[0].text, let name = record.values[1].text else { continue }
                let sql = record.values[4].text
                entries.append(
                    Entry(
                        kind: kind, name: name,
                        root: record.values[3].integer.flatMap { Int(exactly: $0) } ?? 0, sql: sql,
                        tokens: sql.flatMap { splitSQL($0).first?.tokens } ?? []))
            }
        }
        return entries
    }

    mutating func makeOther(_ entry: Entry) throws {
        do {
            try database.execute(entry.sql ?? "")
        } catch let error as SQLiteError {
            result.notMade.append("\(entry.kind) \(entry.name): \(error.message)")
        }
    }

    mutating func make(_ entry: Entry) throws -> Table? {
        let name = entry.name
        do {
            // A damaged schema may hold anything; only statements that make a table may run.
            guard entry.tokens.first == "CREATE", let sql = entry.sql else {
                throw SQLiteError(extendedCode: 1, message: "its definition is none", path: database.path)
            }
            try database.execute(sql)
        } catch let error as SQLiteError {
            result.notMade.append("table \(name): \(error.message)")
            return nil
        }
        guard
            let isWithoutRowid = try database.value(
                "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name = ?",
                .text(name))?.integer
        else { return nil }
        result.tables[name] = SalvagedRows.Table()
        let columns = try database.query(
            "SELECT name, upper(type), pk, hidden FROM pragma_table_xinfo(?)", .text(name))
        let keys = columns.filter { ($0[2].integer ?? 0) > 0 }
        let hasRowid = isWithoutRowid == 0
        // Only INTEGER PRIMARY KEY, alone, is the rowid itself; the record then holds NULL in its place.
        let alias = hasRowid && keys.count == 1 && keys[0][1].text == "INTEGER" ? keys[0][0].text : nil
        var stored = columns.filter { $0[3].integer != 2 }
        if !hasRowid {
            // The key comes first, in its own order.
            stored =
                keys.sorted { ($0[2].integer ?? 0) < ($1[2].integer ?? 0) }
                + stored.filter { $0[2].integer == 0 }
        }
        let names = stored.map { $0[3].integer == 0 ? $0[0].text : nil }
        let list = names.compactMap(\.self)
        let insert = try database.prepare(
            "INSERT INTO \(sqlIdentifier(name)) (\(list.map { sqlIdentifier($0) }.joined(separator: ", "))) "
                + "VALUES (\(list.map { _ in "?" }.joined(separator: ", ")))")
        return Table(
            name: name, root: entry.root, hasRowid: hasRowid, columns: names,
            rowidColumn: names.firstIndex { $0 != nil && $0 == alias },
            insert: insert)
    }
}
