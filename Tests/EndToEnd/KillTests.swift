// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// SIGKILL at random moments: the oracle is section 5 of the storage design.
@Suite(.serialized) struct KillTests {
    /// An instance with some hundred objects and a database of a few MB, so that every step takes a while.
    private func scene(_ root: FilePath) async throws -> Kecsctl {
        let kecsctl = Kecsctl(home: root.appending("home"))
        #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
        let instance = root.appending("home/instances/dev")
        for index in 0..<400 {
            let folder = instance.appending("minio-data/bucket/object-\(index)")
            try folder.createFolder()
            let bytes = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* index &* 2_654_435_761 >> 7) }
            try folder.appending("part.1").replaceContents(bytes)
        }
        try fill(instance.appending("data/kecs.db"), 3_000_000)
        return kecsctl
    }

    private func fill(_ file: FilePath, _ bytes: Int) throws {
        let database = try SQLiteDatabase(file, .readWrite)
        try database.execute("CREATE TABLE IF NOT EXISTS filling (id INTEGER PRIMARY KEY, body BLOB)")
        try database.transaction {
            for _ in 0..<(bytes / 50_000) {
                try database.execute("INSERT INTO filling (body) VALUES (randomblob(50000))")
            }
        }
    }

    /// What must be true after anything.
    private func expectTruth(_ kecsctl: Kecsctl, _ context: Comment) async throws {
        let list = try await kecsctl("backups", "list", "dev", "-o", "json")
        #expect(list.status == 0, context)
        // Each restore leaves a backup of what it pushes out: the newest are of this round.
        for item in try list.items().filter({ $0["verified"] == .bool(true) }).prefix(3) {
            let id = try #require(item["id"]?.string)
            let verify = try await kecsctl("backups", "verify", id, "--instance", "dev")
            #expect(verify.status == 0, "\(context): \(id) \(verify.errors)")
        }
    }

    @Test func `a killed backup is absent or incomplete, and the next one works`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = try await scene(root)
            let live = root.appending("home/instances/dev")
            var killed = 0
            var seed = CampaignSeed("KillTests")
            for round in 0..<Rounds.count(ci: 15, full: 80) {
                try fill(live.appending("data/kecs.db"), 50_000)
                let before = try treeDigest(live.appending("minio-data"))
                if try await kecsctl.killed(
                    after: .milliseconds(Int.random(in: 2...250, using: &seed)), ["backup", "dev"])
                {
                    killed += 1
                }
                #expect(try treeDigest(live.appending("minio-data")) == before)
                try await expectTruth(kecsctl, "round \(round)")
                if round % 10 == 9 {
                    let next = try await kecsctl("backup", "dev")
                    #expect(next.status == 0, "\(next.errors)")
                    let drafts = try root.appending("home/backups/dev").entries().filter {
                        $0.string.hasPrefix(".")
                    }
                    #expect(drafts == [])
                }
            }
            #expect(killed > 0)
            print("backup: killed \(killed) times")
        }
    }

    @Test func `a killed restore or undo leaves the old tree or the new one, whole`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = try await scene(root)
            let live = root.appending("home/instances/dev")
            func state() throws -> [String] {
                // A reader that is killed leaves an empty log and its index behind, as every user of SQLite does.
                let log = try FileStatus.of(live.appending("data/kecs.db-wal"))
                #expect(log?.size ?? 0 == 0)
                return [
                    try treeDigest(
                        live.appending("data"), leavingOut: ["kecs.db-wal", "kecs.db-shm"]),
                    try treeDigest(live.appending("minio-data")),
                ]
            }
            #expect(try await kecsctl("backup", "dev").status == 0)
            let first = try #require(
                try await kecsctl("backups", "list", "dev", "-o", "json").items().first?["id"]?.string)
            try fill(live.appending("data/kecs.db"), 200_000)
            try live.appending("minio-data/bucket/object-7/part.1").replaceContents(Array("changed".utf8))
            #expect(try await kecsctl("backup", "dev").status == 0)
            let second = try #require(
                try await kecsctl("backups", "list", "dev", "-o", "json").items().first?["id"]?.string)
            #expect(first != second)
            // What the instance wrote itself; a backup's copy of the database need not be the same bytes. Undo, which
            // walks back through all restores, can end here.
            let own = try state()
            #expect(try await kecsctl("restore", "dev", "--from", first).status == 0)
            let one = try state()
            #expect(try await kecsctl("restore", "dev", "--from", second).status == 0)
            let two = try state()
            #expect(one != two)
            for expected in [one, own] {
                #expect(try await kecsctl("undo", "dev").status == 0)
                #expect(try state() == expected)
            }
            for expected in [one, two] {
                #expect(try await kecsctl("undo", "dev", "--redo").status == 0)
                #expect(try state() == expected)
            }

            var killed = 0
            var seen: Set<[String]> = []
            var seed = CampaignSeed("KillTests")
            for round in 0..<Rounds.count(ci: 15, full: 120) {
                let verb =
                    round % 3 == 2
                    ? ["undo", "dev"] : ["restore", "dev", "--from", round % 2 == 0 ? first : second]
                if try await kecsctl.killed(after: .milliseconds(Int.random(in: 2...200, using: &seed)), verb)
                {
                    killed += 1
                }
                // Looking changes nothing; any command that changes the instance heals.
                let list = try await kecsctl("list", "-o", "json")
                #expect(list.status == 0, "\(list.errors)")
                _ = try await kecsctl("backups", "prune", "dev", "--keep", "1000")
                let now = try state()
                #expect([own, one, two].contains(now), "round \(round): a mix after \(verb)")
                seen.insert(now)
                #expect(try !live.appending("journal.json").isPresent)
                try await expectTruth(kecsctl, "round \(round)")
            }
            let last = try await kecsctl("restore", "dev", "--from", first)
            #expect(last.status == 0, "\(last.errors)")
            #expect(try state() == one)
            #expect(try !live.appending(".restoring").isPresent)
            #expect(killed > 0)
            print("restore and undo: killed \(killed) times, \(seen.count) states seen")
        }
    }
}
