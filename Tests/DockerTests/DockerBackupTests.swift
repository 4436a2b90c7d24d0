// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// Backups while the server writes an SQLite and an opaque database, as fast as it can.
    @Suite struct DockerBackupTests {
        private static let image = "kecs-test:busy"

        private func build() async throws {
            try await Engine.build(Self.image, variables: "WRITE_EVERY_MS=5 OPAQUE_MIB=100")
        }

        private func check(_ report: JSONValue, _ part: String) throws {
            let pause = try #require(report["pauseSeconds"]?.seconds)
            #expect(pause > 0)
            #expect(pause < 1, "paused for \(pause) s")
            let parts = try #require(report["backup"]?["parts"]?.array)
            let found = try #require(parts.first { $0["name"]?.string == part })
            #expect(found["consistency"]?.string == "frozen")
        }

        private func waitForTicks(_ folder: FilePath) async throws {
            let isWriting = try await SystemClock().wait(upTo: .seconds(20)) {
                try folder.appending("vectors.db.wal").isPresent
                    && OpaqueFile(folder.appending("vectors.db")).numbers.count == 100
                    && (OpaqueFile(folder.appending("vectors.db")).numbers.last ?? 0) > 3
            }
            try #require(isWriting)
        }

        @Test func `a bound folder: SQLite live, the opaque one frozen for less than a second`() async throws
        {
            try await DockerScene.with { scene in
                try await build()
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", Self.image] + scene.ports)
                try await waitForTicks(scene.data)
                let rowsBefore = try scene.rows("ticks")
                let report = try await scene.must(["backup", "dev", "-o", "json"]).first()
                try check(report, "data")
                // It went on writing.
                let later = try scene.rows("ticks")
                #expect(try await SystemClock().wait(upTo: .seconds(5)) { try scene.rows("ticks") > later })
                try await scene.must(["stop", "dev", "--no-backup"])
                try await scene.must(["restore", "dev", "--from", "latest"])
                #expect(try OpaqueFile(scene.data.appending("vectors.db")).isOfOneMoment)
                let restored = try scene.rows("ticks")
                #expect(restored >= rowsBefore)
                #expect(restored <= later)
                #expect(
                    try SQLiteDatabase(scene.data.appending("kecs.db"), .readWrite).integrityProblems()
                        .isEmpty)
                try await scene.must(["start", "dev"])
            }
        }

        @Test func `a named volume of an adopted container likewise`() async throws {
            try await DockerScene.with { scene in
                try await build()
                try await Engine.docker("volume", "create", "mimir_data")
                try await Engine.docker(
                    "run", "--rm", "--user", "0:0", "--entrypoint", "/bin/busybox", "-v", "mimir_data:/data",
                    Self.image,
                    "chown", "65532:65532", "/data")
                try await Engine.docker(
                    "run", "-d", "--name", "mimir", "-p", "127.0.0.1:\(scene.admin):8081", "-v",
                    "mimir_data:/data", Self.image)
                let volume = try #require(Engine.folder).appending("data/volumes/mimir_data/_data")
                try await waitForTicks(volume)
                try await scene.must(["start", "dev", "--runtime", "docker", "--container", "mimir"])
                let report = try await scene.must(["backup", "dev", "-o", "json"]).first()
                try check(report, "mimir_data")
                let taken = try scene.rows("ticks", in: volume)
                // What is not in the backup goes, what was removed comes back.
                try volume.appending("extra").replaceContents([1])
                try await scene.must(["restore", "dev", "--from", "latest"])
                #expect(try !volume.appending("extra").isPresent)
                #expect(try #require(try FileStatus.of(volume.appending("kecs.db"))).owner == 65532)
                #expect(try await scene.state() == "running")
                try await scene.must(["stop", "dev", "--no-backup"])
                #expect(try OpaqueFile(volume.appending("vectors.db")).isOfOneMoment)
                #expect(
                    try SQLiteDatabase(volume.appending("kecs.db"), .readWrite).integrityProblems().isEmpty)
                // An undo brings back what the restore replaced.
                try await scene.must(["undo", "dev"])
                #expect(try volume.appending("extra").isPresent)
                #expect(try scene.rows("ticks", in: volume) >= taken)
                // A volume that was removed is made again.
                try await Engine.docker("rm", "-f", "mimir")
                try await Engine.docker("volume", "rm", "mimir_data")
                try await Engine.docker(
                    "create", "--name", "mimir", "-p", "127.0.0.1:\(scene.admin):8081", "-v",
                    "mimir_data:/data",
                    Self.image)
                try await scene.must(["start", "dev"])
                #expect(try scene.rows("ticks", in: volume) > 0)
            }
        }

        /// Who is in the group of the socket only cannot look into `/var/lib/docker`.
        @Test func `without root a volume comes as a stream and goes back whole, with its owners`()
            async throws
        {
            try await DockerScene.with { scene in
                try await build()
                let socket = try #require(
                    try FileStatus.of(FilePath(String(Engine.host.dropFirst("unix://".count)))))
                try await Engine.docker("volume", "create", "repos_data")
                try await Engine.docker(
                    "run", "--rm", "--user", "0:0", "--entrypoint", "/bin/sh", "-v", "repos_data:/r",
                    Self.image,
                    "-c",
                    "cd /r && echo one >one && busybox chown 1234:4321 one && busybox chmod 640 one && busybox mkdir deep"
                        + " && busybox cp /bin/busybox deep/tool && busybox ln -s one link")
                try await Engine.docker(
                    "run", "-d", "--name", "app", "-p", "127.0.0.1:\(scene.admin):8081", "-e", "OPAQUE_MIB=2",
                    "-v", "app_data:/data", "-v", "repos_data:/repos", Self.image)
                // The folder of the engine is closed, as /var/lib/docker is; the socket is not.
                let folder = try #require(Engine.folder)
                try folder.setMode(0o711)
                try folder.appending("data").setMode(0o700)
                try scene.root.setMode(0o777)
                func asUser(_ arguments: [String]) async throws -> Kecsctl.Answer {
                    var call = ProcessCall(
                        "setpriv",
                        [
                            "--reuid", "4000", "--regid", "4000", "--groups", "\(socket.group)",
                            Kecsctl.program.string,
                        ]
                            + arguments)
                    call.environment = scene.kecsctl.variables.mapValues { $0 }
                    call.environment["HOME"] = scene.root.string
                    call.limit = .seconds(120)
                    let result = try await SystemProcesses(environment: [:], cancellation: Cancellation())
                        .run(
                            call)
                    guard case .exited(let code) = result.end else {
                        throw FileError("run", "kecsctl", .timedOut)
                    }
                    return Kecsctl.Answer(status: code, output: result.outputText, errors: result.errorText)
                }
                func must(_ arguments: String...) async throws -> Kecsctl.Answer {
                    let answer = try await asUser(arguments)
                    try #require(answer.status == 0, "\(arguments): \(answer.errors)")
                    return answer
                }
                func listing() async throws -> String {
                    try await Engine.docker(
                        "exec", "--user", "0:0", "app", "sh", "-c",
                        "cd /repos && busybox find . | busybox sort | while read f; do busybox stat -c '%n %u %g %a %s' $f; done; cat one; busybox sha256sum deep/tool"
                    )
                }
                _ = try await must("start", "dev", "--runtime", "docker", "--container", "app")
                let before = try await listing()
                let containers = try await Engine.inventory()
                let report = try await must("backup", "dev", "-o", "json").first()
                #expect(try #require(report["pauseSeconds"]?.seconds) > 0)
                #expect(try await Engine.inventory() == containers)
                try await Engine.docker(
                    "exec", "--user", "0:0", "app", "sh", "-c",
                    "cd /repos && echo two >one && echo extra >extra && rm link")
                let changed = try await listing()
                #expect(changed != before)
                _ = try await must("restore", "dev", "--from", "latest")
                #expect(try await listing() == before)
                #expect(try await Engine.inventory() == containers)
                // What it held is in a backup of its own, from which an undo takes it back, and that too.
                let backups = try await asUser(["backups", "list", "dev", "-o", "json"]).items()
                #expect(backups.contains { $0["reason"]?.string == "before-restore" })
                _ = try await must("undo", "dev")
                #expect(try await listing() == changed)
                _ = try await must("undo", "dev", "--redo")
                #expect(try await listing() == before)
                #expect(try await Engine.inventory() == containers)
            }
        }

        /// A volume that is mounted only while it is used has no folder to look into, for root either.
        @Test func `a volume of the driver's own is filled without any program in the image`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                let device = scene.root.appending("device")
                try device.createFolder()
                try await Engine.docker(
                    "volume", "create", "--opt", "type=none", "--opt", "o=bind", "--opt", "device=\(device)",
                    "lent")
                try device.appending("one").replaceContents(Array("one".utf8))
                try device.appending("deep/.hidden").removingLastComponent().createFolder()
                try device.appending("deep/.hidden").replaceContents(Array("hidden".utf8))
                try await scene.must(
                    [
                        "start", "dev", "--runtime", "docker", "--image", "kecs-test:plain", "--volume",
                        "lent:/lent",
                    ] + scene.ports)
                let before = try entries(device)
                let inventory = try await Engine.inventory()
                try await scene.must(["backup", "dev"])
                try device.appending("extra").replaceContents(Array("extra".utf8))
                try device.appending("one").replaceContents(Array("two".utf8))
                let changed = try entries(device)
                try await scene.must(["restore", "dev", "--from", "latest"])
                #expect(try entries(device) == before)
                try await scene.must(["undo", "dev"])
                #expect(try entries(device) == changed)
                #expect(try await Engine.inventory() == inventory)
                #expect(try await scene.state() == "running")
                #expect(
                    try await Engine.docker("exec", "--user", "0:0", "kecs-dev", "cat", "/lent/one") == "two")
            }
        }

        private func entries(_ folder: FilePath) throws -> [String] {
            try folder.entries().sorted { $0.string < $1.string }.flatMap { name -> [String] in
                let path = folder.appending(name)
                if try path.isFolder { return try entries(path).map { "\(name.string)/\($0)" } }
                return ["\(name.string): \(String(decoding: try path.contents(), as: UTF8.self))"]
            }
        }
    }
}

extension JSONValue {
    fileprivate var seconds: Double? {
        switch self {
        case .real(let number): number
        case .integer(let number): Double(number)
        default: nil
        }
    }
}
