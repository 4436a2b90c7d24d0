// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// Containers of somebody's own: what a stop would lose is seen before, and each is left as it was.
    @Suite struct ContainersAsTheyAreTests {
        private static let database = ["-e", "DATABASE_URL=sqlite:///app/data/app.db"]

        private func run(_ words: [String], image: String = "guide-app:1") async throws {
            try await Engine.run(
                ProcessCall("docker", ["run", "-d", "--name", "app"] + Self.database + words + [image]))
            #expect(
                try await SystemClock().wait(upTo: .seconds(60)) {
                    try await Engine.run(
                        ProcessCall(
                            "docker", "exec", "app", "sh", "-c",
                            "test -s /app/data/app.db && echo yes || true")
                    ) == "yes\n"
                })
        }

        private func sql(_ text: String, in container: String = "app") async throws -> String {
            try await Engine.docker(
                "exec", container, "sqlite3", "-cmd", ".timeout 5000", "/app/data/app.db", text)
        }

        private func adopt(_ scene: DockerScene, _ more: String...) async throws {
            try await scene.must(["start", "dev", "--runtime", "docker", "--container", "app"] + more)
        }

        @Test func `a container that docker removes at its end is not stopped, and is backed up frozen`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.buildApp("guide-app:1")
                try await run(["--rm", "-v", "/app/data"])
                _ = try await sql("INSERT INTO projects (name) VALUES ('kept')")
                try await adopt(scene)
                let volumes = try await Engine.docker("volume", "ls", "--quiet")
                for words in [
                    ["backup", "dev", "--consistency", "stopped"], ["stop", "dev"], ["restart", "dev"],
                ] {
                    let answer = try await scene.kecsctl.run(words)
                    #expect(answer.status == 64, "\(words): \(answer.errors)")
                    #expect(answer.errors.contains("--rm"), "\(answer.errors)")
                    #expect(try await scene.state() == "running")
                }
                // Nothing is wedged, and nothing lost.
                try await scene.must(["backup", "dev", "--consistency", "frozen"])
                try await scene.must(["backup", "dev"])
                #expect(try await Engine.docker("volume", "ls", "--quiet") == volumes)
                #expect(try await sql("SELECT name FROM projects") == "kept\n")
                #expect(try await scene.state() == "running")
            }
        }

        @Test func `a database in memory is not stopped away`() async throws {
            try await DockerScene.with { scene in
                try await Engine.buildApp("guide-app:1")
                try await run(["--tmpfs", "/app/data:uid=1001", "--tmpfs", "/run", "-v", "repos:/repos"])
                try await adopt(scene)
                let answer = try await scene.kecsctl("stop", "dev", "--no-backup")
                #expect(answer.status == 64, "\(answer.errors)")
                #expect(answer.errors.contains("tmpfs at /app/data"), "\(answer.errors)")
                #expect(try await scene.state() == "running")
            }
        }

        @Test
        func `one that was paused stays paused, renamed is found, and the one with its name takes its place`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.buildApp("guide-app:1")
                try await run(["-v", "data:/app/data"])
                try await adopt(scene)
                try await Engine.docker("pause", "app")
                for consistency in ["auto", "frozen", "stopped"] {
                    try await scene.must(["backup", "dev", "--consistency", consistency])
                    #expect(try await scene.state() == "paused", "\(consistency)")
                }
                try await Engine.docker("unpause", "app")
                try await Engine.docker("rename", "app", "other")
                #expect(try await scene.state() == "running")
                try await scene.must(["restart", "dev"])
                #expect(try await Engine.docker("ps", "--format", "{{.Names}}") == "other\n")
                // Made anew by hand under the old name: that is the instance now.
                try await Engine.docker("stop", "other")
                try await run(["-v", "data:/app/data"])
                try await scene.must(["restart", "dev"])
                #expect(try await Engine.docker("ps", "--format", "{{.Names}}") == "app\n")
                try await Engine.docker("rename", "app", "third")
                try await scene.must(["restart", "dev"])
                #expect(try await Engine.docker("ps", "--format", "{{.Names}}") == "third\n")
            }
        }

        @Test func `an image's own volumes are parts, and one under another number is the same part`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.buildApp("guide-app:1", changes: ["VOLUME /app/data"])
                try await run([])
                _ = try await sql("INSERT INTO projects (name) VALUES ('kept')")
                try await adopt(scene)
                let report = try await scene.must(["backup", "dev", "-o", "json"]).first()
                let parts = try #require(report["backup"]?["parts"]?.array).compactMap { $0["name"]?.string }
                #expect(parts.contains("data"), "\(parts)")
                try await Engine.docker("rm", "--force", "--volumes", "app")
                try await run([])
                try await scene.must(["restore", "dev", "--from", "latest"])
                #expect(try await sql("SELECT name FROM projects") == "kept\n")
            }
        }

        @Test func `nothing is left behind by copies through the engine, also of an image with volumes`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.buildApp("guide-app:1", changes: ["VOLUME /app/logs", "VOLUME /extra"])
                try await run(["-v", "data:/app/data"])
                _ = try await sql("INSERT INTO projects (name) VALUES ('kept')")
                let user = try EngineUser(scene)
                try await user.must("start", "dev", "--runtime", "docker", "--container", "app")
                let before = try await Engine.dangling()
                let inventory = try await Engine.inventory()
                for _ in 1...2 {
                    try await user.must("backup", "dev")
                    try await user.must("restore", "dev", "--from", "latest")
                }
                #expect(try await Engine.dangling() == before)
                #expect(try await Engine.inventory() == inventory)
                #expect(try await sql("SELECT name FROM projects") == "kept\n")
            }
        }

        @Test(arguments: ["no", "unless-stopped"])
        func `a server that ends at once is not called running`(restart: String) async throws {
            try await DockerScene.with { scene in
                try await Engine.buildApp("guide-app:1")
                try await Engine.docker(
                    "create", "--name", "app", "--restart", restart, "-v", "data:/app/data", "guide-app:1",
                    "sh", "-c",
                    "echo nothing to do here; exit 3")
                let answer = try await scene.kecsctl(
                    "start", "dev", "--runtime", "docker", "--container", "app")
                #expect(answer.status != 0, "\(answer.output)")
                #expect(answer.errors.contains("nothing to do here"), "\(answer.errors)")
                #expect(!answer.output.contains("running"), "\(answer.output)")
            }
        }

        @Test func `nor is one that ends a moment after its start`() async throws {
            try await DockerScene.with { scene in
                try await Engine.buildApp("guide-app:1")
                try await Engine.docker(
                    "create", "--name", "app", "-v", "data:/app/data", "guide-app:1", "sh", "-c",
                    "echo no licence; sleep 0.3; exit 3")
                let answer = try await scene.kecsctl(
                    "start", "dev", "--runtime", "docker", "--container", "app", "--health-url", "none")
                #expect(answer.status == 1, "\(answer.output)")
                #expect(answer.errors.contains("no licence"), "\(answer.errors)")
            }
        }

        @Test
        func `docker's health counts unless it is not asked for, and an unhealthy server costs no capture`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.buildApp("guide-app:1")
                try await run([
                    "-v", "data:/app/data", "--health-cmd", "false", "--health-interval", "1s",
                    "--health-retries",
                    "1",
                ])
                try await adopt(scene, "--health-url", "none")
                #expect(
                    try await SystemClock().wait(upTo: .seconds(60)) {
                        try await Engine.docker("inspect", "--format", "{{.State.Health.Status}}", "app")
                            == "unhealthy\n"
                    })
                let report = try await scene.must(["backup", "dev", "--consistency", "stopped", "-o", "json"])
                    .first()
                #expect(report["backup"]?["verified"] == .bool(true), "\(report)")
                #expect(try await scene.state() == "running")
            }
        }
    }
}

/// Somebody in the group of docker's socket, who cannot look into its folder.
struct EngineUser: Sendable {
    let scene: DockerScene
    private let group: UInt32

    init(_ scene: DockerScene) throws {
        self.scene = scene
        let socket = FilePath(String(Engine.host.dropFirst("unix://".count)))
        group = try #require(try FileStatus.of(socket)).group
        let folder = try #require(Engine.folder)
        try folder.setMode(0o711)
        try folder.appending("data").setMode(0o700)
        try scene.root.setMode(0o777)
    }

    @discardableResult
    func must(_ arguments: String...) async throws -> Kecsctl.Answer {
        var call = ProcessCall(
            "setpriv",
            ["--reuid", "4000", "--regid", "4000", "--groups", "\(group)", Kecsctl.program.string] + arguments
        )
        call.environment = scene.kecsctl.variables.mapValues { $0 }
        call.environment["HOME"] = scene.root.string
        call.limit = .seconds(180)
        let result = try await SystemProcesses(environment: [:], cancellation: Cancellation()).run(call)
        let answer = Kecsctl.Answer(
            status: result.succeeded ? 0 : 1, output: result.outputText, errors: result.errorText)
        try #require(answer.status == 0, "\(arguments): \(answer.errors)")
        return answer
    }
}
