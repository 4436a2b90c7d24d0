// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// The rows that were rescued from a damaged database, and the losses.
public struct SalvagedRows: Hashable, Sendable {
    public struct Table: Hashable, Sendable {
        /// The number of rows in the new database.
        public var rows: Int64 = 0
        /// Pages of its tree that could be read.
        public var pages: Int64 = 0
        /// The number of pages in its tree that make no sense. A page from inside the tree has others below it, whose
        /// rows are found anyway.
        public var pagesLost: Int64 = 0
        /// Rows on pages that could be read which make no sense.
        public var rowsLost: Int64 = 0
    }

    /// The tables by name, in the new database.
    public var tables: [String: Table] = [:]
    /// The number of rows that were found but fit no table, or conflict with the others.
    public var lostAndFound: Int64 = 0
    /// The table that holds them: `lost_and_found`, or with a number when there is one already. Nil without such rows.
    public var lostAndFoundTable: String?
    /// The tables, indexes, triggers and views that could not be recreated, with the reason.
    public var notMade: [String] = []
}

/// Reads every readable row of a damaged database into a new one, page by page, without SQLite's own reading: one bad
/// page then costs its own rows and no others. Like `.recover` of the sqlite3 tool, which distributions build without
/// the module that it needs.
///
/// - Parameter copy: A copy of the damaged file, with its write-ahead log already merged as far as that is possible.
/// - Parameter destination: Must not exist; after an error it is gone again. Has the encoding, `user_version` and
///   `application_id` of the damaged one. It is not synced: whoever puts it in its place copies and syncs it.
public func salvageSQLite(
    _ copy: FilePath, into destination: FilePath, cancellation: Cancellation,
    progress: any ProgressSink = SilentProgress()
) throws -> SalvagedRows {
    let pages = try SQLitePages(copy)
    do {
        let database = try SQLiteDatabase(destination, .create, cancellation: cancellation)
        // No other process sees it before it is complete, and after an error it is removed.
        for setting in [
            "page_size = \(pages.pageSize)", "encoding = '\(pages.encoding.name)'", "synchronous = OFF",
            "journal_mode = OFF", "locking_mode = EXCLUSIVE",
        ] {
            try database.execute("PRAGMA \(setting)")
        }
        var salvage = Salvage(
            pages: pages, database: database, cancellation: cancellation, progress: progress)
        let rows = try database.transaction { try salvage.run() }
        try database.execute("PRAGMA user_version = \(pages.userVersion)")
        try database.execute("PRAGMA application_id = \(pages.applicationID)")
        return rows
    } catch {
        for suffix in ["", "-wal", "-journal"] {
            let file = destination.beside(suffix)
            if try file.isPresent { try file.remove() }
        }
        throw error
    }
}

private struct Salvage {
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

    private struct Entry {
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
    private mutating func takeOthers(_ schema: [Entry]) throws {
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
    private mutating func addOrphans(_ tables: [Table]) throws {
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

    private mutating func readSchema() throws -> [Entry] {
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

    private mutating func makeOther(_ entry: Entry) throws {
        do {
            try database.execute(entry.sql ?? "")
        } catch let error as SQLiteError {
            result.notMade.append("\(entry.kind) \(entry.name): \(error.message)")
        }
    }

    private mutating func make(_ entry: Entry) throws -> Table? {
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

    /// Hands over every readable page of a tree, from the left, each once.
    ///
    /// - Returns: For each unreadable page in the tree, the rowids on it, or below.
    private mutating func walk(
        below root: Int, _ body: (inout Salvage, Int, SQLitePages.Kind) throws -> Void
    ) throws -> [ClosedRange<Int64>] {
        let all = Int64.min...Int64.max
        guard root >= 1, seen.insert(root) else { return [all] }
        // No recursion: a damaged tree may be as deep as it has pages.
        var waiting = [(page: root, rowids: all)]
        var gaps: [ClosedRange<Int64>] = []
        while let (page, rowids) = waiting.popLast() {
            try cancellation.check()
            let kind = try pages.kind(page)
            switch kind {
            case .other: gaps.append(rowids)
            case .tableLeaf, .indexLeaf: try body(&self, page, kind)
            case .tableInterior, .indexInterior:
                try body(&self, page, kind)
                guard let children = try pages.children(page) else {
                    gaps.append(rowids)
                    continue
                }
                for (child, below) in Self.parts(of: rowids, children).reversed() {
                    if !pages.isPage(child) {
                        gaps.append(below)
                    } else if seen.insert(child) {
                        waiting.append((child, below))
                    }
                }
            }
        }
        return gaps
    }

    /// Returns the ranges of a page's rowids below each of its children. Keys that contradict the order are ignored.
    private static func parts(
        of rowids: ClosedRange<Int64>, _ children: [SQLitePages.Child]
    ) -> [(Int, ClosedRange<Int64>)] {
        var low = rowids.lowerBound
        return children.map { child in
            let high = child.highest ?? rowids.upperBound
            guard low <= high, high <= rowids.upperBound else { return (child.page, rowids) }
            let part = low...high
            if high < Int64.max { low = high + 1 }
            return (child.page, part)
        }
    }

    /// - Parameters:
    ///   - isKnown: True when a readable page names the table of the rows; otherwise the rows must fit exactly one
    ///     table.
    ///   - keepsOthers: True to keep rows that fit no table in the lost and found.
    private mutating func add(
        _ page: Int, to tables: [Table], isKnown: Bool = true, keepsOthers: Bool = true
    ) throws {
        try cancellation.check()
        let (records, unreadable) = try pages.records(page)
        if isKnown, let table = tables.first { result.tables[table.name]?.rowsLost += Int64(unreadable) }
        for record in records {
            // A row of an unclaimed page goes into the only table that could have it.
            let fitting = tables.filter { fits(record, $0, isKnown: isKnown) }
            if fitting.count == 1, try insert(record, fitting[0]) { continue }
            if keepsOthers { try lostAndFound.keep(record, of: page) }
        }
    }

    private func fits(_ record: SQLitePages.Record, _ table: Table, isKnown: Bool) -> Bool {
        guard table.hasRowid == (record.rowid != nil) else { return false }
        if isKnown { return record.values.count <= table.columns.count }
        guard record.values.count == table.columns.count else { return false }
        return record.rowid.map { rowid in table.gaps.contains { $0.contains(rowid) } } ?? true
    }

    private mutating func insert(_ record: SQLitePages.Record, _ table: Table) throws -> Bool {
        var values: [SQLiteValue] = []
        for (index, name) in table.columns.enumerated() where name != nil {
            var value = index < record.values.count ? record.values[index] : .null
            if index == table.rowidColumn { value = SQLiteValue(record.rowid) }
            values.append(value)
        }
        do {
            try table.insert.run(values)
            result.tables[table.name]?.rows += 1
            return true
        } catch let error as SQLiteError where [19, 20].contains(error.code) {
            // SQLITE_CONSTRAINT, SQLITE_MISMATCH
            return false
        }
    }
}

/// The table for rows that belong to no table: with the page, the rowid, and a column for each value.
private struct LostAndFound {
    let database: SQLiteDatabase
    /// Nil as long as there is none.
    private(set) var table: String?
    private(set) var rows: Int64 = 0
    private var columns = 0
    private var inserts: [Int: SQLiteStatement] = [:]

    init(database: SQLiteDatabase) { self.database = database }

    mutating func keep(_ record: SQLitePages.Record, of page: Int) throws {
        let name = try table ?? make()
        // SQLITE_MAX_COLUMN is 2000; three are taken.
        let values = record.values.prefix(1990)
        while columns < values.count {
            try database.execute("ALTER TABLE \(name) ADD COLUMN c\(columns)")
            columns += 1
        }
        let insert =
            try inserts[values.count]
            ?? database.prepare(
                "INSERT INTO \(name) (\((["page", "id", "fields"] + values.indices.map { "c\($0)" }).joined(separator: ", "))) "
                    + "VALUES (\(Array(repeating: "?", count: values.count + 3).joined(separator: ", ")))")
        inserts[values.count] = insert
        try insert.run(
            [.integer(Int64(page)), SQLiteValue(record.rowid), .integer(Int64(record.values.count))]
                + Array(values))
        rows += 1
    }

    private mutating func make() throws -> String {
        var name = "lost_and_found"
        var number = 2
        while try database.value("SELECT 1 FROM sqlite_schema WHERE name = ?", .text(name)) != nil {
            name = "lost_and_found_\(number)"
            number += 1
        }
        try database.execute("CREATE TABLE \(name) (page INTEGER, id INTEGER, fields INTEGER)")
        table = name
        return name
    }
}
