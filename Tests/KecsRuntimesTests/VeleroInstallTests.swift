// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsState
import KecsSystem
import KecsTesting
import KecsVelero
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes
@testable import standin

/// Velero in a cluster: what a start makes on the host and in the cluster, and what it says when it cannot.
@Suite(.serialized) struct VeleroInstallTests {
    private let location = "backupstoragelocation/velero/default"

    private func start(
        _ here: StandInWorld, _ more: String..., settings: [String: JSONValue] = [:]
    ) async throws -> Kecsctl.Answer {
        let instance = try here.instance()
        try instance.folder.data.createFolder()
        if !settings.isEmpty {
            var config = instance.config
            config.settings.merge(settings) { _, new in new }
            try config.write(to: instance.folder.config)
        }
        return try await here.kecsctl.run(["start", "dev", "--no-recover", "-o", "json"] + more)
    }

    @Test func `a first start with Velero makes the guide's layout, and Velero sees its bucket`() async throws
    {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let answer = try await start(here, "--use-velero-backup")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try answer.first()["backupEngine"] == "velero")
            let folder = try here.instance().folder
            let credentials = folder.veleroConfig.appending("credentials")
            #expect(try FileStatus.of(credentials)?.mode == 0o600)
            let text = String(decoding: try credentials.contents(), as: UTF8.self)
            let secret = try #require(StoreCredentials(text)).secretKey.reveal()
            #expect(secret.utf8.count == 40)
            let yaml = try folder.veleroConfig.appending("backup-location.yaml").contents()
            #expect(String(decoding: yaml, as: UTF8.self) == VeleroManifests.locationText)
            #expect(try folder.objectStore.appending("velero").isFolder)
            let world = try here.world()
            #expect(
                world.clusters.first?.shared == [
                    "\(folder.objectStore):/var/lib/kecs/instances/dev/minio-data"
                ])
            let objects = try #require(world.objects["kecs-dev"])
            #expect(objects[location]?["status"]?["phase"] == "Available")
            #expect(objects.keys.count { $0.hasPrefix("customresourcedefinition/") } == 13)
            #expect(objects["secret/velero/cloud-credentials"] != nil)
            // Nowhere else.
            #expect(try !here.calls().contains { $0.contains(secret) })
            #expect(!answer.output.contains(secret) && !answer.errors.contains(secret))
            let log = try here.home.kecs.appending("history.jsonl").contents()
            #expect(!String(decoding: log, as: UTF8.self).contains(secret))
            // Policies are in force, so nothing else reaches the store.
            let create = try #require(try here.calls().first { $0.contains("cluster create") })
            #expect(!create.contains("--disable-network-policy"))
        }
    }

    @Test func `a second start keeps the credentials and changes nothing in the cluster`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            #expect(try await start(here, "--use-velero-backup").status == 0)
            let file = try here.instance().folder.veleroConfig.appending("credentials")
            let before = try file.contents()
            let objects = try here.world().objects["kecs-dev"]?.filter { $0.key != location }
            // Others can read it: put right.
            try file.setMode(0o644)
            let again = try await start(here, "--use-velero-backup")
            #expect(again.status == 0, "\(again.errors)")
            #expect(try again.first()["outcome"] == "already")
            #expect(try file.contents() == before)
            #expect(try FileStatus.of(file)?.mode == 0o600)
            #expect(try here.world().objects["kecs-dev"]?.filter { $0.key != location } == objects)
        }
    }

    @Test func `without Velero nothing of it is made, and the start says what backs up`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let answer = try await start(here, "--no-velero-backup")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try answer.first()["backupEngine"] == "files")
            #expect(try !here.instance().folder.veleroConfig.isPresent)
            #expect(try here.world().clusters.first?.shared == [])
            #expect(try here.world().objects["kecs-dev"]?.keys.contains { $0.contains("velero") } == false)
            let config = try InstanceConfig.read(try here.instance().folder.config)
            #expect(config.settings["veleroBackup"] == .bool(false))
        }
    }

    @Test func `versitygw, volumes, other rights and images are installed when they are chosen`() async throws
    {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let answer = try await start(
                here, "--use-velero-backup",
                settings: [
                    "objectStore": "versitygw", "veleroVolumes": .bool(true), "veleroRights": "admin",
                    "veleroImage": "mirror.local/velero:1",
                ])
            #expect(answer.status == 0, "\(answer.errors)")
            let objects = try #require(try here.world().objects["kecs-dev"])
            #expect(objects["daemonset/velero/node-agent"] != nil)
            #expect(objects["clusterrolebinding//velero"]?["roleRef"]?["name"] == "cluster-admin")
            #expect(objects["clusterrole//velero-scoped"] == nil)
            let server = objects["deployment/velero/velero"]?["spec"]?["template"]?["spec"]
            #expect(server?["containers"]?.array?.first?["image"] == "mirror.local/velero:1")
            #expect(
                objects["statefulset/velero/minio"]?["spec"]?["template"]?["spec"]?["containers"]?.array?
                    .first?["name"] == "versitygw")
            // Rights that were given before go with the setting.
            #expect(try await start(here, settings: ["veleroRights": "scoped"]).status == 0)
            let after = try #require(try here.world().objects["kecs-dev"])
            #expect(after["clusterrolebinding//velero"] == nil)
            #expect(after["clusterrole//velero-scoped"] != nil)
        }
    }

    // MARK: What goes wrong

    @Test func `an image that cannot be had leaves the instance running, and is named with its setting`()
        async throws
    {
        try await StandInWorld.with(World(missingImages: [VeleroImages(.minio).store])) {
            (here: StandInWorld) async throws in
            let answer = try await start(here, "--use-velero-backup")
            #expect(answer.status == 3, "\(answer.errors)")
            let report = try answer.first()
            #expect(report["outcome"] == "partial" && report["state"] == "running")
            let error = report["backupEngineError"]
            #expect(error?["message"]?.string?.contains("the object store") == true)
            #expect(error?["cause"]?.string?.contains("objectStoreImage") == true, "\(error ?? .null)")
            #expect(error?["remedy"]?.string == "docker pull \(VeleroImages(.minio).store)")
            // Another one, and it comes up.
            let next = try await start(
                here, settings: ["objectStoreImage": "quay.io/minio/minio:RELEASE.2024-01-01T00-00-00Z"])
            #expect(next.status == 0, "\(next.errors)")
            #expect(try here.world().objects["kecs-dev"]?[location]?["status"]?["phase"] == "Available")
        }
    }

    @Test func `a store that does not stay up is told with its reason`() async throws {
        try await StandInWorld.with(World(podTroubles: ["minio": "CrashLoopBackOff"])) {
            (here: StandInWorld) async throws in
            let answer = try await start(here, "--use-velero-backup")
            #expect(answer.status == 3, "\(answer.errors)")
            let error = try answer.first()["backupEngineError"]
            #expect(error?["cause"]?.string?.contains("CrashLoopBackOff") == true, "\(error ?? .null)")
            #expect(try here.world().objects["kecs-dev"]?["deployment/velero/velero"] == nil)
        }
    }

    @Test func `a location that Velero cannot use is told with Velero's own words`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            #expect(try await start(here, "--use-velero-backup").status == 0)
            let instance = try here.instance()
            let bucket = instance.folder.objectStore.appending("velero")
            try bucket.removeTree()
            try bucket.replaceContents([])
            let failure = await #expect(throws: Failure.self) {
                try await here.runtime(instance).clusterBackups.bringUpBackupEngine(limit: .seconds(1))
            }
            #expect(failure?.kind == .timeout)
            #expect(failure?.cause?.contains("NoSuchBucket") == true, "\(failure?.cause ?? "")")
        }
    }

    @Test func `volumes that come later need a new cluster, and the remedy makes one`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            #expect(try await start(here, "--use-velero-backup").status == 0)
            let answer = try await start(here, settings: ["veleroVolumes": .bool(true)])
            #expect(answer.status == 3, "\(answer.errors)")
            let error = try answer.first()["backupEngineError"]
            #expect(error?["cause"]?.string?.contains("not a shared or slave mount") == true)
            #expect(error?["remedy"]?.string == "kecsctl stop dev && kecsctl start dev")
            let stop = try await here.kecsctl("stop", "dev")
            #expect(stop.status == 0, "\(stop.errors)")
            #expect(try await start(here).status == 0)
        }
    }

    @Test func `credentials that cannot be read are not replaced`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let folder = try here.instance().folder.veleroConfig
            try folder.createFolder()
            let file = folder.appending("credentials")
            try file.replaceContents(Array("nothing".utf8))
            let answer = try await start(here, "--use-velero-backup")
            #expect(answer.status == 3)
            #expect(try answer.first()["backupEngineError"]?["remedy"]?.string == "rm \(file)")
            #expect(try file.contents() == Array("nothing".utf8))
        }
    }

    @Test(arguments: ["customresourcedefinition", "statefulset", "backupstoragelocation"])
    func `an apply that fails is told, and the next start goes on from there`(stage: String) async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let refused = ["customresourcedefinition": "backups.velero.io", "statefulset": "minio"][stage]
            try here.change { $0.invalid = [refused ?? "default"] }
            let answer = try await start(here, "--use-velero-backup")
            #expect(answer.status == 3, "\(answer.errors)")
            #expect(
                try answer.first()["backupEngineError"]?["cause"]?.string?.contains("is invalid") == true)
            try here.change { $0.invalid = [] }
            let next = try await start(here)
            #expect(next.status == 0, "\(next.errors)")
            #expect(try here.world().objects["kecs-dev"]?[location]?["status"]?["phase"] == "Available")
        }
    }

    @Test func `a runtime without a cluster has no use for it`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            for dry in [[], ["--dry-run"]] {
                let answer = try await here.kecsctl.run(
                    ["start", "new", "--runtime", "local", "--use-velero-backup"] + dry)
                #expect(answer.status == 64, "\(answer.errors)")
                #expect(answer.errors.contains("only the runtime k3d has a cluster"))
            }
            #expect(try !here.home.kecs.appending("instances/new").isPresent)
            let both = try await here.kecsctl.run(
                ["start", "new", "--use-velero-backup", "--no-velero-backup"])
            #expect(both.status == 64)
        }
    }
}
