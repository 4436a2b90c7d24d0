// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// What patterns leave out is in no backup, is lost by no restore, and is never the database.
@Suite struct ExcludeTests {
    private struct Scene {
        let root: FilePath
        let kecsctl: Kecsctl
        var data: FilePath { root.appending("home/instances/dev/data") }

        func write(_ path: String, _ text: String = "x") throws {
            let file = data.appending(path)
            try file.removingLastComponent().createFolder()
            try file.replaceContents(Array(text.utf8))
        }

        func names(_ backup: String = "latest") async throws -> [String] {
            let answer = try await kecsctl("backups", "find", "*", "-o", "json", "--instance", "dev")
            #expect(answer.status == 0, "\(answer.errors)")
            let items = try answer.items()
            let ids = items.compactMap { $0["id"]?.string }.sorted()
            let id = try #require(ids.last)
            return items.filter { $0["id"]?.string == id && $0["kind"]?.string == "file" }
                .compactMap { $0["path"]?.string }.filter { $0.hasPrefix("data/") }.sorted()
        }
    }

    private func scene(_ body: (Scene) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            let scene = Scene(root: root, kecsctl: Kecsctl(home: root.appending("home")))
            let started = try await scene.kecsctl("start", "dev", "--runtime", "local")
            try #require(started.status == 0, "\(started.errors)")
            try scene.write("cache/big", "made again")
            try scene.write("work/a.tmp")
            try scene.write("work/note")
            try await body(scene)
        }
    }

    @Test func `a backup leaves out what the flag and the setting say, shows it, and is a good one`()
        async throws
    {
        try await scene { scene in
            #expect(try await scene.kecsctl("backup", "dev").status == 0)
            #expect(
                try await scene.names() == [
                    "data/cache/big", "data/kecs.db", "data/work/a.tmp", "data/work/note",
                ])
            let set = try await scene.kecsctl("config", "set", "exclude", "*.tmp", "--instance", "dev")
            #expect(set.status == 0, "\(set.errors)")
            let planned = try await scene.kecsctl("backup", "dev", "--exclude", "data:/cache/", "--dry-run")
            #expect(planned.output.contains("2 names left out"), "\(planned.output)")
            let taken = try await scene.kecsctl("backup", "dev", "--exclude", "data:/cache/", "-o", "json")
            #expect(taken.status == 0, "\(taken.errors)")
            #expect(try taken.first()["backup"]?["good"] == .bool(true))
            #expect(try await scene.names() == ["data/kecs.db", "data/work/note"])
            let shown = try await scene.kecsctl("backups", "show", "latest")
            #expect(shown.output.contains("2 names, by *.tmp, /cache/"), "\(shown.output)")
            let json = try await scene.kecsctl("backups", "show", "latest", "-o", "json")
            let part = try #require(
                try json.items().first?["parts"]?.array?.first { $0["name"]?.string == "data" })
            #expect(part["excluded"]?["patterns"]?.array?.compactMap(\.string) == ["*.tmp", "/cache/"])
            #expect(part["excluded"]?["entries"] == .integer(2))
            // The flag takes back what the setting says.
            #expect(try await scene.kecsctl("backup", "dev", "--exclude", "!a.tmp").status == 0)
            #expect(
                try await scene.names() == [
                    "data/cache/big", "data/kecs.db", "data/work/a.tmp", "data/work/note",
                ])
            let verified = try await scene.kecsctl("backups", "verify", "--all")
            #expect(verified.status == 0, "\(verified.errors)")
        }
    }

    @Test func `a restore leaves what was left out as it is, undo takes it back, and diff does not name it`()
        async throws
    {
        try await scene { scene in
            let caches = "Signature: 8a477f597d28d172789f06886806bc55\n"
            try scene.write("thumbs/CACHEDIR.TAG", caches)
            try scene.write("thumbs/one", "thumb")
            let taken = try await scene.kecsctl(
                "backup", "dev", "--exclude", "cache/", "--exclude", "*.tmp", "--exclude-caches")
            #expect(taken.status == 0, "\(taken.errors)")
            #expect(
                try await scene.names() == ["data/kecs.db", "data/thumbs/CACHEDIR.TAG", "data/work/note"])
            try scene.write("cache/later", "later")
            try scene.write("new/cache/deep", "deep")
            try scene.write("work/b.tmp", "b")
            try scene.write("work/note", "changed")
            let app = scene.data.appending("cache/http.sqlite")
            try SQLiteDatabase(app, .create).executeScript("CREATE TABLE t(x); INSERT INTO t VALUES (7);")
            let inode = try FileStatus.of(app)?.inode
            let differs = try await scene.kecsctl("backups", "diff", "latest")
            #expect(!differs.output.contains("later") && differs.output.contains("note"), "\(differs.output)")
            let planned = try await scene.kecsctl("restore", "dev", "--from", "latest", "--dry-run")
            #expect(!planned.output.contains("later"), "\(planned.output)")
            let restored = try await scene.kecsctl("restore", "dev", "--from", "latest")
            #expect(restored.status == 0, "\(restored.errors)")
            #expect((restored.output + restored.errors).contains("stay as they are"), "\(restored)")
            func text(_ path: String) throws -> String? {
                let file = scene.data.appending(path)
                return try file.isPresent ? String(decoding: file.contents(), as: UTF8.self) : nil
            }
            #expect(try text("work/note") == "x")
            #expect(try text("cache/big") == "made again")
            #expect(try text("cache/later") == "later")
            #expect(try text("new/cache/deep") == "deep")
            #expect(try text("work/b.tmp") == "b")
            #expect(try text("thumbs/one") == "thumb")
            #expect(try SQLiteDatabase(app, .readOnly).value("SELECT x FROM t")?.integer == 7)
            // Two names of one database would be two databases to SQLite.
            #expect(try FileStatus.of(app)?.inode != inode)
            let undone = try await scene.kecsctl("undo", "dev")
            #expect(undone.status == 0, "\(undone.errors)")
            #expect(try text("work/note") == "changed")
            #expect(try text("cache/later") == "later")
        }
    }

    @Test(arguments: [
        ["*.db"], ["kecs.db"], ["/kecs.db"], ["*"], ["**"], ["/*"], ["*-wal"], ["*.db-journal"],
        ["kecs.db-shm"],
        ["data:kecs.*"], ["work/", "k*"],
    ])
    func `the database cannot be left out, and nothing is done`(patterns: [String]) async throws {
        try await scene { scene in
            let before = try treeDigest(scene.root.appending("home"), leavingOut: ["lock", "history.jsonl"])
            let words = patterns.flatMap { ["--exclude", $0] }
            let refused = try await scene.kecsctl.run(["backup", "dev"] + words)
            #expect(refused.status == 64, "\(refused)")
            #expect(refused.errors.contains("data/kecs.db"), "\(refused.errors)")
            #expect(
                try treeDigest(scene.root.appending("home"), leavingOut: ["lock", "history.jsonl"]) == before)
            let all = patterns.joined(separator: ",")
            for words in [[all], [all, "--instance", "dev"], [all, "--dry-run"]] {
                let set = try await scene.kecsctl.run(["config", "set", "exclude"] + words)
                #expect(set.status == 64, "\(set)")
                #expect(
                    set.errors.contains("data/kecs.db") && set.errors.contains("--force"), "\(set.errors)")
            }
            let set = try await scene.kecsctl("config", "set", "exclude", all, "--force")
            #expect(set.status == 0, "\(set.errors)")
            let again = try await scene.kecsctl("backup", "dev")
            #expect(again.status == 64, "\(again)")
            #expect(again.errors.contains("kecsctl config set exclude --unset"), "\(again.errors)")
        }
    }

    @Test func `not by a tag beside it either, nor by what cannot be read or names no part`() async throws {
        try await scene { scene in
            for words in [
                ["--exclude", "["], ["--exclude", "nope:x"], ["--exclude", "config:x"],
            ] {
                let refused = try await scene.kecsctl.run(["backup", "dev"] + words)
                #expect(refused.status == 64, "\(words): \(refused)")
                #expect(refused.errors.contains("because:"), "\(words): \(refused.errors)")
            }
            let bad = try await scene.kecsctl("config", "set", "exclude", "a,,b")
            #expect(bad.status == 64, "\(bad)")
            let comma = try await scene.kecsctl(
                "config", "set", "exclude", "a\\,b,cache/", "--instance", "dev")
            #expect(comma.status == 0, "\(comma.errors)")
            try scene.write("a,b")
            #expect(try await scene.kecsctl("backup", "dev").status == 0)
            #expect(try await scene.names() == ["data/kecs.db", "data/work/a.tmp", "data/work/note"])
        }
    }

    @Test func `another database that is left out is no loss, and is named`() async throws {
        try await scene { scene in
            try SQLiteDatabase(scene.data.appending("cache/http.sqlite"), .create).executeScript(
                "CREATE TABLE t(x); INSERT INTO t VALUES (7);")
            #expect(try await scene.kecsctl("backup", "dev").status == 0)
            let taken = try await scene.kecsctl("backup", "dev", "--exclude", "cache/")
            #expect(taken.status == 0, "\(taken.errors)")
            #expect(taken.output.contains("with the databases cache/http.sqlite"), "\(taken.output)")
        }
    }

    @Test func `what is taken before something is removed leaves nothing out`() async throws {
        try await scene { scene in
            #expect(try await scene.kecsctl("config", "set", "exclude", "cache/").status == 0)
            #expect(try await scene.kecsctl("destroy", "dev", "--yes").status == 0)
            let restored = try await scene.kecsctl("restore", "dev", "--from", "latest")
            #expect(restored.status == 0, "\(restored.errors)")
            #expect(try scene.data.appending("cache/big").isPresent)
        }
    }
}
