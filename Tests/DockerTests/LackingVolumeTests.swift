// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// Adopted containers that came back without what they had.
    @Suite struct LackingVolumeTests {
        private static let image = "kecs-test:lacking"

        /// A container with a volume that has been backed up, its backup's id, and a way to put another in its place.
        private func withAdopted(
            _ body: (DockerScene, String, ([String]) async throws -> Void) async throws -> Void
        ) async throws {
            try await DockerScene.with { scene in
                try await Engine.build(Self.image)
                func make(_ more: [String]) async throws {
                    try await Engine.run(
                        ProcessCall(
                            "docker",
                            ["create", "--name", "mimir", "-p", "127.0.0.1:\(scene.admin):8081"] + more + [
                                Self.image
                            ]))
                }
                for volume in ["mimir_data", "other_data"] {
                    try await Engine.docker("volume", "create", volume)
                    try await Engine.docker(
                        "run", "--rm", "--user", "0:0", "--entrypoint", "/bin/busybox", "-v",
                        "\(volume):/data", Self.image, "chown", "65532:65532", "/data")
                }
                try await make(["-v", "mimir_data:/data"])
                try await Engine.docker("start", "mimir")
                let database = try #require(Engine.folder).appending(
                    "data/volumes/mimir_data/_data/kecs.db")
                let isThere = try await SystemClock().wait(upTo: .seconds(60)) { try database.isPresent }
                try #require(isThere)
                try await scene.must(["start", "dev", "--runtime", "docker", "--container", "mimir"])
                let report = try await scene.must(["backup", "dev", "-o", "json"]).first()
                let id = try #require(report["backup"]?["id"]?.string)
                try await Engine.docker("rm", "-f", "mimir")
                try await body(scene, id, make)
            }
        }

        private func expectLacking(_ scene: DockerScene, _ id: String, _ what: String) async throws {
            for _ in 0..<6 {
                let answer = try await scene.kecsctl("backup", "dev", "--quiet")
                #expect(answer.status == 3, "\(answer.errors)")
                #expect(answer.errors.contains("lacks \(what)"), "\(answer.errors)")
            }
            let latest = try await scene.kecsctl(
                "backups", "show", "latest", "--instance", "dev", "-o", "json")
            #expect(try latest.first()["id"]?.string == id)
        }

        private func parts(_ report: JSONValue) -> [String] {
            report["backup"]?["parts"]?.array?.compactMap { $0["name"]?.string } ?? []
        }

        @Test func `the user's own dumps are backed up only when they are named`() async throws {
            try await withAdopted { scene, id, make in
                let dumps = scene.root.appending("backups")
                try dumps.createFolder()
                try dumps.appending("monday.sql.gz").replaceContents([1])
                try await make(["-v", "mimir_data:/data", "-v", "\(dumps):/backups"])
                let whole = try await scene.must(["backup", "dev", "-o", "json"]).first()
                #expect(parts(whole).contains("mimir_data"))
                #expect(!parts(whole).contains("backups"))
                let named = try await scene.must(["backup", "dev", "--part", "backups", "-o", "json"])
                    .first()
                #expect(parts(named) == ["backups"])
                let next = try await scene.must(["backup", "dev", "-o", "json"]).first()
                #expect(next["backup"]?["good"] == .bool(true))
            }
        }

        @Test func `a volume that was made anew and is empty`() async throws {
            try await withAdopted { scene, id, make in
                try await Engine.docker("volume", "rm", "mimir_data")
                try await make(["-v", "mimir_data:/data"])
                try await expectLacking(scene, id, "mimir_data")
            }
        }

        @Test func `a container that was made anew with another volume`() async throws {
            try await withAdopted { scene, id, make in
                try await make(["-v", "other_data:/data"])
                try await expectLacking(scene, id, "mimir_data")
            }
        }

        @Test func `a container that was made anew without its mount`() async throws {
            try await withAdopted { scene, id, make in
                try await make([])
                try await expectLacking(scene, id, "mimir_data")
            }
        }
    }
}
