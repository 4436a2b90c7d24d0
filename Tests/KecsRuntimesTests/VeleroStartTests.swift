// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import KecsVelero
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes
@testable import standin

/// `start` of an instance whose cluster was deleted: what stood in it is there again, or it is said what is not.
@Suite(.serialized) struct VeleroStartTests {
    @Test func `what stood in the cluster is in the new one, and backups can be made again`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            #expect(try scene.here.world().clusters.isEmpty)
            let answer = try await scene.start()
            #expect(answer.status == 0, "\(answer.errors)")
            let report = try answer.first()
            let restore = report["clusterRestore"]
            #expect(restore?["backup"]?.string == (try scene.backupNames().first))
            #expect(restore?["phase"] == "Completed" && restore?["waiting"] == [])
            #expect(report["degraded"]?.string == nil)
            let objects = try scene.objects()
            for key in VeleroScene.deployed("1").keys { #expect(objects[key] != nil, "\(key)") }
            #expect(try scene.value() == "1")
            // Ports that others know stay.
            let ports = objects["service/web/site"]?["spec"]?["ports"]?.array
            #expect(ports?.first?["nodePort"] == 30_123)
            // What it made is waited for.
            #expect(objects["deployment/web/site"]?["status"]?["availableReplicas"] == 1)
            let location = objects["backupstoragelocation/velero/default"]
            #expect(location?["spec"]?["accessMode"] == "ReadWrite")
            #expect(try !scene.folder().clusterRestore.isPresent)
            #expect(try scene.bucketRoot() == ["backups", "restores"])
            // Once more, and nothing is restored into a cluster that runs.
            let again = try await scene.start()
            #expect(try again.first()["clusterRestore"]?.object == nil)
            let next = try await scene.stop()
            #expect(next.status == 0, "\(next.errors)")
            #expect(try scene.backups().count == 2)
        }
    }

    @Test func `the location is for reading only, and seeded, before Velero is there`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            try scene.here.change { $0.velero.phases = [] }
            #expect(try await scene.start().status == 0)
            let calls = try scene.here.calls()
            let creates = calls.filter { $0.contains("kubectl create") }
            // The location, and the Restore.
            #expect(creates.count == 4, "\(creates)")
        }
    }

    /// In a block, or so that it is seen without reading it.
    @Test(arguments: ["a block", "the tarball"])
    func `a newer backup that is damaged is passed over, and told with status 3`(lost: String) async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            #expect(try await scene.start().status == 0)
            try scene.deploy("2")
            #expect(try await scene.stop().status == 0)
            let names = try scene.backupNames()
            try #require(names.count == 2)
            let file = try scene.folder().objectStore.appending(
                "velero/backups/\(names[0])/\(names[0]).tar.gz/xl.meta")
            if lost == "a block" {
                var bytes = try file.contents()
                bytes[bytes.count - 600] ^= 1
                try file.replaceContents(bytes)
            } else {
                try file.removingLastComponent().removeTree()
            }
            let answer = try await scene.start()
            #expect(answer.status == 3, "\(answer.errors)")
            let report = try answer.first()
            #expect(report["outcome"] == "partial" && report["state"] == "running")
            #expect(report["clusterRestoreError"]?["cause"]?.string?.contains(names[0]) == true)
            #expect(report["degraded"]?.string == nil)
            #expect(try scene.config().degraded == nil && !scene.folder().clusterRestore.isPresent)
            let restore = report["clusterRestore"]
            #expect(restore?["backup"]?.string == names[1])
            #expect(restore?["skipped"]?.array?.first?["backup"]?.string == names[0])
            #expect(restore?["skipped"]?.array?.count == 1)
            #expect(answer.errors.contains(names[0]) && answer.errors.contains(names[1]), "\(answer.errors)")
            #expect(try scene.value() == "1")
            // It is as it should be from then on.
            #expect(try await scene.start().status == 0)
        }
    }

    // MARK: By hand

    @Test
    func `restore --from velero:NAME ends what a failed restore began, and says before what it would do`()
        async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            let good = try #require(try scene.backupNames().first)
            try scene.here.change { $0.velero.restoreEnds = ["Failed"] }
            #expect(try await scene.start().status == 3)
            let kecsctl = scene.here.kecsctl
            let wayOut = try #require(try scene.config().degraded).wayOut(InstanceName(checking: "dev"))
            #expect(wayOut == "kecsctl restore dev --from velero:\(good)")
            let plan = try await kecsctl(
                "restore", "dev", "--from", "velero:\(good)", "-n", "-o", "json")
            #expect(plan.status == 0, "\(plan.errors)")
            let missing = try plan.first()["plan"]?["missing"]?.array?.compactMap(\.string) ?? []
            #expect(missing.contains("ConfigMap web/marker") && missing.contains("PriorityClass urgent"))
            #expect(try scene.value() == nil)
            let answer = try await kecsctl("restore", "dev", "--from", "velero:\(good)", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try scene.value() == "1" && scene.config().degraded == nil)
            #expect(try !scene.folder().clusterRestore.isPresent)
            // What is there now is left as it is.
            try scene.deploy("2")
            let again = try await kecsctl("restore", "dev", "--from", "velero:latest", "-n", "-o", "json")
            #expect(try again.first()["plan"]?["missing"] == [], "\(again.output)")
            #expect(try again.first()["plan"]?["different"] == ["ConfigMap web/marker"])
            #expect(try await kecsctl("restore", "dev", "--from", "velero:latest").status == 0)
            #expect(try scene.value() == "2")
        }
    }

    @Test func `a part of a backup goes into another namespace`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            #expect(try await scene.start().status == 0)
            let answer = try await scene.here.kecsctl(
                "restore", "dev", "--from", "velero:latest", "--namespace", "web", "--resource", "configmaps",
                "--map-namespace", "web:copy")
            #expect(answer.status == 0, "\(answer.errors)")
            let objects = try scene.objects()
            #expect(objects["configmap/copy/marker"]?["data"]?["n"] == "1")
            #expect(objects["deployment/copy/site"] == nil)
            let wrong = try await scene.here.kecsctl(
                "restore", "dev", "--from", "latest", "--namespace", "web")
            #expect(wrong.status == 64, "\(wrong.errors)")
            let missing = try await scene.here.kecsctl("restore", "dev", "--from", "velero:nope")
            #expect(missing.status == 10, "\(missing.errors)")
        }
    }

    // MARK: Time

    @Test func `an instance that was left for 40 days is restored`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            try scene.here.change { $0.velero.now += 40 * 86_400 }
            let answer = try await scene.start()
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try scene.value() == "1")
        }
    }

    @Test func `even an expired backup is restored and stays, where a Velero of its own way deletes it`()
        async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            let name = try #require(try scene.backupNames().first)
            try scene.here.change { $0.velero.now += 11 * 366 * 86_400 }
            let answer = try await scene.start()
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try scene.value() == "1" && scene.backupNames() == [name])
            // The stand-in does not flatter: with gc, the same backup goes as soon as it is learnt of.
            try scene.here.change { world in
                let key = "deployment/velero/velero"
                world.edit(
                    VeleroScene.cluster, key,
                    [".spec", ".template", ".spec", ".containers", "[0]", ".args"], ["server"])
                world.objects[VeleroScene.cluster]?["backup/velero/\(name)"] = nil
                world.velero.lastTick = [:]
            }
            _ = try await scene.here.kecsctl("status", "dev", "--deep")
            let runtime = try scene.runtime()
            _ = try await runtime.clusterBackups.lostVolumes()
            #expect(try scene.backupNames() == [])
        }
    }

    @Test func `the sync is waited for, a minute of the cluster's if need be`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            // Slow questions: Velero's first tick is long over when it is asked.
            try scene.here.change { $0.velero.step = 1 }
            let answer = try await scene.start()
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try scene.value() == "1")
        }
    }
}
