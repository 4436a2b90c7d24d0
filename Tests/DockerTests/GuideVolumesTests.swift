// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// The “Docker Persistence Guide” with its five volumes, by `docker run` and by compose.
    @Suite struct GuideVolumesTests {
        enum Way: String, CaseIterable, Sendable {
            case run = "docker run"
            case compose = "docker-compose"

            static let here = allCases.filter { $0 == .run || ComposeVersion.here.first != nil }
        }

        private static let volumes = ["data", "logs", "config", "plugins", "pipelines"].map { "mimir_\($0)" }

        private func runWords(_ port: Int) -> [String] {
            ["run", "-d", "-p", "127.0.0.1:\(port):8080"]
                + Self.volumes.flatMap { ["-v", "\($0):/app/\($0.dropFirst("mimir_".count))"] }
                + [
                    "-e", "BACKEND_PORT=8080", "-e", "MIMIR_DATABASE_PATH=/app/data/mimir.db", "-e",
                    "MIMIR_VECTOR_DB_PATH=/app/data/chromem.db", "--name", "mimir-aip-unified", "guide-app:1",
                ]
        }

        /// - Parameter body: Gets the project, and what brings its container back as its owner would.
        private func with(
            _ way: Way, _ body: (GuideProject, () async throws -> Void) async throws -> Void
        ) async throws {
            let version = ComposeVersion.here.first ?? .one
            try await ComposeScene.with(version, "") { here in
                try await Engine.buildApp("guide-app:1")
                try here.write(
                    "docker-compose.yml", GuideProject.text("mimir-compose.yml", port: here.docker.api))
                func up() async throws {
                    switch way {
                    case .run: try await Engine.run(ProcessCall("docker", runWords(here.docker.api)))
                    case .compose: try await here.compose("up", "--detach")
                    }
                }
                try await up()
                let project = GuideProject(
                    here: here, container: "mimir-aip-unified", database: "/app/data/mimir.db")
                try await project.waitForTicks()
                try await Engine.docker(
                    "exec", "mimir-aip-unified", "sh", "-c",
                    "echo 'steps: []' >/app/pipelines/daily.yaml; echo retention_days: 30 >/app/config/config.yaml; echo started >/app/logs/app.log"
                )
                switch way {
                case .run:
                    try await here.docker.must([
                        "start", "mimir", "--runtime", "docker", "--container", "mimir-aip-unified",
                    ])
                case .compose:
                    try await here.docker.must([
                        "start", "mimir", "--runtime", "compose", "--compose-file", here.file.string,
                    ])
                }
                try await body(project, up)
            }
        }

        private func read(_ file: String) async throws -> String {
            try await Engine.docker("exec", "mimir-aip-unified", "cat", file)
        }

        /// The container and these volumes are gone, and the container is back.
        private func lose(
            _ volumes: [String], _ project: GuideProject, _ up: () async throws -> Void
        ) async throws {
            try await Engine.docker("rm", "--force", "mimir-aip-unified")
            for name in volumes { try await Engine.docker("volume", "rm", name) }
            try await up()
            try await project.waitForTicks()
        }

        @Test(arguments: Way.here)
        func `one volume lost, and all five lost, are restored`(way: Way) async throws {
            try await with(way) { project, up in
                let scene = project.here.docker
                try await project.insert("before")
                let report = try await scene.must(["backup", "mimir", "-o", "json"]).first()
                let parts = try #require(report["backup"]?["parts"]?.array).compactMap { $0["name"]?.string }
                #expect(Set(parts).isSuperset(of: Self.volumes), "\(parts)")
                try await project.insert("after")
                try await lose(["mimir_pipelines"], project, up)
                try await scene.must(["restore", "mimir", "--part", "mimir_pipelines", "--from", "latest"])
                #expect(try await read("/app/pipelines/daily.yaml") == "steps: []\n")
                #expect(try await project.rows() == ["before", "after"])
                try await lose(Self.volumes, project, up)
                #expect(try await project.rows() == [])
                try await scene.must(["restore", "mimir", "--from", "latest"])
                #expect(try await project.rows() == ["before"])
                #expect(try await read("/app/pipelines/daily.yaml") == "steps: []\n")
                #expect(try await read("/app/config/config.yaml") == "retention_days: 30\n")
                #expect(try await read("/app/data/chromem.db/8f14e45f/00000000.gob") == "gob 00000000")
                try await project.waitForTicks()
            }
        }

        @Test(arguments: Way.here)
        func `the guide's archives and dumps are restored where the server reads`(way: Way) async throws {
            try await with(way) { project, _ in
                let scene = project.here.docker
                try await project.insert("in the export")
                let export = try await project.sql(".dump")
                let backups = project.here.folder.appending("backups")
                try backups.createFolder()
                let dump = backups.appending("mimir-export.sql")
                try dump.replaceContents(Array(export.utf8))
                try await project.insert("in the archive")
                // backup.sh, with the server stopped so that the archive is whole.
                try await Engine.docker("stop", "mimir-aip-unified")
                for volume in Self.volumes {
                    try await project.inImage(
                        ["-v", "\(volume):/volume:ro", "-v", "\(backups):/backup"],
                        "tar czf /backup/\(volume).tar.gz -C /volume .")
                }
                try await Engine.docker("start", "mimir-aip-unified")
                try await project.waitForTicks()
                try await project.insert("only live")
                try await scene.must(["backup", "mimir"])

                try await scene.must(["restore", "mimir", "--from", dump.string])
                #expect(try await project.rows() == ["in the export"])
                // Chosen by its content, or named.
                try await scene.must([
                    "restore", "mimir", "--part", "mimir_data", "--from",
                    backups.appending("mimir_data.tar.gz").string,
                ])
                #expect(try await project.rows() == ["in the export", "in the archive"])
                try await project.waitForTicks()
                try await scene.must(["undo", "mimir"])
                #expect(try await project.rows() == ["in the export"])
                try await Engine.docker(
                    "exec", "mimir-aip-unified", "sh", "-c", "echo lost >/app/pipelines/daily.yaml")
                try await scene.must([
                    "restore", "mimir", "--part", "mimir_pipelines", "--from",
                    backups.appending("mimir_pipelines.tar.gz").string,
                ])
                #expect(try await read("/app/pipelines/daily.yaml") == "steps: []\n")
                #expect(try await project.rows() == ["in the export"])
                // An archive without the database does not take its place.
                let wrong = try await scene.kecsctl(
                    "restore", "mimir", "--part", "mimir_data", "--from",
                    backups.appending("mimir_pipelines.tar.gz").string)
                #expect(wrong.status != 0, "\(wrong.output)")
                #expect(try await project.rows() == ["in the export"])
                // Back to before all of it.
                try await scene.must(["restore", "mimir", "--from", "latest"])
                #expect(try await project.rows() == ["in the export", "in the archive", "only live"])
            }
        }
    }
}
