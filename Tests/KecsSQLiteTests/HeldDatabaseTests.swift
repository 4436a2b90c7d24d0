// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import Synchronization
import SystemPackage
import Testing

@Suite(.enabled(if: SQLiteDumpTests.hasTool, "needs the sqlite3 tool")) struct HeldDatabaseTests {
    let folder: SQLiteScratchFolder
    private static let rows = 1000

    init() throws { folder = try SQLiteScratchFolder() }

    private func make(wal: Bool = true, rows: Int = Self.rows) throws {
        _ = try SQLiteDatabase.sample(folder["a.db"], rows: rows, wal: wal)
    }

    private func hold(mayHold: Bool = true) throws -> any CapturedSQLite {
        try beginCaptureOfSQLite(
            folder["a.db"], to: folder["copy"], mayHold: mayHold, cancellation: Cancellation())
    }

    /// In another process, which closes the database again.
    private func tool(_ sql: String) -> Bool {
        system("sqlite3 \(folder["a.db"]) \"\(sql)\" > /dev/null") == 0
    }

    private var count: Int64? {
        get throws {
            try SQLiteDatabase(folder["a.db"], .readOnly).value("SELECT count(*) FROM t")?.integer
        }
    }

    @Test(arguments: [false, true])
    func `others go on writing, and the file stays as it is until it is released`(
        dropsLocks: Bool
    ) throws {
        try make()
        let before = try folder["a.db"].contents()
        let held = try hold()
        // Reading opens and closes it, which drops SQLite's own locks on the file.
        if dropsLocks { _ = try folder["a.db"].contents() }
        for sql in [
            "INSERT INTO t(text) VALUES ('later')", "DELETE FROM t WHERE id < 500",
            "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA wal_checkpoint(RESTART)", "VACUUM",
        ] {
            #expect(tool(sql), "\(sql)")
            #expect(try FileStatus.of(folder["a.db"])?.size == Int64(before.count), "\(sql)")
        }
        #expect(try held.isUntouched())
        let facts = try held.check(Cancellation())
        #expect(facts.tables == ["t": Int64(Self.rows)])
        #expect(facts.bytes == held.bytes && facts.unchecked == nil)
        #expect(try held.digest(Cancellation()) == sha256(before))
        #expect(try !folder.names.contains("copy"))
        held.release()
        held.release()
        #expect(try count == Int64(Self.rows - 499 + 1))
        #expect(tool("PRAGMA wal_checkpoint(TRUNCATE)"))
        #expect(try folder["a.db"].contents() != before)
    }

    @Test func `a closed database has no sidecars afterwards, and the same bytes`() throws {
        try make()
        let before = try folder["a.db"].contents()
        do {
            let held = try hold()
            _ = try held.check(Cancellation())
        }
        #expect(try folder.names == ["a.db"])
        #expect(try folder["a.db"].contents() == before)
    }

    @Test func `what a killed reader left beside it goes with the next one`() throws {
        try make()
        try folder["a.db-wal"].replaceContents([])
        try folder["a.db-shm"].replaceContents([UInt8](repeating: 0, count: 32_768))
        do { #expect(try hold().descriptor != nil) }
        #expect(try folder.names == ["a.db"])
    }

    enum Unheld: String, CaseIterable {
        case rollback, log, names, tail, unwanted
    }

    @Test(arguments: Unheld.allCases)
    func `what the file alone does not hold, or others could write, is copied`(why: Unheld) throws {
        try make(wal: why != .rollback)
        var writer: SQLiteDatabase?
        switch why {
        case .log:
            writer = try SQLiteDatabase(folder["a.db"], .readWrite)
            try writer?.insertRows(1)
        case .names: #expect(link(folder["a.db"].string, folder["b.db"].string) == 0)
        case .tail: try folder["a.db"].replaceContents(folder["a.db"].contents() + [0])
        case .rollback, .unwanted: break
        }
        let copied = try hold(mayHold: why != .unwanted)
        #expect(copied.file == folder["copy"] && copied.descriptor == nil)
        #expect(try copied.check(Cancellation()).tables["t"] == (why == .log ? 1001 : 1000))
        #expect(try copied.digest(Cancellation()) == sha256(folder["copy"].contents()))
        #expect(copied.bytes == (try FileStatus.of(folder["copy"])?.size))
        #expect(try copied.isUntouched())
        _ = consume writer
    }

    @Test func `what somebody writes without a lock is noticed`() throws {
        try make()
        let held = try hold()
        #expect(try held.isUntouched())
        // In place, and within no transaction.
        #expect(system("printf x | dd of=\(folder["a.db"]) bs=1 seek=9000 conv=notrunc 2> /dev/null") == 0)
        #expect(try !held.isUntouched())
        held.release()
        let again = try hold()
        try folder["a.db"].replaceContents([1])
        #expect(try !again.isUntouched())
    }

    @Test func `a damaged one is found by the check`() throws {
        try make()
        var bytes = try folder["a.db"].contents()
        for index in (4 * 4096)..<(5 * 4096) { bytes[index] = 0x5a }
        try folder["a.db"].replaceContents(bytes)
        let held = try hold()
        let error = try #require(throws: SQLiteError.self) { try held.check(Cancellation()) }
        #expect(error.isCorrupt && error.path == folder["a.db"], "\(error)")
    }

    @Test func `a check can be cancelled, also from its midst`() throws {
        // SQLite looks every 5,000 steps.
        try make(rows: 20_000)
        let held = try hold()
        let cancellation = Cancellation()
        cancellation.cancel(.interrupt)
        #expect(throws: Interrupted(.interrupt)) { try held.check(cancellation) }
        let looks = Atomic(0)
        #expect(throws: Interrupted(.timeout)) {
            // The first look is before the check.
            try held.check(
                Cancellation(Cancellation()) { looks.add(1, ordering: .relaxed).newValue > 1 })
        }
        #expect(try held.check(Cancellation()).tables == ["t": 20_000])
    }
}
