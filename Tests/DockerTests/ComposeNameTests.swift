// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// A project has one name for its user and for kecsctl: under another it would be a second server with volumes of its own.
    @Suite struct ComposeNameTests {
        private static let services = """
            services:
              app:
                image: guide-app:1
                environment: ["DATABASE_URL=sqlite:///app/data/app.db"]
                volumes: ["data:/app/data", "repos:/repos"]
                stop_grace_period: 1s
            volumes:
              data: {}
              repos: {}

            """

        /// What runs, and which volumes there are.
        private func world(_ here: ComposeScene) async throws -> [String] {
            try await here.containers()
                + Engine.docker("volume", "ls", "--quiet").split(separator: "\n").map(String.init).sorted()
        }

        private func start(
            _ here: ComposeScene, _ name: String, _ more: String...
        ) async throws
            -> Kecsctl.Answer
        {
            try await here.docker.kecsctl.run(
                [
                    "start", name, "--runtime", "compose", "--service", "app", "--compose-file",
                    here.file.string,
                ] + more)
        }

        private func with(
            _ version: ComposeVersion, _ file: String, _ body: (ComposeScene) async throws -> Void
        ) async throws {
            try await ComposeScene.with(version, file) { here in
                try await Engine.buildApp("guide-app:1")
                let old = try await Engine.docker("volume", "ls", "--quiet").split(separator: "\n")
                for volume in old { try await Engine.docker("volume", "rm", String(volume)) }
                try await body(here)
            }
        }

        @Test(.enabled(if: ComposeVersion.two.isThere, "compose 1 knows no name in the file"))
        func `the name in the file is the project's, with its containers there and before there are any`()
            async throws
        {
            try await with(.two, "name: dee\n" + Self.services) { here in
                try await here.compose("up", "--detach")
                let before = try await world(here)
                #expect(before == ["dee-app-1 running", "dee_data", "dee_repos"])
                let adopted = try await start(here, "one")
                #expect(adopted.status == 0, "\(adopted.errors)")
                #expect(try await world(here) == before)
                let parts = try await here.docker.must(["inspect", "one"]).output
                #expect(parts.contains("dee_repos"), "\(parts)")
                try await here.docker.must(["destroy", "one", "--yes"])
                try await here.compose("down")
                let made = try await start(here, "two")
                #expect(made.status == 0, "\(made.errors)")
                #expect(try await world(here) == before)
                // And for its user it is the one that runs.
                try await here.compose("up", "--detach")
                #expect(try await world(here) == before)
            }
        }

        @Test(arguments: ComposeVersion.here)
        func `a project that runs under a name given with -p is taken over under that name`(
            version: ComposeVersion
        ) async throws {
            try await with(version, "version: '3.8'\n" + Self.services) { here in
                try await here.compose("-p", "bee", "up", "--detach")
                let before = try await world(here)
                let adopted = try await start(here, "one")
                #expect(adopted.status == 0, "\(adopted.errors)")
                #expect(try await world(here) == before)
                // The record holds from then on, also where nothing of the project is left to ask.
                try await here.compose("-p", "bee", "down")
                try await here.docker.must(["start", "one"])
                #expect(try await world(here) == before)
            }
        }

        @Test(arguments: ComposeVersion.here)
        func `of two projects of the same files none is chosen, and a flag or a variable chooses`(
            version: ComposeVersion
        ) async throws {
            try await with(version, "version: '3.8'\n" + Self.services) { here in
                try await here.compose("-p", "bee", "up", "--detach")
                try await here.compose("-p", "cee", "up", "--detach")
                let before = try await world(here)
                let refused = try await start(here, "one")
                #expect(refused.status == 64)
                #expect(refused.errors.contains("“bee” and “cee”"), "\(refused.errors)")
                #expect(refused.errors.contains("--compose-project bee"), "\(refused.errors)")
                #expect(try await world(here) == before)
                let chosen = try await start(here, "one", "--compose-project", "cee")
                #expect(chosen.status == 0, "\(chosen.errors)")
                #expect(try await here.docker.must(["inspect", "one"]).output.contains("cee_repos"))
                var kecsctl = here.docker.kecsctl
                kecsctl.environment["COMPOSE_PROJECT_NAME"] = "bee"
                let other = try await kecsctl.run([
                    "start", "two", "--runtime", "compose", "--service", "app", "--compose-file",
                    here.file.string,
                ])
                #expect(other.status == 0, "\(other.errors)")
                #expect(try await here.docker.must(["inspect", "two"]).output.contains("bee_repos"))
                #expect(try await world(here) == before)
            }
        }
    }
}
