// SPDX-License-Identifier: Apache-2.0
import Glibc
import Kecs
import KecsState
import KecsStorage
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// `duckdb` with the flags of its program, by PyPI's module of the same name; nil where that is not installed.
private enum DuckDB {
    static let python: String? = ["/usr/bin/python3", "/root/.pyenv/shims/python3", "/usr/local/bin/python3"]
        .first { system("\($0) -c 'import duckdb' >/dev/null 2>&1") == 0 }

    /// The program's own forms: `[{"a":"x"},` a line a row, `[]` for none, errors on the error stream with status 1.
    static func install(_ tools: FilePath) throws {
        let script = """
            #!\(python ?? "/usr/bin/python3")
            import sys, json, duckdb
            readonly, mode, commands, file = False, None, [], ':memory:'
            args = sys.argv[1:]
            while args:
                arg = args.pop(0)
                if arg in ('-readonly', '--readonly'): readonly = True
                elif arg in ('-json', '--json'): mode = 'json'
                elif arg in ('-c', '--c'): commands.append(args.pop(0))
                elif arg.startswith('-'): sys.exit('unknown option ' + arg)
                else: file = arg
            try:
                connection = duckdb.connect(file, read_only=readonly)
                for command in commands:
                    answer = connection.execute(command)
                    names = [column[0] for column in answer.description]
                    rows = [dict(zip(names, row)) for row in answer.fetchall()]
                    if mode == 'json':
                        print('[' + ',\\n'.join(json.dumps(row, ensure_ascii=False) for row in rows) + ']')
            except duckdb.Error as error:
                print(error, file=sys.stderr)
                sys.exit(1)

            """
        try tools.appending("duckdb").replaceContents(Array(script.utf8), mode: 0o755)
    }

    /// Every table of upstream's last DuckDB with rows that are hard to carry, the newest of them in the `.wal`.
    static func makeFile(_ file: FilePath, in folder: FilePath) throws {
        let script = """
            import duckdb, os, sys
            c = duckdb.connect(sys.argv[1])
            c.execute("PRAGMA disable_checkpoint_on_shutdown")
            for statement in open(sys.argv[2]).read().split(';'):
                if statement.strip(): c.execute(statement)
            c.execute("CHECKPOINT")
            t = "TIMESTAMP '2025-09-20 09:00:00.123456'"
            for i in range(3):
                c.execute(f"INSERT INTO clusters (id, arn, name, status, tags, kind_cluster_name, created_at, updated_at) VALUES ('c{i}', 'arn:c{i}', 'größe-{i}', 'ACTIVE', '[{{\\"key\\":\\"a\\\\u003c\\",  \\"value\\":\\"\\"}}]', 'kecs-{i}', {t}, {t})")
            c.execute(f"INSERT INTO services (id, arn, service_name, cluster_arn, task_definition_arn, launch_type, status, load_balancers, role_arn, tags, created_at, updated_at) VALUES ('s1','arn:s1','web','arn:c0','','FARGATE','ACTIVE','null','',NULL,{t},{t}), ('s2','arn:s2','orphan','arn:gone','','FARGATE','ACTIVE','null','',NULL,{t},{t})")
            c.execute(f"INSERT INTO task_definitions (id, arn, family, revision, container_definitions, registered_at) VALUES ('td','arn:td','web',1,'[{{\\"name\\":\\"web\\"}}]',{t}), ('bad','arn:bad','bad',1,'not json',{t})")
            for i in range(5):
                c.execute(f"INSERT INTO tasks (id, arn, cluster_arn, task_definition_arn, last_status, desired_status, containers, version, created_at, launch_type, pod_name, namespace, enable_execute_command) VALUES ('t{i}','arn:t{i}','arn:c0','arn:td','RUNNING','RUNNING','',9007199254740993,TIMESTAMP '2025-09-2{i} 10:00:00','EC2','pod-{i // 2}','ns',true)")
            c.execute(f"INSERT INTO task_logs VALUES ('l1','arn:t1','web',{t},'日本語 \\"quoted\\" \\t tab',NULL,NULL)")
            if len(sys.argv) > 3:
                print('ready', flush=True); sys.stdin.read()
            os._exit(0)
            """
        let program = folder.appending("make.py")
        let schema = folder.appending("schema.sql")
        try program.replaceContents(Array(script.utf8))
        var sql = ""
        for migration in UpstreamHistory.migrations where migration.version < 20_250_902 {
            if [20_250_608, 20_250_612, 20_250_623].contains(migration.version) { continue }
            for statement in splitSQL(migration.up.sql) { sql += statement.sql + "\n" }
        }
        try schema.replaceContents(Array(sql.utf8))
        #expect(system("\(python ?? "") \(program) \(file) \(schema)") == 0)
    }
}

@Suite struct ImportStateTests {
    @Test(.enabled(if: DuckDB.python != nil, "PyPI's duckdb is not installed"))
    func `a DuckDB file comes over without a lost row`() async throws {
        try await MigrateFixture.with { fixture in
            try DuckDB.install(fixture.tools.folder)
            let file = fixture.folder.appending("kecs.db")
            try DuckDB.makeFile(file, in: fixture.folder)
            let wal = FilePath(file.string + ".wal")
            #expect(wal.isPresent)
            let before = try (file.contents(), wal.contents())
            let report = try await ImportState(site: fixture.site).run(
                fixture.instance, ImportRequest(source: .path(file)))
            #expect(try file.contents() == before.0)
            #expect(try wal.contents() == before.1)
            let tables = Dictionary(report.tables.map { ($0.table, $0) }, uniquingKeysWith: { $1 })
            #expect(tables["clusters"]?.rowsOut == 3)
            #expect(tables["services"]?.rejects == ["orphan": 1])
            #expect(tables["tasks"]?.rejects == ["duplicate pod": 2])
            #expect(tables["task_definitions"]?.rowsOut == 1)
            for table in report.tables {
                #expect(table.rowsIn == table.rowsOut + table.rejects.values.reduce(0, +))
            }
            let database = try StateDatabase.open(fixture.database).database
            let cluster = try database.query(
                "SELECT name, tags, k8s_cluster_name, configuration, created_at FROM clusters WHERE id = 'c1'"
            )
            #expect(
                cluster.map(\.values) == [
                    [
                        "größe-1", "[{\"key\":\"a\\u003c\",  \"value\":\"\"}]", "kecs-1", nil,
                        "2025-09-20T09:00:00.123456Z",
                    ]
                ])
            let service = try database.query(
                "SELECT load_balancers, role_arn, tags, task_definition_arn, has_node_port FROM services")
            #expect(service.map(\.values) == [["null", "", nil, "", 0]])
            // The newest of each pod stays.
            #expect(
                try database.query("SELECT id, version FROM tasks ORDER BY id").map(\.values)
                    == [
                        ["t1", 9_007_199_254_740_993], ["t3", 9_007_199_254_740_993],
                        ["t4", 9_007_199_254_740_993],
                    ])
            #expect(
                try database.value("SELECT log_line FROM task_logs") == "日本語 \"quoted\" \t tab")
            #expect(try database.value("SELECT count(*) FROM kecsctl_import_rejects") == 4)
        }
    }

    @Test func `a database that a process holds locked is refused as busy`() async throws {
        try await MigrateFixture.with { fixture in
            let file = fixture.folder.appending("kecs.db")
            try file.replaceContents(
                [0, 0, 0, 0, 0, 0, 0, 0] + Array("DUCK".utf8) + [UInt8](repeating: 0, count: 4096))
            // As DuckDB does: an fcntl lock on the whole file, held by another process.
            let ready = fixture.folder.appending("ready")
            let script =
                "import fcntl,sys,time;f=open(sys.argv[1],'r+b');fcntl.lockf(f,fcntl.LOCK_EX);"
                + "open(sys.argv[2],'w').close();sys.stdin.read()"
            let pipe = try #require(popen("/usr/bin/python3 -c \"\(script)\" \(file) \(ready)", "w"))
            defer { pclose(pipe) }
            while !ready.isPresent { sched_yield() }
            let failure = await #expect(throws: Failure.self) {
                try await ImportState(site: fixture.site).run(
                    fixture.instance, ImportRequest(source: .path(file)))
            }
            #expect(failure?.kind == .busy)
        }
    }

    @Test func `what is exported comes back as it was, in every form`() async throws {
        try await MigrateFixture.with { fixture in
            try fixture.makeNewestDatabase("b_multi_container_alb")
            let data = fixture.site.home.folder(of: fixture.name).data
            try data.appending("notes.txt").replaceContents(Array("kept".utf8), mode: 0o640)
            try data.appending("deep").appending("er").createFolder(mode: 0o755)
            if Machine.userID == 0 { try data.appending("notes.txt").setOwner((65532, 65532)) }
            let before = try fixture.content()
            let names = [
                "kecs-export.tar.gz", "kecs-backup-20251119-020000.tar.gz", "plain.tar", "folder",
                "backup_20251119_020000.sqlite", "db.backup.1763700000.sqlite", "full_backup_20251119.sql",
            ]
            for name in names {
                let target = fixture.folder.appending(name)
                let export = try await ExportState(site: fixture.site).run(
                    fixture.instance, to: .path(target))
                #expect(export.outcome == .done)
                try SQLiteDatabase(fixture.database, .readWrite).execute("DELETE FROM task_logs")
                try SQLiteDatabase(fixture.database, .readWrite).execute("DELETE FROM tasks")
                let report = try await ImportState(site: fixture.site).run(
                    fixture.instance, ImportRequest(source: .path(target)))
                #expect(report.outcome == .done, "\(name)")
                #expect(report.undo != nil)
                #expect(try fixture.content() == before, "\(name)")
                #expect(try data.appending("notes.txt").contents() == Array("kept".utf8))
                if Machine.userID == 0 {
                    #expect(try FileStatus.of(data.appending("notes.txt"))?.owner == 65532)
                }
            }
        }
    }

    @Test func `a dated folder with several archives gives the one that holds the database`() async throws {
        try await MigrateFixture.with { fixture in
            try fixture.makeNewestDatabase("a_single_nginx")
            let before = try fixture.content()
            let dated = fixture.folder.appending("20251119-020000")
            try dated.createFolder()
            _ = try await ExportState(site: fixture.site).run(
                fixture.instance, to: .path(dated.appending("mimir-data.tar.gz")))
            let logs = fixture.folder.appending("logs")
            try logs.createFolder()
            try logs.appending("a.log").replaceContents(Array("x".utf8))
            #expect(system("tar czf \(dated)/mimir-logs.tar.gz -C \(logs) .") == 0)
            let report = try await ImportState(site: fixture.site).run(
                fixture.instance, ImportRequest(source: .path(dated)))
            #expect(report.outcome == .done)
            #expect(try fixture.content() == before)
        }
    }

    @Test func `an export replaces nothing`() async throws {
        try await MigrateFixture.with { fixture in
            try fixture.makeNewestDatabase("a_single_nginx")
            let target = fixture.folder.appending("there.tar.gz")
            try target.replaceContents([1])
            await #expect(throws: Failure.self) {
                try await ExportState(site: fixture.site).run(fixture.instance, to: .path(target))
            }
            #expect(try target.contents() == [1])
        }
    }
}
