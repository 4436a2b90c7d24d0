// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// `migrate runtime` between a process of this host, a container and a compose project, on a real engine.
    @Suite struct MigrateRuntimeTests {
        /// The image's own server, run by this host: `server.c` listens on 8080 and 8081, so a small one of Python's.
        private func server(_ scene: DockerScene) throws -> String {
            let file = scene.root.appending("server.py")
            try file.replaceContents(
                Array(
                    """
                    import http.server, os, sqlite3
                    database = sqlite3.connect(os.environ['KECS_DATA_DIR'] + '/kecs.db')
                    database.execute('CREATE TABLE IF NOT EXISTS projects (id INTEGER PRIMARY KEY, name TEXT)')
                    database.commit()
                    database.close()
                    class Answer(http.server.BaseHTTPRequestHandler):
                        def do_GET(self):
                            self.send_response(200); self.end_headers(); self.wfile.write(b'{"status":"healthy"}')
                        def log_message(self, *words): pass
                    http.server.HTTPServer(('127.0.0.1', int(os.environ['KECSCTL_ADMIN_PORT'])), Answer).serve_forever()
                    """.utf8), mode: 0o644)
            return "/usr/bin/python3 \(file)"
        }

        private func compose(_ scene: DockerScene, image: String = "kecs-test:plain") throws -> FilePath {
            let folder = scene.root.appending("project")
            try folder.createFolder()
            let file = folder.appending("docker-compose.yml")
            try file.replaceContents(
                Array(
                    """
                    version: '3.8'
                    services:
                      kecs:
                        image: \(image)
                        ports: ["127.0.0.1:\(scene.api):8080", "127.0.0.1:\(scene.admin):8081"]
                        volumes: ["kecs_data:/data"]
                        restart: unless-stopped
                    volumes:
                      kecs_data: {}

                    """.utf8))
            return file
        }

        private func volume(_ name: String) throws -> FilePath {
            try #require(Engine.folder).appending("data/volumes/\(name)/_data")
        }

        private func names(_ folder: FilePath) throws -> [String] {
            let database = try SQLiteDatabase(folder.appending("kecs.db"), .readWrite)
            return try database.query("SELECT name FROM projects ORDER BY id").compactMap { $0[0].text }
        }

        private func insert(_ name: String, _ folder: FilePath) throws {
            try SQLiteDatabase(folder.appending("kecs.db"), .readWrite)
                .execute("INSERT INTO projects (name) VALUES (?)", .text(name))
        }

        @Test
        func `an instance goes from a process to a container, to a compose project, and back with its rows`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                let command = try server(scene)
                try await scene.must(
                    ["start", "dev", "--runtime", "local", "--command", command] + scene.ports)
                try insert("local", scene.data)
                try scene.data.appending("notes").replaceContents(Array("kept".utf8), mode: 0o640)

                let plan = try await scene.must(
                    [
                        "migrate", "runtime", "dev", "--to", "docker", "--image", "kecs-test:plain", "-n",
                        "-o",
                        "json",
                    ]
                ).first()
                #expect(plan["outcome"]?.string == "planned")
                #expect(try await Engine.docker("ps", "-aq") == "")
                let first = try await scene.must(
                    [
                        "migrate", "runtime", "dev", "--to", "docker", "--image", "kecs-test:plain", "-o",
                        "json",
                    ]
                ).first()
                #expect(first["state"]?.string == "running")
                #expect(first["backup"]?.string?.hasSuffix("before-migration") == true)
                #expect(try await scene.state() == "running")
                // The folder stays, its owner is the one that the server runs as.
                #expect(try #require(try FileStatus.of(scene.data.appending("notes"))).owner == 65532)
                #expect(try #require(try FileStatus.of(scene.data.appending("kecs.db"))).owner == 65532)
                #expect(try names(scene.data) == ["local"])
                #expect(try await Engine.docker("ps", "--format", "{{.Names}}") == "kecs-dev\n")
                try insert("docker", scene.data)

                let file = try compose(scene)
                let second = try await scene.must(
                    [
                        "migrate", "runtime", "dev", "--to", "compose", "--compose-file", file.string,
                        "--service",
                        "kecs", "-o", "json",
                    ]
                ).first()
                #expect(second["dataTo"]?.string == "volume:project_kecs_data")
                #expect(second["digest"]?.string?.count == 64)
                let place = try volume("project_kecs_data")
                #expect(try names(place) == ["local", "docker"])
                #expect(try place.appending("notes").contents() == Array("kept".utf8))
                #expect(try !scene.data.isPresent)
                #expect(
                    try await Engine.docker("ps", "-a", "--format", "{{.Names}}") == ComposeVersion.onThePath
                        .container("project", "kecs") + "\n")
                try insert("compose", place)
                // All that works on an instance works on data in a volume.
                #expect(
                    try await scene.must([
                        "db", "query", "dev", "SELECT count(*) FROM projects", "-o", "name",
                    ])
                    .output == "3\n")
                let backup = try await scene.must(["backup", "dev", "-o", "json"]).first()
                #expect(backup["outcome"]?.string == "done")

                let third = try await scene.must(
                    ["migrate", "runtime", "dev", "--to", "local", "-o", "json"]
                ).first()
                #expect(third["dataFrom"]?.string == "volume:project_kecs_data")
                #expect(try await scene.state() == "running")
                #expect(try names(scene.data) == ["local", "docker", "compose"])
                // What lay in somebody's volume is still there, and is not overwritten by going there again.
                #expect(try names(place) == ["local", "docker", "compose"])
                #expect(try await Engine.docker("ps", "-q") == "")
                let again = try await scene.kecsctl("migrate", "runtime", "dev", "--to", "compose")
                #expect(again.status == 64, "\(again.errors)")
                #expect(again.errors.contains("is not empty"), "\(again.errors)")
                #expect(try await scene.state() == "running")
                try insert("local again", scene.data)
                try await scene.must(["migrate", "runtime", "dev", "--to", "compose", "--force"])
                #expect(try names(place) == ["local", "docker", "compose", "local again"])
                // Back to the moment before, all of it.
                try await scene.must(["undo", "dev"])
                #expect(try names(scene.data) == ["local", "docker", "compose", "local again"])
                #expect(try await scene.state() == "running")
                try await scene.must(["stop", "dev", "--no-backup"])
            }
        }

        @Test func `one that does not become healthy is taken back, and runs as before`() async throws {
            try await DockerScene.with { scene in
                // It ends at once: there is no such folder in it.
                try await Engine.build("kecs-test:broken", variables: "KECS_DATA_DIR=/nowhere/at/all")
                let command = try server(scene)
                try await scene.must(
                    ["start", "dev", "--runtime", "local", "--command", command] + scene.ports)
                try insert("local", scene.data)
                let config = try scene.root.appending("home/instances/dev/config.json").contents()
                let owner = try #require(try FileStatus.of(scene.data.appending("kecs.db"))).owner
                let file = try compose(scene, image: "kecs-test:broken")
                let moves = [
                    ["--to", "docker", "--image", "no-such-image:at-all"],
                    ["--to", "compose", "--compose-file", file.string],
                    ["--to", "compose", "--compose-file", "/nonexistent.yml"],
                ]
                for words in moves {
                    let answer = try await scene.kecsctl.run(
                        ["migrate", "runtime", "dev", "--timeout", "20s"] + words)
                    #expect(answer.status != 0, "\(words)")
                    #expect(answer.errors.contains("and is as before"), "\(words): \(answer.errors)")
                    #expect(try await scene.state() == "running")
                    #expect(try names(scene.data) == ["local"])
                    #expect(try scene.root.appending("home/instances/dev/config.json").contents() == config)
                    #expect(try #require(try FileStatus.of(scene.data.appending("kecs.db"))).owner == owner)
                    #expect(try !scene.root.appending("home/instances/dev/journal.json").isPresent)
                    #expect(try await Engine.docker("ps", "-q") == "")
                }
                try await scene.must(["stop", "dev", "--no-backup"])
            }
        }

        /// Old or new, never between; what ran runs again after the next kecsctl.
        @Test func `killed at a random moment, it runs the old way or the new one, with its rows`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                let command = try server(scene)
                try await scene.must(
                    ["start", "dev", "--runtime", "local", "--command", command] + scene.ports)
                try insert("local", scene.data)
                var killed = 0
                var seen: [String: Int] = [:]
                var seed = CampaignSeed("MigrateRuntimeTests")
                for round in 0..<Rounds.count(ci: 6, full: 40) {
                    let now = try await scene.kecsctl("status", "dev", "-o", "json").first()["runtime"]?
                        .string
                    let words =
                        now == "local"
                        ? ["--to", "docker", "--image", "kecs-test:plain"] : ["--to", "local"]
                    if try await scene.kecsctl.killed(
                        after: .milliseconds(Int.random(in: 20...900, using: &seed)),
                        ["migrate", "runtime", "dev"] + words)
                    {
                        killed += 1
                    }
                    // Any kecsctl that works on it heals; `backup` needs the lock.
                    let next = try await scene.kecsctl("backup", "dev")
                    #expect(next.status == 0, "round \(round): \(next.errors)")
                    let status = try await scene.kecsctl("status", "dev", "-o", "json").first()
                    #expect(status["state"]?.string == "running", "round \(round): \(next.errors)")
                    seen[status["runtime"]?.string ?? "", default: 0] += 1
                    #expect(try names(scene.data) == ["local"])
                    let folder = scene.root.appending("home/instances/dev")
                    #expect(try !folder.appending("journal.json").isPresent)
                    #expect(try !folder.appending(".restoring").isPresent)
                    let containers = try await Engine.docker("ps", "-q").split(separator: "\n").count
                    #expect(containers == (status["runtime"]?.string == "docker" ? 1 : 0), "round \(round)")
                }
                #expect(killed > 0)
                print("migrate runtime: killed \(killed) times, seen \(seen)")
                try await scene.must(["stop", "dev", "--no-backup"])
            }
        }
    }
}
