// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import SystemPackage
import Testing

@Suite struct SQLiteChecksTests {
    let folder: SQLiteScratchFolder

    init() throws { folder = try SQLiteScratchFolder() }

    @Test func `a sound database has no problems, and trashed pages are problems instead of errors`() throws {
        do {
            let database = try SQLiteDatabase.sample(folder["a.db"], rows: 5000)
            try database.execute("CREATE INDEX i ON t(text)")
            #expect(try database.integrityProblems() == [])
            #expect(try database.integrityProblems(quick: true) == [])
        }
        var bytes = try folder["a.db"].contents()
        for index in 40_000..<80_000 { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
        try folder["a.db"].replaceContents(bytes)
        let broken = try SQLiteDatabase(folder["a.db"], .readOnly)
        #expect(try !broken.integrityProblems(limit: 3).isEmpty)
        #expect(try !broken.integrityProblems(quick: true).isEmpty)
    }

    @Test func `a trashed schema is a problem too`() throws {
        _ = try SQLiteDatabase.sample(folder["a.db"])
        var bytes = try folder["a.db"].contents()
        for index in 100..<4096 { bytes[index] = 0xa5 }
        try folder["a.db"].replaceContents(bytes)
        #expect(
            try SQLiteDatabase(folder["a.db"], .readOnly).integrityProblems() == [
                "database disk image is malformed"
            ])
    }

    @Test func `an orphan row is found although keys are not enforced`() throws {
        let database = try SQLiteDatabase(folder["a.db"], .create)
        try database.executeScript(
            """
            CREATE TABLE parent(id INTEGER PRIMARY KEY); CREATE TABLE child(p REFERENCES parent);
            INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1), (2), (NULL);
            """)
        #expect(
            try database.foreignKeyViolations() == [
                ForeignKeyViolation(table: "child", rowid: 2, parent: "parent")
            ])
    }

    @Test func `rows are counted in ordinary tables only, whatever their names`() throws {
        let database = try SQLiteDatabase(folder["a.db"], .create)
        try database.executeScript(
            """
            CREATE TABLE "it's ""quoted""; DROP TABLE x"(a); INSERT INTO "it's ""quoted""; DROP TABLE x" VALUES (1), (2);
            CREATE TABLE w(k PRIMARY KEY) WITHOUT ROWID; INSERT INTO w VALUES (1);
            CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO s DEFAULT VALUES;
            CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f VALUES ('word');
            CREATE TABLE sqliteish(a); CREATE VIEW v AS SELECT 1; CREATE TEMP TABLE hidden(a); ANALYZE;
            """)
        #expect(
            try database.tableRowCounts() == [
                "it's \"quoted\"; DROP TABLE x": 2, "w": 1, "s": 1, "sqliteish": 0,
            ])
    }

    @Test(arguments: [
        ("CREATE  TABLE t ( a ,b\n)", "CREATE TABLE t(a,b)"),
        ("CREATE TABLE t(a /* why */ TEXT, -- no\n b)", "CREATE TABLE t(a TEXT,b)"),
        ("CREATE TABLE 'a  -- b'(\"x  /* y\" TEXT)", "CREATE TABLE 'a  -- b'(\"x  /* y\" TEXT)"),
        ("SELECT 'it''s  ', [a  b], `c  d`", "SELECT 'it''s  ',[a  b],`c  d`"), ("a /* open", "a"),
        ("'open", "'open"),
    ])
    func `spaces and comments do not make another schema`(sql: String, normal: String) {
        #expect(normalizedSQL(sql) == normal)
    }

    @Test func `the schema lists what has SQL, in a fixed order`() throws {
        let database = try SQLiteDatabase.sample(folder["a.db"], rows: 0)
        try database.executeScript(
            "CREATE VIEW v AS SELECT 1; CREATE INDEX i ON t (text); CREATE TABLE a(x UNIQUE)")
        #expect(
            try database.schemaSQL().map { "\($0.kind) \($0.name) \($0.table)" } == [
                "index i t", "table a a", "table t t", "view v v",
            ])
    }
}
