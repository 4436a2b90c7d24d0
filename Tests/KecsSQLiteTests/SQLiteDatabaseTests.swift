// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import SystemPackage
import Testing

@Suite struct SQLiteDatabaseTests {
    let folder: SQLiteScratchFolder

    init() throws { folder = try SQLiteScratchFolder() }

    @Test(arguments: [
        SQLiteValue.null, 0, -1, .integer(.min), .integer(.max), .real(0.1), .real(-1e308), "", "é\u{0}x",
        .text(String(repeating: "a", count: 3000)), .brokenText([0x66, 0xff, 0x00, 0x6f]), .blob([]),
        .blob([0, 255, 0]),
    ])
    func `a value comes back as it was stored`(value: SQLiteValue) throws {
        let database = try SQLiteDatabase(folder["a.db"], .create)
        try database.execute("CREATE TABLE v(x)")
        try database.execute("INSERT INTO v VALUES (?)", value)
        #expect(try database.query("SELECT x FROM v")[0][0] == value)
        #expect(try database.value("SELECT x IS ? FROM v", value) == 1)
    }

    @Test(arguments: [
        "plain.db", "with space.db", "a?mode=memory", "b#fragment", "c%41.db", "file:d.db", ":memory:",
        "q\"uote'.db",
        "new\nline", "é.db",
    ])
    func `whatever is in a file name, this file and no other is opened`(name: String) throws {
        for mode in [SQLiteDatabase.Mode.readWrite, .readOnly, .immutable] {
            let path = folder["\(mode)"].appending(name)
            try path.removingLastComponent().createFolder()
            try SQLiteDatabase(path, .create).executeScript(
                "CREATE TABLE here(x); INSERT INTO here VALUES (7)")
            #expect(try path.removingLastComponent().entries() == [FilePath.Component(name)])
            #expect(try SQLiteDatabase(path, mode).value("SELECT x FROM here") == 7)
        }
    }

    @Test func `a name that is not UTF-8 is opened, also without locks`() throws {
        let name: [CChar] = folder.path.withPlatformString { start in
            Array(UnsafeBufferPointer(start: start, count: strlen(start))) + [47, 97, -1, 98, 0]
        }
        let path = FilePath(platformString: name)
        try SQLiteDatabase(path, .create).executeScript("CREATE TABLE here(x)")
        #expect(try SQLiteDatabase(path, .immutable).tableRowCounts() == ["here": 0])
        #expect(try folder.path.entries().count == 1)
    }

    @Test func `a new file can be read by its owner only, whatever the mask`() throws {
        let old = umask(0)
        defer { umask(old) }
        try SQLiteDatabase(folder["a.db"], .create).execute("CREATE TABLE t(x)")
        #expect(try FileStatus.of(folder["a.db"])?.mode == 0o600)
    }

    @Test(.timeLimit(.minutes(1)))
    func `what is no regular file is refused at once`() throws {
        #expect(mkfifo(folder["fifo"].string, 0o600) == 0)
        for (path, why) in [
            (folder["fifo"], "not a regular file"), (folder.path, "not a regular file"),
            (folder["none"], "No such file"), (FilePath(""), "empty"),
            (
                folder[String(repeating: "x", count: 200)].appending(String(repeating: "y", count: 300)),
                "too long"
            ),
        ] {
            let error = try #require(throws: SQLiteError.self) { try SQLiteDatabase(path, .readWrite) }
            #expect(error.cannotOpen && error.message.contains(why), "\(error)")
        }
        #expect(try folder.names == ["fifo"])
    }

    @Test func `a file that is no database says so`() throws {
        try folder["text"].replaceContents(Array(String(repeating: "no database ", count: 100).utf8))
        let error = try #require(throws: SQLiteError.self) {
            try SQLiteDatabase(folder["text"], .readOnly).tableRowCounts()
        }
        #expect(error.isNotADatabase && error.isCorrupt && error.path == folder["text"])
    }

    @Test func `a transaction that throws leaves no trace`() throws {
        struct Stop: Error {}
        let database = try SQLiteDatabase.sample(folder["a.db"], rows: 3)
        #expect(throws: Stop.self) {
            try database.transaction {
                try database.execute("DELETE FROM t")
                throw Stop()
            }
        }
        #expect(try database.tableRowCounts() == ["t": 3])
        try database.transaction { try database.execute("DELETE FROM t WHERE id = ?", 1) }
        #expect(try database.tableRowCounts() == ["t": 2])
    }

    @Test func `a second writer waits its timeout and is then told that the file is busy`() throws {
        let first = try SQLiteDatabase.sample(folder["a.db"], rows: 1)
        let second = try SQLiteDatabase(folder["a.db"], .readWrite, busyTimeout: .milliseconds(20))
        try first.transaction {
            let error = try #require(throws: SQLiteError.self) { try second.transaction {} }
            #expect(error.isBusy)
        }
        try second.transaction {}
    }

    @Test func `one statement is one statement`() throws {
        let database = try SQLiteDatabase.sample(folder["a.db"], rows: 1)
        try database.execute("DELETE FROM t; -- and no more ")
        for sql in ["", "-- nothing", "SELECT 1; SELECT 2", "SELECT 1; nonsense"] {
            #expect(throws: SQLiteError.self) { try database.execute(sql) }
        }
        #expect(throws: SQLiteError.self) { try database.query("SELECT ?", 1, 2) }
    }

    @Test func `a cancelled statement ends`() throws {
        let cancellation = Cancellation()
        let database = try SQLiteDatabase(folder["a.db"], .create, cancellation: cancellation)
        cancellation.cancel(.timeout)
        #expect(throws: Interrupted(.timeout)) {
            try database.query(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
        }
    }

    @Test func `rows answer by position and by name`() throws {
        let database = try SQLiteDatabase(folder["a.db"], .create)
        let row = try #require(try database.query("SELECT 1 AS one, NULL AS none").first)
        #expect(row["one"] == 1)
        #expect(row["none"] == .null)
        #expect(row["two"] == nil)
        #expect(row.columns == ["one", "none"])
    }
}
