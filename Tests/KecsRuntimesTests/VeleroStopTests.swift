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

/// `stop` of an instance with Velero: a backup of the cluster that was read back, or nothing is stopped.
@Suite(.serialized) struct VeleroStopTests {
    @Test func `the cluster is backed up, the backup is read back, and only then the cluster is deleted`()
        async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            let answer = try await scene.stop()
            #expect(answer.status == 0, "\(answer.errors)")
            let report = try answer.first()
            let backup = report["clusterBackup"]
            let name = try #require(backup?["name"]?.string)
            #expect(name.hasPrefix("stop-backup-dev-") && name.utf8.count == 30)
            #expect(backup?["verdict"] == "restorable" && backup?["phase"] == "Completed")
            #expect(backup?["leftOut"]?.array?.contains("kecs-system") == true)
            #expect(report["clusterKept"]?.string == nil)
            let world = try scene.here.world()
            #expect(world.clusters.isEmpty)
            #expect(
                world.velero.phases.filter { $0.hasPrefix("backup ") } == [
                    "backup New", "backup Queued", "backup ReadyToStart", "backup InProgress",
                    "backup Finalizing", "backup Completed",
                ])
            let calls = try scene.here.calls()
            let created = try #require(calls.lastIndex { $0.contains("kubectl create") })
            let scaled = try #require(calls.firstIndex { $0.contains("scale statefulset/minio") })
            let deleted = try #require(calls.firstIndex { $0.contains("cluster delete") })
            #expect(created < scaled && scaled < deleted)
            let found = try #require(try scene.backups().first)
            #expect(found.name == name && found.verdict == .restorable && found.isStopBackup)
            #expect(!found.isOfDegraded)
            // Ten years, as Velero has no "never".
            let expiry = try #require(found.expiresAt).seconds - #require(found.startedAt).seconds
            #expect(expiry == 87_600 * 3600)
            #expect(try scene.bucketRoot() == ["backups"])
            // The file backup has it too.
            let parts = report["backup"]?["parts"]?.array?.compactMap { $0["name"]?.string } ?? []
            #expect(parts.contains("minio"), "\(parts)")
        }
    }

    @Test func `system namespaces are not in it, and objects of no namespace are`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            let name = try #require(try scene.backupNames().first)
            var paths: Set<String> = []
            try ReadVeleroBackup(scene.bucket(), name, cancellation: Cancellation()).files { entry, _ in
                paths.insert(String(decoding: entry.path, as: UTF8.self))
                return true
            }
            #expect(paths.contains("resources/configmaps/namespaces/web/marker.json"))
            #expect(paths.contains("resources/priorityclasses.scheduling.k8s.io/cluster/urgent.json"))
            for space in StopBackup.systemNamespaces {
                #expect(!paths.contains { $0.contains("/namespaces/\(space)/") }, "\(space)")
            }
            // Rights that are taken away later would come back with them.
            #expect(!paths.contains { $0.contains("velero-scoped") })
        }
    }

    // MARK: What goes wrong

    private static let failures: [(String, Int32, String)] = [
        ("upload", 1, "the disk of the object store is full"), ("lie", 13, "cannot be restored"),
    ]

    @Test(arguments: failures)
    func `without a backup that can be restored nothing is stopped, and the way out works`(
        end: String, status: Int32, word: String
    ) async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            try scene.here.change { $0.velero.backupEnds = [end] }
            let before = try scene.here.world().containers.map(\.runs)
            let answer = try await scene.stop()
            #expect(answer.status == status, "\(answer.errors)")
            #expect(answer.errors.contains(word), "\(answer.errors)")
            let remedy = try answer.first()["error"]?["remedy"]?.string
            #expect(remedy?.hasPrefix("kecsctl stop dev --no-velero-backup --keep-clusters") == true)
            let calls = try scene.here.calls()
            #expect(!calls.contains { $0.contains("cluster delete") || $0.contains("cluster stop") })
            #expect(!calls.contains { $0.contains("kubectl scale") })
            #expect(try scene.here.world().containers.map(\.runs) == before)
            #expect(try scene.value() == "1")
            #expect(try !scene.folder().journal.isPresent)
            let way = try await scene.stop("--no-velero-backup", "--keep-clusters")
            #expect(way.status == 0, "\(way.errors)")
            #expect(try scene.here.world().clusters.count == 1)
            // The cluster that was kept has everything, and needs no restore.
            let start = try await scene.start()
            #expect(start.status == 0, "\(start.errors)")
            #expect(try start.first()["clusterRestore"]?.object == nil)
            #expect(try scene.value() == "1")
        }
    }

    @Test func `with errors it is told with the first five, and the cluster is stopped and kept`()
        async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            try scene.here.change { $0.velero.backupEnds = ["PartiallyFailed"] }
            let answer = try await scene.stop()
            #expect(answer.status == 3, "\(answer.errors)")
            let report = try answer.first()
            let backup = report["clusterBackup"]
            #expect(backup?["phase"] == "PartiallyFailed" && backup?["errorCount"] == 7)
            #expect(backup?["errors"]?.array?.count == 5)
            #expect(backup?["errors"]?.array?.first == "web: error executing hook 1")
            #expect(report["clusterKept"]?.string?.contains("lacks something") == true)
            #expect(report["state"] == "stopped")
            #expect(try scene.here.world().velero.phases.contains("backup FinalizingPartiallyFailed"))
            let start = try await scene.start()
            #expect(start.status == 0, "\(start.errors)")
            #expect(try scene.value() == "1")
        }
    }

    @Test func `with --force it stops all the same, and keeps the cluster`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            try scene.here.change { $0.velero.backupEnds = ["upload"] }
            let answer = try await scene.stop("--force")
            #expect(answer.status == 3, "\(answer.errors)")
            #expect(try answer.first()["clusterBackupError"]?["message"]?.string?.contains("failed") == true)
            #expect(try scene.here.world().clusters.count == 1)
            #expect(try answer.first()["state"] == "stopped")
        }
    }

    @Test func `a server that was started again during the backup is asked once more`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            try scene.here.change { $0.velero.backupEnds = ["crash"] }
            let answer = try await scene.stop()
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try scene.here.world().velero.phases.contains("backup Failed"))
            #expect(try scene.here.world().clusters.isEmpty)
        }
    }

    @Test func `a backup that does not come on is given up with what is known`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            try scene.here.change { $0.velero.backupEnds = ["stuck"] }
            let runtime = try scene.runtime()
            let failure = await #expect(throws: Failure.self) {
                _ = try await runtime.clusterBackups.backUpCluster(
                    .init(isDegraded: false, stall: .seconds(30)))
            }
            #expect(failure?.kind == .timeout)
            #expect(failure?.cause?.contains("InProgress") == true, "\(failure?.cause ?? "")")
            #expect(try scene.value() == "1")
        }
    }

    @Test func `Velero that a killed stop left at rest is started for the next one`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            try scene.here.change { world in
                for key in ["deployment/velero/velero", "statefulset/velero/minio"] {
                    world.edit(VeleroScene.cluster, key, [".spec", ".replicas"], 0)
                }
            }
            let answer = try await scene.stop()
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try scene.backups().first?.verdict == .restorable)
        }
    }

    @Test func `a store that does not run is the reason, and is named within its time`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            try scene.here.change { world in
                world.podTroubles = ["minio": "CrashLoopBackOff"]
                world.edit(
                    VeleroScene.cluster, "statefulset/velero/minio", [".status", ".availableReplicas"], 0)
            }
            let answer = try await scene.stop()
            #expect(answer.status != 0)
            #expect(answer.errors.contains("CrashLoopBackOff"), "\(answer.errors)")
            #expect(try scene.here.world().clusters.count == 1)
        }
    }

    @Test func `when the files cannot be backed up, Velero runs again and so does the instance`() async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            try scene.folder().data.appending("kecs.db").replaceContents(
                Array("SQLite format 3\0".utf8) + [UInt8](repeating: 7, count: 5000))
            let answer = try await scene.stop()
            try #require(answer.status != 0)
            #expect(try scene.here.world().clusters.count == 1)
            let objects = try scene.objects()
            #expect(objects["deployment/velero/velero"]?["spec"]?["replicas"] == 1)
            #expect(objects["statefulset/velero/minio"]?["spec"]?["replicas"] == 1)
        }
    }

    @Test func `a volume that Velero would lose is named before, and keeps the cluster`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            try scene.here.change { world in
                world.objects[VeleroScene.cluster]?["persistentvolumeclaim/web/data"] = [
                    "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                    "metadata": ["name": "data", "namespace": "web"], "spec": ["volumeName": "pv-1"],
                ]
                world.objects[VeleroScene.cluster]?["persistentvolume//pv-1"] = [
                    "apiVersion": "v1", "kind": "PersistentVolume", "metadata": ["name": "pv-1"],
                    "spec": ["hostPath": ["path": "/var/lib/x"], "persistentVolumeReclaimPolicy": "Delete"],
                ]
            }
            let plan = try await scene.stop("-n")
            #expect(plan.status == 0, "\(plan.errors)")
            #expect(try plan.first()["notes"]?.array?.first?.string?.contains("web/data") == true)
            let answer = try await scene.stop()
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(answer.errors.contains("web/data"), "\(answer.errors)")
            let report = try answer.first()
            #expect(report["clusterKept"]?.string?.contains("web/data") == true)
            #expect(report["clusterBackup"]?["lostVolumes"]?.array?.count == 1)
            #expect(try scene.here.world().clusters.count == 1)
        }
    }

    // MARK: Names and retention

    @Test func `a hundred names of one second are a hundred, and each fits into a label`() {
        let time = Moment(seconds: 1_795_910_467)
        let instance = String(repeating: "a", count: 27)
        var taken: Set<String> = []
        for _ in 0..<100 {
            let name = StopBackup.name(of: instance, at: time, taken: taken)
            #expect(taken.insert(name).inserted && name.utf8.count <= 63)
        }
        #expect(taken.count == 100)
    }

    @Test func `with a clock that stands still every backup has a name of its own, and five stay`()
        async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            let runtime = try scene.runtime()
            var names: [String] = []
            let count = Rounds.count(ci: 12, full: 100)
            for _ in 0..<count {
                let backup = try #require(
                    try await runtime.clusterBackups.backUpCluster(.init(isDegraded: false)))
                names.append(backup.name)
                #expect(backup.notRemoved == [], "\(backup.notes)")
            }
            #expect(Set(names).count == count)
            #expect(try scene.backupNames() == names.suffix(5).reversed())
        }
    }

    @Test func `what Velero does not remove is removed on this host, once the store is at rest`() async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            let runtime = try scene.runtime()
            for _ in 0..<5 { _ = try await runtime.clusterBackups.backUpCluster(.init(isDegraded: false)) }
            let oldest = try #require(try scene.backupNames().last)
            try scene.here.change { $0.velero.deletionEnds = ["error deleting backup: Access Denied"] }
            let answer = try await scene.stop()
            #expect(answer.status == 0, "\(answer.errors)")
            let backup = try answer.first()["clusterBackup"]
            #expect(backup?["notRemoved"] == [.string(oldest)] && backup?["removed"] == [.string(oldest)])
            #expect(answer.errors.contains("Access Denied"), "\(answer.errors)")
            #expect(try scene.backupNames().count == 5 && !scene.backupNames().contains(oldest))
        }
    }

    @Test func `somebody else's backups are neither removed nor restored by themselves`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            try scene.here.change { world in
                world.objects[VeleroScene.cluster]?["backup/velero/mine"] = [
                    "apiVersion": "velero.io/v1", "kind": "Backup",
                    "metadata": ["name": "mine", "namespace": "velero"],
                    "spec": ["includedNamespaces": ["default"], "storageLocation": "default"],
                ]
            }
            let runtime = try scene.runtime()
            for _ in 0..<7 { _ = try await runtime.clusterBackups.backUpCluster(.init(isDegraded: false)) }
            #expect(try scene.backupNames().contains("mine"))
            #expect(try scene.backupNames().count == 6)
            let chosen = ChooseStopBackup(isDegraded: false).candidates(try scene.backups())
            #expect(chosen.count == 5 && !chosen.contains { $0.name == "mine" })
        }
    }
}
