// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import KecsVelero
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes
@testable import standin

/// What goes wrong with a restore by Velero, and what is told of it: the rows of `docs/velero.md` that a start meets.
@Suite(.serialized) struct VeleroRestoreTroubleTests {
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

    @Test(arguments: [["webhook", "webhook"], ["webhook", "Failed"]])
    func `a webhook that refuses again leaves its errors, and no older backup is put over it`(
        ends: [String]
    ) async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            #expect(try await scene.start().status == 0)
            #expect(try await scene.stop().status == 0)
            try scene.here.change { $0.velero.restoreEnds = ends }
            let answer = try await scene.start()
            #expect(answer.status == 3, "\(answer.errors)")
            let report = try answer.first()
            #expect(report["clusterRestore"]?["errorCount"] == 1)
            #expect(report["clusterRestore"]?["skipped"] == [])
            #expect(try scene.config().degraded != nil)
            #expect(try scene.value() == "1" && scene.objects()["deployment/web/site"] == nil)
        }
    }

    @Test func `a port that is taken is told with the Service that has it`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            let name = try await scene.backedUp()
            try scene.here.change { world in
                world.velero.restoreEnds = ["port"]
                world.objects[VeleroScene.cluster]?["service/kube-system/traefik"] = [
                    "apiVersion": "v1", "kind": "Service",
                    "metadata": ["name": "traefik", "namespace": "kube-system"],
                    "spec": ["ports": [["port": 80, "nodePort": 30_123]]],
                ]
            }
            let restored = try await scene.restore(name)
            #expect(restored.errorCount == 1)
            #expect(restored.errors.first?.contains("another Service has that node port") == true)
            #expect(restored.errors.first?.contains("kube-system/traefik has 30123") == true)
            // Everything else is there.
            #expect(try scene.value() == "1")
        }
    }

    @Test func `objects that are there and different are counted by kind`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            let backup = try #require(
                try await scene.runtime().clusterBackups.backUpCluster(.init(isDegraded: false)))
            try scene.deploy("2")
            let restored = try await scene.restore(backup.name)
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
            let name = try await scene.backedUp()
            let before = try scene.here.world().velero.serverSince[VeleroScene.cluster]
            try scene.here.change { $0.velero.restoreEnds = ["ignored"] }
            let restored = try await scene.restore(name)
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
            try scene.forget()
            try scene.here.change { $0.velero.volumeEnds = ["Failed"] }
            let bad = try await scene.restore(name)
            #expect(bad.errorCount == 1 && bad.errors.first?.contains("is Failed") == true, "\(bad.errors)")

            try scene.forget()
            try scene.here.change { $0.velero.volumeEnds = ["stuck"] }
            let runtime = try scene.runtime()
            var velero = RestoreFromVelero(
                machine: runtime.machine, kubectl: try await runtime.reachable(),
                setup: try VeleroSetup(runtime.instance))
            velero.filling = .seconds(10)
            let request = ClusterRestoreRequest(isDegraded: true, limit: .zero)
            let stuck = try await velero.run([try velero.store.named(name)], request)
            #expect(stuck.errorCount == 2, "\(stuck.errors)")
            #expect(stuck.errors.allSatisfy { $0.contains("not filled yet") }, "\(stuck.errors)")
        }
    }
}
