// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// A server is one instance: two would stop, restore and prune each other's work.
    @Suite struct OneOwnerTests {
        private static let file = """
            version: '3.8'
            services:
              app:
                image: guide-app:1
                environment: ["DATABASE_URL=sqlite:///app/data/app.db"]
                volumes: ["data:/app/data"]
                stop_grace_period: 1s
            volumes:
              data: {}

            """

        private func expectRefused(_ answer: Kecsctl.Answer, owner: String, what: String) {
            #expect(answer.status == 11, "\(answer.errors)")
            #expect(answer.errors.contains("as “\(owner)”"), "\(answer.errors)")
            #expect(answer.errors.contains(what), "\(answer.errors)")
        }

        @Test func `a second instance of a compose project, or of a container of it, is refused`()
            async throws
        {
            let version = ComposeVersion.here.first ?? .one
            try await ComposeScene.with(version, Self.file) { here in
                try await Engine.buildApp("guide-app:1")
                try await here.compose("up", "--detach")
                let words = [
                    "--runtime", "compose", "--service", "app", "--compose-file", here.file.string,
                ]
                try await here.docker.must(["start", "one"] + words)
                expectRefused(
                    try await here.docker.kecsctl.run(["start", "two"] + words), owner: "one",
                    what: "the compose project “pcg”")
                let container = version.container("pcg", "app")
                expectRefused(
                    try await here.docker.kecsctl.run(
                        ["start", "two", "--runtime", "docker", "--container", container]), owner: "one",
                    what: "the same container")
                #expect(try await here.docker.must(["list", "-o", "name"]).output == "one\n")
                // Two that were made before this was refused: the younger one gives way.
                let instances = here.docker.kecsctl.home.appending("instances")
                let old = String(
                    decoding: try instances.appending("one").appending("config.json").contents(),
                    as: UTF8.self)
                try instances.appending("two").createFolder(mode: 0o700)
                try instances.appending("two").appending("config.json").replaceContents(
                    Array(
                        old.replacing("\"one\"", with: "\"two\"")
                            .replacing("\"createdAt\" : \"2", with: "\"createdAt\" : \"3").utf8))
                try await here.docker.must(["stop", "one", "--no-backup"])
                expectRefused(
                    try await here.docker.kecsctl.run(["start", "two"]), owner: "one",
                    what: "the compose project “pcg”")
                try await here.docker.must(["start", "one"])
            }
        }

        @Test func `a second instance of a container, or on another one's volume, is refused`() async throws {
            try await DockerScene.with { scene in
                try await Engine.buildApp("guide-app:1")
                for name in ["web1", "web2"] {
                    try await Engine.docker(
                        "create", "--name", name, "-v", "one_volume:/app/data", "-e",
                        "MIMIR_DATABASE_PATH=/app/data/m.db", "guide-app:1")
                }
                try await Engine.docker("start", "web1")
                try await scene.must(["start", "one", "--runtime", "docker", "--container", "web1"])
                expectRefused(
                    try await scene.kecsctl.run(
                        ["start", "two", "--runtime", "docker", "--container", "web1"]),
                    owner: "one", what: "the container “web1”")
                try await scene.must(["stop", "one", "--no-backup"])
                expectRefused(
                    try await scene.kecsctl.run(
                        ["start", "two", "--runtime", "docker", "--container", "web2"]),
                    owner: "one", what: "the volume “one_volume”")
                try await Engine.docker("rm", "-f", "web1", "web2")
            }
        }
    }
}
