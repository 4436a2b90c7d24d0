// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// `db dump --dialect postgres`, loaded into a real server, and each value compared with SQLite's own.
@Suite(.serialized) struct DumpPostgresTests {
    private struct Server {
        let programs: FilePath
        let folder: FilePath

        /// PostgreSQL refuses to run as root; nobody has no files of its own.
        private var unprivileged: [String] {
            geteuid() == 0 ? ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
        }

        func run(
            _ words: String..., limit: Duration = .seconds(300)
        ) async throws -> (ok: Bool, output: String, errors: String) {
            let all = unprivileged + words
            var call = ProcessCall(all[0], Array(all.dropFirst()))
            call.limit = limit
            let result = try await SystemProcesses(
                environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"],
                cancellation: Cancellation()
            ).run(call)
            return (result.succeeded, result.outputText, result.errorText)
        }

        func psql(_ words: String...) async throws -> (ok: Bool, output: String, errors: String) {
            let all =
                unprivileged + [
                    "\(programs)/psql", "-h", folder.string, "-U", "kecs", "-d", "postgres", "-XAtq", "-v",
                    "ON_ERROR_STOP=1",
                ] + words
            let result = try await SystemProcesses(
                environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C", "PGTZ": "UTC"],
                cancellation: Cancellation()
            ).run(ProcessCall(all[0], Array(all.dropFirst())))
            return (result.succeeded, result.outputText, result.errorText)
        }

        func value(_ sql: String) async throws -> String {
            let answer = try await psql("-c", sql)
            #expect(answer.ok, "\(sql): \(answer.errors)")
            return answer.output.hasSuffix("\n") ? String(answer.output.dropLast()) : answer.output
        }
    }

    private func withServer(_ body: (Server, FilePath) async throws -> Void) async throws {
        let place = FilePath("/usr/lib/postgresql")
        let versions = try place.isFolder ? place.entries().map(\.string).sorted() : []
        guard let version = try versions.last(where: { try place.appending("\($0)/bin/postgres").isPresent })
        else {
            try Test.cancel("there is no PostgreSQL server here; apt-get install postgresql gives one")
        }
        try await withTemporaryFolder { root in
            try root.setMode(0o755)
            let folder = root.appending("server")
            try folder.createFolder(mode: 0o755)
            if geteuid() == 0 { try folder.setOwner((65_534, 65_534)) }
            let server = Server(programs: place.appending("\(version)/bin"), folder: folder)
            let made = try await server.run(
                "\(server.programs)/initdb", "-D", "\(folder)/pg", "-U", "kecs", "-A", "trust", "-N", "-E",
                "UTF8",
                "--locale=C")
            try #require(made.ok, "\(made.errors)")
            let started = try await server.run(
                "\(server.programs)/pg_ctl", "-D", "\(folder)/pg", "-w", "-l", "\(folder)/log", "-o",
                "-k \(folder) -c listen_addresses=", "start")
            try #require(started.ok, "\(started.errors)")
            do { try await body(server, root) } catch {
                _ = try await server.run(
                    "\(server.programs)/pg_ctl", "-D", "\(folder)/pg", "-m", "immediate", "stop")
                throw error
            }
            let stopped = try await server.run(
                "\(server.programs)/pg_ctl", "-D", "\(folder)/pg", "-m", "fast", "-w", "stop")
            #expect(stopped.ok, "\(stopped.errors)")
        }
    }

    private static let schema = #"""
        PRAGMA user_version = 12;
        CREATE TABLE clusters (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
            active BOOLEAN NOT NULL DEFAULT 1, created DATETIME DEFAULT CURRENT_TIMESTAMP, score REAL, extra JSON,
            "select" VARCHAR(8) DEFAULT 'it''s', blob BLOB, CHECK (score >= 0));
        CREATE TABLE services (cluster INTEGER REFERENCES clusters(id) ON DELETE CASCADE, "Name ""q""" TEXT, n INTEGER,
            at TIMESTAMP, PRIMARY KEY (cluster, "Name ""q""")) WITHOUT ROWID;
        CREATE TABLE "odd 'name" (a, b NUMERIC, c TEXT, d BOOL, e INT, g INT GENERATED ALWAYS AS (e * 2) STORED);
        CREATE TABLE empty (id INTEGER PRIMARY KEY, t TEXT, b BLOB, f BOOLEAN, x);
        CREATE TABLE broken (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES empty(id));
        CREATE INDEX by_active ON clusters (active, created DESC);
        CREATE UNIQUE INDEX partial ON clusters (score) WHERE score > 1;
        CREATE VIEW names AS SELECT name
          FROM clusters;
        CREATE TRIGGER t AFTER INSERT ON clusters BEGIN SELECT 1; END;
        INSERT INTO clusters VALUES (1, 'plain', 1, '2025-11-21 01:45:30.123456+00:00', 1.5, '{"a":1}', 'x', x'00ff5c');
        INSERT INTO clusters VALUES (7, 'tab' || char(9) || 'line' || char(10) || 'cr' || char(13) || '\back\N', 0,
            '2024-02-29T23:59:59Z', 0.1, NULL, NULL, zeroblob(0));
        INSERT INTO clusters VALUES (8, 'ünï 漢 🦉', 1, NULL, 1e300, '\.', '', x'5c2e');
        DELETE FROM clusters WHERE id = 8;
        INSERT INTO clusters VALUES (6, '', 0, '0001-01-01 00:00:00+00:00', -0.0, '', '''quoted''', NULL);
        INSERT INTO services VALUES (1, 'a', 9223372036854775807, '2025-01-01 00:00:00');
        INSERT INTO services VALUES (7, 'b', -9223372036854775808, '2025-01-01 00:00:00.5');
        INSERT INTO "odd 'name" VALUES ('text', 1.25, 'with' || char(0) || 'nul', 2, 5);
        INSERT INTO "odd 'name" VALUES (x'01', 12345678901234567, 'plain', 0, 'five');
        INSERT INTO broken VALUES (1, 99);
        """#

    @Test func `tables, rows, keys and numbering come out of PostgreSQL as they were in SQLite`() async throws
    {
        try await withServer { server, root in
            let file = root.appending("app.sqlite")
            try SQLiteDatabase(file, .create).executeScript(Self.schema)
            let kecsctl = Kecsctl(home: root.appending("home"))
            let dump = try await kecsctl("db", "dump", "--database", file.string, "--dialect", "postgres")
            try #require(dump.status == 0, "\(dump.errors)")
            let script = root.appending("dump.sql")
            try script.replaceContents(Array(dump.output.utf8), mode: 0o644)
            let loaded = try await server.psql("-f", script.string)
            try #require(loaded.ok, "\(loaded.errors)\n\(dump.output)")
            #expect(loaded.errors.isEmpty, "\(loaded.errors)")

            let sqlite = try SQLiteDatabase(file, .readOnly)
            for table in ["clusters", "services", "odd 'name", "empty", "broken"] {
                let name = "\"\(table)\""
                let expected = try sqlite.value("SELECT count(*) FROM \(name)")?.integer
                #expect(
                    try await server.value("SELECT count(*) FROM \(name)") == "\(expected ?? -1)", "\(table)")
            }
            // The same bytes of every text and blob, by a way that needs no quoting.
            for (sql, other) in [
                ("hex(name)", "upper(encode(convert_to(name, 'UTF8'), 'hex'))"),
                ("active", "active::int"), ("hex(blob)", "upper(encode(blob, 'hex'))"),
                ("hex(\"select\")", "upper(encode(convert_to(\"select\", 'UTF8'), 'hex'))"),
                ("hex(extra)", "upper(encode(convert_to(extra, 'UTF8'), 'hex'))"),
                ("strftime('%s', created)", "extract(epoch FROM date_trunc('second', created))::bigint"),
            ] {
                let ours = try sqlite.query("SELECT coalesce(\(sql), '-') FROM clusters ORDER BY id").map {
                    row in
                    row[0].text ?? row[0].integer.map { "\($0)" } ?? ""
                }
                let theirs = try await server.value(
                    "SELECT coalesce((\(other))::text, '-') FROM clusters ORDER BY id")
                // hex() makes an empty text of NULL.
                #expect(
                    theirs.split(separator: "\n", omittingEmptySubsequences: false).map {
                        $0 == "-" ? "" : $0
                    }
                        == ours.map { $0 == "-" ? "" : Substring($0) }, "\(sql)")
            }
            #expect(try await server.value("SELECT score FROM clusters WHERE id = 7") == "0.1")
            #expect(
                try await server.value("SELECT min(n), max(n) FROM services")
                    == "-9223372036854775808|9223372036854775807")
            #expect(try await server.value("SELECT max(at) FROM services") == "2025-01-01 00:00:00.5")
            let odd = try await server.value(
                "SELECT encode(a, 'escape'), b, encode(c, 'hex'), d, e FROM \"odd 'name\" ORDER BY b")
            #expect(odd == "text|1.25|77697468006e756c|2|5\n\u{1}|12345678901234567|706c61696e|0|five")
            let types = try await server.value(
                "SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY ordinal_position) FROM "
                    + "information_schema.columns WHERE table_name = 'clusters'")
            #expect(
                types
                    == "id bigint, name text, active boolean, created timestamp with time zone, score double precision, "
                    + "extra text, select text, blob bytea")
            // As SQLite would go on: 8 was given once.
            let made = try await server.value(
                "INSERT INTO clusters (name) VALUES ('next') RETURNING id, active, \"select\"")
            #expect(made == "9|t|it's")
            #expect(try await server.value("INSERT INTO empty (t) VALUES ('first') RETURNING id") == "1")
            for wrong in [
                "INSERT INTO clusters (name) VALUES ('plain')", "INSERT INTO clusters (name) VALUES (NULL)",
                "INSERT INTO services (cluster, \"Name \"\"q\"\"\") VALUES (99, 'x')",
                "INSERT INTO services (cluster, \"Name \"\"q\"\"\") VALUES (1, 'a')",
            ] {
                #expect(try await server.psql("-c", wrong).ok == false, "\(wrong)")
            }
            #expect(
                try await server.value("SELECT count(*) FROM pg_indexes WHERE indexname = 'by_active'") == "1"
            )
            for left in [
                "CREATE VIEW names", "CREATE TRIGGER t", "UNIQUE INDEX partial",
                "CHECK constraints of clusters",
            ] {
                #expect(dump.output.contains(left), "\(left)")
            }
        }
    }

    @Test func `KECS's own database loads`() async throws {
        try await withServer { server, root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let dump = try await kecsctl("db", "dump", "dev", "--dialect", "postgres")
            try #require(dump.status == 0, "\(dump.errors)")
            let script = root.appending("dump.sql")
            try script.replaceContents(Array(dump.output.utf8), mode: 0o644)
            let loaded = try await server.psql("-f", script.string)
            #expect(loaded.ok, "\(loaded.errors)\n\(dump.output)")
            let sqlite = try SQLiteDatabase(root.appending("home/instances/dev/data/kecs.db"), .readOnly)
            let tables = try sqlite.value(
                "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")?
                .integer
            #expect(
                try await server.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
                    == "\(tables ?? -1)")
        }
    }

    @Test func `a text that is not UTF-8 is refused with its place, and what was written loads nothing`()
        async throws
    {
        try await withTemporaryFolder { root in
            let file = root.appending("app.sqlite")
            try SQLiteDatabase(file, .create).executeScript(
                "CREATE TABLE t(x TEXT); INSERT INTO t VALUES ('good'); INSERT INTO t VALUES (CAST(x'ff' AS TEXT));"
            )
            let dump = try await Kecsctl(home: root.appending("home"))(
                "db", "dump", "--database", file.string, "--dialect", "postgres")
            #expect(dump.status != 0)
            #expect(dump.errors.contains("t.x"), "\(dump.errors)")
            #expect(!dump.output.contains("COMMIT"))
        }
    }
}
