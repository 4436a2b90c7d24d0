// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import KecsTesting
import KecsVelero
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes
@testable import standin

/// What goes wrong with Velero, and what is told of it: the rows of `docs/velero.md` that a stop or a start meets.
@Suite(.serialized) struct VeleroTroubleTests {
    private static let widget = "customresourcedefinition//widgets.example.com"

    private func restore(_ scene: VeleroScene, _ name: String) async throws -> ClusterRestore {
        let request = ClusterRestoreRequest(
            source: .named(name), isDegraded: true, limit: .seconds(30), stall: .seconds(120))
        return try #require(try await scene.runtime().restoreCluster(request))
    }

    /// A backup, and nothing of it in the cluster any more.
    private func backedUp(_ scene: VeleroScene) async throws -> String {
        let backup = try #require(try await scene.runtime().backUpCluster(.init(isDegraded: false)))
        try forget(scene)
        return backup.name
    }

    private func forget(_ scene: VeleroScene) throws {
        try scene.here.change { world in
            for key in VeleroScene.deployed("1").keys { world.objects[VeleroScene.cluster]?[key] = nil }
        }
    }

    // MARK: The sync

    @Test func `a location that is not available at the first look costs a minute, which is waited for`()
        async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            try scene.here.change { world in
                world.velero.dropsSeeds = true
                world.velero.phases = []
                // A tick of a minute is dozens of questions.
                world.velero.step = 2
            }
            let before = try scene.here.world().velero.now
            let answer = try await scene.start()
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try scene.value() == "1")
            let world = try scene.here.world()
            let up = try #require(world.velero.serverSince[VeleroScene.cluster])
            let location = world.objects[VeleroScene.cluster]?["backupstoragelocation/velero/default"]
            let synced = try #require(location?["status"]?["lastSyncedTime"]?.string.flatMap { Moment($0) })
            // The first tick was in vain.
            #expect(synced.seconds >= up + 60, "up \(up - before), synced \(synced.seconds - before)")
        }
    }

    @Test func `with a seeded location the first look reads the store`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            #expect(try await scene.start().status == 0)
            let world = try scene.here.world()
            let up = try #require(world.velero.serverSince[VeleroScene.cluster])
            let calls = try scene.here.calls()
            #expect(try scene.value() == "1")
            let restore = try #require(
                world.objects[VeleroScene.cluster]?.first { $0.key.hasPrefix("restore/") })
            let made = restore.value["metadata"]?["creationTimestamp"]?.string.flatMap { Moment($0) }
            #expect(try #require(made).seconds - up < 60, "\(calls.count)")
        }
    }

    @Test func `a store that Velero never reads is given up after its time`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            let name = try await backedUp(scene)
            try scene.here.change { world in
                world.velero.neverSyncs = true
                world.objects[VeleroScene.cluster]?["backup/velero/\(name)"] = nil
                world.edit(
                    VeleroScene.cluster, "backupstoragelocation/velero/default",
                    [".status", ".lastSyncedTime"], .null)
            }
            let failure = await #expect(throws: Failure.self) { _ = try await restore(scene, name) }
            #expect(
                failure?.cause?.contains("has not read its store within") == true, "\(failure?.cause ?? "")")
            #expect(try scene.value() == nil)
        }
    }

    @Test func `that Velero has read its store and has no such backup needs no longer wait`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            let name = try await backedUp(scene)
            try scene.here.change { world in
                // Velero's own sync leaves it out: an unfinished one.
                world.objects[VeleroScene.cluster]?["backup/velero/\(name)"] = nil
                world.velero.hides = [name]
            }
            let failure = await #expect(throws: Failure.self) { _ = try await restore(scene, name) }
            #expect(failure?.cause?.contains("does not see it there") == true, "\(failure?.cause ?? "")")
        }
    }

    // MARK: Backups

    @Test func `objects of a kind that Velero has not learnt of are in the backup all the same`() async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            try scene.here.change { world in
                world.customResources = ["widgets.example.com"]
                world.objects[VeleroScene.cluster]?[Self.widget] = [
                    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                    "metadata": [
                        "name": "widgets.example.com",
                        "creationTimestamp": .string("\(Moment(seconds: world.velero.now + 1))"),
                    ],
                ]
                world.objects[VeleroScene.cluster]?["widget/web/one"] = [
                    "apiVersion": "example.com/v1", "kind": "Widget",
                    "metadata": ["name": "one", "namespace": "web"],
                ]
            }
            let runtime = try scene.runtime()
            let backup = try #require(try await runtime.backUpCluster(.init(isDegraded: false)))
            #expect(backup.notes.contains { $0.contains("widgets.example.com") }, "\(backup.notes)")
            var paths: Set<String> = []
            try ReadVeleroBackup(scene.bucket(), backup.name, cancellation: Cancellation()).files {
                entry, _ in
                paths.insert(String(decoding: entry.path, as: UTF8.self))
                return true
            }
            #expect(paths.contains { $0.hasSuffix("namespaces/web/one.json") }, "\(paths)")
            // An older kind is known, and nothing is started again for it.
            let since = try scene.here.world().velero.serverSince
            let next = try #require(try await runtime.backUpCluster(.init(isDegraded: false)))
            #expect(next.notes == [], "\(next.notes)")
            #expect(try scene.here.world().velero.serverSince == since)
        }
    }

    @Test func `a server that ran out of memory is told with its limit and the setting for it`() async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            try scene.here.change { $0.velero.backupEnds = ["crash"] }
            let backup = try #require(try await scene.runtime().backUpCluster(.init(isDegraded: false)))
            let note = try #require(backup.notes.first)
            for word in ["started again", "out of memory", "512Mi", "veleroMemory"] {
                #expect(note.contains(word), "\(note)")
            }
        }
    }

    @Test func `what Velero works on first is waited for, and is named when it does not go on`() async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            let other = "backup/velero/mine"
            try scene.here.change { world in
                world.velero.backupEnds = ["stuck"]
                world.objects[VeleroScene.cluster]?[other] = [
                    "apiVersion": "velero.io/v1", "kind": "Backup",
                    "metadata": ["name": "mine", "namespace": "velero"], "spec": [:],
                    "status": [
                        "phase": "InProgress", "progress": ["totalItems": 9, "itemsBackedUp": 4],
                    ],
                ]
            }
            let failure = await #expect(throws: Failure.self) {
                _ = try await scene.runtime().backUpCluster(.init(isDegraded: false))
            }
            #expect(failure?.kind == .timeout)
            #expect(failure?.cause?.contains("Queued") == true, "\(failure?.cause ?? "")")
            #expect(failure?.cause?.contains("the backup mine (InProgress, 4)") == true)
        }
    }

    @Test func `a node agent that does not run is the reason before a backup is begun`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            let instance = try scene.here.instance()
            var config = instance.config
            config.settings["veleroVolumes"] = .bool(true)
            try config.write(to: instance.folder.config)
            let failure = await #expect(throws: Failure.self) {
                _ = try await scene.runtime().backUpCluster(.init(isDegraded: false))
            }
            // The cluster was made without shared mounts.
            #expect(
                failure?.cause?.contains("not a shared or slave mount") == true, "\(failure?.cause ?? "")")
            #expect(try scene.backupNames() == [])
        }
    }

    @Test func `Velero's memory is what the setting says, and too little is refused`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            let kecsctl = scene.here.kecsctl
            #expect(
                try await kecsctl("config", "set", "veleroMemory", "1GiB", "--instance", "dev").status == 0)
            #expect(try await scene.start().status == 0)
            let pod = try scene.objects()["deployment/velero/velero"]?["spec"]?["template"]?["spec"]
            let limit = pod?["containers"]?.array?.first?["resources"]?["limits"]?["memory"]
            #expect(limit == "1073741824")
            let status = try await kecsctl("status", "dev")
            #expect(status.output.contains("at most 1 CPU, 1073741824"), "\(status.output)")
            #expect(
                try await kecsctl("config", "set", "veleroMemory", "64MiB", "--instance", "dev").status == 0)
            let small = try await scene.start()
            #expect(small.status != 0)
            #expect(small.errors.contains("veleroMemory"), "\(small.errors)")
        }
    }

    // MARK: Restores

    @Test func `what a webhook refused is restored once what answers it runs`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            try scene.here.change { $0.velero.restoreEnds = ["webhook"] }
            let answer = try await scene.start()
            #expect(answer.status == 0, "\(answer.errors)")
            let objects = try scene.objects()
            #expect(objects["deployment/web/site"] != nil)
            let restores = objects.filter { $0.key.hasPrefix("restore/") }.map(\.value)
            #expect(restores.count == 2)
            // Only the kinds that were refused.
            #expect(restores.contains { $0["spec"]?["includedResources"] == ["deployments.apps"] })
            let report = try answer.first()
            #expect(report["clusterRestore"]?["errorCount"] == 0)
            #expect(report["clusterRestore"]?["phase"] == "Completed")
            #expect(answer.errors.contains("webhooks"), "\(answer.errors)")
        }
    }

    @Test func `a webhook that refuses again leaves its errors, and no older backup is put over it`()
        async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            #expect(try await scene.start().status == 0)
            #expect(try await scene.stop().status == 0)
            for ends in [["webhook", "webhook"], ["webhook", "Failed"]] {
                try scene.here.change { $0.velero.restoreEnds = ends }
                let answer = try await scene.start()
                #expect(answer.status == 3, "\(answer.errors)")
                let report = try answer.first()
                #expect(report["clusterRestore"]?["errorCount"] == 1, "\(ends)")
                #expect(report["clusterRestore"]?["skipped"] == [], "\(ends)")
                #expect(try scene.config().degraded != nil)
                #expect(try await scene.stop().status == 0)
                _ = try await scene.here.kecsctl("start", "dev", "--no-recover", "--accept")
                #expect(try await scene.stop().status == 0)
            }
        }
    }

    @Test func `a port that is taken is told with the Service that has it`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            let name = try await backedUp(scene)
            try scene.here.change { world in
                world.velero.restoreEnds = ["port"]
                world.objects[VeleroScene.cluster]?["service/kube-system/traefik"] = [
                    "apiVersion": "v1", "kind": "Service",
                    "metadata": ["name": "traefik", "namespace": "kube-system"],
                    "spec": ["ports": [["port": 80, "nodePort": 30_123]]],
                ]
            }
            let restored = try await restore(scene, name)
            #expect(restored.errorCount == 1)
            #expect(restored.errors.first?.contains("another Service has that node port") == true)
            #expect(restored.errors.first?.contains("kube-system/traefik has 30123") == true)
            // Everything else is there.
            #expect(try scene.value() == "1")
        }
    }

    @Test func `objects that are there and different are counted by kind`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            let backup = try #require(try await scene.runtime().backUpCluster(.init(isDegraded: false)))
            try scene.deploy("2")
            let restored = try await restore(scene, backup.name)
            #expect(
                restored.notes.contains { $0.hasPrefix("1 ConfigMap of the backup") }, "\(restored.notes)")
            #expect(try scene.value() == "2")
        }
    }

    @Test func `another release of Kubernetes than the backup's is told`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            try scene.here.change { $0.velero.kubernetes = "v1.33.1+k3s1" }
            let answer = try await scene.start()
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(
                answer.errors.contains("made in Kubernetes 1.31, and the cluster has 1.33"),
                "\(answer.errors)")
        }
    }

    @Test func `a restore that Velero does not take up makes it start again, once`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            let name = try await backedUp(scene)
            let before = try scene.here.world().velero.serverSince[VeleroScene.cluster]
            try scene.here.change { $0.velero.restoreEnds = ["ignored"] }
            let restored = try await restore(scene, name)
            #expect(restored.phase == "Completed")
            #expect(try scene.value() == "1")
            #expect(try scene.here.world().velero.serverSince[VeleroScene.cluster] != before)
            #expect(try scene.here.calls().count { $0.contains("scale deployment/velero") } == 2)
        }
    }

    @Test func `a restore is not done while its volumes are filled, and one that fails is an error`()
        async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            let instance = try scene.here.instance()
            #expect(try await scene.stop().status == 0)
            var config = try scene.config()
            config.settings["veleroVolumes"] = .bool(true)
            try config.write(to: instance.folder.config)
            try scene.here.change { $0.velero.volumes = ["data", "cache"] }
            let good = try await scene.start()
            #expect(good.status == 0, "\(good.errors)")
            let filled = try scene.objects().filter { $0.key.hasPrefix("podvolumerestore/") }
            #expect(filled.count == 2)
            #expect(filled.values.allSatisfy { $0["status"]?["phase"] == "Completed" })

            let name = try #require(try scene.backupNames().first)
            try forget(scene)
            try scene.here.change { $0.velero.volumeEnds = ["Failed"] }
            let bad = try await restore(scene, name)
            #expect(bad.errorCount == 1 && bad.errors.first?.contains("is Failed") == true, "\(bad.errors)")

            try forget(scene)
            try scene.here.change { $0.velero.volumeEnds = ["stuck"] }
            let stuck = try await restore(scene, name)
            #expect(stuck.errorCount == 2, "\(stuck.errors)")
            #expect(stuck.errors.allSatisfy { $0.contains("not filled yet") }, "\(stuck.errors)")
        }
    }
}
