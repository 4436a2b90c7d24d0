// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes
@testable import standin

/// `backups gc --velero`
@Suite(.serialized) struct VeleroGarbageTests {
    /// A failed upload, a report of a restore, and something that MinIO had not finished.
    private func spoil(_ scene: VeleroScene) throws -> FilePath {
        let folder = try scene.folder().objectStore
        let store = VeleroStore(folder: folder, bucket: "velero", isPlain: false, now: 1)
        try store.put("backups/failed/failed-logs.gz", WrittenFiles.gzip(Array("log".utf8)))
        try folder.appending(".minio.sys/tmp/x").createFolder()
        try folder.appending(".minio.sys/tmp/x/part.1").replaceContents([1])
        return folder
    }

    @Test func `orphans are listed, asked for and removed, and backups stay`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            #expect(try await scene.start().status == 0)
            let folder = try spoil(scene)
            let kecsctl = scene.here.kecsctl
            // It runs: what is being written looks the same.
            let busy = try await kecsctl("backups", "gc", "--velero", "dev", "--yes")
            #expect(busy.status == 11, "\(busy.errors)")
            let look = try await kecsctl("backups", "gc", "--velero", "dev", "-n", "-o", "json")
            #expect(look.status == 0, "\(look.errors)")
            let kinds = try look.items().compactMap { $0["kind"]?.string }
            #expect(Set(kinds) == ["failed upload", "unfinished write"], "\(kinds)")
            #expect(try folder.appending("velero/backups/failed").isFolder)

            #expect(try await scene.stop().status == 0)
            let backups = try scene.backupNames().filter { $0 != "failed" }
            try #require(backups.count == 2)
            // Its cluster is gone, and with it the one that knew the restore.
            let plan = try await kecsctl("backups", "gc", "--velero", "dev", "-n", "-o", "json")
            #expect(try plan.items().contains { $0["kind"] == "report of a restore" })
            let asked = try await kecsctl("backups", "gc", "--velero", "dev")
            #expect(asked.status == 64 && asked.errors.contains("--yes"), "\(asked.errors)")
            #expect(try folder.appending("velero/backups/failed").isFolder)

            let done = try await kecsctl("backups", "gc", "--velero", "dev", "--yes", "-o", "json")
            #expect(done.status == 0, "\(done.errors)")
            #expect(try done.items().allSatisfy { $0["removed"] == .bool(true) })
            #expect(try !folder.appending("velero/backups/failed").isPresent)
            #expect(try !folder.appending(".minio.sys/tmp/x").isPresent)
            #expect(try folder.appending("velero/restores").entries() == [])
            #expect(try scene.backupNames() == backups)
            let again = try await kecsctl("backups", "gc", "--velero", "dev", "--yes", "-o", "json")
            #expect(again.status == 0)
            #expect(try again.items() == [])
            // What is left restores.
            let start = try await scene.start()
            #expect(start.status == 0, "\(start.errors)")
            #expect(try scene.value() == "1")
        }
    }

    @Test func `metrics and status tell what is stored, how often it went well and how long it took`()
        async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            #expect(try await scene.start().status == 0)
            try scene.here.change { $0.velero.backupEnds = ["upload"] }
            #expect(try await scene.stop().status == 1)
            let answer = try await scene.here.kecsctl("metrics")
            #expect(answer.status == 0, "\(answer.errors)")
            let lines = answer.output.split(separator: "\n").map(String.init)
            for line in [
                "kecsctl_cluster_backups{instance=\"dev\",verdict=\"restorable\"} 1",
                "kecsctl_cluster_backups{instance=\"dev\",verdict=\"damaged\"} 0",
                "kecsctl_object_store_readable{instance=\"dev\"} 1",
                "kecsctl_cluster_backup_runs_total{instance=\"dev\",result=\"success\"} 1",
                "kecsctl_cluster_backup_runs_total{instance=\"dev\",result=\"failure\"} 1",
                "kecsctl_cluster_restore_runs_total{instance=\"dev\",result=\"success\"} 1",
                "kecsctl_cluster_restore_runs_total{instance=\"dev\",result=\"failure\"} 0",
            ] {
                #expect(lines.contains(line), "\(line)")
            }
            for name in [
                "cluster_backups_bytes", "cluster_backup_newest_bytes", "object_store_bytes",
                "cluster_backup_last_duration_seconds", "cluster_backup_last_bytes",
                "cluster_restore_last_duration_seconds", "cluster_restore_last_items",
            ] {
                let line = lines.first { $0.hasPrefix("kecsctl_\(name){instance=\"dev\"}") }
                #expect(Double(line?.split(separator: " ").last ?? "") ?? 0 > 0, "\(name): \(line ?? "")")
            }
            for operation in ["start", "stop"] {
                let line =
                    "kecsctl_operation_last_duration_seconds{instance=\"dev\",operation=\"\(operation)\"}"
                #expect(lines.contains { $0.hasPrefix(line) }, "\(line)")
            }
            let status = try await scene.here.kecsctl("status", "dev")
            for words in [
                "minio:        asks for 50m CPU, 128Mi, at most 1 CPU, 1Gi",
                "velero:       asks for 100m CPU, 128Mi, at most 1 CPU, 512Mi", "1 restorable",
            ] {
                #expect(status.output.contains(words), "\(status.output)")
            }
            let json = try await scene.here.kecsctl("status", "dev", "-o", "json")
            let found = try json.items().first?["clusterBackups"]
            #expect(found?["resources"]?.array?.count == 2)
            #expect(found?["stored"]?["newest"]?["name"]?.string?.hasPrefix("stop-backup-dev-") == true)
        }
    }
}
