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

/// `start` of an instance whose cluster was deleted and cannot be restored, or not as a whole. A suite of its own, so that it
/// runs beside `VeleroStartTests`.
@Suite(.serialized) struct VeleroStartFailureTests {
    @Test func `when no backup can be restored it is degraded, not taken for empty`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            let name = try #require(try scene.backupNames().first)
            try scene.folder().objectStore.appending("velero/backups/\(name)/\(name).tar.gz").removeTree()
            let answer = try await scene.start()
            #expect(answer.status == 3, "\(answer.errors)")
            let report = try answer.first()
            #expect(report["state"] == "running" && report["outcome"] == "partial")
            #expect(report["clusterRestoreError"]?["cause"]?.string?.contains(name) == true)
            #expect(try scene.config().degraded?.clusterBackup == name)
            #expect(try scene.folder().clusterRestore.isPresent)
        }
    }

    @Test func `a restore with errors is told with them, and an older backup is not put over it`()
        async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            try scene.here.change { $0.velero.restoreEnds = ["PartiallyFailed"] }
            let answer = try await scene.start()
            #expect(answer.status == 3, "\(answer.errors)")
            #expect(answer.errors.contains("has no such kind in that version"), "\(answer.errors)")
            let report = try answer.first()
            #expect(report["clusterRestore"]?["errorCount"] == 1)
            #expect(report["degraded"]?.string != nil)
            #expect(try scene.value() == "1")
            #expect(try scene.objects()["deployment/web/site"] == nil)
            // Accepted as it is.
            #expect(try await scene.start("--accept").status == 0)
            #expect(try scene.config().degraded == nil)
        }
    }

    @Test
    func `the first restore fails, and after five rounds of stop and start the good backup is still there`()
        async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            let good = try #require(try scene.backupNames().first)
            try scene.here.change { $0.velero.restoreEnds = ["Failed"] }
            let first = try await scene.start()
            #expect(first.status == 3, "\(first.errors)")
            #expect(try scene.config().degraded?.clusterBackup == good)
            #expect(try scene.value() == nil)
            for round in 0..<Rounds.count(ci: 5, full: 8) {
                let stop = try await scene.stop()
                #expect(stop.status == 0, "round \(round): \(stop.errors)")
                #expect(try stop.first()["clusterBackup"]?["isOfDegraded"] == .bool(true))
                let start = try await scene.start()
                #expect(start.status == 0, "round \(round): \(start.errors)")
                #expect(try start.first()["degraded"]?.string != nil)
            }
            #expect(try await scene.stop().status == 0)
            let backups = try scene.backups()
            #expect(backups.contains { $0.name == good && $0.verdict == .restorable })
            #expect(backups.filter(\.isOfDegraded).count == 5)
        }
    }

    @Test func `a start that failed to restore is tried again by the next one, and is well then`()
        async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            try scene.here.change { $0.velero.restoreEnds = ["Failed"] }
            #expect(try await scene.start().status == 3)
            let answer = try await scene.start()
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try scene.value() == "1")
            #expect(try scene.config().degraded == nil)
            #expect(try !scene.folder().clusterRestore.isPresent)
        }
    }

    @Test func `Velero that does not come up leaves a cluster that is not restored, which is degraded`()
        async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            try scene.here.change { $0.podTroubles = ["minio": "CrashLoopBackOff"] }
            let answer = try await scene.start()
            #expect(answer.status == 3, "\(answer.errors)")
            #expect(try scene.config().degraded != nil)
            try scene.here.change { $0.podTroubles = [:] }
            let next = try await scene.start()
            #expect(next.status == 0, "\(next.errors)")
            #expect(try scene.value() == "1" && scene.config().degraded == nil)
        }
    }

    @Test func `--restore none leaves the new cluster as it is, for good`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            let answer = try await scene.start("--restore", "none")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try scene.value() == nil)
            #expect(try await scene.start().status == 0)
            #expect(try scene.value() == nil)
        }
    }
}
