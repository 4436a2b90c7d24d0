// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Where the state of the guides' two projects is, on a real engine: five named volumes, and a bound folder beside a
/// named volume. Their servers are not KECS.
extension OnDocker {
    @Suite struct InventoryTests {
        /// An image of busybox alone, whose user has a name.
        private func buildBox(_ tag: String, healthcheck: String = "") async throws {
            let script = """
                set -eu
                folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
                mkdir -p "$folder/bin" "$folder/etc" "$folder/tmp" "$folder/app"
                cp "${BUSYBOX:-/bin/busybox}" "$folder/bin/busybox"
                for name in sh cat stat head ls sleep true false; do ln -s busybox "$folder/bin/$name"; done
                printf 'root:x:0:0::/:/bin/sh\\nmimir:x:1001:2002::/app:/bin/sh\\n' >"$folder/etc/passwd"
                tar -C "$folder" --numeric-owner --owner 0 --group 0 -c . |
                    docker import -c 'CMD ["/bin/sleep","86400"]' -c 'USER mimir' -c 'WORKDIR /app' - "\(tag)"
                """
            try await Engine.run(ProcessCall("sh", "-c", script))
        }

        private func volume(_ name: String) throws -> FilePath {
            try #require(Engine.folder).appending("data/volumes/\(name)/_data")
        }

        private func makeDatabase(_ file: FilePath) throws {
            let database = try SQLiteDatabase(file, .create)
            try database.execute("CREATE TABLE jobs (name TEXT)")
            for number in 0..<3 { try database.execute("INSERT INTO jobs VALUES ('job \(number)')") }
        }

        @Test
        func `five volumes: the database is the one that the server's variable names, the user the image's`()
            async throws
        {
            try await DockerScene.with { scene in
                try await buildBox("kecs-box:1")
                let volumes = ["data", "logs", "config", "plugins", "pipelines"]
                try await Engine.run(
                    ProcessCall(
                        "docker",
                        ["run", "-d", "--name", "mimir-aip-unified", "-p", "127.0.0.1:\(scene.api):8080"]
                            + volumes.flatMap { ["-v", "mimir_\($0):/app/\($0)"] } + [
                                "-e", "MIMIR_DATABASE_PATH=/app/data/mimir.db", "-e",
                                "MIMIR_VECTOR_DB_PATH=/app/data/chromem.db", "kecs-box:1",
                            ]))
                try makeDatabase(try volume("mimir_data").appending("mimir.db"))
                try makeDatabase(try volume("mimir_data").appending("cache.db"))
                try volume("mimir_data").appending("chromem.db").createFolder()
                try await scene.must([
                    "start", "app", "--runtime", "docker", "--container", "mimir-aip-unified",
                ])

                let found = try await scene.must(["inspect", "app", "-o", "json"]).first()
                let parts = found["parts"]?.array ?? []
                #expect(
                    parts.compactMap { $0["pathInside"]?.string }.sorted()
                        == volumes.map { "/app/\($0)" }.sorted())
                #expect(
                    parts.first { $0["name"]?.string == "mimir_logs" }?["role"]?.string == "logs")
                #expect(parts.first { $0["name"]?.string == "mimir_logs" }?["presence"]?.string == "empty")
                let primary = found["databases"]?.array?.first { $0["isPrimary"] == .bool(true) }
                #expect(primary?["name"]?.string == "mimir_data/mimir.db")
                #expect(primary?["because"]?.string == "MIMIR_DATABASE_PATH")
                #expect(primary?["pathInside"]?.string == "/app/data/mimir.db")
                #expect(found["user"]?["user"]?.integer == 1001)
                #expect(found["user"]?["group"]?.integer == 2002)
                #expect(found["user"]?["name"]?.string == "mimir")
                #expect(found["isKECS"] == .bool(false))
                #expect(found["engineHost"]?.string == "this-machine")
                // Only what is published, and nothing called an API that is none.
                #expect(
                    found["endpoints"]?.array?.compactMap { $0["url"]?.string } == [
                        "tcp://127.0.0.1:\(scene.api)"
                    ])

                let count = try await scene.must([
                    "db", "query", "app", "SELECT count(*) FROM jobs", "-o", "name",
                ])
                #expect(count.output == "3\n")
                let other = try await scene.must([
                    "db", "query", "app", "SELECT count(*) FROM jobs", "--database", "mimir_data/cache.db",
                    "-o", "name",
                ])
                #expect(other.output == "3\n")
                let deep = try await scene.kecsctl("status", "app", "--deep", "-o", "json")
                #expect(deep.status == 0, "\(deep.output)")
                #expect(try deep.first()["sizeBytes"]?.integer ?? 0 > 8192)
                let usage = try await scene.must(["du", "app", "-o", "json"]).first()
                #expect(usage["databases"]?.array?.count == 2)

                // The volumes are root's, the server is not.
                let owner = try await scene.kecsctl("doctor", "app", "--check", "perm.owner", "-o", "json")
                #expect(owner.status == 20)
                let integrity = try await scene.kecsctl(
                    "doctor", "app", "--check", "db.integrity", "-o", "json")
                #expect(integrity.status == 0, "\(integrity.output)")
                var bytes = try volume("mimir_data").appending("mimir.db").contents()
                for index in 4096..<bytes.count { bytes[index] = 0xA5 }
                try volume("mimir_data").appending("mimir.db").replaceContents(bytes)
                let damaged = try await scene.kecsctl(
                    "doctor", "app", "--check", "db.integrity", "-o", "json")
                #expect(damaged.status == 20, "\(damaged.output)")
            }
        }

        private func project(
            _ scene: DockerScene, mountedAt inside: String = "/app/dev_assets"
        ) throws -> FilePath {
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
                        image: kecs-box:1
                        user: "1001:1001"
                        environment:
                          - DATABASE_URL=sqlite:///app/dev_assets/db.sqlite
                        volumes:
                          - ./dev_assets:\(inside)
                          - repos_data:/repos
                        restart: unless-stopped
                    volumes:
                      repos_data: {}

                    """.utf8))
            return file
        }

        @Test
        func `a compose project with a bound folder: its own database, its own migrations, no invented port`()
            async throws
        {
            try await DockerScene.with { scene in
                try await buildBox("kecs-box:1")
                let file = try project(scene)
                try makeDatabase(scene.root.appending("project/dev_assets/db.sqlite"))
                try scene.root.appending("project/dev_assets/db.sqlite").setOwner((1001, 1001))
                try await scene.must(["start", "app", "--runtime", "compose", "--compose-file", file.string])
                let found = try await scene.must(["inspect", "app", "-o", "json"]).first()
                let primary = found["databases"]?.array?.first { $0["isPrimary"] == .bool(true) }
                #expect(primary?["because"]?.string == "DATABASE_URL")
                #expect(primary?["path"]?.string?.hasSuffix("project/dev_assets/db.sqlite") == true)
                #expect(found["user"]?["user"]?.integer == 1001)
                #expect(found["endpoints"]?.array?.isEmpty == true)
                #expect(try await scene.kecsctl("status", "app", "--deep").status == 0)
                let owner = try await scene.kecsctl("doctor", "app", "--check", "perm.owner", "-o", "json")
                let errors = try owner.items().filter { $0["severity"]?.string == "error" }
                #expect(errors.allSatisfy { $0["evidence"]?["part"]?.string?.contains("repos") == true })

                let migrations = scene.root.appending("migrations")
                try migrations.createFolder()
                try migrations.appending("20261101000000_more.sql").replaceContents(
                    Array("ALTER TABLE jobs ADD COLUMN state TEXT;\n".utf8))
                let report = try await scene.must([
                    "migrate", "schema", "app", "--migrations", migrations.string, "--tool", "sqlx", "-o",
                    "json",
                ]).first()
                let backup = try #require(report["backup"]?.string)
                #expect(backup.contains("before-migration"))
                let listed = try await scene.must(["backups", "list", "app", "-o", "name"])
                #expect(listed.output.contains(backup))
                #expect(
                    try await scene.must([
                        "db", "query", "app", "SELECT count(state) FROM jobs", "-o", "name",
                    ]).output
                        == "0\n")

                let tested = try await scene.must(["test", "persistence", "app", "-o", "json"]).first()
                #expect(tested["survived"] == ["restart", "rebuild", "down"])
                #expect(tested["unseen"] == nil)
            }
        }

        @Test func `a folder that is bound beside the place that the server uses is an error`() async throws {
            try await DockerScene.with { scene in
                try await buildBox("kecs-box:1")
                let file = try project(scene, mountedAt: "/app/dev_asset")
                let started = try await scene.kecsctl(
                    "start", "app", "--runtime", "compose", "--compose-file", file.string)
                guard started.status == 0 else {
                    // Refused at once is as good.
                    #expect(started.errors.contains("/app/dev_assets"))
                    return
                }
                let answer = try await scene.kecsctl(
                    "doctor", "app", "--check", "db.not-mounted", "-o", "json")
                #expect(answer.status == 20, "\(answer.output)")
                #expect(answer.output.contains("/app/dev_assets/db.sqlite"))
            }
        }

        @Test func `a container that ends at once is not running`() async throws {
            try await DockerScene.with { scene in
                try await buildBox("kecs-box:1")
                try await Engine.docker(
                    "create", "--name", "dies", "-v", "d:/app/data", "kecs-box:1", "/bin/false")
                let answer = try await scene.kecsctl(
                    "start", "app", "--runtime", "docker", "--container", "dies")
                #expect(answer.status == 1, "\(answer.output)\(answer.errors)")
                #expect(answer.errors.contains("exited on its own"), "\(answer.errors)")
            }
        }

        @Test
        func `cron, which has no DOCKER_HOST, finds the engine of the instance, and another one is refused`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:plain"] + scene.ports)
                var cron = scene.kecsctl
                cron.environment["DOCKER_HOST"] = nil
                let backup = try await cron("backup", "dev", "--quiet")
                #expect(backup.status == 0, "\(backup.errors)")
                #expect(try await cron("status", "dev", "-o", "json").first()["state"]?.string == "running")
                var other = scene.kecsctl
                other.environment["DOCKER_HOST"] = "tcp://127.0.0.1:1"
                let refused = try await other("backup", "dev")
                #expect(refused.status == 64)
                #expect(refused.errors.contains("tcp://127.0.0.1:1") && refused.errors.contains(Engine.host))
            }
        }
    }
}
