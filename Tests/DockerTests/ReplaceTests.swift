// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Replacing the data of a server that keeps it where it likes: a bound folder, a named volume, a database of its own
/// name. What is restored is what the server then reads, and nobody else's data is touched.
extension OnDocker {
    @Suite struct ReplaceTests {
        private static let image = "kecs-test:app"

        /// The guides' server.
        private static func build(_ changes: String = "") async throws {
            let here = FilePath(#filePath).removingLastComponent().removingLastComponent()
            var call = ProcessCall(here.appending("Fixtures/docker/build-app").string, image)
            call.environment = ["IMAGE_CHANGES": changes]
            call.limit = .seconds(120)
            try await Engine.run(call)
        }

        private enum Shape: String, CaseIterable, CustomTestStringConvertible {
            case bind, volume
            /// With `KECSCTL_FAULTS=full` both, else the one that is given.
            static func each(ci: Shape) -> [Shape] { Rounds.areFull ? allCases : [ci] }
            var testDescription: String { rawValue }
            var mount: String { self == .bind ? "./dev_assets" : "assets" }
        }

        private func write(_ scene: DockerScene, _ shape: Shape) throws -> FilePath {
            let folder = scene.root.appending("project")
            try folder.appending("dev_assets").createFolder(mode: 0o755)
            try folder.appending("dev_assets").setOwner((1001, 1001))
            let file = folder.appending("docker-compose.yml")
            try file.replaceContents(
                Array(
                    """
                    version: '3.8'
                    services:
                      app:
                        image: \(Self.image)
                        environment:
                          - DATABASE_URL=sqlite:///app/dev_assets/db.sqlite
                        volumes:
                          - \(shape.mount):/app/dev_assets
                          - repos_data:/repos
                        ports: ["127.0.0.1:\(scene.api):3001"]
                    volumes:
                      assets: {}
                      repos_data: {}

                    """.utf8))
            return file
        }

        private func started(
            _ shape: Shape, _ body: (DockerScene, FilePath) async throws -> Void
        ) async throws {
            try await DockerScene.with { scene in
                try await Self.build()
                let file = try write(scene, shape)
                try await scene.must([
                    "start", "dev", "--runtime", "compose", "--compose-file", file.string, "--service", "app",
                ])
                try await server("INSERT INTO projects (name) VALUES ('one')")
                try await Engine.docker(
                    "exec", ComposeVersion.onThePath.container("project", "app"), "sh", "-c",
                    "echo kept >/repos/kept")
                let folder =
                    shape == .bind
                    ? scene.root.appending("project/dev_assets")
                    : try #require(Engine.folder).appending("data/volumes/project_assets/_data")
                try await body(scene, folder)
            }
        }

        /// Asks the server's own database, inside of its container.
        @discardableResult
        private func server(_ sql: String) async throws -> String {
            var answer = ""
            // It is there a moment after the container.
            _ = try await SystemClock().wait(upTo: .seconds(60), every: .milliseconds(100)) {
                do {
                    answer = try await Engine.docker(
                        "exec", ComposeVersion.onThePath.container("project", "app"), "sqlite3", "-cmd",
                        ".timeout 5000",
                        "/app/dev_assets/db.sqlite", sql)
                    return true
                } catch { return false }
            }
            return answer.filter { !$0.isNewline }
        }

        private func make(_ file: FilePath, rows: Int) throws {
            let database = try SQLiteDatabase(file, .create)
            try database.execute("CREATE TABLE projects (id INTEGER PRIMARY KEY, name TEXT)")
            try database.execute("CREATE TABLE ticks (id INTEGER PRIMARY KEY, at TEXT)")
            for _ in 0..<rows { try database.execute("INSERT INTO projects (name) VALUES ('other')") }
        }

        @Test(arguments: Shape.each(ci: .bind))
        private func `a database and a dump go where the server reads them`(shape: Shape) async throws {
            try await started(shape) { scene, folder in
                try make(scene.root.appending("b.sqlite"), rows: 7)
                try scene.root.appending("dump.sql").replaceContents(
                    Array(
                        """
                        CREATE TABLE projects (id INTEGER PRIMARY KEY, name TEXT);
                        CREATE TABLE ticks (id INTEGER PRIMARY KEY, at TEXT);
                        INSERT INTO projects (name) VALUES ('a'), ('b'), ('c'), ('d'), ('e'), ('f'), ('g');

                        """.utf8))
                for words in [
                    ["restore", "dev", "--from", "\(scene.root)/b.sqlite"],
                    ["restore", "dev", "--from", "\(scene.root)/dump.sql"],
                    ["migrate", "import", "\(scene.root)/b.sqlite", "dev"],
                ] {
                    try await scene.must(words)
                    #expect(try await server("SELECT count(*) FROM projects") == "7", "\(words)")
                    #expect(try await scene.state() == "running")
                    #expect(try !folder.appending("kecs.db").isPresent, "\(words)")
                    #expect(try !scene.data.appending("kecs.db").isPresent, "\(words)")
                    let owner = try #require(try FileStatus.of(folder.appending("db.sqlite"))).owner
                    #expect(owner == 1001, "\(words)")
                    try await scene.must(["undo", "dev"])
                    #expect(try await server("SELECT count(*) FROM projects") == "1", "\(words)")
                }
            }
        }

        @Test(arguments: Shape.each(ci: .volume))
        private func `an archive goes to the part that it looks like, or to the one that is named`(
            shape: Shape
        ) async throws {
            try await started(shape) { scene, folder in
                let elsewhere = scene.root.appending("elsewhere")
                try elsewhere.appending("repos/project").createFolder()
                try elsewhere.appending("repos/project/file").replaceContents(Array("file".utf8))
                try elsewhere.appending("repos/kept").replaceContents(Array("of the archive".utf8))
                try elsewhere.appending("nothing/known").createFolder()
                // The server runs as another user than who packs.
                try await Engine.run(ProcessCall("chmod", "-R", "a+rX", elsewhere.string))
                for name in ["repos", "nothing"] {
                    try await Engine.run(
                        ProcessCall(
                            "tar", "-czf", "\(scene.root)/\(name).tar.gz", "-C", elsewhere.string, name))
                }
                // The guide's: `tar czf … /repos`. It is no archive of the database's folder.
                try await scene.must(["restore", "dev", "--from", "\(scene.root)/repos.tar.gz"])
                #expect(try await server("SELECT count(*) FROM projects") == "1")
                let repos = try await Engine.docker(
                    "exec", ComposeVersion.onThePath.container("project", "app"), "cat",
                    "/repos/project/file", "/repos/kept")
                #expect(repos == "fileof the archive")
                // One that fits no part is asked about.
                let before = try await Engine.docker(
                    "exec", ComposeVersion.onThePath.container("project", "app"), "find", "/repos",
                    "/app/dev_assets", "-type", "d")
                let unclear = try await scene.kecsctl(
                    "restore", "dev", "--from", "\(scene.root)/nothing.tar.gz")
                #expect(unclear.status == 64, "\(unclear.errors)")
                #expect(unclear.errors.contains("repos_data"), "\(unclear.errors)")
                #expect(
                    try await Engine.docker(
                        "exec", ComposeVersion.onThePath.container("project", "app"), "find", "/repos",
                        "/app/dev_assets", "-type", "d")
                        == before)
                try await scene.must([
                    "restore", "dev", "--from", "\(scene.root)/nothing.tar.gz", "--part",
                    "project_repos_data",
                ])
                #expect(
                    try await Engine.docker(
                        "exec", ComposeVersion.onThePath.container("project", "app"), "find", "/repos",
                        "-type", "d"
                    )
                    .contains("/repos/nothing/known"))
            }
        }

        @Test(arguments: Shape.allCases)
        private func `a container of somebody else's on the same data stops every verb, by name`(
            shape: Shape
        ) async throws {
            try await started(shape) { scene, folder in
                try await scene.must(["backup", "dev"])
                try await scene.must(["restore", "dev", "--from", "latest"])
                try make(scene.root.appending("b.sqlite"), rows: 7)
                let source = shape == .bind ? folder.string : "project_assets"
                try await Engine.docker(
                    "run", "-d", "--name", "stranger", "-v", "\(source):/theirs", Self.image, "sleep", "1000")
                let verbs = [
                    ["restore", "dev", "--from", "latest"], ["undo", "dev"],
                    ["migrate", "import", "\(scene.root)/b.sqlite", "dev"], ["destroy", "dev", "--yes"],
                ]
                for words in verbs {
                    let answer = try await scene.kecsctl.run(words)
                    #expect(answer.status == 11, "\(words): \(answer.errors)")
                    #expect(answer.errors.contains("“stranger”"), "\(words): \(answer.errors)")
                    #expect(
                        answer.errors.contains("docker container stop stranger"), "\(words): \(answer.errors)"
                    )
                    #expect(try await scene.state() == "running", "\(words)")
                }
                try await scene.must(["stop", "dev", "--no-backup"])
                for words in [["start", "dev"], ["db", "rescue", "dev", "--accept"]] {
                    let answer = try await scene.kecsctl.run(words)
                    #expect(answer.status == 11, "\(words): \(answer.errors)")
                    #expect(answer.errors.contains("“stranger”"), "\(words): \(answer.errors)")
                }
                #expect(try await Engine.docker("ps", "-q").split(separator: "\n").count == 1)
                try await scene.must(["start", "dev", "--force"])
                try await Engine.docker("rm", "-f", "stranger")
                try await scene.must(["undo", "dev"])
            }
        }

        @Test func `one of two volumes that was pruned is not started without, and not restored by itself`()
            async throws
        {
            try await started(.volume) { scene, _ in
                try await scene.must(["backup", "dev"])
                try await server("INSERT INTO projects (name) VALUES ('after the backup')")
                try await scene.must(["stop", "dev", "--no-backup"])
                try await Engine.docker("rm", "-f", ComposeVersion.onThePath.container("project", "app"))
                try await Engine.docker("volume", "rm", "project_assets")
                let inventory = try await Engine.inventory()
                let refused = try await scene.kecsctl("start", "dev")
                #expect(refused.status == 3, "\(refused.errors)")
                #expect(refused.errors.contains("project_assets"), "\(refused.errors)")
                #expect(try await Engine.inventory() == inventory)
                try await scene.must(["restore", "dev", "--from", "latest", "--part", "project_assets"])
                try await scene.must(["start", "dev"])
                #expect(try await server("SELECT count(*) FROM projects") == "1")
                // All of them: the newest good backup comes back, and that is the first word.
                try await scene.must(["stop", "dev", "--no-backup"])
                try await Engine.docker("rm", "-f", ComposeVersion.onThePath.container("project", "app"))
                for name in ["project_assets", "project_repos_data"] {
                    try await Engine.docker("volume", "rm", name)
                }
                let started = try await scene.must(["start", "dev"])
                #expect(started.output.split(separator: "\n").first?.contains("restored from") == true)
                #expect(try await server("SELECT count(*) FROM projects") == "1")
                #expect(
                    try await Engine.docker(
                        "exec", ComposeVersion.onThePath.container("project", "app"), "cat", "/repos/kept")
                        == "kept\n")
            }
        }

        @Test func `a container of ours with full volumes and an empty folder of its own is not rolled back`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Self.build("ENV DATABASE_URL=sqlite:///app/dev_assets/db.sqlite")
                try await scene.must(
                    [
                        "start", "dev", "--runtime", "docker", "--image", Self.image, "--volume",
                        "assets:/app/dev_assets", "--health-url", "none", "--owner", "1001:1001",
                    ] + scene.ports)
                let volume = try #require(Engine.folder).appending("data/volumes/assets/_data/db.sqlite")
                _ = try await SystemClock().wait(upTo: .seconds(60), every: .milliseconds(100)) {
                    do {
                        return try SQLiteDatabase(volume, .readWrite).value("SELECT max(id) FROM ticks")?
                            .integer ?? 0 > 2
                    } catch { return false }
                }
                try await scene.must(["backup", "dev"])
                try await scene.must(["stop", "dev", "--no-backup"])
                // Nobody holds it afterwards.
                try SQLiteDatabase(volume, .readWrite).execute(
                    "INSERT INTO projects (name) VALUES ('after the backup')")
                let started = try await scene.must(["start", "dev"])
                #expect(!started.output.contains("restored"), "\(started.output)")
                #expect(
                    try SQLiteDatabase(volume, .readWrite).value("SELECT count(*) FROM projects")?.integer
                        == 1)
            }
        }

        @Test func `a container that is gone is an error before anything is touched`() async throws {
            try await DockerScene.with { scene in
                try await Self.build()
                try await Engine.docker(
                    "run", "-d", "--name", "mimir", "-e", "DATABASE_URL=sqlite:///app/dev_assets/db.sqlite",
                    "-v",
                    "mimir_data:/app/dev_assets", Self.image)
                try await scene.must([
                    "start", "dev", "--runtime", "docker", "--container", "mimir", "--health-url", "none",
                ])
                try await scene.must(["backup", "dev"])
                try await Engine.docker("rm", "-f", "mimir")
                let inventory = try await Engine.inventory()
                let started = try await scene.kecsctl("start", "dev")
                #expect(started.status == 10, "\(started.errors)")
                #expect(started.errors.contains("“mimir”"), "\(started.errors)")
                #expect(try await Engine.inventory() == inventory)
            }
        }
    }
}
