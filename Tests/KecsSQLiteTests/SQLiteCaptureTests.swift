// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import Synchronization
import SystemPackage
import Testing

@Suite struct SQLiteCaptureTests {
    let folder: SQLiteScratchFolder

    init() throws { folder = try SQLiteScratchFolder() }

    private func capture(
        _ name: String = "a.db", to copy: String = "copy", wait: Duration = .milliseconds(50)
    ) throws
        -> SQLiteSnapshotFacts
    {
        try captureSQLite(folder[name], to: folder[copy], busyTimeout: wait, cancellation: Cancellation())
    }

    @Test(arguments: [true, false])
    func `the copy has every committed row and none that is not, while a writer has the file open`(
        wal: Bool
    ) throws {
        let writer = try SQLiteDatabase.sample(folder["a.db"], rows: 2000, wal: wal)
        try writer.execute("BEGIN IMMEDIATE")
        try writer.execute("DELETE FROM t")
        let facts = try capture()
        #expect(facts.tables == ["t": 2000])
        #expect(facts.bytes == (try FileStatus.of(folder["copy"])?.size))
        #expect(try FileStatus.of(folder["copy"])?.mode == 0o600)
        try writer.execute("COMMIT")
        #expect(try capture(to: "later").tables == ["t": 0])
        #expect(
            try folder.names.filter { $0.hasPrefix("copy") || $0.hasPrefix("later") } == ["copy", "later"])
    }

    @Test(arguments: [
        ("PRAGMA page_size = 512; PRAGMA encoding = 'UTF-16le'", false),
        ("PRAGMA page_size = 65536; PRAGMA auto_vacuum = FULL", true),
        ("PRAGMA page_size = 1024; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA encoding = 'UTF-16be'", true),
    ])
    func `the copy keeps the kind of the file`(settings: String, wal: Bool) throws {
        do {
            let source = try SQLiteDatabase.sample(folder["a.db"], wal: wal, settings: settings)
            try source.executeScript("PRAGMA user_version = -7; PRAGMA application_id = 1262830419")
        }
        let facts = try capture()
        #expect(facts.userVersion == -7)
        #expect(facts.applicationID == 0x4B45_4353)
        let source = try SQLiteDatabase(folder["a.db"], .readOnly)
        let copy = try SQLiteDatabase(folder["copy"], .readOnly)
        for pragma in [
            "page_size", "auto_vacuum", "encoding", "user_version", "application_id", "journal_mode",
        ] {
            #expect(try source.value("PRAGMA \(pragma)") == copy.value("PRAGMA \(pragma)"), "\(pragma)")
        }
        #expect(try source.query("SELECT * FROM t") == copy.query("SELECT * FROM t"))
        #expect(facts.pageSize == (try source.value("PRAGMA page_size")?.integer))
    }

    @Test func `two captures of an unchanged database are the same bytes`() throws {
        let writer = try SQLiteDatabase.sample(folder["a.db"], wal: true)
        let first = try capture()
        let second = try capture(to: "second")
        #expect(first.sha256 == second.sha256)
        #expect(try folder["copy"].contents() == folder["second"].contents())
        try writer.insertRows(1)
        #expect(try capture(to: "third").sha256 != first.sha256)
    }

    @Test func `a closed WAL database has no sidecars after a capture, and the same bytes`() throws {
        _ = try SQLiteDatabase.sample(folder["a.db"], wal: true)
        let before = try folder["a.db"].contents()
        #expect(try folder.names == ["a.db"])
        #expect(try capture().tables == ["t": 1000])
        #expect(try folder.names == ["a.db", "copy"])
        #expect(try folder["a.db"].contents() == before)
    }

    @Test func `what a killed writer left in the WAL is in the copy, and stays where it is`() throws {
        let writer = try SQLiteDatabase.sample(folder["live.db"], rows: 10, wal: true)
        try writer.insertRows(90)
        for suffix in ["", "-wal"] {
            try folder["a.db\(suffix)"].replaceContents(folder["live.db\(suffix)"].contents())
        }
        let wal = try folder["a.db-wal"].contents()
        #expect(try capture().tables == ["t": 100])
        #expect(try folder["a.db-wal"].contents() == wal)
    }

    @Test func `a hot journal is rolled back before the copy`() throws {
        let writer = try SQLiteDatabase.sample(folder["live.db"], rows: 500)
        try writer.executeScript("PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE t SET text = 'half'")
        for suffix in ["", "-journal"] {
            try folder["a.db\(suffix)"].replaceContents(folder["live.db\(suffix)"].contents())
        }
        _ = try capture()
        let copy = try SQLiteDatabase(folder["copy"], .readOnly)
        #expect(try copy.value("SELECT count(*) FROM t WHERE text = 'half'") == 0)
        #expect(try folder.names.contains("copy-journal") == false)
    }

    @Test func `a damaged source is refused and leaves no copy`() throws {
        do {
            let source = try SQLiteDatabase.sample(folder["a.db"], rows: 3000)
            try source.execute("CREATE INDEX i ON t(text)")
        }
        var bytes = try folder["a.db"].contents()
        for index in 8192..<12288 { bytes[index] = 0x5a }
        try folder["a.db"].replaceContents(bytes)
        let error = try #require(throws: SQLiteError.self) { try capture() }
        #expect(error.isCorrupt && error.path == folder["a.db"], "\(error)")
        try folder["text"].replaceContents(Array("SELECT 1; this is a text and not a database".utf8))
        #expect(try #require(throws: SQLiteError.self) { try capture("text") }.isCorrupt)
        #expect(try folder.names == ["a.db", "text"])
    }

    @Test func `a source that another connection keeps for itself is busy`() throws {
        let owner = try SQLiteDatabase.sample(folder["a.db"])
        try owner.execute("BEGIN EXCLUSIVE")
        let error = try #require(throws: SQLiteError.self) { try capture() }
        #expect(error.isBusy)
        #expect(try !folder.names.contains("copy"))
        try owner.execute("COMMIT")
        #expect(try capture().tables == ["t": 1000])
    }

    @Test(arguments: [
        "CREATE TABLE c(j CHECK (json_valid(j))); INSERT INTO c VALUES ('{}');",
        "CREATE TABLE c(a); INSERT INTO c VALUES (1); PRAGMA writable_schema = ON;"
            + "UPDATE sqlite_schema SET sql = 'CREATE TABLE c(a NOT NULL CHECK (regexp(a, 1)))' WHERE name = 'c';",
        "CREATE TABLE c(a); INSERT INTO c VALUES (1), (NULL); PRAGMA writable_schema = ON;"
            + "UPDATE sqlite_schema SET sql = 'CREATE TABLE c(a NOT NULL CHECK (a > 5))' WHERE name = 'c';",
    ])
    func `rows and functions that only their own program understands do not keep it from being captured`(
        sql: String
    ) throws {
        #expect(writesSchema(sql))
        #expect(try capture().unchecked == nil)
    }

    /// With the sqlite3 tool, which from 3.42 on keeps the schema from being written.
    private func writesSchema(_ sql: String) -> Bool {
        system("sqlite3 -cmd '.dbconfig defensive off' \(folder["a.db"]) \"\(sql)\" > /dev/null") == 0
    }

    @Test func `what could not be checked in full is told`() throws {
        let sql =
            "CREATE TABLE t(a); CREATE INDEX i ON t(abs(a)); INSERT INTO t VALUES (1); PRAGMA writable_schema = ON;"
            + "UPDATE sqlite_schema SET sql = replace(sql, 'abs', 'app') WHERE name = 'i';"
        #expect(writesSchema(sql))
        let facts = try capture()
        #expect(facts.unchecked == "unknown function: app()")
        #expect(facts.tables == ["t": 1])
    }

    @Test func `a capture that waits for a lock can be cancelled`() throws {
        let owner = try SQLiteDatabase.sample(folder["a.db"])
        try owner.execute("BEGIN EXCLUSIVE")
        let cancellation = Cancellation()
        let (source, copy) = (folder["a.db"], folder["copy"])
        let stopper = try Threads.joinable(name: "stopper") {
            usleep(20_000)
            cancellation.cancel(.interrupt)
        }
        #expect(throws: Interrupted(.interrupt)) {
            try captureSQLite(source, to: copy, busyTimeout: .seconds(600), cancellation: cancellation)
        }
        stopper.join()
        #expect(try folder.names == ["a.db"])
    }

    @Test func `nothing is overwritten, and a cancelled capture leaves nothing`() throws {
        _ = try SQLiteDatabase.sample(folder["a.db"])
        try folder["copy"].replaceContents([1])
        #expect(throws: FileError.self) { try capture() }
        #expect(try folder["copy"].contents() == [1])
        let cancellation = Cancellation()
        cancellation.cancel(.interrupt)
        #expect(throws: Interrupted(.interrupt)) {
            try captureSQLite(folder["a.db"], to: folder["b"], cancellation: cancellation)
        }
        #expect(try folder.names == ["a.db", "copy"])
    }

    @Test func `a WAL database in a folder that cannot be written is captured with its WAL`() throws {
        let facts = try captureFromAReadOnlyFolder { try $0.insertRows(90) }
        #expect(facts.tables == ["t": 100])
    }

    @Test func `a hot journal in a folder that cannot be written is rolled back in the copy only`() throws {
        let facts = try captureFromAReadOnlyFolder(wal: false) {
            try $0.insertRows(500)
            try $0.executeScript("PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE t SET text = 'half'")
        }
        #expect(facts.tables == ["t": 510])
        let copy = try SQLiteDatabase(folder["copy"], .readOnly)
        #expect(try copy.value("SELECT count(*) FROM t WHERE text = 'half'") == 0)
    }

    @Test func `a closed WAL database in a folder that cannot be written is captured`() throws {
        #expect(try captureFromAReadOnlyFolder { _ in }.tables == ["t": 10])
    }

    /// Puts the files of a writer that was killed after `prepare` into a read-only folder, and captures from there.
    private func captureFromAReadOnlyFolder(
        wal: Bool = true, after prepare: (SQLiteDatabase) throws -> Void
    ) throws -> SQLiteSnapshotFacts {
        let closed = folder["closed"]
        try closed.createFolder()
        let writer = try SQLiteDatabase.sample(folder["live.db"], rows: 10, wal: wal)
        try prepare(writer)
        var before: [String: [UInt8]] = [:]
        for suffix in ["", "-wal", "-journal"] where try folder["live.db\(suffix)"].isPresent {
            let bytes = try folder["live.db\(suffix)"].contents()
            try closed.appending("a.db\(suffix)").replaceContents(bytes, mode: 0o644)
            before["a.db\(suffix)"] = bytes
        }
        #expect(closed.withPlatformString { chmod($0, 0o555) } == 0)
        #expect(folder.path.withPlatformString { chmod($0, 0o777) } == 0)
        let (source, copy) = (closed.appending("a.db"), folder["copy"])
        let facts = try asNobody { try captureSQLite(source, to: copy, cancellation: Cancellation()) }
        #expect(try closed.entries().map(\.string) == before.keys.sorted())
        for (name, bytes) in before { #expect(try closed.appending(name).contents() == bytes) }
        let left = try folder.names.filter { $0.hasPrefix("copy.") || $0.hasPrefix("copy-") }
        #expect(left == [])
        return facts
    }

    /// On a thread whose file accesses are those of uid 65534: root may write into any folder.
    private func asNobody<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) throws -> Value {
        // Glibc's module does not import setfsuid(2).
        let setfsuid = dlsym(nil, "setfsuid").map {
            unsafeBitCast($0, to: (@convention(c) (uid_t) -> CInt).self)
        }
        let answer = Answer<Value>()
        let thread = try Threads.joinable(name: "nobody") {
            _ = setfsuid?(65534)
            answer.value.withLock { $0 = Result { try body() } }
        }
        thread.join()
        return try answer.value.withLock { try $0.get() }
    }

    @Test func `an empty file is an empty database`() throws {
        try folder["a.db"].replaceContents([])
        #expect(try capture().tables == [:])
    }

    @Test(arguments: [true, false])
    func `a busy writer loses no transaction, and the copy is one of its moments`(wal: Bool) throws {
        let path = folder["a.db"]
        try SQLiteDatabase.sample(path, rows: 20_000, wal: wal).executeScript(
            "CREATE TABLE a(n); CREATE TABLE b(n)")
        let writer = try BusyWriter(path)
        for round in 0..<5 {
            _ = try capture(to: "copy\(round)", wait: .seconds(20))
            let copy = try SQLiteDatabase(folder["copy\(round)"], .readOnly)
            #expect(try copy.value("SELECT count(*) FROM a") == copy.value("SELECT count(*) FROM b"))
        }
        let written = try writer.stop()
        #expect(try SQLiteDatabase(path, .readOnly).value("SELECT count(*) FROM b") == .integer(written))
    }
}

private final class Answer<Value: Sendable>: Sendable {
    let value = Mutex<Result<Value, any Error>>(.failure(Errno.canceled))
}

/// Adds a row to `a` and one to `b` in one transaction after the other, on a thread of its own.
private final class BusyWriter: Sendable {
    private let isOver = Atomic(false)
    private let result = Mutex<Result<Int64, any Error>>(.success(0))
    private let thread = Mutex<Threads.Joinable?>(nil)

    init(_ path: FilePath) throws {
        let writer = try Threads.joinable(name: "writer") { [self] in
            let outcome = Result {
                let database = try SQLiteDatabase(path, .readWrite, busyTimeout: .seconds(20))
                var count: Int64 = 0
                while !isOver.load(ordering: .relaxed) {
                    try database.transaction {
                        try database.execute("INSERT INTO a VALUES (?)", .integer(count))
                        try database.execute("INSERT INTO b VALUES (?)", .integer(count))
                    }
                    count += 1
                }
                return count
            }
            result.withLock { $0 = outcome }
        }
        thread.withLock { $0 = writer }
    }

    /// - Returns: How many transactions were committed.
    func stop() throws -> Int64 {
        isOver.store(true, ordering: .relaxed)
        thread.withLock { $0.take() }?.join()
        return try result.withLock { try $0.get() }
    }
}
