// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage
import Testing
@testable import KecsSQLite

@Suite struct SQLiteDumpTests {
    let folder: SQLiteScratchFolder

    init() throws { folder = try SQLiteScratchFolder() }

    static let schema = """
        CREATE TABLE t(a, "b c" TEXT, d REAL /* x */, e AS (a+1)); -- tail
        CREATE TABLE "q""t"(a PRIMARY KEY, b) WITHOUT ROWID;
        CREATE TABLE 'single'(a);
        CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT, "order" TEXT); INSERT INTO s("order") VALUES ('x');
        INSERT INTO t VALUES (1,'it''s',1.5),(NULL,'a
        b',1e300),(2,char(13)||'r\\n'||char(10)||'\\012',-0.0),(x'01ff','',9e999),(3,'é',0.1),
            (4.0,'\\r',123456789012345678.0),(-9223372036854775808,x'',3.0e-5),(7,cast(x'66ff6f' AS TEXT),-9e999);
        INSERT INTO "q""t" VALUES ('k','v');
        INSERT INTO single VALUES(' '),('plain'),('with,comma'),('x"y'),(char(127)),(NULL),(''),('a''b'),(12),(1.0),(0.1);
        CREATE INDEX i ON t(a) -- comment
        ;
        CREATE VIEW v AS SELECT 1 /* c */;
        CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; SELECT 'END;'; END;
        CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f VALUES('word it''s');
        CREATE TABLE com(a -- last
        ); CREATE TABLE "select"("from"); INSERT INTO "select" VALUES(1);
        CREATE TABLE Ünï(a); INSERT INTO Ünï VALUES (2); CREATE TABLE _9(a); CREATE TABLE "9_"(a); INSERT INTO "9_" VALUES (1);
        ANALYZE;
        """

    private func sample() throws -> SQLiteDatabase {
        let database = try SQLiteDatabase(folder["a.db"], .create)
        try database.executeScript(Self.schema)
        return database
    }

    private func dump(_ database: SQLiteDatabase) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try database.dumpSQL { bytes += $0 }
        return bytes
    }

    /// What the sqlite3 tool writes; it reads `a.db` in the folder.
    private func tool(_ arguments: String) throws -> [UInt8] {
        let command = "cd \(folder.path.string) && sqlite3 \(arguments) > tool.out"
        #expect(system(command) == 0)
        return try folder["tool.out"].contents()
    }

    private static func lines(_ dump: [UInt8]) -> [Substring] {
        withNumbers(dump).split(separator: "\n").sorted()
    }

    /// The text with each real number in one form: since 3.43 the tool has another one than before.
    private static func withNumbers(_ dump: [UInt8]) -> String {
        String(decoding: dump, as: UTF8.self).replacing(/-?[0-9]+(\.[0-9]+(e[-+]?[0-9]+)?|e[-+]?[0-9]+)/) {
            "\(Double($0.output.0) ?? .nan)"
        }
    }

    static let hasTool = system("command -v sqlite3 > /dev/null") == 0

    @Test(.enabled(if: hasTool, "needs the sqlite3 tool"))
    func `a dump is what the sqlite3 tool writes`() throws {
        let mine = try dump(sample())
        // Newer tools put views and triggers elsewhere, and warn of what they themselves would not load.
        let theirs = try Self.lines(tool("a.db .dump")).filter { !$0.hasPrefix("/* WARNING") }
        #expect(Self.lines(mine) == theirs)
    }

    @Test(.enabled(if: hasTool, "needs the sqlite3 tool"), arguments: ["single", "t", "q\"t", "com"])
    func `a table as CSV is what the sqlite3 tool writes`(table: String) throws {
        var mine: [UInt8] = []
        try sample().writeCSV(table: table) { mine += $0 }
        let query = "SELECT * FROM \(sqlIdentifier(table))".replacing("\"", with: "\\\"")
        #expect(try mine == tool("-header -csv a.db \"\(query)\""))
    }

    @Test func `a dump that is loaded gives the same dump again`() throws {
        let database = try sample()
        // The tool's way of ending such a definition adds a line end each time.
        try database.executeScript("DROP INDEX i; CREATE INDEX i ON t(a)")
        try database.execute("INSERT INTO single VALUES (?)", "nul\u{0}inside\n")
        let first = try dump(database)
        try folder["dump"].replaceContents(first)
        let facts = try loadSQLDump(folder["dump"], into: folder["b.db"], cancellation: Cancellation())
        #expect(try facts.tables == database.tableRowCounts())
        let loaded = try SQLiteDatabase(folder["b.db"], .readOnly)
        #expect(try String(decoding: dump(loaded), as: UTF8.self) == String(decoding: first, as: UTF8.self))
        #expect(try loaded.query("SELECT * FROM t") == database.query("SELECT * FROM t"))
        #expect(try loaded.query("SELECT * FROM f") == database.query("SELECT * FROM f"))
        #expect(try FileStatus.of(folder["b.db"])?.mode == 0o600)
    }
}
