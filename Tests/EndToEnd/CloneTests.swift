// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@Suite(.serialized) struct CloneTests {
    private func text(_ file: FilePath) throws -> String {
        String(decoding: try file.contents(), as: UTF8.self)
    }

    @Test func `a clone made beside a writer is sound, and the source is what it was`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            let start = try await kecsctl(
                "start", "dev", "--runtime", "local", "--command", "sleep 600", "--health-url", "none",
                "--api-port", "21873", "--admin-port", "21874")
            #expect(start.status == 0, "\(start.errors)")
            let source = root.appending("home/instances/dev")
            let bank = source.appending("data/bank.db")
            try LiveWriter.prepare(bank, journalMode: "WAL", padding: 5_000_000)
            try source.appending("minio-data/bucket").createFolder()
            try source.appending("minio-data/bucket/object").replaceContents(Array("object".utf8))
            #expect(try await kecsctl("config", "set", "keep", "5", "--instance", "dev").status == 0)
            let config = try source.appending("config.json").contents()
            let objects = try treeDigest(source.appending("minio-data"))
            let writer = try LiveWriter(bank, perSecond: 200)
            let answer = try await kecsctl("clone", "dev", "try", "-o", "json")
            let result = writer.stop()
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(result.failures == [] && result.transactions > 0)
            let report = try answer.first()
            #expect(report["to"] == "try" && report["from"] == nil)

            let clone = root.appending("home/instances/try")
            let copy = clone.appending("data/bank.db")
            #expect(try SQLiteDatabase(copy, .readOnly).integrityProblems() == [])
            #expect(try LiveWriter.sum(of: copy) == LiveWriter.sum)
            #expect(try treeDigest(clone.appending("minio-data")) == objects)
            // No file of the one is a file of the other.
            for path in ["minio-data/bucket/object", "data/bank.db"] {
                #expect(
                    try FileStatus.of(source.appending(FilePath(path).components))?.inode
                        != FileStatus.of(clone.appending(FilePath(path).components))?.inode)
            }
            let (mine, theirs) = (try InstanceFile(root, "try"), try InstanceFile(root, "dev"))
            #expect(mine.name == "try" && mine.id != theirs.id && mine.settings["keep"] == 5)
            for key in ["apiPort", "adminPort"] {
                #expect(mine.settings[key] != nil && mine.settings[key] != theirs.settings[key])
            }
            #expect(try source.appending("config.json").contents() == config)
            #expect(try !root.appending("home/backups/dev").isPresent)
            #expect(try !root.appending("home/backups/try").isPresent)
            #expect(try root.appending("home/instances").entries().map(\.string).sorted() == ["dev", "try"])
            // It is an instance like any other.
            let run = try await kecsctl("start", "try")
            #expect(run.status == 0, "\(run.errors)")
            let backup = try await kecsctl("backup", "try")
            #expect(backup.status == 0, "\(backup.errors)")
            #expect(try await kecsctl("stop", "--all").status == 0)
        }
    }

    @Test func `a clone of a backup has what the backup has`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let note = root.appending("home/instances/dev/data/note")
            try note.replaceContents(Array("then".utf8))
            #expect(try await kecsctl("backup", "dev").status == 0)
            try note.replaceContents(Array("now".utf8))
            let then = try await kecsctl("clone", "dev", "then", "--from", "latest")
            #expect(then.status == 0, "\(then.errors)")
            let now = try await kecsctl("clone", "dev", "now")
            #expect(now.status == 0, "\(now.errors)")
            #expect(try text(root.appending("home/instances/then/data/note")) == "then")
            #expect(try text(root.appending("home/instances/now/data/note")) == "now")
            let none = try await kecsctl("clone", "dev", "third", "--from", "nope")
            #expect(none.status == 10)
            let taken = try await kecsctl("clone", "dev", "now")
            #expect(taken.status == 64)
            #expect(try text(root.appending("home/instances/now/data/note")) == "now")
            #expect(try !root.appending("home/instances/third").isPresent)
        }
    }

    @Test func `the variables of the source's place do not lead the clone into the source's data`()
        async throws
    {
        try await withTemporaryFolder { root in
            var kecsctl = Kecsctl(home: root.appending("home"))
            let elsewhere = root.appending("elsewhere")
            kecsctl.environment["KECS_DATA_DIR"] = elsewhere.string
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            try elsewhere.appending("note").replaceContents(Array("theirs".utf8))
            let answer = try await kecsctl("clone", "dev", "try")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try InstanceFile(root, "try").settings["dataDir"] == nil)
            #expect(try text(root.appending("home/instances/try/data/note")) == "theirs")
            #expect(try text(elsewhere.appending("note")) == "theirs")
        }
    }

    @Test(.enabled(if: (try? FilePath("/usr/bin/strace").isPresent) == true, "strace is not installed"))
    func `a killed clone leaves nothing that looks like an instance, and the next one works`()
        async throws
    {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let data = root.appending("home/instances/dev/data")
            for index in 0..<200 {
                try data.appending("file-\(index)").replaceContents([UInt8](repeating: 7, count: 20_000))
            }
            let database = FilePath.Component("kecs.db")
            func files(_ folder: FilePath) throws -> String {
                // The clone's database has the same rows, not the same bytes; a killed reader leaves empty sidecars.
                try treeDigest(folder, leavingOut: ["kecs.db", "kecs.db-wal", "kecs.db-shm"])
            }
            func rows(_ folder: FilePath) throws -> DatabaseContent {
                try SQLiteDatabase(folder.appending(database), .readWrite).content()
            }
            let whole = (try files(data), try rows(data))
            // Each time that something goes to the disk: before and behind the rename that shows the clone. Where that
            // is, does not depend on how fast the machine is.
            var seen = (killed: 0, made: 0, absent: 0)
            for call in Rounds.areFull ? ["fsync", "renameat2", "unlinkat"] : ["fsync"] {
                var number = 1
                while true {
                    let isKilled = try await kecsctl.killed(
                        at: call, number: number, ["clone", "dev", "try"])
                    if isKilled { seen.killed += 1 }
                    let clone = root.appending("home/instances/try")
                    #expect(
                        try await kecsctl("list", "-o", "name").output
                            == (clone.isPresent ? "dev\ntry\n" : "dev\n"),
                        "\(call) \(number)")
                    if try clone.isPresent {
                        if isKilled { seen.made += 1 }
                        #expect(try files(clone.appending("data")) == whole.0, "\(call) \(number)")
                        #expect(try rows(clone.appending("data")) == whole.1, "\(call) \(number)")
                        #expect(try InstanceFile(root, "try").name == "try")
                        #expect(try await kecsctl("destroy", "try", "--yes", "--delete-backups").status == 0)
                    } else {
                        seen.absent += 1
                    }
                    #expect(try files(data) == whole.0, "\(call) \(number)")
                    if !isKilled { break }
                    number += 1
                }
            }
            // Any change of any instance clears away what was left.
            #expect(try await kecsctl("backup", "dev").status == 0)
            #expect(try root.appending("home/instances").entries().map(\.string) == ["dev"])
            let next = try await kecsctl("clone", "dev", "try")
            #expect(next.status == 0, "\(next.errors)")
            #expect(seen.made > 0 && seen.absent > 0, "\(seen)")
            print("clone: killed \(seen.killed) times, it was there after \(seen.made) of them")
        }
    }
}
