// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import KecsTesting
import KecsVelero
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes
@testable import standin

/// What goes wrong with a backup by Velero, and what is told of it: the rows of `docs/velero.md` that a stop meets.
@Suite(.serialized) struct VeleroTroubleTests {
    private static let widget = "customresourcedefinition//widgets.example.com"

    @Test func `objects of a kind that Velero has not learnt of are in the backup all the same`() async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            try scene.here.change { world in
                world.customResources.append("widgets.example.com")
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
            let backup = try #require(
                try await runtime.clusterBackups.backUpCluster(.init(isDegraded: false)))
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
            let next = try #require(try await runtime.clusterBackups.backUpCluster(.init(isDegraded: false)))
            #expect(next.notes == [], "\(next.notes)")
            #expect(try scene.here.world().velero.serverSince == since)
        }
    }

    @Test func `a server that ran out of memory is told with its limit and the setting for it`() async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            try scene.here.change { $0.velero.backupEnds = ["crash"] }
            let backup = try #require(
                try await scene.runtime().clusterBackups.backUpCluster(.init(isDegraded: false)))
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
                _ = try await scene.runtime().clusterBackups.backUpCluster(
                    .init(isDegraded: false, stall: .seconds(30)))
            }
            #expect(failure?.kind == .timeout)
            #expect(failure?.cause?.contains("Queued") == true, "\(failure?.cause ?? "")")
            #expect(failure?.cause?.contains("the backup mine (InProgress, 4)") == true)
        }
    }

    /// As of a cluster that was made without shared mounts: a stop must be able to end it.
    @Test func `without its node agent Velero backs up everything but volumes, and names those`() async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            let instance = try scene.here.instance()
            var config = instance.config
            config.settings["veleroVolumes"] = .bool(true)
            try config.write(to: instance.folder.config)
            try scene.here.change { world in
                world.objects[VeleroScene.cluster]?["persistentvolumeclaim/web/data"] = [
                    "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                    "metadata": ["name": "data", "namespace": "web"], "spec": ["volumeName": "pv-1"],
                ]
                world.objects[VeleroScene.cluster]?["persistentvolume//pv-1"] = [
                    "apiVersion": "v1", "kind": "PersistentVolume", "metadata": ["name": "pv-1"],
                    "spec": ["local": ["path": "/x"], "persistentVolumeReclaimPolicy": "Delete"],
                ]
            }
            let backup = try #require(
                try await scene.runtime().clusterBackups.backUpCluster(.init(isDegraded: false)))
            #expect(backup.verdict == "restorable" && !backup.isWhole)
            #expect(backup.lostVolumes.first?.why.contains("node agent does not run") == true)
            #expect(
                backup.notes.first?.contains("not a shared or slave mount") == true, "\(backup.notes)")
            let made = try scene.objects()["backup/velero/\(backup.name)"]?["spec"]
            #expect(made?["defaultVolumesToFsBackup"] == .bool(false))
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
}
