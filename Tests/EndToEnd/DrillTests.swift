// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Rehearsals of a restore: what they find, what they leave, and what counts afterwards.
@Suite struct DrillTests {
    private struct Scene {
        let root: FilePath
        let kecsctl: Kecsctl
        let data: FilePath
        var store: FilePath { kecsctl.home.appending("backups/dev") }
        var rooms: FilePath { root.appending("rooms") }

        func backUp(_ status: Int32 = 0, at place: SourceLocation = #_sourceLocation) async throws -> String {
            let answer = try await kecsctl("backup", "dev", "-o", "json")
            #expect(answer.status == status, "\(answer.errors)", sourceLocation: place)
            return try #require(try answer.first()["backup"]?["id"]?.string)
        }

        func drill(_ more: String...) async throws -> Kecsctl.Answer {
            try await kecsctl.run(
                ["backups", "drill", "dev", "--folder", rooms.string, "-o", "json"] + more)
        }

        func latest() async throws -> String? {
            try await kecsctl("backups", "show", "latest", "--instance", "dev", "-o", "json").items().first?[
                "id"]?
                .string
        }

        func sql(_ script: String) throws {
            try SQLiteDatabase(data.appending("kecs.db"), .readWrite).executeScript(script)
        }

        /// Nothing of a drill but its evidence.
        func expectNoTrace(at place: SourceLocation = #_sourceLocation) throws {
            #expect(try rooms.entries().isEmpty, sourceLocation: place)
            #expect(
                try !kecsctl.home.entries().contains { $0.string.contains(".drill-") },
                sourceLocation: place)
        }
    }

    /// Makes its database, and notes at each question of its health where it runs and how many rows it has.
    private static let server = """
        import http.server, os, sqlite3, sys
        sqlite3.connect('kecs.db').execute('CREATE TABLE IF NOT EXISTS started (x)')
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                try:
                    rows = sqlite3.connect('kecs.db').execute('SELECT count(*) FROM kept').fetchone()[0]
                except sqlite3.Error:
                    rows = 0
                with open(sys.argv[1], 'a') as seen:
                    seen.write(f'{os.getcwd()} {rows}\\n')
                self.send_response(200)
                self.end_headers()
            def log_message(self, *words):
                pass
        http.server.HTTPServer(('127.0.0.1', int(os.environ['KECSCTL_ADMIN_PORT'])), Answer).serve_forever()

        """

    private func withScene(
        serving: Bool = false, _ body: (Scene) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            let program = root.appending("server.py")
            try program.replaceContents(Array(Self.server.utf8))
            let command = "python3 \(program) \(root.appending("seen"))"
            let start = try await kecsctl.run(
                ["start", "dev", "--runtime", "local"] + (serving ? ["--command", command] : []))
            #expect(start.status == 0, "\(start.errors)")
            let scene = Scene(
                root: root, kecsctl: kecsctl, data: kecsctl.home.appending("instances/dev/data"))
            try scene.rooms.createFolder()
            try scene.sql("CREATE TABLE kept (id INTEGER PRIMARY KEY); INSERT INTO kept VALUES (1), (2), (3)")
            try await body(scene)
        }
    }

    private func kinds(_ report: JSONValue) -> Set<String> {
        Set((report["problems"]?.array ?? []).compactMap { $0["kind"]?.string })
    }

    @Test func `of five backups a drill tells the damaged, the lacking and the foreign apart`() async throws {
        try await withScene { scene in
            let first = try await scene.backUp()
            try scene.sql("INSERT INTO kept VALUES (4)")
            let second = try await scene.backUp()
            // Lacks the database, damaged by a flipped byte, and one whose tables are another program's.
            try scene.data.appending("kecs.db").rename(to: scene.root.appending("aside.db"))
            let lacking = try await scene.backUp(3)
            try scene.root.appending("aside.db").rename(to: scene.data.appending("kecs.db"))
            try scene.sql("INSERT INTO kept VALUES (5)")
            let damaged = try await scene.backUp()
            let archive = scene.store.appending(damaged).appending("data.tar.gz")
            var bytes = try archive.contents()
            bytes[bytes.count / 2] ^= 0x40
            try archive.replaceContents(bytes)
            do {
                let database = try SQLiteDatabase(scene.data.appending("kecs.db"), .readWrite)
                for table in try database.ordinaryTables() {
                    try database.executeScript(
                        "PRAGMA foreign_keys = OFF; DROP TABLE \(sqlIdentifier(table))")
                }
                try database.executeScript(
                    "CREATE TABLE invoices (n); INSERT INTO invoices VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9)"
                )
            }
            let foreign = try await scene.backUp()
            #expect(try await scene.latest() == foreign)

            let newest = try await scene.drill()
            #expect(newest.status == 13, "\(newest.errors)")
            #expect(try newest.first()["backup"]?.string == foreign)
            #expect(kinds(try newest.first()) == ["schema"], "\(newest.output)")
            #expect(newest.errors.contains("invoices"), "\(newest.errors)")
            #expect(try await scene.latest() == damaged)

            // Without an id it is the next one's turn.
            let next = try await scene.drill()
            #expect(next.status == 13)
            #expect(try next.first()["backup"]?.string == damaged)
            #expect(kinds(try next.first()) == ["damaged"], "\(next.output)")
            #expect(try await scene.latest() == second)
            let partial = try await scene.drill("--from", lacking)
            #expect(partial.status == 13)
            #expect(kinds(try partial.first()) == ["lacking"], "\(partial.output)")
            for id in [first, second] {
                let good = try await scene.drill("--from", id)
                #expect(good.status == 0, "\(good.errors)")
                let report = try good.first()
                #expect(report["passed"] == .bool(true))
                let found = report["databases"]?.array?.first
                #expect(found?["isSame"] == .bool(true))
                #expect(found?["tables"]?["kept"] == .integer(id == first ? 3 : 4))
            }
            #expect(try await scene.latest() == second)

            // What failed is shown, kept by the retention, passed over by --at, and never linked by the next backup.
            let list = try await scene.kecsctl("backups", "list", "dev", "-o", "json").items()
            let states = Dictionary(
                uniqueKeysWithValues: list.map { ($0["id"]?.string ?? "", $0["state"]?.string ?? "") })
            #expect(
                states == [
                    first: "complete", second: "complete", lacking: "lacking", damaged: "drill-failed",
                    foreign: "drill-failed",
                ])
            #expect(list.first?["good"] == .bool(false))
            #expect(try await scene.kecsctl("backups", "list", "dev").output.contains("drill failed"))
            let pruned = try await scene.kecsctl("backups", "prune", "dev", "--keep", "1")
            #expect(pruned.status == 0, "\(pruned.errors)")
            let left = try await scene.kecsctl("backups", "list", "dev", "-o", "name").output
                .split(separator: "\n").map(String.init)
            #expect(
                !left.contains(first) && left.contains(second) && left.contains(damaged),
                "\(first) \(second) \(damaged): \(left), \(pruned.output)")
            let back = try await scene.kecsctl("restore", "dev", "--from", "latest")
            #expect(back.status == 0, "\(back.errors)")
            #expect(
                try SQLiteDatabase(scene.data.appending("kecs.db"), .readOnly).value(
                    "SELECT count(*) FROM kept")?.integer == 4)
            try scene.expectNoTrace()
        }
    }

    @Test func `rows that are not those of the manifest fail the drill, and a later one that passes counts`()
        async throws
    {
        try await withScene { scene in
            let id = try await scene.backUp()
            let folder = scene.store.appending(id)
            let manifest = folder.appending("manifest.json")
            let sums = folder.appending("SHA256SUMS")
            let (was, wasSums) = (try manifest.contents(), try sums.contents())
            // A manifest that counts otherwise and whose sum is right: nothing but a restore finds that.
            let text = String(decoding: was, as: UTF8.self)
            let other = text.replacing("\"kept\" : 3", with: "\"kept\" : 4")
            #expect(other != text)
            try manifest.replaceContents(Array(other.utf8))
            try sums.replaceContents(
                Array(
                    String(decoding: wasSums, as: UTF8.self).replacing(
                        sha256(was), with: sha256(Array(other.utf8))
                    ).utf8))
            let verified = try await scene.kecsctl("backups", "verify", id)
            #expect(verified.status == 0, "\(verified.errors)")
            let failed = try await scene.drill()
            #expect(failed.status == 13)
            #expect(kinds(try failed.first()) == ["rows"], "\(failed.output)")
            #expect(try await scene.latest() == nil)
            let none = try await scene.drill()
            #expect(none.status == 10, "\(none.errors)")
            try manifest.replaceContents(was)
            try sums.replaceContents(wasSums)
            #expect(try await scene.drill("--from", id).status == 0)
            #expect(try await scene.latest() == id)
        }
    }

    @Test func `the evidence is of the documented schema, and the age of the last drill is watched`()
        async throws
    {
        try await withScene { scene in
            _ = try await scene.backUp()
            let plain = try await scene.kecsctl("check", "dev")
            #expect(plain.status == 0 && !plain.output.contains("drill"), "\(plain.output)")
            #expect(try await scene.kecsctl("config", "set", "drillAge", "7d").status == 0)
            let never = try await scene.kecsctl("check", "dev")
            #expect(never.status == 20 && never.output.contains("no backup was ever drilled"))
            #expect(
                try await scene.kecsctl("doctor", "dev", "--check", "drill.").output.contains(
                    "warning  drill.never"))
            let drill = try await scene.drill()
            #expect(drill.status == 0, "\(drill.errors)")
            #expect(try await scene.kecsctl("check", "dev").status == 0)
            #expect(
                try await !scene.kecsctl("doctor", "dev", "--check", "drill.").output.contains("drill.never"))
            let file = FilePath(try #require(try drill.first()["evidence"]?.string))
            try await Schemas.expect([file])
            let evidence = try JSONFile.read(JSONValue.self, from: file)
            let report = evidence["results"]?.array?.first
            #expect(report?["passed"] == .bool(true) && report?["startedAt"]?.string != nil)
            #expect((report?["steps"]?.array ?? []).count > 3)
            let metrics = try await scene.kecsctl("metrics").output
            #expect(metrics.contains("kecsctl_drill_last_passed{instance=\"dev\"} 1"), "\(metrics)")
            let list = try await scene.kecsctl("backups", "list", "dev")
            #expect(list.output.contains("drilled "), "\(list.output)")
        }
    }

    @Test func `a server is started on free ports beside the real one, and is gone afterwards`() async throws
    {
        try await withScene(serving: true) { scene in
            _ = try await scene.backUp()
            let before = try scene.data.appending("kecs.db").contents()
            let drill = try await scene.drill("--start")
            #expect(drill.status == 0, "\(drill.errors)")
            let report = try drill.first()
            #expect(report["server"]?["healthySeconds"] != nil, "\(drill.output)")
            let seen = String(decoding: try scene.root.appending("seen").contents(), as: UTF8.self)
            #expect(seen.contains("/home/instances/drill-") && seen.hasSuffix(" 3\n"), "\(seen)")
            let status = try await scene.kecsctl("status", "dev", "-o", "json").first()
            #expect(status["state"] == "running")
            #expect(
                status["endpoints"]?.array?.first?["url"]
                    != report["server"]?["endpoints"]?.array?.first?["url"])
            #expect(try scene.data.appending("kecs.db").contents() == before)
            #expect(try await scene.kecsctl("list", "-o", "name").output == "dev\n")
            try scene.expectNoTrace()

            // One that ends by itself fails the drill; one that names what is the real one's is not started.
            #expect(
                try await scene.kecsctl(
                    "config", "set", "command", "sh -c 'exit 3'", "--instance", "dev"
                ).status == 0)
            let ended = try await scene.drill("--start")
            #expect(ended.status == 13, "\(ended.errors)")
            #expect(kinds(try ended.first()) == ["server"], "\(ended.output)")
            #expect(
                try await scene.drill("--from", try #require(ended.first()["backup"]?.string)).status == 0)
            #expect(
                try await scene.kecsctl(
                    "config", "set", "command", "server --port \(status["apiPort"]?.integer ?? 0)",
                    "--instance", "dev"
                ).status == 0)
            let refused = try await scene.drill("--start")
            #expect(refused.status == 64 && refused.errors.contains("names the port"), "\(refused.errors)")
            #expect(try await scene.latest() != nil)
            try scene.expectNoTrace()
            #expect(try await scene.kecsctl("stop", "dev", "--no-backup").status == 0)
        }
    }

    @Test func `what says nothing of the backup is no verdict on it`() async throws {
        try await withScene { scene in
            let id = try await scene.backUp()
            let missing = try await scene.kecsctl(
                "backups", "drill", "dev", "--folder", scene.root.appending("nowhere").string)
            #expect(missing.status == 64, "\(missing.errors)")
            #expect(missing.errors.contains("mkdir -p"))
            let data = try await scene.drill("--start")
            #expect(data.status == 64 && data.errors.contains("no command"), "\(data.errors)")
            #expect(try await scene.kecsctl("backups", "drill", "nope").status == 10)
            #expect(try await scene.drill("--from", "2001").status == 10)
            #expect(try !scene.store.appending("drills").isPresent)
            #expect(try !scene.store.appending(id).appending("mark.json").isPresent)
            try scene.expectNoTrace()
        }
    }

    @Test func `killed at any moment a drill leaves nothing that the next command does not remove`()
        async throws
    {
        var random = CampaignSeed("DrillTests")
        try await withScene { scene in
            try scene.sql(
                """
                CREATE TABLE big (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                INSERT INTO big SELECT hex(randomblob(200)) FROM n
                """)
            let id = try await scene.backUp()
            for _ in 0..<Rounds.count(ci: 8, full: 40) {
                let delay = Duration.milliseconds(Int.random(in: 5...250, using: &random))
                _ = try await scene.kecsctl.killed(
                    after: delay, ["backups", "drill", "dev", "--folder", scene.rooms.string])
                let next = try await scene.kecsctl("list")
                #expect(next.status == 0, "\(next.errors)")
                try scene.expectNoTrace()
                #expect(try await scene.latest() == id)
            }
            #expect(try await scene.drill().status == 0)
        }
    }
}
