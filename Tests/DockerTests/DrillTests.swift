// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// A drill that starts a container of its own beside the real one.
    @Suite struct DrillTests {
        private func withBackup(_ body: (DockerScene, [String]) async throws -> Void) async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:plain"] + scene.ports)
                try scene.insertRow("kept")
                try await scene.must(["backup", "dev"])
                try await body(scene, try await Engine.inventory())
            }
        }

        @Test func `a container on the restored data becomes healthy, and goes again`() async throws {
            try await withBackup { scene, before in
                let drill = try await scene.kecsctl.run(["backups", "drill", "dev", "--start", "-o", "json"])
                #expect(drill.status == 0, "\(drill.errors)")
                let report = try drill.first()
                #expect(report["passed"] == .bool(true))
                #expect(report["server"]?["healthySeconds"] != nil, "\(drill.output)")
                #expect(try await Engine.inventory() == before)
                #expect(try await scene.state() == "running")
                #expect(try scene.rows() == 1)
            }
        }

        @Test func `the container of a drill that was killed goes with the next command`() async throws {
            try await withBackup { scene, before in
                let pid = try scene.kecsctl.spawn(["backups", "drill", "dev", "--start"])
                // Its container is seen, or the drill is over before it was looked at.
                var isSeen = false
                while !isSeen, kill(pid, 0) == 0 {
                    isSeen = try await Engine.inventory() != before
                    var status: Int32 = 0
                    if !isSeen, waitpid(pid, &status, WNOHANG) == pid { break }
                }
                if isSeen {
                    kill(pid, SIGKILL)
                    var status: Int32 = 0
                    waitpid(pid, &status, 0)
                }
                try await scene.must(["list"])
                #expect(try await Engine.inventory() == before)
                let left = try scene.root.appending("home").entries().map(\.string)
                #expect(!left.contains { $0.contains(".drill-") }, "\(left)")
                #expect(try await scene.state() == "running")
            }
        }
    }
}
