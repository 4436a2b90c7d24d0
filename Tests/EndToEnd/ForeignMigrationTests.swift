// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Directories and ledgers of sqlx, golang-migrate and dbmate with the built program: what those tools would say
/// afterwards is asked of dbmate itself, and for the others of Python code that was written from their sources.
@Suite struct ForeignMigrationTests {
    private struct Scene {
        var root: FilePath
        var kecsctl: Kecsctl
        var database: FilePath { root.appending("db.sqlite") }
        var folder: FilePath { root.appending("migrations") }

        static func with(_ files: [String: String], _ body: (Scene) async throws -> Void) async throws {
            try await withTemporaryFolder { root in
                let scene = Scene(root: root, kecsctl: Kecsctl(home: root.appending("home")))
                try scene.folder.createFolder()
                for (name, text) in files { try scene.write(name, text) }
                try await body(scene)
            }
        }

        func write(_ name: String, _ text: String) throws {
            try folder.appending(name).replaceContents(Array(text.utf8))
        }

        func run(_ program: String, _ words: [String]) async throws -> Kecsctl.Answer {
            let result = try await SystemProcesses(
                environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation()
            ).run(ProcessCall(program, words))
            guard case .exited(let code) = result.end else {
                throw FileError("run", FilePath(program), .timedOut)
            }
            return Kecsctl.Answer(status: code, output: result.outputText, errors: result.errorText)
        }

        func sqlite(_ sql: String) async throws -> String {
            let answer = try await run("sqlite3", [database.string, sql])
            try #require(answer.status == 0, "\(answer.errors)")
            return answer.output
        }

        func migrate(_ words: String...) async throws -> Kecsctl.Answer {
            try await kecsctl.run(
                ["migrate", "schema", "--database", database.string, "--migrations", folder.string] + words)
        }

        func status(_ words: String...) async throws -> Kecsctl.Answer {
            try await kecsctl.run(
                ["migrate", "status", "--database", database.string, "--migrations", folder.string] + words)
        }

        /// What the tool itself would look at.
        func check(_ tool: String) async throws -> String {
            let script = Python.root.appending("Tests/Fixtures/migrations/check.py").string
            let answer = try await run("python3", [script, tool, database.string, folder.string])
            #expect(answer.status == 0, "\(answer.errors)")
            return answer.output
        }
    }

    private static let sqlx = [
        "20251101000000_create_users.up.sql": "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n",
        "20251101000000_create_users.down.sql": "DROP TABLE users;\n",
        "20251115000000_add_email.up.sql": "ALTER TABLE users ADD COLUMN email TEXT;\r\n",
        "20251115000000_add_email.down.sql": "ALTER TABLE users DROP COLUMN email;\n",
        "20251116000000_compact.up.sql": "-- no-transaction\nCREATE TABLE größe (x);\nVACUUM;\n",
        "20251116000000_compact.down.sql": "-- no-transaction\nDROP TABLE größe;\nVACUUM;\n",
    ]

    @Test func `sqlx finds every checksum, and nothing dirty, on the way up and down`() async throws {
        try await Scene.with(Self.sqlx) { scene in
            _ = try await scene.sqlite("CREATE TABLE other (x); INSERT INTO other VALUES (1), (2);")
            let up = try await scene.migrate("--tool", "sqlx")
            #expect(up.status == 0, "\(up.errors)")
            #expect(up.output.contains("Backup available at: "))
            #expect(try await scene.check("sqlx") == "20251101000000 20251115000000 20251116000000\n")
            _ = try await scene.sqlite("INSERT INTO users VALUES (1, 'Ada', NULL);")
            // Going down takes things away; that needs a word of its own.
            let careful = try await scene.migrate("--to", "20251101000000")
            #expect(careful.status == 1)
            #expect(careful.errors.contains("drops the column users.email"), "\(careful.errors)")
            #expect(try await scene.check("sqlx") == "20251101000000 20251115000000 20251116000000\n")
            let down = try await scene.migrate("--to", "20251101000000", "--force")
            #expect(down.status == 0, "\(down.errors)")
            #expect(try await scene.check("sqlx") == "20251101000000\n")
            #expect(try await scene.sqlite("SELECT * FROM users, other") == "1|Ada|1\n1|Ada|2\n")
            // A file that is changed after it was applied is refused, as sqlx would.
            try scene.write("20251101000000_create_users.up.sql", "CREATE TABLE users (id INTEGER);\n")
            let changed = try await scene.migrate()
            #expect(changed.status == 1)
            #expect(changed.errors.contains("is not what it was when it was applied"), "\(changed.errors)")
            #expect(try await scene.status().output.contains("changed"))
        }
    }

    @Test func `golang-migrate finds one version that exists, and no dirty flag`() async throws {
        try await Scene.with([
            "000001_first.up.sql": "CREATE TABLE a (x);", "000001_first.down.sql": "DROP TABLE a;",
            "000002_second.up.sql": "BEGIN;\nCREATE TABLE b (y);\nCOMMIT;",
            "000002_second.down.sql": "DROP TABLE b;",
            "000003_third.up.sql": "ALTER TABLE a ADD COLUMN z;",
            "000003_third.down.sql": "ALTER TABLE a DROP COLUMN z;",
        ]) { scene in
            _ = try await scene.sqlite(
                """
                CREATE TABLE schema_migrations (version uint64,dirty bool);
                CREATE UNIQUE INDEX version_unique ON schema_migrations (version);
                CREATE TABLE a (x); INSERT INTO a VALUES (1); INSERT INTO schema_migrations VALUES (1, 0);
                """)
            let up = try await scene.migrate()
            #expect(up.status == 0, "\(up.errors)")
            #expect(try await scene.check("golang-migrate") == "3\n")
            let down = try await scene.migrate("--to", "1", "--force")
            #expect(down.status == 0, "\(down.errors)")
            #expect(try await scene.check("golang-migrate") == "1\n")
            #expect(try await scene.sqlite("SELECT * FROM a") == "1\n")
            _ = try await scene.sqlite("UPDATE schema_migrations SET dirty = 1")
            let dirty = try await scene.migrate()
            #expect(dirty.status == 1)
            #expect(dirty.errors.contains("was begun and did not end"), "\(dirty.errors)")
        }
    }

    private static var dbmate: FilePath { Python.root.appending(".build/python/bin/dbmate") }

    @Test(
        .enabled(if: Python.isThere && access(dbmate.string, X_OK) == 0, "scripts/python has no dbmate here"))
    func `dbmate itself goes on from what was migrated here, and the other way round`() async throws {
        func file(_ up: String, _ down: String, options: String = "") -> String {
            "-- migrate:up\(options)\n\(up)\n\n-- migrate:down\(options)\n\(down)\n"
        }
        try await Scene.with([
            "20251101000000_users.sql": file(
                "CREATE TABLE users (id INTEGER PRIMARY KEY);", "DROP TABLE users;"),
            "20251102000000_email.sql": file(
                "ALTER TABLE users ADD COLUMN email TEXT;", "ALTER TABLE users DROP COLUMN email;"),
        ]) { scene in
            func dbmate(_ words: String...) async throws -> Kecsctl.Answer {
                try await scene.run(
                    Self.dbmate.string,
                    [
                        "--url", "sqlite:\(scene.database)", "--migrations-dir", scene.folder.string,
                        "--no-dump-schema",
                    ] + words)
            }
            let first = try await dbmate("up")
            try #require(first.status == 0, "\(first.errors)")
            try scene.write(
                "20251103000000_teams.sql",
                file("CREATE TABLE teams (x);\nVACUUM;", "DROP TABLE teams;", options: " transaction:false"))
            let up = try await scene.migrate()
            #expect(up.status == 0, "\(up.errors)")
            #expect(up.output.contains("from 20251102000000 to 20251103000000"), "\(up.output)")
            // Its own word for “nothing is pending”.
            let status = try await dbmate("status", "--exit-code")
            #expect(status.status == 0, "\(status.output)\(status.errors)")
            #expect(status.output.contains("Applied: 3"), "\(status.output)")
            let back = try await dbmate("rollback")
            #expect(back.status == 0, "\(back.errors)")
            #expect(try await scene.sqlite("SELECT name FROM sqlite_schema WHERE name = 'teams'") == "")
            let down = try await scene.migrate("--to", "20251101000000", "--force")
            #expect(down.status == 0, "\(down.errors)")
            #expect(try await dbmate("status").output.contains("Pending: 2"))
            #expect(try await dbmate("up").status == 0)
            let again = try await scene.migrate()
            #expect(again.output.contains("already"), "\(again.output)")
        }
    }

    // MARK: The rehearsal

    @Test func `the rehearsal stops a way down that loses a column, a broken key and a step without end`()
        async throws
    {
        let cases: [(up: String, down: String?, words: [String], status: Int32, says: String)] = [
            (
                "CREATE TABLE u2 (id INTEGER PRIMARY KEY); INSERT INTO u2 SELECT id FROM users; DROP TABLE users; ALTER TABLE u2 RENAME TO users;",
                "SELECT 1;", [], 1, "the column users.name is lost"
            ),
            (
                "UPDATE users SET name = upper(name);", "UPDATE users SET name = lower(name);", [], 1,
                "after the way back values in users are not what they were"
            ),
            ("DELETE FROM users WHERE id = 1;", nil, [], 1, "breaks a foreign key: 1 rows of notes → users"),
            (
                "CREATE TABLE big AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS c FROM n;",
                nil, ["--timeout", "2s"], 15, "took longer than"
            ),
            (
                "CREATE TABLE one (x);\nINSERT INTO none VALUES (1);", nil, [], 1,
                "1_step.up.sql:2 (up): no such table: none"
            ),
        ]
        for step in cases {
            var files = ["1_step.up.sql": step.up]
            files["1_step.down.sql"] = step.down
            try await Scene.with(files) { scene in
                _ = try await scene.sqlite(
                    """
                    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace');
                    CREATE TABLE notes (user INTEGER REFERENCES users(id)); INSERT INTO notes VALUES (1);
                    """)
                let before = try digest(of: scene.database, cancellation: Cancellation()).sha256
                let answer = try await scene.kecsctl.run(
                    [
                        "migrate", "schema", "--database", scene.database.string, "--migrations",
                        scene.folder.string, "--tool", "sqlx",
                    ] + step.words)
                #expect(answer.status == step.status, "\(step.up): \(answer.errors)")
                #expect(answer.errors.contains(step.says), "\(step.up): \(answer.errors)")
                #expect(
                    try digest(of: scene.database, cancellation: Cancellation()).sha256 == before,
                    "\(step.up)")
                let plan = try await scene.kecsctl.run(
                    [
                        "migrate", "schema", "--database", scene.database.string, "--migrations",
                        scene.folder.string, "--tool", "sqlx", "--rehearse",
                    ] + step.words)
                #expect((plan.output + plan.errors).contains(step.says), "\(step.up): \(plan.output)")
                let left = try scene.root.entries().map(\.string).filter { $0.hasPrefix(".") }
                #expect(left == [])
            }
        }
    }

    // MARK: Status

    @Test func `status tells what is pending, changed, adrift, and whose the schema is when it is newer`()
        async throws
    {
        try await Scene.with([:]) { scene in
            let kecsctl = scene.kecsctl
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let live = scene.root.appending("home/instances/dev/data/kecs.db").string
            func sqlite(_ sql: String) async throws {
                let answer = try await scene.run("sqlite3", [live, sql])
                try #require(answer.status == 0, "\(answer.errors)")
            }
            let clean = try await kecsctl("migrate", "status", "dev")
            #expect(clean.output.contains("version 20251001 of 20251001"), "\(clean.output)")
            #expect(!clean.output.contains("drift"), "\(clean.output)")
            #expect(try await kecsctl("migrate", "schema", "dev", "--to", "20250926").status == 0)
            let old = try await kecsctl("migrate", "status", "dev", "-o", "json")
            let pending = try #require(try old.first()["migrations"]?.array).filter {
                $0["state"]?.string == "pending"
            }
            #expect(pending.compactMap { $0["version"]?.integer } == [20_251_001])
            try await sqlite("UPDATE kecsctl_migrations SET checksum = 'x' WHERE version = 20250612")
            try await sqlite("ALTER TABLE services ADD COLUMN colour TEXT")
            let changed = try await kecsctl("migrate", "status", "dev")
            #expect(changed.output.contains("changed"), "\(changed.output)")
            #expect(
                changed.output.contains("drift: the column services.colour belongs to no version"),
                "\(changed.output)")
            let refused = try await kecsctl("migrate", "schema", "dev")
            #expect(refused.status == 1)
            try await sqlite(
                "PRAGMA user_version = 7; INSERT OR REPLACE INTO kecsctl_meta VALUES ('schema_writer', 'kecsctl 9.9')"
            )
            let newer = try await kecsctl("migrate", "status", "dev")
            #expect(newer.status == 1)
            #expect(newer.errors.contains("written by kecsctl 9.9"), "\(newer.errors)")
        }
    }
}
