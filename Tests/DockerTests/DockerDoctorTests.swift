// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// doctor, asked about what is really there.
    @Suite struct DockerDoctorTests {
        /// By severity, the ids of what was found.
        private func findings(
            _ scene: DockerScene, _ arguments: String...
        ) async throws -> [String: [(id: String, message: String)]] {
            let answer = try await scene.kecsctl.run(["doctor", "dev", "-o", "json"] + arguments)
            #expect([0, 20].contains(answer.status), "\(answer.errors)")
            let results = try answer.items().map { item in
                (
                    severity: item["severity"]?.string ?? "", id: item["id"]?.string ?? "",
                    message: item["message"]?.string ?? ""
                )
            }
            return Dictionary(grouping: results) { $0.severity }.mapValues {
                $0.map { (id: $0.id, message: $0.message) }
            }
        }

        @Test func `a healthy instance in a container has neither error nor warning`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:plain"] + scene.ports)
                try await scene.must(["backup", "dev"])
                let found = try await findings(scene)
                // The tests' own server has a database of its own making.
                let errors = (found["error"] ?? []).filter { $0.id != "db.schema-version" }
                #expect(errors.isEmpty, "\(errors)")
                // What is this machine's own, or says that the tests' folder of scripts is looked through.
                let machine = ["disk.used", "disk.inodes", "fs.type"]
                let warnings = (found["warning"] ?? []).filter { finding in
                    !machine.contains(finding.id) && !finding.id.hasPrefix("recipe.")
                }
                #expect(warnings.isEmpty, "\(warnings)")
                #expect(found["ok"]?.contains { $0.id == "image.database" } == true)
                #expect(found["ok"]?.contains { $0.id == "container.mount-mismatch" } == true)
            }
        }

        @Test func `a database in an image is found, also one that a later layer deletes`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                let database = scene.root.appending("seed")
                try SQLiteDatabase(database, .create).execute("CREATE TABLE t (x)")
                try await Engine.docker("create", "--name", "maker", "kecs-test:plain")
                try await Engine.docker("cp", database.string, "maker:/srv-seed")
                try await Engine.docker("commit", "maker", "kecs-test:baked")
                try await Engine.docker("rm", "maker")
                try await Engine.docker(
                    "run", "--name", "maker", "--user", "0:0", "--entrypoint", "/bin/rm", "kecs-test:baked",
                    "/srv-seed")
                try await Engine.docker("commit", "maker", "kecs-test:deleted")
                try await Engine.docker("rm", "maker")
                for image in ["kecs-test:baked", "kecs-test:deleted"] {
                    try await scene.must(
                        ["start", "dev", "--runtime", "docker", "--image", image, "--no-wait"] + scene.ports)
                    let found = try await findings(scene, "--check", "image.database")
                    #expect(found["error"]?.map(\.id) == ["image.database"], "\(image): \(found)")
                    #expect(found["error"]?.first?.message.contains("/srv-seed") == true)
                    try await scene.must(["destroy", "dev", "--yes"])
                }
            }
        }

        /// Stopped as a machine without memory stops it: connections are taken, by the kernel, and nothing answers.
        @Test func `an engine that hangs is told, and the rest is looked at all the same`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:plain"] + scene.ports)
                let file = try #require(Engine.folder).appending("pid")
                let pid = try #require(
                    pid_t(String(decoding: try file.contents(), as: UTF8.self).filter(\.isNumber)))
                #expect(kill(pid, SIGSTOP) == 0)
                let found: [String: [(id: String, message: String)]]
                do {
                    defer { kill(pid, SIGCONT) }
                    found = try await findings(scene)
                }
                let engine = found["error"]?.first { $0.id == "docker.engine" }
                #expect(engine?.message.contains("takes calls, and nothing answered") == true)
                #expect(found["warning"]?.contains { $0.id == "state.unknown" } == true)
                #expect(found["ok"]?.contains { $0.id == "config.readable" } == true)
                // Which folders there are, only the engine knows.
                #expect(found["not-looked-at"]?.contains { $0.id == "perm.world-writable" } == true)
                #expect(!found.values.joined().contains { $0.message.hasPrefix("was not answered") })
                #expect(try await scene.state() == "running")
            }
        }
    }
}
