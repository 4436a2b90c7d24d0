// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Scripts that refuse to run inside a transaction, as the tools that they are written for let them.
@Suite struct MigrationOutsideTransactionTests {
    private typealias Foreign = MigrationForeignTests

    static let sqlx = Foreign.sqlxFiles.merging([
        "20251117000000_compact.up.sql":
            "-- no-transaction\nPRAGMA journal_mode = WAL;\nVACUUM;\nCREATE TABLE after_vacuum (x);\n",
        "20251117000000_compact.down.sql": "-- no-transaction\nDROP TABLE after_vacuum;\nVACUUM;\n",
    ]) { $1 }

    private func make(_ file: FilePath) throws -> SQLiteDatabase {
        let database = try SQLiteDatabase(file, .create)
        try database.executeScript(Foreign.sqlxLedger)
        return database
    }

    @Test func `they run on a copy whose pages are written back, with the mode that they set`() throws {
        try withTemporaryFolder { folder in
            let database = try make(folder.appending("db.sqlite"))
            let migrations = try Foreign.write(Self.sqlx, to: folder)
            let run = try Foreign.run(migrations, database)
            #expect(!run.isOneTransaction)
            #expect(try lintMigrations(run.actions, schemaOf: database, scratch: folder) == [])
            let steps = try run.apply(to: database)
            #expect(steps.map(\.version) == [20_251_115_000_000, 20_251_116_000_000, 20_251_117_000_000])
            #expect(
                try database.tableRowCounts()
                    == ["users": 2, "teams": 0, "after_vacuum": 0, "_sqlx_migrations": 4])
            #expect(try database.usesWAL())
            #expect(try database.integrityProblems() == [])
            #expect(try Foreign.plan(migrations, database).1.isUpToDate)
            // Others are let in again.
            #expect(try SQLiteDatabase(folder.appending("db.sqlite"), .readWrite).value("SELECT 1") == 1)
            _ = try Foreign.run(migrations, database, to: 20_251_116_000_000).apply(to: database)
            #expect(try database.tableRowCounts()["after_vacuum"] == nil)
            #expect(try folder.entries().allSatisfy { !$0.string.contains("migrating") })
        }
    }

    @Test func `the rehearsal goes there, back and there again with them too`() throws {
        try withTemporaryFolder { folder in
            let database = try make(folder.appending("db.sqlite"))
            let migrations = try Foreign.write(Self.sqlx, to: folder)
            let rehearsal = try Foreign.run(migrations, database).rehearse(on: database)
            #expect(rehearsal.wasReversed)
            #expect(rehearsal.findings == [])
            #expect(rehearsal.steps.count == 3)
        }
    }

    @Test func `what fails half-way leaves content and ledger as they were`() throws {
        try withTemporaryFolder { folder in
            let database = try make(folder.appending("db.sqlite"))
            let before = try database.content()
            for (sql, why) in [
                (
                    "-- no-transaction\nCREATE TABLE one (x);\nVACUUM;\nINSERT INTO none VALUES (1);",
                    "no such table"
                ),
                ("-- no-transaction\nBEGIN;\nCREATE TABLE one (x);", "does not end it"),
                (
                    "-- no-transaction\nCREATE TABLE one (x);\nATTACH 'other.db' AS other;",
                    "reaches another file"
                ),
                ("-- no-transaction\nVACUUM INTO 'other.db';", "writes another file"),
                (
                    "-- no-transaction\nCREATE TABLE c (p REFERENCES users(id));\nINSERT INTO c VALUES (9);",
                    "foreign key"
                ),
            ] {
                var files = Foreign.sqlxFiles
                files["20251117000000_odd.sql"] = sql
                let place = folder.appending("\(sql.count)")
                try place.createFolder()
                let run = try Foreign.run(try Foreign.write(files, to: place), database)
                let failure = #expect(throws: MigrationFailure.self) { try run.apply(to: database) }
                #expect(failure?.why.contains(why) == true, "\(failure as Any)")
                #expect(failure?.digestBefore == failure?.digestAfter)
                #expect(try database.content() == before)
            }
        }
    }

    @Test(arguments: [false, true])
    func `nobody else can write meanwhile`(wal: Bool) throws {
        try withTemporaryFolder { folder in
            let file = folder.appending("db.sqlite")
            let database = try SQLiteDatabase(file, .create, busyTimeout: .milliseconds(100))
            try database.executeScript(Foreign.sqlxLedger)
            if wal { try database.execute("PRAGMA journal_mode = WAL") }
            let migrations = try Foreign.write(Self.sqlx, to: folder)
            let before = try database.content()
            do {
                let other = try SQLiteDatabase(file, .readWrite)
                try other.execute("BEGIN IMMEDIATE")
                try other.execute("INSERT INTO users VALUES (3, 'Edsger')")
                let error = #expect(throws: SQLiteError.self) {
                    try Foreign.run(migrations, database).apply(to: database)
                }
                #expect(error?.isBusy == true)
                try other.execute("ROLLBACK")
            }
            #expect(try database.content() == before)
            _ = try Foreign.run(migrations, database).apply(to: database)
            #expect(try database.tableRowCounts()["after_vacuum"] == 0)
        }
    }

    @Test func `golang-migrate has no mark, so its scripts are known by what they say`() throws {
        try withTemporaryFolder { folder in
            let database = try SQLiteDatabase(folder.appending("db.sqlite"), .create)
            let migrations = try Foreign.write(
                [
                    "1_a.up.sql": "BEGIN;\nCREATE TABLE a (x);\nCOMMIT;\nVACUUM;\n",
                    "1_a.down.sql": "DROP TABLE a;\n",
                    "2_b.up.sql": "-- no-transaction\nCREATE TABLE b (x);", "2_b.down.sql": "DROP TABLE b;",
                ], to: folder)
            let run = try Foreign.run(migrations, database, tool: .golangMigrate)
            #expect(run.actions.map { $0.script?.refusesTransaction } == [true, true])
            _ = try run.apply(to: database)
            #expect(
                try database.query("SELECT version, dirty FROM schema_migrations").map(\.values) == [[2, 0]])
            #expect(try database.tableRowCounts() == ["a": 0, "b": 0, "schema_migrations": 1])
        }
    }

    @Test func `dbmate's mark counts for its own direction`() throws {
        try withTemporaryFolder { folder in
            let database = try SQLiteDatabase(folder.appending("db.sqlite"), .create)
            let migrations = try Foreign.write(
                [
                    "1_a.sql":
                        "-- migrate:up transaction:false\nCREATE TABLE a (x);\nVACUUM;\n-- migrate:down\nDROP TABLE a;\n"
                ], to: folder)
            let run = try Foreign.run(migrations, database)
            #expect(!run.isOneTransaction)
            #expect(try run.rehearse(on: database).findings == [])
            #expect(try database.value("SELECT version FROM schema_migrations") == "1")
            #expect(try Foreign.run(migrations, database, to: 0).isOneTransaction)
        }
    }

    /// Old or new, never between; and the next run finishes.
    @Test(arguments: [false, true])
    func `killed at a random moment, the database is the old one or the new one`(wal: Bool) async throws {
        try await withTemporaryFolder { folder in
            let old = folder.appending("old.db")
            let migrations = try Foreign.write(Self.sqlx, to: folder)
            do {
                let database = try make(old)
                if wal { try database.execute("PRAGMA journal_mode = WAL") }
                try database.execute(
                    """
                    INSERT INTO users (name) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
                    SELECT hex(randomblob(50)) FROM n
                    """)
            }
            func content(_ file: FilePath) throws -> DatabaseContent {
                try SQLiteDatabase(file, .readWrite).content { $0 != "_sqlx_migrations" }
            }
            let new = folder.appending("new.db")
            try old.copyContents(to: new)
            let start = ContinuousClock.now
            try Self.migrate(new, migrations)
            let whole = Int((ContinuousClock.now - start) / .microseconds(1))
            let (before, after) = (try content(old), try content(new))
            #expect(before != after)
            var seen = (old: 0, new: 0)
            for round in 0..<Rounds.count(ci: 4, full: 50) {
                let file = folder.appending("\(round).db")
                try old.copyContents(to: file)
                let (path, place) = (file.string, migrations.string)
                let delay = Int.random(in: 0...whole * 5 / 4)
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [path = path as String, place = place as String, delay = delay as Int] in
                    try Threads.start(name: "killer") {
                        usleep(UInt32(delay))
                        kill(getpid(), SIGKILL)
                    }
                    try MigrationOutsideTransactionTests.migrate(FilePath(path), FilePath(place))
                    kill(getpid(), SIGKILL)
                }
                let found = try content(file)
                if found == before { seen.old += 1 } else { seen.new += 1 }
                #expect(found == before || found == after)
                try Self.migrate(file, migrations)
                #expect(try content(file) == after)
                #expect(try SQLiteDatabase(file, .readWrite).integrityProblems() == [])
            }
            #expect(seen.old > 0)
        }
    }

    private static func migrate(_ file: FilePath, _ migrations: FilePath) throws {
        let database = try SQLiteDatabase(file, .readWrite)
        _ = try MigrationForeignTests.run(migrations, database).apply(to: database)
    }
}
