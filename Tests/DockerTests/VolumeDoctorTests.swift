// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// Doctor, status and metrics look into volumes and bound folders, at the database that the server uses.
    @Suite struct VolumeDoctorTests {
        private static let volumes = ["data", "logs", "config", "plugins", "pipelines"].map { "mimir_\($0)" }

        private func volume(_ name: String) throws -> FilePath {
            try #require(Engine.folder).appending("data/volumes/\(name)/_data")
        }

        /// The guide's container with its five volumes, written to and adopted.
        private func withMimir(_ body: (DockerScene) async throws -> Void) async throws {
            try await DockerScene.with { scene in
                try await Engine.buildApp("guide-app:1")
                try await Engine.run(
                    ProcessCall(
                        "docker",
                        ["run", "-d", "--name", "mimir", "-p", "127.0.0.1:\(scene.api):3001"]
                            + Self.volumes.flatMap { ["-v", "\($0):/app/\($0.dropFirst("mimir_".count))"] }
                            + ["-e", "MIMIR_DATABASE_PATH=/app/data/mimir.db", "guide-app:1"]))
                let database = try volume("mimir_data").appending("mimir.db")
                let isThere = try await SystemClock().wait(upTo: .seconds(60)) {
                    try FileStatus.of(database)?.size ?? 0 > 4096
                }
                try #require(isThere)
                try await scene.must(["start", "mimir", "--runtime", "docker", "--container", "mimir"])
                try await body(scene)
            }
        }

        private func expect(
            _ scene: DockerScene, _ name: String, _ check: String, _ words: String,
            _ place: SourceLocation = #_sourceLocation
        ) async throws {
            let answer = try await scene.kecsctl("doctor", name, "--check", check)
            #expect(
                answer.output.contains(words), "\(check): \(answer.output)\(answer.errors)",
                sourceLocation: place)
        }

        @Test func `what is wrong in a volume is told by the check that asks for it`() async throws {
            try await withMimir { scene in
                try await Engine.docker("stop", "mimir")
                let file = try volume("mimir_data").appending("mimir.db")
                try SQLiteDatabase(file, .readWrite).executeScript("PRAGMA journal_mode = DELETE")
                var bytes = try file.contents()
                for index in 4096..<bytes.count { bytes[index] = 0xA5 }
                try file.replaceContents(bytes, mode: 0o755)
                try file.setOwner((0, 0))
                try volume("mimir_plugins").appending(".lock").replaceContents(Array("999999999".utf8))
                let huge = try volume("mimir_logs").appending("huge").string
                try await Engine.run(ProcessCall("truncate", "-s", "11G", huge))
                try await expect(scene, "mimir", "data.size", "more than 10 GiB")
                try await expect(scene, "mimir", "db.integrity", "mimir.db is damaged")
                try await expect(scene, "mimir", "perm.owner", "belongs to 0:0, expected 1001:1001")
                try await expect(scene, "mimir", "sqlite.journal_mode", "mimir.db is not in WAL mode")
                try await expect(scene, "mimir", "sqlite.file-not-writable", "cannot write")
                try await expect(
                    scene, "mimir", "lock.foreign", ".lock is left from a process that has ended")
            }
        }

        @Test func `volumes that docker pruned with their container are an error`() async throws {
            try await withMimir { scene in
                try await scene.must(["backup", "mimir"])
                try await Engine.docker("rm", "--force", "mimir")
                for name in Self.volumes { try await Engine.docker("volume", "rm", name) }
                let answer = try await scene.kecsctl("doctor", "mimir", "-o", "json")
                #expect(answer.status == 20)
                let errors = try answer.items().filter { $0["severity"] == "error" }
                #expect(errors.contains { $0["id"] == "data.missing" }, "\(errors)")
                // And so they are when the container is back and its volumes are new.
                try await Engine.run(
                    ProcessCall(
                        "docker",
                        ["create", "--name", "mimir"]
                            + Self.volumes.flatMap { ["-v", "\($0):/app/\($0.dropFirst("mimir_".count))"] }
                            + ["-e", "MIMIR_DATABASE_PATH=/app/data/mimir.db", "guide-app:1"]))
                let back = try await scene.kecsctl("doctor", "mimir")
                #expect(back.status == 20, "\(back.output)")
            }
        }

        @Test func `sizes, ports and the room of undo are the volumes' and the container's own`() async throws
        {
            try await withMimir { scene in
                let blob = try volume("mimir_data").appending("blob")
                try blob.replaceContents([UInt8](repeating: 7, count: 3_000_000), mode: 0o644)
                let status = try await scene.must(["status", "mimir", "-o", "json"]).first()
                #expect(status["sizeBytes"]?.integer ?? 0 > 3_000_000, "\(status)")
                // Only what is published, and no API where nobody serves one.
                #expect(
                    status["endpoints"]?.array?.compactMap { $0["url"]?.string }
                        == ["tcp://127.0.0.1:\(scene.api)"])
                #expect(try await scene.kecsctl("status", "mimir", "--deep").status == 0)
                let metrics = try await scene.must(["metrics"]).output
                let line = metrics.split(separator: "\n").first {
                    $0.hasPrefix("kecsctl_data_bytes{instance=\"mimir\"} ")
                }
                let bytes = line?.split(separator: " ").last.flatMap { Double($0) } ?? 0
                #expect(bytes > 3_000_000, "\(line ?? "")")
                try await scene.must(["backup", "mimir"])
                try await scene.must(["restore", "mimir", "--from", "latest"])
                let undo = try await scene.must(["status", "mimir", "-o", "json"]).first()["previous"]
                #expect(undo?["sizeBytes"]?.integer ?? 0 > 3_000_000, "\(String(describing: undo))")
            }
        }

        @Test func `owners are held against the user of the server, in each place that it has`() async throws
        {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                try await Engine.buildApp("guide-app:1")
                let logs = scene.root.appending("logs")
                try logs.createFolder()
                try logs.setOwner((0, 0))
                try await scene.must(
                    [
                        "start", "dev", "--runtime", "docker", "--image", "kecs-test:plain", "--volume",
                        "\(logs):/logs",
                    ] + scene.ports)
                try await expect(scene, "dev", "perm.owner", "chown -R 65532:65532 \(logs)")
                // The folder is right, and the server cannot open what is in it.
                try await Engine.docker("stop", "kecs-dev")
                try scene.data.appending("kecs.db").setOwner((0, 0))
                try scene.data.appending("kecs.db").setMode(0o600)
                try await expect(scene, "dev", "perm.owner", "chown -R 65532:65532 \(scene.data)")
                let folder = scene.root.appending("mac")
                try folder.createFolder()
                try folder.setOwner((501, 20))
                try await Engine.docker(
                    "run", "-d", "--name", "up", "--user", "1001:1001", "-e",
                    "DATABASE_URL=sqlite:///app/data/a.db", "-v", "\(folder):/app/data", "guide-app:1",
                    "sleep",
                    "1000")
                try await scene.must(["start", "up", "--runtime", "docker", "--container", "up"])
                try await expect(scene, "up", "uid-match", "belongs to 501:20, expected 1001:1001")
            }
        }

        @Test func `a folder that is bound beside the place of the database is an error`() async throws {
            try await DockerScene.with { scene in
                try await Engine.buildApp("guide-app:1")
                let folder = scene.root.appending("dev_assets")
                try folder.createFolder(mode: 0o755)
                try folder.setOwner((1001, 1001))
                try await Engine.docker(
                    "run", "-d", "--name", "app", "-e", "DATABASE_URL=sqlite:///app/dev_assets/db.sqlite",
                    "-v",
                    "\(folder):/app/dev_asset", "guide-app:1")
                let started = try await scene.kecsctl(
                    "start", "app", "--runtime", "docker", "--container", "app")
                let doctor = try await scene.kecsctl("doctor", "app")
                #expect(
                    doctor.output.contains("/app/dev_assets/db.sqlite")
                        || started.errors.contains("/app/dev_assets"), "\(doctor.output)\(started.errors)")
            }
        }

        @Test func `an engine that a context names is cron's too`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                var shell = scene.kecsctl
                shell.environment["DOCKER_HOST"] = nil
                shell.environment["HOME"] = scene.root.string
                var cron = shell
                shell.environment["DOCKER_CONTEXT"] = "lab"
                try await Engine.run(
                    ProcessCall(
                        "env", "HOME=\(scene.root)", "docker", "context", "create", "lab", "--docker",
                        "host=\(Engine.host)"))
                let started = try await shell.run(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:plain"] + scene.ports)
                #expect(started.status == 0, "\(started.errors)")
                cron.environment["HOME"] = "/nonexistent"
                let backup = try await cron("backup", "dev", "--quiet")
                #expect(backup.status == 0, "\(backup.errors)")
            }
        }

        @Test func `a rescued database takes the place of the one in the volume, and can be taken back`()
            async throws
        {
            try await withMimir { scene in
                try await scene.must(["backup", "mimir"])
                try await scene.must(["restore", "mimir", "--from", "latest"])
                let file = try volume("mimir_data").appending("mimir.db")
                let before = try #require(try FileStatus.of(file)).inode
                // While it is served nothing is put in its place.
                try await scene.must(["stop", "mimir", "--no-backup"])
                try await scene.must(["db", "rescue", "mimir", "--accept"])
                #expect(try #require(try FileStatus.of(file)).inode != before)
                try await scene.must(["undo", "mimir"])
                #expect(try #require(try FileStatus.of(file)).inode == before)
            }
        }

        /// The engine fails every start for a while: whoever was stopped for a backup is owed one.
        @Test func `what was stopped for a backup and could not be started is started by a later command`()
            async throws
        {
            try await withMimir { scene in
                let tools = scene.root.appending("tools")
                try tools.createFolder()
                let armed = scene.root.appending("armed")
                try tools.appending("docker").replaceContents(
                    Array(
                        """
                        #!/bin/sh
                        case " $* " in *" start "*)
                            if [ -e '\(armed)' ]; then echo 'Error response from daemon: it is broken' >&2; exit 1; fi ;;
                        esac
                        PATH=${PATH#*:}
                        exec docker "$@"

                        """.utf8), mode: 0o755)
                var kecsctl = scene.kecsctl
                kecsctl.environment["PATH"] = "\(tools):/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
                try armed.replaceContents([1])
                let failed = try await kecsctl("backup", "mimir", "--consistency", "stopped")
                #expect(failed.status != 0)
                for _ in 0..<2 { _ = try await kecsctl("backup", "mimir") }
                let doctor = try await kecsctl("doctor", "mimir")
                #expect(doctor.output.contains("is down since"), "\(doctor.output)")
                try armed.remove()
                _ = try await kecsctl("backup", "mimir")
                #expect(
                    try await Engine.docker("inspect", "--format", "{{.State.Running}}", "mimir") == "true\n")
            }
        }
    }
}
