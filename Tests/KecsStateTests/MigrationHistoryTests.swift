// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsState
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@Suite struct MigrationHistoryTests {
    static let now: @Sendable () -> Moment = { Moment(seconds: 1_763_700_000) }

    /// A database as it was right after one of upstream's changes: without a ledger, without kecsctl's tables.
    static func database(_ path: FilePath, of version: Int64) throws -> SQLiteDatabase {
        if version == UpstreamHistory.newest { return try fresh(path) }
        let database = try SQLiteDatabase(path, .create)
        try database.execute("PRAGMA synchronous = OFF")
        for migration in UpstreamHistory.migrations where migration.version <= version {
            for statement in splitSQL(migration.up.sql) { try database.execute(statement.sql) }
        }
        try database.execute("DROP TABLE IF EXISTS kecsctl_import_rejects")
        return database
    }

    /// The sample states as far as the tables of this age can hold them.
    static func fill(_ database: SQLiteDatabase, with sample: String) throws {
        let scratch = FilePath(bytes: database.path.bytes + Array(".sample".utf8))
        let newest = try Self.fresh(scratch)
        try newest.executeScript(try Self.sample(sample))
        let shape = try SchemaShape(database)
        try database.execute("PRAGMA foreign_keys = OFF")
        for (table, columns) in shape.tables where !UpstreamHistory.bookkeeping.contains(table) {
            let renamed = columns.keys.sorted().map {
                $0 == "kind_cluster_name" ? "k8s_cluster_name" : $0
            }
            let mine = columns.keys.sorted().joined(separator: ", ")
            let marks = renamed.map { _ in "?" }.joined(separator: ", ")
            let insert = try database.prepare("INSERT INTO \(table) (\(mine)) VALUES (\(marks))")
            try newest.prepare("SELECT \(renamed.joined(separator: ", ")) FROM \(table)").run { row in
                try insert.run(row.values)
            }
        }
    }

    static func migrate(
        _ database: SQLiteDatabase, to target: Int64? = nil, force: Bool = false
    ) throws -> [MigrationRun.Step] {
        let status = try UpstreamHistory.status(of: database)
        let run = try UpstreamHistory.run(status, to: target, force: force, now: now)
        return try run.apply(to: database, afterwards: UpstreamHistory.finish(run, writer: "kecsctl 0.1"))
    }

    static func sample(_ name: String) throws -> String {
        String(decoding: try SampleState.fixtures.appending("\(name).sql").contents(), as: UTF8.self)
    }

    static func fresh(_ path: FilePath) throws -> SQLiteDatabase {
        let database = try StateDatabase.create(path, at: now()).database
        try database.execute("PRAGMA synchronous = OFF")
        return database
    }

    static let ages = UpstreamHistory.migrations.map(\.version)

    @Test func `the last step ends in what a new database is made of`() throws {
        try withTemporaryFolder { folder in
            let fresh = try Self.fresh(folder.appending("fresh.db"))
            let migrated = try Self.database(folder.appending("old.db"), of: 20_250_531)
            _ = try Self.migrate(migrated)
            #expect(try migrated.schemaSQL() == fresh.schemaSQL())
            #expect(try migrated.value("PRAGMA user_version") == 1)
            #expect(try migrated.value("PRAGMA application_id") == 1_262_830_419)
            #expect(try UpstreamHistory.status(of: migrated).drift == [])
            #expect(try UpstreamHistory.status(of: fresh).drift == [])
            #expect(try UpstreamHistory.status(of: fresh).plan.isUpToDate)
            _ = try StateDatabase.open(folder.appending("old.db"))
            let ledger = try fresh.query("SELECT version, name, checksum FROM kecsctl_migrations")
            #expect(
                try migrated.query("SELECT version, name, checksum FROM kecsctl_migrations LIMIT 1") == ledger
            )
        }
    }

    @Test(arguments: ages, SampleState.allCases.map(\.rawValue))
    func `a database of each age migrates to the newest and keeps its rows`(
        age: Int64, sample: String
    ) throws {
        try withTemporaryFolder { folder in
            let database = try Self.database(folder.appending("kecs.db"), of: age)
            try Self.fill(database, with: sample)
            let before = try database.content()
            let status = try UpstreamHistory.status(of: database)
            #expect(status.baseline.last?.version == age)
            #expect(status.baseline.count == Self.ages.filter { $0 <= age }.count)
            _ = try Self.migrate(database)

            let fresh = try Self.fresh(folder.appending("fresh.db"))
            let after = try database.content()
            if age < UpstreamHistory.newest { #expect(try database.schemaSQL() == fresh.schemaSQL()) }
            for (table, content) in before.tables where !UpstreamHistory.bookkeeping.contains(table) {
                #expect(after.tables[table]?.rows == content.rows, "\(table)")
            }
            #expect(try database.rejects() == [:])
            #expect(try database.foreignKeyViolations() == [])
            #expect(try database.integrityProblems() == [])
            let again = try UpstreamHistory.status(of: database)
            #expect(again.plan.isUpToDate)
            #expect(again.drift == [])
        }
    }

    @Test(arguments: ages, ["c_mixed_edge_cases"])
    func `rehearsing each age finds nothing, as every way back is lossless where the way there added nothing`(
        age: Int64, sample: String
    ) throws {
        try withTemporaryFolder { folder in
            let database = try Self.database(folder.appending("kecs.db"), of: age)
            try Self.fill(database, with: sample)
            let status = try UpstreamHistory.status(of: database)
            let run = try UpstreamHistory.run(status, to: nil, force: false, now: Self.now)
            let rehearsal = try run.rehearse(
                on: database, afterwards: UpstreamHistory.finish(run, writer: "kecsctl 0.1"))
            #expect(rehearsal.findings == [])
            #expect(rehearsal.wasReversed)
        }
    }

    @Test func `the newest goes down to the first and says what it would lose`() throws {
        try withTemporaryFolder { folder in
            let database = try Self.fresh(folder.appending("kecs.db"))
            try database.executeScript(try Self.sample("c_mixed_edge_cases"))
            let status = try UpstreamHistory.status(of: database)
            let lossless = try UpstreamHistory.run(status, to: 20_250_926, force: false, now: Self.now)
            #expect(lossless.actions.map(\.direction) == [.down])
            #expect(try lossless.rehearse(on: database).findings == [])

            let now = try UpstreamHistory.status(of: database)
            let lossy = try UpstreamHistory.run(now, to: 20_250_531, force: false, now: Self.now)
            let findings = try lossy.rehearse(on: database).findings
            #expect(findings.contains { $0.contains("task_sets") })
        }
    }

    @Test func `a newer database without the columns that upstream never added gets them`() throws {
        try withTemporaryFolder { folder in
            let database = try Self.database(folder.appending("kecs.db"), of: 20_250_902)
            try database.execute("ALTER TABLE tasks DROP COLUMN service_registries")
            try database.execute("ALTER TABLE services DROP COLUMN deployment_controller")
            let status = try UpstreamHistory.status(of: database)
            #expect(
                status.plan.items.filter { $0.state == .pending }.map(\.version)
                    == [20_250_817, 20_250_820, 20_250_926, 20_251_001])
            _ = try Self.migrate(database)
            #expect(try UpstreamHistory.status(of: database).drift == [])
        }
    }

    @Test func `of several rows for one pod the newest stays, and the way back brings the others again`()
        throws
    {
        try withTemporaryFolder { folder in
            let database = try Self.database(folder.appending("kecs.db"), of: 20_250_821)
            try Self.fill(database, with: "a_single_nginx")
            try database.executeScript(
                """
                INSERT INTO tasks (id, arn, cluster_arn, task_definition_arn, last_status, desired_status, containers,
                  created_at, launch_type, pod_name, namespace, version, enable_execute_command)
                SELECT 'older-1', 'arn:older-1', cluster_arn, task_definition_arn, 'STOPPED', 'STOPPED', '',
                  '2025-01-01 00:00:00', launch_type, pod_name, namespace, 7, 0 FROM tasks LIMIT 1;
                INSERT INTO tasks (id, arn, cluster_arn, task_definition_arn, last_status, desired_status, containers,
                  created_at, launch_type, pod_name, namespace, version, enable_execute_command)
                SELECT 'lost', 'arn:lost', 'arn:no-such-cluster', 'td', 'STOPPED', 'STOPPED', 'ünïcode "x" {',
                  '2025-01-01 00:00:00', 'EC2', NULL, NULL, 9, 0;
                """)
            let before = try database.content { !UpstreamHistory.bookkeeping.contains($0) }
            _ = try Self.migrate(database)
            #expect(try database.rejects() == ["tasks": 2])
            #expect(try database.value("SELECT count(*) FROM tasks") == 1)
            let reasons = try database.query(
                "SELECT source_key, reason FROM kecsctl_import_rejects ORDER BY source_key")
            #expect(reasons.map(\.values) == [["lost", "not valid"], ["older-1", "duplicate pod"]])
            _ = try Self.migrate(database, to: 20_250_821)
            #expect(try database.content { !UpstreamHistory.bookkeeping.contains($0) } == before)
            #expect(try database.rejects() == [:])
        }
    }

    @Test func `a column that belongs to no version is not dropped on the way`() throws {
        try withTemporaryFolder { folder in
            let database = try Self.database(folder.appending("kecs.db"), of: 20_250_926)
            try database.execute("ALTER TABLE services ADD COLUMN colour TEXT")
            let status = try UpstreamHistory.status(of: database)
            #expect(status.drift == ["the column services.colour belongs to no version"])
            #expect(throws: MigrationProblem.self) {
                try UpstreamHistory.run(status, to: nil, force: false, now: Self.now)
            }
        }
    }

    @Test func `a schema newer than ours is refused with who wrote it`() throws {
        try withTemporaryFolder { folder in
            let database = try Self.fresh(folder.appending("kecs.db"))
            try database.execute("PRAGMA user_version = 7")
            try database.execute("INSERT INTO kecsctl_meta VALUES ('schema_writer', 'kecsctl 9.9')")
            let problem = #expect(throws: MigrationProblem.self) {
                try UpstreamHistory.status(of: database)
            }
            #expect(problem?.kind == .newer)
            #expect(problem?.why.contains("kecsctl 9.9") == true)
        }
    }

    @Test func `a step that was changed after it was applied is noticed`() throws {
        try withTemporaryFolder { folder in
            let database = try Self.database(folder.appending("kecs.db"), of: 20_250_531)
            _ = try Self.migrate(database)
            try database.execute(
                "UPDATE kecsctl_migrations SET checksum = 'x' WHERE version = 20250612")
            let status = try UpstreamHistory.status(of: database)
            #expect(status.plan.items.filter { $0.state == .changed }.map(\.version) == [20_250_612])
            #expect(status.drift == [])
            try database.execute("UPDATE kecsctl_migrations SET checksum = 'x' WHERE version = 1")
            #expect(
                try UpstreamHistory.status(of: database).drift
                    == ["the step initial is not what it was when the database was made"])
        }
    }
}
