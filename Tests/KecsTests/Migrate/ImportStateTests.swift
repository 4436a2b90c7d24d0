// SPDX-License-Identifier: Apache-2.0
import Glibc
import Kecs
import KecsSQLite
import KecsState
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@Suite struct ImportStateTests {
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
            while try !ready.isPresent { sched_yield() }
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
