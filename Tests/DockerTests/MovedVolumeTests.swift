// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// A container that came back with another volume where the one of the backup was.
    @Suite struct MovedVolumeTests {
        private func make(_ volume: String, at inside: String = "/app/data") async throws {
            try await Engine.docker(
                "run", "--detach", "--name", "web", "-v", "\(volume):\(inside)", "-e",
                "MIMIR_DATABASE_PATH=\(inside)/m.db", "guide-app:1")
        }

        private func rows() async throws -> String {
            try await Engine.docker(
                "exec", "web", "sqlite3", "-cmd", ".timeout 5000", "/app/data/m.db",
                "SELECT name FROM projects")
        }

        private func scene(_ body: (DockerScene) async throws -> Void) async throws {
            try await DockerScene.with { scene in
                try await Engine.buildApp("guide-app:1")
                try await make("first")
                try await scene.must(["start", "w", "--runtime", "docker", "--container", "web"])
                let isThere = try await SystemClock().wait(upTo: .seconds(60)) {
                    do {
                        try await Engine.docker(
                            "exec", "web", "sqlite3", "-cmd", ".timeout 5000", "/app/data/m.db",
                            "INSERT INTO projects (name) VALUES ('kept')")
                        return true
                    } catch { return false }
                }
                try #require(isThere)
                try await scene.must(["backup", "w"])
                try await Engine.docker("rm", "-f", "web")
                try await body(scene)
                try await Engine.docker("rm", "-f", "web")
            }
        }

        @Test func `what was in the old volume is restored into the one that took its place`() async throws {
            try await scene { scene in
                try await make("second")
                let lacking = try await scene.kecsctl("backup", "w")
                #expect(lacking.status == 3)
                #expect(lacking.errors.contains("--part first"), "\(lacking.errors)")
                let restored = try await scene.must(["restore", "w", "--from", "latest", "--part", "first"])
                #expect(restored.errors.contains("goes into second"), "\(restored.errors)")
                #expect(try await rows() == "kept\n")
                // And that was the remedy: the next backup lacks nothing.
                try await scene.must(["backup", "w"])
                try await scene.must(["restore", "w", "--from", "latest"])
                #expect(try await rows() == "kept\n")
            }
        }

        @Test func `undo takes it back, and the loss is told again`() async throws {
            try await scene { scene in
                try await make("second")
                try await scene.must(["restore", "w", "--from", "latest", "--part", "first"])
                try await scene.must(["undo", "w"])
                #expect(try await rows() == "")
                #expect(try await scene.kecsctl("backup", "w").status == 3)
            }
        }

        @Test func `a part that is mounted nowhere is restored, and that nobody sees it is said`()
            async throws
        {
            try await scene { scene in
                try await make("second", at: "/elsewhere")
                let restored = try await scene.must(["restore", "w", "--from", "latest", "--part", "first"])
                #expect(restored.errors.contains("the server does not use it now"), "\(restored.errors)")
            }
        }

        @Test func `a loss that is accepted at a start is accepted from then on`() async throws {
            try await scene { scene in
                try await make("second")
                #expect(try await scene.kecsctl("start", "w").status == 3)
                let accepted = try await scene.must(["start", "w", "--accept-loss", "first"])
                #expect(accepted.errors.contains("the loss of first is accepted"), "\(accepted.errors)")
                try await scene.must(["start", "w"])
                try await scene.must(["backup", "w"])
                try await scene.must(["start", "w"])
            }
        }
    }
}
