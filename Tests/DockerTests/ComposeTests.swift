// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// A project of docker compose with the shapes of the guides: a bound folder, a labelled volume, services that depend on
/// others.
extension OnDocker {
    @Suite struct ComposeTests {
        private func write(_ scene: DockerScene, in folder: FilePath) throws -> FilePath {
            try folder.createFolder()
            let file = folder.appending("docker-compose.yml")
            try file.replaceContents(
                Array(
                    """
                    version: '3.8'
                    services:
                      app:
                        image: kecs-test:plain
                        depends_on: [db]
                        environment:
                          - KECS_DATA_DIR=/data
                        ports: ["127.0.0.1:\(scene.api):8080", "127.0.0.1:\(scene.admin):8081"]
                        volumes:
                          - ./dev_assets:/data
                          - repos_data:/repos
                        restart: unless-stopped
                      db:
                        image: kecs-test:plain
                        volumes: ["scratch:/data"]
                      tunnel:
                        image: kecs-test:plain
                        depends_on:
                          app: {condition: service_started}
                    volumes:
                      repos_data:
                        labels: ["com.pcg-cc-mcp.backup=true"]
                      scratch: {}

                    """.utf8))
            return file
        }

        private func start(_ scene: DockerScene, _ file: FilePath, _ more: String...) -> [String] {
            ["start", "dev", "--runtime", "compose", "--compose-file", file.string, "--service", "app"] + more
        }

        @Test func `rows outlive restart, rebuild, and down with up`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                let folder = scene.root.appending("project")
                let file = try write(scene, in: folder)
                try await scene.must(start(scene, file))
                let data = folder.appending("dev_assets")
                #expect(try #require(try FileStatus.of(data)).owner == 65532)
                try SQLiteDatabase(data.appending("kecs.db"), .readWrite)
                    .execute("INSERT INTO projects (name) VALUES ('Test Project')")
                func compose(_ words: String...) async throws {
                    var call = ProcessCall("docker-compose", ["-f", file.string] + words)
                    call.limit = .seconds(120)
                    try await Engine.run(call)
                }
                try await compose("restart", "app")
                #expect(try scene.rows(in: data) == 1)
                try await scene.must(["stop", "dev"])
                #expect(try await Engine.docker("ps", "-q") == "")
                try await Engine.build("kecs-test:plain", version: "2")
                try await scene.must(["start", "dev"])
                #expect(try scene.rows(in: data) == 1)
                try await compose("down")
                #expect(try await scene.state() == "absent")
                try await scene.must(["start", "dev"])
                #expect(try scene.rows(in: data) == 1)
                let deep = try await scene.kecsctl("status", "dev", "--deep", "-o", "json")
                #expect(deep.status == 0, "\(deep.output)")
            }
        }

        @Test func `test persistence does the guide's eight steps, and no volume is removed`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                let file = try write(scene, in: scene.root.appending("project"))
                try await scene.must(start(scene, file))
                let volume = try #require(Engine.folder).appending(
                    "data/volumes/project_repos_data/_data/kept")
                try volume.replaceContents(Array("kept".utf8))
                let ids = try await Engine.docker("ps", "-q")
                let inventory = try await Engine.inventory()
                let report = try await scene.must(["test", "persistence", "dev", "-o", "json"]).first()
                #expect(report["survived"] == ["restart", "rebuild", "down"])
                #expect(try await Engine.inventory() == inventory)
                let now = try await Engine.docker("ps", "-q")
                #expect(Set(now.split(separator: "\n")).isDisjoint(with: ids.split(separator: "\n")))
                #expect(String(decoding: try volume.contents(), as: UTF8.self) == "kept")
            }
        }

        @Test func `who depends on others stops first, and volumes are chosen by their label`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                let file = try write(scene, in: scene.root.appending("project"))
                try await scene.must(start(scene, file, "--volume-label", "com.pcg-cc-mcp.backup=true"))
                let report = try await scene.must(["backup", "dev", "-o", "json"]).first()
                let parts = try #require(report["backup"]?["parts"]?.array).compactMap { $0["name"]?.string }
                #expect(parts == ["data", "config", "project_repos_data"])
                try await scene.must(["stop", "dev", "--no-backup"])
                let ends = try await Engine.docker(
                    "inspect", "--format", "{{.State.FinishedAt}} {{.Name}}",
                    ComposeVersion.onThePath.container("project", "tunnel"),
                    ComposeVersion.onThePath.container("project", "app"),
                    ComposeVersion.onThePath.container("project", "db")
                ).split(separator: "\n").sorted()
                #expect(
                    ends.map { $0.split(separator: "/").last.map(String.init) } == [
                        ComposeVersion.onThePath.container("project", "tunnel"),
                        ComposeVersion.onThePath.container("project", "app"),
                        ComposeVersion.onThePath.container("project", "db"),
                    ])
                // A file that is gone keeps nobody from stopping what runs.
                try await scene.must(["start", "dev"])
                try file.rename(to: scene.root.appending("elsewhere.yml"))
                try await scene.must(["stop", "dev"])
                #expect(try await Engine.docker("ps", "-q") == "")
            }
        }

        @Test func `a file without the service, or none, is refused before anything exists`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                let file = try write(scene, in: scene.root.appending("project"))
                let before = try await Engine.inventory()
                let cases: [([String], String)] = [
                    (["--compose-file", file.string, "--service", "nope"], "has no service “nope”"),
                    (["--compose-file", file.string], "which service is the control plane"),
                    (["--compose-file", "/nonexistent/compose.yml"], "there is no compose file"),
                    (["--compose-file", "/etc/passwd"], "cannot be used"),
                ]
                for (arguments, words) in cases {
                    let answer = try await scene.kecsctl.run(
                        ["start", "dev", "--runtime", "compose"] + arguments)
                    #expect(answer.status == 64, "\(arguments): \(answer.errors)")
                    #expect(answer.errors.contains(words), "\(arguments): \(answer.errors)")
                }
                #expect(try await Engine.inventory() == before)
                #expect(try !scene.root.appending("home/instances/dev").isPresent)
            }
        }
    }
}
