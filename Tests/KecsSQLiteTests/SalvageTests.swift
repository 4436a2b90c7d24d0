// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@Suite struct SalvageTests {
    /// Tables of every shape, in one file of some hundred pages.
    private static let schema = """
        CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT, size REAL, raw BLOB, twice INT AS (id * 2));
        CREATE INDEX by_text ON notes(text);
        CREATE TABLE pairs (b TEXT, a INTEGER, note TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
        CREATE TABLE codes (code TEXT UNIQUE, label TEXT NOT NULL) STRICT;
        CREATE UNIQUE INDEX one_label ON codes(label);
        CREATE VIEW short AS SELECT id FROM notes WHERE length(text) < 5;
        CREATE TRIGGER refuse BEFORE DELETE ON codes BEGIN SELECT RAISE(ABORT, 'kept'); END;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
        INSERT INTO notes (id, text, size, raw)
          SELECT i, printf('größe %08d 日本語 %s', i, hex(i * 7919)), i / 3.0, CAST(i AS BLOB) FROM n;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
        INSERT INTO pairs SELECT 'b' || i, i % 100, 'note of ' || i FROM n;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
        INSERT INTO codes SELECT 'c' || i, 'label ' || i FROM n;
        INSERT INTO notes (id, text) VALUES (9000, 'gone');
        DELETE FROM notes WHERE id = 9000;
        PRAGMA user_version = 42;
        PRAGMA application_id = 1262830419;
        """

    private func make(_ file: FilePath, encoding: String, big: Bool = false) throws {
        let database = try SQLiteDatabase(file, .create)
        try database.execute("PRAGMA encoding = '\(encoding)'")
        try database.executeScript(Self.schema)
        if big { try database.execute("INSERT INTO notes (id, text) VALUES (5000, hex(randomblob(40000)))") }
    }

    @Test(arguments: ["UTF-8", "UTF-16le", "UTF-16be"])
    func `of a whole database everything comes out, in its own encoding`(encoding: String) throws {
        try withTemporaryFolder { folder in
            let (file, new) = (folder.appending("a.db"), folder.appending("b.db"))
            try make(file, encoding: encoding, big: true)
            let rows = try salvageSQLite(file, into: new, cancellation: Cancellation())
            let before = try SQLiteDatabase(file, .readWrite)
            let after = try SQLiteDatabase(new, .readWrite)
            #expect(try after.content() == before.content())
            #expect(try after.value("PRAGMA encoding")?.text == encoding)
            #expect(try after.value("PRAGMA user_version") == 42)
            #expect(try after.value("PRAGMA application_id") == 1_262_830_419)
            #expect(try after.integrityProblems() == [])
            #expect(rows.tables.mapValues(\.rows) == ["notes": 3001, "pairs": 3000, "codes": 500])
            #expect(rows.tables.values.allSatisfy { $0.pagesLost == 0 && $0.rowsLost == 0 && $0.pages > 3 })
            #expect(rows.lostAndFound == 0)
            #expect(rows.notMade == [])
            // A number that was given away once is not given again.
            try after.execute("INSERT INTO notes (text) VALUES ('next')")
            #expect(try after.value("SELECT max(id) FROM notes") == 9001)
        }
    }

    @Test(arguments: ["UTF-8", "UTF-16le"])
    func `a bad page costs its own rows and no others, and is counted`(encoding: String) throws {
        try withTemporaryFolder { folder in
            let (file, new) = (folder.appending("a.db"), folder.appending("b.db"))
            try make(file, encoding: encoding)
            let root =
                try SQLiteDatabase(file, .readWrite).value(
                    "SELECT rootpage FROM sqlite_schema WHERE name = 'notes'")?.integer ?? 0
            var bytes = try file.contents()
            // Leaves of `notes`, found without our own reader: the first byte says a table's leaf, and a text of it is there.
            let mark = Array("größe".utf8)
            let wide = mark.count > 0 && encoding != "UTF-8" ? Array("gr".utf8).flatMap { [$0, 0] } : mark
            let leaves = (2..<bytes.count / 4096).filter { page in
                let content = bytes[page * 4096..<(page + 1) * 4096]
                return content.first == 0x0d && Self.holds(content, wide)
            }
            try #require(leaves.count > 10 && root > 0)
            let cells = leaves.map { Int(bytes[$0 * 4096 + 3]) << 8 | Int(bytes[$0 * 4096 + 4]) }
            for index in [1, 4, 7] {
                for at in 0..<4096 {
                    bytes[leaves[index] * 4096 + at] = UInt8(truncatingIfNeeded: at &* 31 &+ 7)
                }
            }
            try file.replaceContents(bytes)
            let rows = try salvageSQLite(file, into: new, cancellation: Cancellation())
            let notes = try #require(rows.tables["notes"])
            #expect(notes.pagesLost == 3)
            #expect(notes.rows == 3000 - Int64(cells[1] + cells[4] + cells[7]))
            #expect(rows.tables["pairs"]?.rows == 3000)
            #expect(rows.tables["codes"]?.rows == 500)
            let after = try SQLiteDatabase(new, .readWrite)
            #expect(try after.integrityProblems() == [])
            #expect(try after.value("SELECT count(*) FROM notes") == .integer(notes.rows))
        }
    }

    private static func holds(_ content: ArraySlice<UInt8>, _ mark: [UInt8]) -> Bool {
        content.indices.dropLast(mark.count).contains { content[$0..<$0 + mark.count].elementsEqual(mark) }
    }

    @Test func `rows of leaves that nothing leads to any more come back, what is nobody's is kept beside`()
        throws
    {
        try withTemporaryFolder { folder in
            let (file, new) = (folder.appending("a.db"), folder.appending("b.db"))
            try make(file, encoding: "UTF-8")
            let roots = try SQLiteDatabase(file, .readWrite).query(
                "SELECT name, rootpage FROM sqlite_schema WHERE name IN ('notes', 'pairs', 'codes')")
            var bytes = try file.contents()
            for row in roots {
                let start = Int((row[1].integer ?? 0) - 1) * 4096
                for at in 0..<4096 { bytes[start + at] = 0xee }
            }
            try file.replaceContents(bytes)
            let rows = try salvageSQLite(file, into: new, cancellation: Cancellation())
            // Only `notes` has five columns that are stored but one; only `codes` has two.
            #expect(rows.tables["notes"]?.rows == 3000)
            #expect(rows.tables["codes"]?.rows == 500)
            // Some of these lay on the root itself.
            #expect((rows.tables["pairs"]?.rows ?? 0) > 2900)
            #expect(rows.tables["notes"]?.pagesLost == 1)
            #expect(try SQLiteDatabase(new, .readWrite).integrityProblems() == [])
        }
    }

    @Test func `what a table's own rules refuse is kept beside with its values`() throws {
        try withTemporaryFolder { folder in
            let (file, new) = (folder.appending("a.db"), folder.appending("b.db"))
            do {
                let database = try SQLiteDatabase(file, .create)
                try database.executeScript(
                    """
                    CREATE TABLE lost_and_found (x);
                    CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, CHECK (length(name) > 0));
                    INSERT INTO t VALUES (1, 'a');
                    PRAGMA ignore_check_constraints = ON;
                    INSERT INTO t VALUES (2, '');
                    """)
            }
            let rows = try salvageSQLite(file, into: new, cancellation: Cancellation())
            #expect(rows.tables["t"]?.rows == 1)
            #expect(rows.lostAndFound == 1)
            #expect(rows.lostAndFoundTable == "lost_and_found_2")
            #expect(
                try SQLiteDatabase(new, .readWrite).query("SELECT id, fields, c0, c1 FROM lost_and_found_2")
                    .map(\.values) == [[2, 2, .null, ""]])
        }
    }

    @Test func `tables of a module come back as the tables that they are`() throws {
        try withTemporaryFolder { folder in
            let (file, new) = (folder.appending("a.db"), folder.appending("b.db"))
            do {
                let database = try SQLiteDatabase(file, .create)
                try database.executeScript(
                    "CREATE VIRTUAL TABLE search USING fts5(body); INSERT INTO search VALUES ('one'), ('two');"
                )
            }
            let rows = try salvageSQLite(file, into: new, cancellation: Cancellation())
            #expect(rows.tables["search_content"]?.rows == 2)
            #expect(rows.notMade.count == 1)
            #expect(rows.notMade.first?.hasPrefix("table search: ") == true)
        }
    }

    @Test func `what is no database is refused, and nothing is left of the new one`() throws {
        try withTemporaryFolder { folder in
            let (file, new) = (folder.appending("a.db"), folder.appending("b.db"))
            try file.replaceContents(Array("SQLite format 3\0".utf8) + [UInt8](repeating: 7, count: 4096))
            #expect(throws: SQLiteError.self) {
                try salvageSQLite(file, into: new, cancellation: Cancellation())
            }
            try make(folder.appending("c.db"), encoding: "UTF-8")
            let cancelled = Cancellation()
            cancelled.cancel(.interrupt)
            #expect(throws: Interrupted.self) {
                try salvageSQLite(folder.appending("c.db"), into: new, cancellation: cancelled)
            }
            #expect(try !new.isPresent)
        }
    }
}
