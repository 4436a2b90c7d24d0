// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSQLite
@testable import Kecs
import KecsState
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import KecsRuntimes
@testable import standin

/// `migrate runtime` to and from a k3d cluster. Between processes and containers: `DockerTests`.
@Suite(.serialized) struct MigrateRuntimeTests {
    private func site(_ here: StandInWorld) -> Site {
        let machine = here.machine
        return Site(
            machine: machine, home: Home(here.home.kecs), tool: Manifest.Tool(name: "kecsctl", version: "0"),
            threads: 2
        ) { instance in
            switch instance.config.runtime {
            case .local: try LocalRuntime(instance, machine: machine)
            case .docker: try DockerRuntime(instance, machine: machine)
            case .compose: try ComposeRuntime(instance, machine: machine)
            case .k3d: try K3dRuntime(instance, machine: machine)
            }
        }
    }

    /// A process of this host that runs, with a state.
    private func local(_ here: StandInWorld, _ site: Site) async throws -> Instance {
        let made = try here.instance()
        var config = made.config
        config.runtime = .local
        config.settings["command"] = "/bin/sleep 1000"
        try config.write(to: made.folder.config)
        try made.folder.data.createFolder()
        do {
            _ = try StateDatabase.create(made.folder.data.appending("kecs.db"), at: Moment(seconds: 0))
        }
        let instance = try site.instance(made.name)
        try await site.runtime(instance).start(limit: .seconds(10))
        #expect(await (try site.runtime(instance)).state() == .running)
        return instance
    }

    /// Nothing that k3d makes is left on the engine.
    private func isGone(_ here: StandInWorld) throws -> Bool {
        let world = try here.world()
        return world.containers.isEmpty && world.networks.isEmpty && world.volumes.isEmpty
    }

    private func ended(_ instance: Instance, _ site: Site) async throws {
        try await site.runtime(try site.instance(instance.name)).stop(limit: .seconds(10))
    }

    @Test func `an instance goes into a cluster and back, with the same folder`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let site = site(here)
            let instance = try await local(here, site)
            let there = try await MigrateRuntime(site: site).run(
                instance, MigrateRuntimeRequest(to: .k3d, limit: .seconds(30)))
            #expect(there.outcome == .done)
            #expect(there.state == "running")
            #expect(there.dataFrom == there.dataTo)
            #expect(there.backup != nil)
            let cluster = try #require(try here.world().clusters.first)
            #expect(cluster.binds.first == "\(instance.folder.data):\(instance.folder.data)")
            let now = try site.instance(instance.name)
            #expect(now.config.runtime == .k3d)
            #expect(await (try site.runtime(instance)).state() == .stopped, "the process has ended")

            let back = try await MigrateRuntime(site: site).run(now, MigrateRuntimeRequest(to: .local))
            #expect(back.outcome == .done)
            #expect(back.notes == [])
            #expect(try here.world().clusters.isEmpty)
            let again = try site.instance(instance.name)
            #expect(again.config.runtime == .local)
            #expect(await (try site.runtime(again)).state() == .running)
            #expect(
                try StateDatabase.open(instance.folder.data.appending("kecs.db")).database.integrityProblems()
                    == [])
            #expect(
                try await MigrateRuntime(site: site).run(again, MigrateRuntimeRequest(to: .local)).outcome
                    == .already
            )
            try await ended(instance, site)
        }
    }

    @Test func `a cluster that cannot be made is taken back, and the process runs again`() async throws {
        try await StandInWorld.with(
            World(faults: [Fault(call: "k3d cluster create", kind: "die", at: "Creating node")])
        ) { (here: StandInWorld) async throws in
            let site = site(here)
            let instance = try await local(here, site)
            let config = try instance.folder.config.contents()
            let failure = await #expect(throws: Failure.self) {
                try await MigrateRuntime(site: site).run(instance, MigrateRuntimeRequest(to: .k3d))
            }
            #expect(failure?.message == "“dev” did not come up with k3d, and is as before")
            #expect(try isGone(here))
            #expect(try instance.folder.config.contents() == config)
            #expect(await (try site.runtime(instance)).state() == .running)
            #expect(try !instance.folder.journal.isPresent)
            #expect(try !instance.folder.restoring.isPresent)
            try await ended(instance, site)
        }
    }

    @Test
    func `what was killed after the exchange is finished, or taken back when the cluster does not come up`()
        async throws
    {
        for fails in [false, true] {
            try await StandInWorld.with { (here: StandInWorld) async throws in
                let site = site(here)
                let instance = try await local(here, site)
                // The state that a kill leaves right after the journal said so.
                var journal = Journal(
                    operation: Journal.runtimeMigration, startedAt: Moment(seconds: 5), runsAfterwards: true)
                let staging = instance.folder.restoring.appending("x").appending("config")
                try staging.createFolder()
                var config = instance.config
                config.runtime = .k3d
                try config.write(to: staging.appending("config.json"))
                let kept = instance.folder.previous.appending("x")
                let units = try StagedTree(
                    part: "config", staged: staging,
                    target: .entries(of: instance.folder.path, named: ["config.json"]), label: ""
                ).units(kept: kept, id: "x")
                journal.swap = Swap(
                    id: "x", from: "local runtime", units: units,
                    staging: [instance.folder.restoring.appending("x")], previous: kept)
                journal.swap?.phase = .swapping
                try journal.write(to: instance.folder.journal)
                if fails {
                    try here.change {
                        $0.faults = [Fault(call: "k3d cluster create", kind: "die", at: "Creating node")]
                    }
                }
                let told = try await HealInstance(site: site).run(instance)
                let now = try site.instance(instance.name)
                #expect(now.config.runtime == (fails ? .local : .k3d))
                #expect(await (try site.runtime(now)).state() == .running)
                #expect(told.count == 1)
                #expect(
                    told.first?.contains(fails ? "is as before" : "finished the migrate runtime") == true,
                    "\(told)")
                #expect(try isGone(here) == fails)
                #expect(try !instance.folder.journal.isPresent)
                try await ended(instance, site)
            }
        }
    }

    @Test func `without a command a process cannot take the place of what runs`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let site = site(here)
            let instance = try here.instance()
            try instance.folder.data.createFolder()
            try await site.runtime(instance).start(limit: .seconds(30))
            let failure = await #expect(throws: Failure.self) {
                try await MigrateRuntime(site: site).run(instance, MigrateRuntimeRequest(to: .local))
            }
            #expect(failure?.kind == .usage)
            #expect(failure?.remedy == "kecsctl migrate runtime --help")
            #expect(await (try site.runtime(instance)).state() == .running)
        }
    }

    @Test func `a container may have the data that the instance's own stopped cluster is bound to`()
        async throws
    {
        let image = World.Image(id: "sha256:" + String(repeating: "ab", count: 32), tags: ["kecs:1"])
        try await StandInWorld.with(World(images: [image])) { (here: StandInWorld) async throws in
            let instance = try here.instance()
            try instance.folder.data.createFolder()
            let cluster = try here.runtime(instance)
            try await cluster.start(limit: .seconds(30))
            var candidate = instance
            candidate.config.runtime = .docker
            candidate.config.settings["image"] = "kecs:1"
            candidate.settings.instance = (candidate.config.settings, instance.folder.config)
            func refusal() async -> Failure? {
                do {
                    _ = try await DockerRuntime(candidate, machine: here.machine).prepare()
                    return nil
                } catch {
                    return Failure.describing(error)
                }
            }
            #expect(await refusal()?.kind == .busy)
            try await cluster.stop(limit: .seconds(30))
            let after = await refusal()
            #expect(after?.kind != .busy, "\(after?.message ?? "")")
        }
    }
}
