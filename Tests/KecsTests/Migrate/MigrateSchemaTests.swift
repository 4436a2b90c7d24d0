// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSQLite
import KecsState
import KecsSystem
import SystemPackage
import Testing

@Suite struct MigrateSchemaTests {
    @Test func `an old database is backed up, rehearsed and migrated`() async throws {
        try await MigrateFixture.with { fixture in
            try fixture.makeOldDatabase()
            let migrate = MigrateSchema(site: fixture.site)
            let old = try await migrate.status(fixture.instance)
            #expect(old.version == 20_250_531)
            #expect(old.isRecognised)
            #expect(old.pending.count == UpstreamHistory.migrations.count - 1)

            let report = try await migrate.run(fixture.instance, MigrateRequest())
            #expect(report.outcome == .done)
            #expect(report.applied.map(\.version) == UpstreamHistory.migrations.dropFirst().map(\.version))
            #expect(report.rehearsal?.findings == [])
            let backups = try fixture.instance.backups.all()
            #expect(backups.map(\.id.description) == [report.backup])
            #expect(backups.first?.id.reason == .beforeMigration)
            _ = try StateDatabase.open(fixture.database)
            #expect(try await migrate.status(fixture.instance).pending == [])
            #expect(try await migrate.run(fixture.instance, MigrateRequest()).outcome == .already)
            // Nothing is left of the rehearsal.
            #expect(try !fixture.site.home.folder(of: fixture.name).restoring.isPresent)
        }
    }

    @Test func `a dry run is the rehearsal alone`() async throws {
        try await MigrateFixture.with { fixture in
            try fixture.makeOldDatabase()
            let before = try fixture.content()
            let report = try await MigrateSchema(site: fixture.site).run(
                fixture.instance, MigrateRequest(dryRun: true))
            #expect(report.outcome == .planned)
            #expect(report.applied.count == UpstreamHistory.migrations.count - 1)
            #expect(report.backup == nil)
            #expect(try fixture.content() == before)
            #expect(try fixture.instance.backups.all().isEmpty)
        }
    }

    @Test func `a rehearsal that takes too long is ended, and nothing was touched`() async throws {
        try await MigrateFixture.with { fixture in
            try fixture.makeOldDatabase()
            do {
                let database = try SQLiteDatabase(fixture.database, .readWrite)
                try database.execute(
                    """
                    INSERT INTO tasks (id, arn, cluster_arn, task_definition_arn, last_status, desired_status, containers,
                      created_at, launch_type)
                    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
                    SELECT i, 'arn:' || i, 'arn:c', 'td', 'RUNNING', 'RUNNING', '', '2025-06-01', 'EC2' FROM n
                    """)
            }
            let before = try fixture.content()
            let failure = await #expect(throws: Failure.self) {
                try await MigrateSchema(site: fixture.site).run(
                    fixture.instance, MigrateRequest(limit: .milliseconds(50)))
            }
            #expect(failure?.kind == .timeout)
            #expect(try fixture.content() == before)
        }
    }

    @Test func `a migration that fails on the real database says where the backup is`() async throws {
        try await MigrateFixture.with { fixture in
            try fixture.makeOldDatabase()
            // The second statement of a step fails: the table that a rebuild would make is there already.
            try SQLiteDatabase(fixture.database, .readWrite).execute("CREATE TABLE clusters_new (x)")
            let before = try fixture.content()
            let failure = await #expect(throws: Failure.self) {
                try await MigrateSchema(site: fixture.site).run(fixture.instance, MigrateRequest())
            }
            #expect(failure?.message.contains("20250612_clusters_text.sql") == true)
            #expect(try fixture.content() == before)
        }
    }

    @Test func `a way down that would lose rows is refused without force`() async throws {
        try await MigrateFixture.with { fixture in
            try fixture.makeNewestDatabase("c_mixed_edge_cases")
            let before = try fixture.content()
            let migrate = MigrateSchema(site: fixture.site)
            let failure = await #expect(throws: Failure.self) {
                try await migrate.run(fixture.instance, MigrateRequest(target: 20_250_531))
            }
            #expect(failure?.cause?.contains("task_sets") == true)
            #expect(try fixture.content() == before)
            let down = try await migrate.run(fixture.instance, MigrateRequest(target: 20_250_926))
            #expect(down.applied.map(\.direction) == [.down])
            let up = try await migrate.run(fixture.instance, MigrateRequest())
            #expect(up.applied.map(\.version) == [20_251_001])
            #expect(try fixture.content().differences(from: before).allSatisfy { $0.contains("kecsctl_") })
        }
    }
}
