// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSQLite
import KecsSystem
import SystemPackage
import Testing

@Suite struct DatabaseTests {
    @Test func `a query reads and cannot write`() async throws {
        try await MigrateFixture.with { fixture in
            try fixture.makeNewestDatabase("a_single_nginx")
            let target = try await DatabaseTarget.of(fixture.instance, site: fixture.site)
            let query = QueryDatabase(site: fixture.site)
            let report = try query.run(target, "SELECT name, 7 AS n, NULL AS e FROM clusters")
            #expect(report.columns == ["name", "n", "e"])
            #expect(report.rows == [["single-task-nginx", 7, .null]])
            #expect(try !query.run(target, "PRAGMA table_info(clusters)").rows.isEmpty)
            #expect(try query.run(target, "PRAGMA user_version").rows == [[1]])
            let before = try fixture.content()
            let other = fixture.folder.appending("stolen.db")
            for sql in [
                "DELETE FROM clusters", "UPDATE tasks SET id = 1", "DROP TABLE tasks",
                "PRAGMA user_version = 9",
                "PRAGMA wal_checkpoint", "VACUUM INTO '\(other)'", "ATTACH '\(other)' AS x", "BEGIN",
                "WITH x AS (SELECT 1) DELETE FROM clusters",
            ] {
                #expect(throws: (any Error).self, "\(sql)") { try query.run(target, sql) }
            }
            #expect(try !other.isPresent)
            #expect(try fixture.content() == before)
        }
    }

    @Test func `maintenance gives room back, and asks for room first`() async throws {
        try await MigrateFixture.with { fixture in
            try fixture.makeNewestDatabase("a_single_nginx")
            do {
                let database = try SQLiteDatabase(fixture.database, .readWrite)
                try database.execute("CREATE TABLE big (x)")
                try database.execute("INSERT INTO big VALUES (zeroblob(2000000))")
                try database.execute("DROP TABLE big")
            }
            let target = try await DatabaseTarget.of(fixture.instance, site: fixture.site)
            let report = try MaintainDatabase(site: fixture.site).run(target)
            #expect(report.steps == ["ANALYZE", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"])
            #expect(report.freeBytes >= 2_000_000)
            #expect(report.bytesAfter < report.bytesBefore - 1_900_000)
            var full = fixture.site
            full.machine.freeSpace = { _ in ByteCount(1000) }
            let failure = #expect(throws: Failure.self) { try MaintainDatabase(site: full).run(target) }
            #expect(failure?.kind == .noRoom)
        }
    }

    /// A database of some megabytes, with every twentieth page overwritten.
    private func damage(_ file: FilePath, every: Int) throws {
        do {
            let database = try SQLiteDatabase(file, .create)
            try database.executeScript(
                """
                CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
                CREATE INDEX by_text ON notes(text);
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                INSERT INTO notes SELECT i, printf('note %08d with some text to fill the page', i) FROM n;
                """)
        }
        var bytes = try file.contents()
        for page in stride(from: 10, to: bytes.count / 4096, by: every) {
            for index in 0..<4096 { bytes[page * 4096 + index] = UInt8(truncatingIfNeeded: index &* 31) }
        }
        try file.replaceContents(bytes)
    }

    @Test func `a check says damaged and where, and a rescue yields a database that passes`() async throws {
        try await MigrateFixture.with { fixture in
            let file = fixture.folder.appending("app.sqlite")
            try damage(file, every: 20)
            let before = try file.contents()
            let target = DatabaseTarget.file(file)
            let report = try CheckDatabase(site: fixture.site).run(target)
            let failure = try #require(CheckDatabase.failure(report, of: target))
            #expect(failure.kind == .damaged)
            #expect(failure.cause?.contains("notes") == true)
            #expect(report.problems.contains { $0.what.lowercased().contains("page") })

            let rescue = try await RescueDatabase(site: fixture.site).run(target)
            let rescued = DatabaseTarget.file(FilePath(rescue.rescued))
            #expect(try CheckDatabase(site: fixture.site).run(rescued).isSound)
            let notes = try #require(rescue.tables.first { $0.table == "notes" })
            #expect(notes.isCut)
            #expect((notes.rowsAfter ?? 0) > 15_000)
            #expect((notes.rowsAfter ?? 0) < 20_000)
            // The table of losses: as many pages as were trashed and are the table's, and about as many rows as are missing.
            let missing = 20_000 - (notes.rowsAfter ?? 0)
            #expect((notes.pagesLost ?? 0) > 0)
            #expect(abs((notes.rowsLost ?? 0) - missing) < missing / 4 + 50)
            #expect(try file.contents() == before)
        }
    }
}
