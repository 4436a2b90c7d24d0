// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import KecsVelero
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes
@testable import standin

/// The same with versitygw, whose objects are files.
@Suite(.serialized) struct VeleroPlainTests {
    @Test func `a cluster comes back from versitygw's files, and nothing of kecsctl's is in the bucket`()
        async throws
    {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let scene = VeleroScene(here: here)
            let instance = try here.instance()
            try instance.folder.data.createFolder()
            var config = instance.config
            config.settings["objectStore"] = "versitygw"
            try config.write(to: instance.folder.config)
            try #require(try await scene.start("--use-velero-backup").status == 0)
            try scene.deploy()
            for round in 1...2 {
                try scene.deploy("\(round)")
                let stop = try await scene.stop()
                #expect(stop.status == 0, "\(stop.errors)")
                // That a plain file has no checksum is said where backups are shown, and not at each stop.
                #expect(try stop.first()["clusterBackup"]?["notes"] == [])
                #expect(try scene.bucketRoot() == (round == 1 ? ["backups"] : ["backups", "restores"]))
                let start = try await scene.start()
                #expect(start.status == 0, "\(start.errors)")
                #expect(try scene.value() == "\(round)")
            }
            let backups = try scene.backups()
            #expect(backups.count == 2 && backups.allSatisfy { $0.verdict == .restorable })
            #expect(backups.allSatisfy { $0.objects.allSatisfy { $0.layout == .plain } })
            // Whatever else lies at the bucket's root makes the location unavailable.
            #expect(
                try scene.objects()["backupstoragelocation/velero/default"]?["status"]?["phase"]
                    == "Available")
            #expect(try Set(scene.bucketRoot()) == ["backups", "restores"])
        }
    }
}
