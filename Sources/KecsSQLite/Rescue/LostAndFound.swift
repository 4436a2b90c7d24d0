// SPDX-License-Identifier: Apache-2.0

/// The table for rows that belong to no table: with the page, the rowid, and a column for each value.
struct LostAndFound {
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

    mutating func make() throws -> String {
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
