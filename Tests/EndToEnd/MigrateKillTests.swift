// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsState
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// SIGKILL at random moments of `migrate schema`, by the built program: backup, rehearsal and the real run.
@Suite(.serialized) struct MigrateKillTests {
    /// A control plane's database of the first age, with some thousand tasks.
    private func make(_ file: FilePath) throws {
        let database = try SQLiteDatabase(file, .create)
        try database.execute("PRAGMA journal_mode = WAL")
        for migration in UpstreamHistory.migrations.prefix(1) {
            for statement in splitSQL(migration.up.sql) { try database.execute(statement.sql) }
        }
        try database.executeScript(
            """
            INSERT INTO clusters (id, arn, name, status, created_at, updated_at)
            VALUES ('1', 'arn:c', 'default', 'ACTIVE', '2025-06-01T00:00:00.000000Z', '2025-06-01T00:00:00.000000Z');
            INSERT INTO tasks (id, arn, cluster_arn, task_definition_arn, last_status, desired_status, containers,
              created_at, launch_type)
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
            SELECT i, 'arn:' || i, 'arn:c', 'td', 'RUNNING', 'RUNNING', '', '2025-06-01T00:00:00Z', 'EC2' FROM n;
            """)
    }

    private func content(_ file: FilePath) throws -> DatabaseContent {
        // The ledger holds times.
        try SQLiteDatabase(file, .readWrite).content { !UpstreamHistory.bookkeeping.contains($0) }
    }

    private func versions(_ file: FilePath) throws -> [SQLiteValue] {
        let database = try SQLiteDatabase(file, .readWrite)
        guard try database.tableRowCounts()["kecsctl_migrations"] != nil else { return [] }
        return try database.query("SELECT version FROM kecsctl_migrations ORDER BY version").map { $0[0] }
    }

    @Test func `a killed migration leaves the old schema or the new one, and the next run finishes`()
        async throws
    {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let data = root.appending("home/instances/dev/data")
            let live = data.appending("kecs.db")
            let old = root.appending("old.db")
            try make(old)
            func reset() throws {
                for name in try data.entries() { try data.appending(name).removeTree() }
                try old.copyContents(to: live)
            }
            try reset()
            let before = try content(live)
            let start = ContinuousClock.now
            let first = try await kecsctl("migrate", "schema", "dev")
            #expect(first.status == 0, "\(first.errors)")
            let whole = Int((ContinuousClock.now - start) / .milliseconds(1))
            let after = try content(live)
            let ledger = try versions(live)
            #expect(before != after)
            #expect(ledger.count == UpstreamHistory.migrations.count + 1)

            var seen = (killed: 0, old: 0, new: 0)
            var seed = CampaignSeed("MigrateKillTests")
            for round in 0..<Rounds.count(ci: 6, full: 100) {
                try reset()
                // Most of a run is the backup and the rehearsal; its end is where it counts.
                let delay = Int.random(in: round % 3 == 0 ? 0...whole / 2 : whole / 2...whole, using: &seed)
                if try await kecsctl.killed(after: .milliseconds(delay), ["migrate", "schema", "dev"]) {
                    seen.killed += 1
                }
                let found = try content(live)
                if found == before {
                    seen.old += 1
                    #expect(try versions(live) == [], "round \(round)")
                } else {
                    seen.new += 1
                    #expect(found == after, "round \(round): neither old nor new")
                    #expect(try versions(live) == ledger, "round \(round)")
                }
                let next = try await kecsctl("migrate", "schema", "dev")
                #expect(next.status == 0, "round \(round): \(next.errors)")
                #expect(try content(live) == after)
                #expect(try versions(live) == ledger)
                #expect(try !root.appending("home/instances/dev/.restoring").isPresent)
                #expect(try !root.appending("home/instances/dev/journal.json").isPresent)
                try await kecsctl.expectNoDrafts()
            }
            #expect(seen.killed > 0)
            #expect(seen.old > 0)
            print("migrate schema: killed \(seen.killed) times, old \(seen.old), new \(seen.new)")
        }
    }
}

extension Kecsctl {
    fileprivate func expectNoDrafts() async throws {
        let left = try home.appending("backups/dev").entries().filter { $0.string.hasPrefix(".") }
        #expect(left == [])
        // They would fill the disk over many rounds.
        _ = try await self("backups", "prune", "dev", "--keep", "2")
    }
}
