// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@Suite(.serialized) struct ResetTests {
    private func scene(_ root: FilePath) async throws -> Kecsctl {
        let kecsctl = Kecsctl(home: root.appending("home"))
        #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
        let instance = root.appending("home/instances/dev")
        try SQLiteDatabase(instance.appending("data/kecs.db"), .readWrite)
            .execute("CREATE TABLE mine AS SELECT 1 AS x")
        try instance.appending("minio-data/bucket").createFolder()
        try instance.appending("minio-data/bucket/object").replaceContents(Array("object".utf8))
        return kecsctl
    }

    private func hasTable(_ root: FilePath) throws -> Bool {
        let file = root.appending("home/instances/dev/data/kecs.db")
        return try SQLiteDatabase(file, .readWrite).tableRowCounts().keys.contains("mine")
    }

    @Test func `what was there is a backup and comes back with undo, and no start or backup calls it lost`()
        async throws
    {
        try await withTemporaryFolder { root in
            let kecsctl = try await scene(root)
            #expect(try await kecsctl("reset", "dev").status == 64)
            #expect(try hasTable(root))
            let answer = try await kecsctl("reset", "dev", "--yes", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            let report = try answer.first()
            #expect(report["parts"]?.array?.count == 2)
            // Who could not be seen is another matter.
            #expect(!answer.output.contains("brings the old one back"))
            let id = try #require(report["backup"]?["id"]?.string)
            let object = root.appending("home/instances/dev/minio-data/bucket/object")
            #expect(try !hasTable(root))
            #expect(try !object.isPresent)
            let start = try await kecsctl("start", "dev")
            #expect(start.status == 0, "\(start.errors)")
            let backup = try await kecsctl("backup", "dev")
            #expect(backup.status == 0, "\(backup.errors)")
            #expect(try !hasTable(root))
            let undo = try await kecsctl("undo", "dev")
            #expect(undo.status == 0, "\(undo.errors)")
            #expect(try hasTable(root))
            #expect(try object.isPresent)
            // Again, and back by the backup.
            #expect(try await kecsctl("reset", "dev", "--yes").status == 0)
            let restore = try await kecsctl("restore", "dev", "--from", id)
            #expect(restore.status == 0, "\(restore.errors)")
            #expect(try hasTable(root))
            #expect(try object.isPresent)
        }
    }

    @Test func `a server that runs is stopped and started again, and one that somebody uses is not touched`()
        async throws
    {
        try await withTemporaryFolder { root in
            let kecsctl = try await scene(root)
            let database = root.appending("home/instances/dev/data/kecs.db")
            try await HoldingProcess.with("exec 3<'\(database)'", in: root) { _ in
                let held = try await kecsctl("reset", "dev", "--yes")
                #expect(held.status == 11, "\(held.errors)")
            }
            #expect(try hasTable(root))
            let start = try await kecsctl(
                "start", "dev", "--command", "sleep 600", "--health-url", "none")
            #expect(start.status == 0, "\(start.errors)")
            let answer = try await kecsctl("reset", "dev", "--yes", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try answer.first()["state"] == "running")
            #expect(try root.appending("home/instances/dev/data").entries() == [])
            let undo = try await kecsctl("undo", "dev")
            #expect(undo.status == 0, "\(undo.errors)")
            #expect(try hasTable(root))
            #expect(try await kecsctl("stop", "dev").status == 0)
        }
    }

    @Test func `a killed reset leaves the state or an empty one, whole`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = try await scene(root)
            var seed = CampaignSeed("ResetTests")
            // A slow machine takes longer: from its middle to just behind its end.
            let began = ContinuousClock.now
            #expect(try await kecsctl("reset", "dev", "--yes").status == 0)
            let length = ContinuousClock.now - began
            #expect(try await kecsctl("undo", "dev").status == 0)
            let most = Int(length.components.seconds * 1000) + 100
            var killed = 0
            for round in 0..<Rounds.count(ci: 10, full: 100) {
                if try await kecsctl.killed(
                    after: .milliseconds(Int.random(in: most / 4...most * 5 / 4, using: &seed)),
                    ["reset", "dev", "--yes"])
                {
                    killed += 1
                }
                _ = try await kecsctl("backups", "prune", "dev", "--keep", "1000")
                let object = root.appending("home/instances/dev/minio-data/bucket/object")
                let database = root.appending("home/instances/dev/data/kecs.db")
                let isThere = try database.isPresent && hasTable(root)
                #expect(try object.isPresent == isThere, "round \(round): a mix")
                #expect(try !root.appending("home/instances/dev/journal.json").isPresent)
                if !isThere {
                    let undo = try await kecsctl("undo", "dev")
                    #expect(undo.status == 0, "round \(round): \(undo.errors)")
                    #expect(try hasTable(root))
                }
            }
            #expect(killed > 0)
            print("reset: killed \(killed) times")
        }
    }
}
