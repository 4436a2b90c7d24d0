// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage
import Testing
@testable import KecsSQLite

@Suite struct SQLiteLoadTests {
    let folder: SQLiteScratchFolder

    init() throws { folder = try SQLiteScratchFolder() }

    private func load(_ sql: String) throws -> SQLiteSnapshotFacts {
        try folder["dump"].replaceContents(Array(sql.utf8))
        return try loadSQLDump(folder["dump"], into: folder["new.db"], cancellation: Cancellation())
    }

    @Test(arguments: [
        "CREATE TABLE t(a); INSERT INTO t VALUES (1)",
        "PRAGMA foreign_keys=OFF;\nBEGIN;\nCREATE TABLE t(a);INSERT INTO t VALUES(1);\nEND;\n-- done",
        "/* ; */ CREATE TABLE t(a -- ;\n); INSERT INTO t VALUES(';''/*');;; ",
        "PRAGMA journal_mode=WAL; PRAGMA locking_mode=EXCLUSIVE; CREATE TABLE t(a); INSERT INTO t VALUES(1);",
        "CREATE TABLE t(a); CREATE TRIGGER x AFTER INSERT ON t BEGIN UPDATE t SET a=1; SELECT 2; END; INSERT INTO t VALUES(1);",
    ])
    func `SQL in the manner of dumps is loaded`(sql: String) throws {
        #expect(try load(sql).tables == ["t": 1])
        #expect(try folder.names == ["dump", "new.db"])
    }

    @Test(arguments: [
        ("ATTACH 'other.db' AS o; CREATE TABLE o.t(a);", "ATTACH"),
        ("SELECT load_extension('x');", "load_extension"),
        ("BEGIN; CREATE TABLE t(a); INSERT INTO t VALUES(1);", "before its COMMIT"),
        ("BEGIN; CREATE TABLE t(a); ROLLBACK; -- due to errors", "ROLLBACK"),
        ("CREATE TABLE t(a); INSERT INTO t VALUES('never closed", "unrecognized token"),
        ("CREATE TABLE t(a); INSERT INTO none VALUES(1);", "no such table"),
        (".mode csv\n", "syntax error"), ("CREATE TABLE t(a); VACUUM INTO 'elsewhere.db';", "ATTACH"),
        ("CREATE TABLE t(\u{0}a);", "NUL"),
    ])
    func `what is no whole dump, or reaches for more than its file, is refused and leaves nothing`(
        sql: String, why: String
    ) throws {
        let error = try #require(throws: SQLiteError.self) { try load(sql) }
        #expect(error.message.contains(why), "\(error)")
        #expect(error.path == folder["dump"])
        #expect(try folder.names == ["dump"])
    }

    @Test func `statements are cut alike wherever the file's pieces end`() throws {
        let sql = "/* * ; */ SELECT '--;' ; -- x;\nSELECT \"a;\"/**/, [;] ;SELECT 3 - 1 / 2"
        try folder["dump"].replaceContents(Array(sql.utf8))
        for size in 1...sql.utf8.count {
            var script = try SQLiteScript(folder["dump"], pieceSize: size)
            var found: [String] = []
            while let statement = try script.next() {
                found.append(String(decoding: statement, as: UTF8.self))
            }
            #expect(
                found == [
                    "/* * ; */ SELECT '--;' ;", " -- x;\nSELECT \"a;\"/**/, [;] ;", "SELECT 3 - 1 / 2",
                ], "\(size)")
        }
    }

    @Test func `a statement longer than a piece is loaded`() throws {
        let facts = try load(
            "CREATE TABLE t(a); INSERT INTO t VALUES(x'\(String(repeating: "0a", count: 2 << 20))');")
        #expect(facts.tables == ["t": 1])
        let size = try SQLiteDatabase(folder["new.db"], .readOnly).value("SELECT length(a) FROM t")
        #expect(size == .integer(2 << 20))
    }
}
