// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsState
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes
@testable import standin

/// An instance that gets Velero later, and loses it again.
@Suite(.serialized) struct MigrateVeleroTests {
    private let location = "backupstoragelocation/velero/default"

    private func running(_ here: StandInWorld, _ words: String...) async throws -> Instance {
        let instance = try here.instance(holding: "a_single_nginx")
        let answer = try await here.kecsctl.run(["start", "dev", "--no-recover"] + words)
        #expect(answer.status == 0, "\(answer.errors)")
        return instance
    }

    @Test func `a running instance gets another cluster, with Velero and with the same data`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try await running(here)
            let before = try instance.databaseFile().contents()
            // A start cannot do it: the folder is not bound.
            let refused = try await here.kecsctl("start", "dev", "--use-velero-backup")
            #expect(refused.status == 64, "\(refused.errors)")
            #expect(refused.errors.contains("kecsctl migrate velero dev"))
            #expect(try InstanceConfig.read(instance.folder.config).settings["veleroBackup"] == nil)
            let plan = try await here.kecsctl("migrate", "velero", "dev", "-n", "-o", "json")
            #expect(plan.status == 0)
            #expect(try plan.first()["outcome"] == "planned" && plan.first()["rebuilt"] == .bool(true))
            #expect(try here.world().clusters.first?.shared == [])
            let answer = try await here.kecsctl("migrate", "velero", "dev", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            let report = try answer.first()
            #expect(report["outcome"] == "done" && report["state"] == "running" && report["to"] == "velero")
            #expect(report["backup"]?.string?.isEmpty == false)
            #expect(try here.world().objects["kecs-dev"]?[location]?["status"]?["phase"] == "Available")
            #expect(try instance.databaseFile().contents() == before)
            #expect(try !instance.folder.journal.isPresent)
            let again = try await here.kecsctl("migrate", "velero", "dev", "-o", "json")
            #expect(try again.first()["outcome"] == "already")
        }
    }

    @Test func `undone, Velero and its credentials are gone and its backups are not`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try await running(here, "--use-velero-backup")
            let kept = instance.folder.objectStore.appending("velero/backups/x")
            try kept.createFolder()
            let answer = try await here.kecsctl("migrate", "velero", "dev", "--undo", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try answer.first()["notes"]?.array?.count == 1)
            #expect(try kept.isFolder)
            #expect(try !instance.folder.veleroConfig.isPresent)
            let world = try here.world()
            #expect(world.clusters.first?.shared == [])
            #expect(world.objects["kecs-dev"]?.keys.contains { $0.contains("/velero/") } == false)
            let next = try await here.kecsctl("start", "dev", "--no-recover", "-o", "json")
            #expect(try next.first()["backupEngine"] == "files")
        }
    }

    @Test func `one that is down gets it with its next start`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try await running(here)
            #expect(try await here.kecsctl("stop", "dev").status == 0)
            let answer = try await here.kecsctl("migrate", "velero", "dev", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try answer.first()["state"] == "absent" && answer.first()["rebuilt"] == .bool(false))
            #expect(try InstanceConfig.read(instance.folder.config).settings["veleroBackup"] == .bool(true))
            #expect(try here.world().clusters.isEmpty)
            #expect(try await here.kecsctl("start", "dev", "--no-recover").status == 0)
            #expect(try here.world().objects["kecs-dev"]?[location]?["status"]?["phase"] == "Available")
        }
    }

    @Test func `a new cluster that does not come up gives way to the old one`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try await running(here)
            try here.change {
                $0.faults = [Fault(call: "k3d cluster create", kind: "fail", says: "86-create-image-missing")]
            }
            let answer = try await here.kecsctl("migrate", "velero", "dev")
            #expect(answer.status == 1, "\(answer.errors)")
            #expect(answer.errors.contains("is as before"), "\(answer.errors)")
            let config = try InstanceConfig.read(instance.folder.config)
            #expect(config.settings["veleroBackup"] == .bool(false))
            #expect(await (try here.runtime(try here.instance())).state() == .running)
            #expect(try here.world().clusters.first?.shared == [])
        }
    }

    @Test func `a setting for all instances that came later is put right by it`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            _ = try await running(here)
            #expect(try await here.kecsctl("config", "set", "veleroBackup", "true").status == 0)
            let start = try await here.kecsctl("start", "dev", "--no-recover", "-o", "json")
            #expect(start.status == 3)
            #expect(
                try start.first()["backupEngineError"]?["remedy"]?.string == "kecsctl migrate velero dev")
            let answer = try await here.kecsctl("migrate", "velero", "dev", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try answer.first()["rebuilt"] == .bool(true))
        }
    }

    @Test func `what has no cluster is refused`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            #expect(try await here.kecsctl("start", "new", "--runtime", "local").status == 0)
            let answer = try await here.kecsctl("migrate", "velero", "new")
            #expect(answer.status == 64, "\(answer.errors)")
        }
    }

    @Test func `killed at any moment, the next start brings it up one way or the other`() async throws {
        var seed = CampaignSeed("MigrateVeleroTests")
        var length = Duration.zero
        try await StandInWorld.with { (here: StandInWorld) async throws in
            _ = try await running(here)
            let began = ContinuousClock.now
            #expect(try await here.kecsctl("migrate", "velero", "dev").status == 0)
            length = ContinuousClock.now - began
        }
        let kills = Rounds.count(ci: 4, full: 50)
        var (round, killed) = (0, 0)
        // One that was over before it could be killed does not count.
        while killed < kills, round < kills * 4 {
            round += 1
            try await StandInWorld.with { (here: StandInWorld) async throws in
                let instance = try await running(here)
                let before = try instance.databaseFile().contents()
                let moment = Duration.milliseconds(
                    Int.random(in: 5...max(6, Int(length / .milliseconds(1))), using: &seed))
                guard try await here.kecsctl.killed(after: moment, ["migrate", "velero", "dev"]) else {
                    length = min(length, moment)
                    return
                }
                killed += 1
                let answer = try await here.kecsctl("start", "dev", "--no-recover", "-o", "json")
                #expect(answer.status == 0, "killed after \(moment): \(answer.errors)")
                #expect(try instance.databaseFile().contents() == before)
                let config = try InstanceConfig.read(instance.folder.config)
                let isVelero = config.settings["veleroBackup"] == .bool(true)
                #expect(try answer.first()["backupEngine"]?.string == (isVelero ? "velero" : "files"))
                #expect(try here.world().clusters.first?.shared?.isEmpty == !isVelero)
                #expect(try !instance.folder.journal.isPresent)
            }
        }
        #expect(killed == kills)
    }
}
