// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@Suite struct MigrationForeignTests {
    static let now: @Sendable () -> Moment = { Moment(seconds: 1_763_700_000) }

    static func write(_ files: [String: String], to folder: FilePath) throws -> FilePath {
        let migrations = folder.appending("migrations")
        try migrations.createFolder()
        for (name, text) in files { try migrations.appending(name).replaceContents(Array(text.utf8)) }
        return migrations
    }

    static func plan(
        _ folder: FilePath, _ database: SQLiteDatabase, tool: MigrationTool? = nil
    ) throws -> (MigrationDirectory, MigrationPlan) {
        let files = try MigrationDirectory(
            folder, tool: tool, ledger: try MigrationLedger.find(in: database))
        let ledger = try MigrationLedger(files.tool).read(database, known: files.migrations)
        return (files, MigrationPlan(files.migrations, ledger))
    }

    static func run(
        _ folder: FilePath, _ database: SQLiteDatabase, to target: Int64? = nil, tool: MigrationTool? = nil
    ) throws -> MigrationRun {
        let (files, plan) = try plan(folder, database, tool: tool)
        return MigrationRun(
            ledger: MigrationLedger(files.tool), actions: try plan.actions(to: target, force: false),
            applied: files.migrations.filter { one in
                plan.ledger.applied.contains { $0.version == one.version }
            }, now: now)
    }

    /// sqlx 0.8's own table, with the entry of one migration: `sha384sum` of "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n".
    static let sqlxLedger = """
        CREATE TABLE _sqlx_migrations (
            version BIGINT PRIMARY KEY,
            description TEXT NOT NULL,
            installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
            success BOOLEAN NOT NULL,
            checksum BLOB NOT NULL,
            execution_time BIGINT NOT NULL
        );
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
        INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace');
        INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES
          (20251101000000, 'create users', TRUE, x'5a09d41f8e81d8e52421de478d6b8c6009c233a9c8f9c48574f3846dc38774b9d9b810d2ff1a0ec2fd7655dfcbcd5aa3', 1200000);
        """
    static let sqlxFiles = [
        "20251101000000_create_users.up.sql": "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n",
        "20251101000000_create_users.down.sql": "DROP TABLE users;\n",
        "20251115000000_add_email.up.sql": "ALTER TABLE users ADD COLUMN email TEXT;\n",
        "20251115000000_add_email.down.sql": "ALTER TABLE users DROP COLUMN email;\n",
        "20251116000000_add_teams.up.sql":
            "CREATE TABLE teams (id INTEGER PRIMARY KEY);\nCREATE INDEX by_name ON users(name);\n",
        "20251116000000_add_teams.down.sql": "DROP INDEX by_name;\nDROP TABLE teams;\n",
    ]

    @Test func `an sqlx directory goes up and down, and its ledger says what sqlx checks`() throws {
        try withTemporaryFolder { folder in
            let database = try SQLiteDatabase(folder.appending("db.sqlite"), .create)
            try database.executeScript(Self.sqlxLedger)
            let migrations = try Self.write(Self.sqlxFiles, to: folder)
            let (files, plan) = try Self.plan(migrations, database)
            #expect(files.tool == .sqlx)
            #expect(plan.items.map(\.state) == [.applied, .pending, .pending])
            let up = try Self.run(migrations, database)
            #expect(try up.rehearse(on: database).findings == [])
            let ledger = try database.query(
                "SELECT version, description, success, lower(hex(checksum)) FROM _sqlx_migrations ORDER BY 1")
            #expect(
                ledger.map(\.values) == [
                    [
                        20_251_101_000_000, "create users", 1,
                        "5a09d41f8e81d8e52421de478d6b8c6009c233a9c8f9c48574f3846dc38774b9d9b810d2ff1a0ec2fd7655dfcbcd5aa3",
                    ],
                    [
                        20_251_115_000_000, "add email", 1,
                        "4b886657d12acaaa416c4a98503159bf15307b40bb65b2e1bdb93af3cb247a13b1b75e7332fa1936326b787e2d686f1c",
                    ],
                    [
                        20_251_116_000_000, "add teams", 1,
                        "d6221192e9a83a0c8e7f51cee9fae3f92b0d53d158de987a5cdd2fbd61aa72b888fd470b268a99724dbdbdd35e0eb1a9",
                    ],
                ])
            #expect(try Self.plan(migrations, database).1.isUpToDate)
            _ = try Self.run(migrations, database, to: 20_251_101_000_000).apply(to: database)
            #expect(try database.value("SELECT count(*) FROM _sqlx_migrations") == 1)
            #expect(try database.query("SELECT * FROM users").map(\.values) == [[1, "Ada"], [2, "Grace"]])
        }
    }

    @Test func `a file that was changed after it was applied is told, and a failed run of sqlx too`() throws {
        try withTemporaryFolder { folder in
            let database = try SQLiteDatabase(folder.appending("db.sqlite"), .create)
            try database.executeScript(Self.sqlxLedger)
            var files = Self.sqlxFiles
            files["20251101000000_create_users.up.sql"] =
                "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); \n"
            let migrations = try Self.write(files, to: folder)
            #expect(try Self.plan(migrations, database).1.items[0].state == .changed)
            #expect(throws: MigrationProblem.self) { try Self.run(migrations, database) }
            try database.execute("UPDATE _sqlx_migrations SET success = FALSE")
            #expect(try Self.plan(migrations, database).1.items[0].state == .dirty)
        }
    }

    @Test func `a golang-migrate directory goes up and down, with one version and no dirty flag`() throws {
        try withTemporaryFolder { folder in
            let database = try SQLiteDatabase(folder.appending("db.sqlite"), .create)
            try database.executeScript(
                """
                CREATE TABLE schema_migrations (version uint64,dirty bool);
                CREATE UNIQUE INDEX version_unique ON schema_migrations (version);
                CREATE TABLE a (x); INSERT INTO a VALUES (1);
                INSERT INTO schema_migrations VALUES (1, 0);
                """)
            let migrations = try Self.write(
                [
                    "000001_first.up.sql": "CREATE TABLE a (x);", "000001_first.down.sql": "DROP TABLE a;",
                    "000002_second.up.sql": "CREATE TABLE b (y);", "000002_second.down.sql": "DROP TABLE b;",
                    "000003_third.up.sql": "ALTER TABLE a ADD COLUMN z;",
                    "000003_third.down.sql": "ALTER TABLE a DROP COLUMN z;",
                ], to: folder)
            let up = try Self.run(migrations, database)
            #expect(up.ledger.tool == .golangMigrate)
            #expect(up.actions.map(\.migration.version) == [2, 3])
            #expect(try up.rehearse(on: database).findings == [])
            func ledger() throws -> [[SQLiteValue]] {
                try database.query("SELECT version, dirty FROM schema_migrations").map(\.values)
            }
            #expect(try ledger() == [[3, 0]])
            _ = try Self.run(migrations, database, to: 1).apply(to: database)
            #expect(try ledger() == [[1, 0]])
            _ = try Self.run(migrations, database, to: 0).apply(to: database)
            #expect(try ledger() == [])
            #expect(try database.tableRowCounts().keys.sorted() == ["schema_migrations"])
            try database.execute("INSERT INTO schema_migrations VALUES (2, 1)")
            let problem = #expect(throws: MigrationProblem.self) { try Self.run(migrations, database) }
            #expect(problem?.kind == .state)
        }
    }

    @Test func `a dbmate directory goes up and down, with versions as text`() throws {
        try withTemporaryFolder { folder in
            let database = try SQLiteDatabase(folder.appending("db.sqlite"), .create)
            let migrations = try Self.write(
                [
                    "20251101_a.sql":
                        "-- migrate:up\nCREATE TABLE a (x);\n\n-- migrate:down\nDROP TABLE a;\n",
                    "20251102_b.sql": "-- migrate:up\nCREATE TABLE b (x);\n-- migrate:down\nDROP TABLE b;\n",
                ], to: folder)
            _ = try Self.run(migrations, database).apply(to: database)
            #expect(
                try database.query("SELECT version, typeof(version) FROM schema_migrations").map(\.values)
                    == [["20251101", "text"], ["20251102", "text"]])
            #expect(try MigrationLedger.find(in: database) == .dbmate)
            _ = try Self.run(migrations, database, to: 20_251_101).apply(to: database)
            #expect(try database.tableRowCounts().keys.sorted() == ["a", "schema_migrations"])
        }
    }

    @Test func `what fails in its second statement leaves content and ledger as they were`() throws {
        try withTemporaryFolder { folder in
            let file = folder.appending("db.sqlite")
            let database = try SQLiteDatabase(file, .create)
            try database.executeScript(Self.sqlxLedger)
            var files = Self.sqlxFiles
            files["20251116000000_add_teams.up.sql"] =
                "CREATE TABLE teams (id);\nINSERT INTO none VALUES (1);\n"
            let migrations = try Self.write(files, to: folder)
            let before = try database.content()
            let run = try Self.run(migrations, database)
            let failure = #expect(throws: MigrationFailure.self) { try run.apply(to: database) }
            #expect(failure?.version == 20_251_116_000_000)
            #expect(failure?.line == 2)
            #expect(failure?.digestBefore == before.digest)
            #expect(failure?.digestAfter == before.digest)
            #expect(try database.content() == before)
        }
    }

    @Test func `a step cannot end the transaction that protects the data`() throws {
        try withTemporaryFolder { folder in
            let database = try SQLiteDatabase(folder.appending("db.sqlite"), .create)
            let migrations = try Self.write(
                ["1_a.sql": "CREATE TABLE a (x);\nCOMMIT;\nCREATE TABLE b (x);"], to: folder)
            #expect(throws: MigrationFailure.self) {
                try Self.run(migrations, database).apply(to: database)
            }
            #expect(try database.tableRowCounts() == [:])
        }
    }

    @Test func `the rehearsal finds a way back that loses a column, and a foreign key that breaks`() throws {
        try withTemporaryFolder { folder in
            let database = try SQLiteDatabase(folder.appending("db.sqlite"), .create)
            try database.executeScript(
                """
                CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO p VALUES (1, 'x');
                CREATE TABLE c (p INTEGER REFERENCES p(id)); INSERT INTO c VALUES (1);
                """)
            let losing = try Self.write(
                [
                    "1_a.up.sql": "ALTER TABLE p DROP COLUMN name;",
                    "1_a.down.sql": "ALTER TABLE p ADD COLUMN name TEXT;",
                ], to: folder)
            let findings = try Self.run(losing, database, tool: .sqlx).rehearse(on: database).findings
            #expect(findings == ["after the way back values in p are not what they were"])

            let breaking = try Self.write(["2_b.sql": "DELETE FROM p;"], to: folder.appending("two"))
            let failure = #expect(throws: MigrationFailure.self) {
                let run = MigrationRun(
                    ledger: MigrationLedger(.sqlx),
                    actions: try MigrationDirectory(breaking).migrations.map { MigrationAction(.up, $0) },
                    applied: [], now: Self.now)
                _ = try run.rehearse(on: database)
            }
            #expect(failure?.why == "it breaks a foreign key: 1 rows of c → p")
        }
    }

    @Test func `the lint sees what a step destroys before anything runs`() throws {
        try withTemporaryFolder { folder in
            let database = try SQLiteDatabase(folder.appending("db.sqlite"), .create)
            try database.executeScript(
                """
                CREATE TABLE t (id INTEGER PRIMARY KEY, amount INTEGER, note TEXT);
                CREATE INDEX by_amount ON t(amount);
                CREATE TRIGGER watch AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END;
                CREATE TABLE gone (x);
                """)
            func rules(_ sql: String) throws -> [MigrationFinding.Rule] {
                let step = MigrationStep(
                    version: 1, name: "a", up: MigrationStep.Script(name: "1_a.sql", sql: sql), down: nil,
                    checksum: nil)
                return try lintMigrations(
                    [MigrationAction(.up, step)], schemaOf: database, scratch: folder
                ).map(\.rule)
            }
            #expect(try rules("CREATE TABLE new (x); ALTER TABLE t ADD COLUMN y;") == [])
            #expect(try rules("DROP TABLE gone;") == [.dropsTable])
            #expect(try rules("ALTER TABLE t DROP COLUMN note;") == [.dropsColumn])
            #expect(try rules("ALTER TABLE t ADD COLUMN y TEXT NOT NULL;") == [.notNullWithoutDefault])
            #expect(try rules("DELETE FROM t;") == [.deletesRows])
            #expect(try rules("VACUUM;") == [.endsTransaction])
            #expect(
                try rules(
                    """
                    CREATE TABLE t2 (id INTEGER PRIMARY KEY, amount TEXT, note TEXT);
                    INSERT INTO t2 SELECT * FROM t; DROP TABLE t; ALTER TABLE t2 RENAME TO t;
                    """) == [.changesType, .losesIndex, .losesTrigger])
            #expect(try database.tableRowCounts().keys.sorted() == ["gone", "t"])
        }
    }

    @Test func `a script is cut where SQLite would`() {
        let script = """
            -- one; two
            CREATE TABLE a (x DEFAULT ';'); /* ; */
            create trigger t after insert on a begin
              select case when 1 then 2 end; select 3;
            end; SELECT "a;b", [c;d], 'it''s;'
            """
        let statements = splitSQL(script)
        #expect(statements.map(\.line) == [2, 3, 5])
        #expect(statements.last?.tokens == ["SELECT", "\"a;b\"", ",", "[c;d]", ",", "'it''s;'"])
    }
}
