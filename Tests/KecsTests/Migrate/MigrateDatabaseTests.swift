// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSQLite
import KecsSystem
import SystemPackage
import Testing

@Suite struct MigrateDatabaseTests {
    private func foreign(_ fixture: MigrateFixture, _ files: [String: String]) throws -> ForeignMigrations {
        let file = fixture.folder.appending("db.sqlite")
        if try !file.isPresent {
            let database = try SQLiteDatabase(file, .create)
            try database.executeScript("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2);")
        }
        let folder = fixture.folder.appending("migrations")
        if try folder.isPresent { try folder.removeTree() }
        try folder.createFolder()
        for (name, text) in files { try folder.appending(name).replaceContents(Array(text.utf8)) }
        return ForeignMigrations(database: file, folder: folder)
    }

    @Test func `any database is migrated with its own tool's files, and copied first`() async throws {
        try await MigrateFixture.with { fixture in
            let migrations = try foreign(fixture, ["1_one.sql": "CREATE TABLE u (x);"])
            let migrate = MigrateDatabase(site: fixture.site)
            #expect(try migrate.status(migrations).pending.map(\.version) == [1])
            let report = try await migrate.run(migrations, MigrateRequest())
            #expect(report.outcome == .done)
            let backup = FilePath(try #require(report.backup))
            #expect(backup.lastComponent?.string.hasPrefix("db.backup.") == true)
            #expect(backup.lastComponent?.string.hasSuffix(".sqlite") == true)
            #expect(try SQLiteDatabase(backup, .readWrite).tableRowCounts() == ["t": 1])
            #expect(
                try SQLiteDatabase(migrations.database, .readWrite).tableRowCounts()
                    == ["t": 1, "u": 0, "_sqlx_migrations": 1])
            #expect(try await migrate.run(migrations, MigrateRequest()).outcome == .already)
            #expect(try !fixture.folder.appending(".db.sqlite.kecsctl").isPresent)
        }
    }

    @Test func `what destroys is refused without force, and fails before the real database is touched`()
        async throws
    {
        try await MigrateFixture.with { fixture in
            let migrate = MigrateDatabase(site: fixture.site)
            let destroying = try foreign(fixture, ["1_one.sql": "ALTER TABLE t DROP COLUMN b;"])
            let before = try SQLiteDatabase(destroying.database, .readWrite).content()
            let failure = await #expect(throws: Failure.self) {
                try await migrate.run(destroying, MigrateRequest())
            }
            #expect(failure?.cause == "1_one.sql: it drops the column t.b")
            let failing = try foreign(
                fixture, ["1_one.sql": "CREATE TABLE u (x);\nINSERT INTO none VALUES (1);"])
            await #expect(throws: Failure.self) { try await migrate.run(failing, MigrateRequest()) }
            #expect(try SQLiteDatabase(destroying.database, .readWrite).content() == before)
        }
    }
}
