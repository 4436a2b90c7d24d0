// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import KecsRuntimes
@testable import standin

/// Every kind of runtime passes the same suite: a process of this host as it is, docker and k3d against the stand-ins.
/// Docker and compose pass it on a real engine in `DockerTests`.
@Suite(.serialized) struct RuntimeConformanceTests {
    @Test func `a process of this host`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let made = try here.instance()
            var config = made.config
            config.runtime = .local
            config.settings = ["command": "/bin/sleep 1000", "healthUrl": "none"]
            try config.write(to: made.folder.config)
            try made.folder.data.createFolder()
            let machine = here.machine
            let site = Site(
                machine: machine, home: Home(here.home.kecs), tool: .init(name: "kecsctl", version: "test")
            ) { try LocalRuntime($0, machine: machine) }
            try await RuntimeConformance(limit: .seconds(30)) {
                try site.runtime(try site.instance(made.name))
            }.check()
        }
    }

    @Test func `a container`() async throws {
        let image = World.Image(
            id: "sha256:" + String(repeating: "1", count: 64), tags: ["kecs:1"],
            programs: ["stat", "head", "sh"])
        try await StandInWorld.with(World(images: [image])) { (here: StandInWorld) async throws in
            let instance = try here.dockerInstance()
            try await RuntimeConformance(limit: .seconds(30)) {
                try DockerRuntime(instance, machine: here.machine)
            }.check()
        }
    }

    @Test(arguments: [false, true])
    func `a cluster, deleted or kept when it is stopped`(isKept: Bool) async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let settings: [SettingKey: String] = isKept ? [.keepClustersOnShutdown: "true"] : [:]
            try await RuntimeConformance(limit: .seconds(30)) {
                try here.runtime(try here.instance("dev", settings))
            }.check()
        }
    }
}
