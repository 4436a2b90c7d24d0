// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// A container carries its instance's name, and has its folder mounted.
    @Suite struct RenameTests {
        @Test func `a stopped container goes, and the next start makes it under the new name with the rows`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:plain"] + scene.ports)
                try scene.insertRow("kept")
                let running = try await scene.kecsctl.run(["rename", "dev", "shop"])
                #expect(running.status == 11, "\(running.errors)")
                try await scene.must(["stop", "dev"])
                try await scene.must(["rename", "dev", "shop", "--dry-run"])
                #expect(
                    try await Engine.inventory().filter { $0.hasPrefix("container") } == [
                        "container kecs-dev"
                    ])
                try await scene.must(["rename", "dev", "shop"])
                #expect(try await Engine.inventory().filter { $0.hasPrefix("container") } == [])
                try await scene.must(["start", "shop"])
                #expect(
                    try await Engine.inventory().filter { $0.hasPrefix("container") } == [
                        "container kecs-shop"
                    ])
                let label = try await Engine.docker(
                    "inspect", "--format", #"{{index .Config.Labels "dev.kecsctl.instance"}}"#, "kecs-shop")
                #expect(label.contains("shop"))
                #expect(try await scene.kecsctl("rename", "shop", "dev").status == 11)
                try await scene.must(["stop", "shop"])
                try await scene.must(["rename", "shop", "dev"])
                try await scene.must(["start", "dev"])
                #expect(try scene.rows() == 1)
            }
        }

        @Test func `a clone of a running container has its rows and ports of its own`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:plain"] + scene.ports)
                try scene.insertRow("kept")
                let before = try await Engine.inventory()
                try await scene.must(["clone", "dev", "twin"])
                #expect(try await Engine.inventory() == before)
                try await scene.must(["start", "twin"])
                let rows = try scene.rows(in: scene.root.appending("home/instances/twin/data"))
                #expect(rows == 1)
                #expect(try scene.rows() == 1)
                try await scene.must(["destroy", "twin", "--yes"])
                #expect(try scene.rows() == 1)
            }
        }
    }
}
