// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Parts that are large enough for segments; `segmentsFrom` makes 1 MiB large.
@Suite struct SegmentedBackupTests {
    private struct Scene {
        let root: FilePath
        let kecsctl: Kecsctl
        var home: FilePath { kecsctl.home }
        var objects: FilePath { home.appending("instances/dev/minio-data/bucket") }
        var backups: FilePath { home.appending("backups/dev") }

        func object(_ number: Int) -> FilePath { objects.appending("o\(number)").appending("xl.meta") }

        @discardableResult func must(_ arguments: String...) async throws -> Kecsctl.Answer {
            let answer = try await kecsctl.run(arguments)
            #expect(answer.status == 0, "\(arguments): \(answer.output)\(answer.errors)")
            return answer
        }

        /// - Returns: The folder of the new backup.
        func backUp(_ arguments: String...) async throws -> FilePath {
            let answer = try await kecsctl.run(["backup", "dev", "-o", "json"] + arguments)
            #expect(answer.status == 0, "\(answer.output)\(answer.errors)")
            return backups.appending(try #require(try answer.first()["backup"]?["id"]?.string))
        }

        /// Everything in the object store, by path and content.
        func state() throws -> [String: [UInt8]] {
            var state: [String: [UInt8]] = [:]
            let source = TreeSource(root: objects)
            try walkTree(source, cancellation: Cancellation()) { path, status in
                state[printable(path)] =
                    status.kind == .file ? try objects.appending(bytes: path).contents() : []
            }
            return state
        }

        /// What it takes on the disk, each file once.
        func stored(_ folders: FilePath...) throws -> Int64 {
            var seen: Set<UInt64> = []
            var bytes: Int64 = 0
            for folder in folders {
                try walkTree(TreeSource(root: folder), cancellation: Cancellation()) { _, status in
                    if status.kind == .file, seen.insert(status.inode).inserted { bytes += status.size }
                }
            }
            return bytes
        }
    }

    /// Until the clock's resolution hides no change, and a second has gone by for whatever counts in seconds.
    private func settle() async throws { try await Task.sleep(for: .seconds(2.1)) }

    private func withScene(_ body: (Scene) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            let scene = Scene(root: root, kecsctl: Kecsctl(home: root.appending("home")))
            try await scene.must("start", "dev", "--runtime", "local")
            try await scene.must("config", "set", "segmentsFrom", "1MiB")
            for number in 0..<120 {
                let file = scene.object(number)
                try file.removingLastComponent().createFolder()
                try file.replaceContents(Self.noise(40_000 + number * 500))
            }
            // What was written a moment ago could be written again without a trace in its times.
            try await settle()
            try await body(scene)
        }
    }

    /// Bytes that no compression makes smaller. The cuts depend on paths and sizes alone.
    private static func noise(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = getentropy(buffer.baseAddress, min(count, 256)) == 0 ? count : 0
            for index in min(count, 256)..<count { buffer[index] = buffer[index - 256] &+ buffer[index - 97] }
        }
    }

    @Test func `a backup after a small change takes little, and each stands alone`() async throws {
        try await withScene { scene in
            let first = try await scene.backUp()
            let before = try scene.state()
            #expect(try first.appending("minio/segments").isPresent)
            try scene.object(60).replaceContents(Array("changed".utf8))
            try scene.object(61).removingLastComponent().removeTree()
            try scene.object(200).removingLastComponent().createFolder()
            try scene.object(200).replaceContents(Array("new".utf8))
            let after = try scene.state()
            try await settle()
            let second = try await scene.backUp()
            let alone = try scene.stored(first)
            #expect(try scene.stored(first, second) < alone + alone / 2)
            #expect(try scene.stored(second) > alone / 2)
            let sums = try await SystemProcesses(
                environment: scene.kecsctl.variables, cancellation: Cancellation()
            ).run(ProcessCall("sh", "-c", "cd '\(second)' && sha256sum --quiet -c SHA256SUMS"))
            #expect(sums.succeeded, "\(sums.outputText)\(sums.errorText)")
            try await scene.must("backups", "verify", "latest", "--instance", "dev")

            // Nothing changed: the same archives, and hardly any time in which they could be read.
            let third = try await scene.backUp()
            #expect(try scene.stored(second, third) < scene.stored(second) + 100_000)

            let name = try #require(second.lastComponent?.string)
            try await scene.must("restore", "dev", "--from", #require(first.lastComponent?.string))
            #expect(try scene.state() == before)
            try await scene.must("backups", "delete", "dev/\(first.lastComponent?.string ?? "")", "--yes")
            try await scene.must("restore", "dev", "--from", name)
            #expect(try scene.state() == after)
            let same = try await scene.must("backups", "diff", name, "--instance", "dev")
            #expect((same.output + same.errors).contains("nothing differs"), "\(same.output)\(same.errors)")
            #expect(
                try await scene.must("backups", "cat", name, "minio/bucket/o60/xl.meta").output == "changed")
            try scene.object(60).replaceContents([])
            try await scene.must("restore", "dev", "--from", name, "--path", "bucket/o60/*")
            #expect(try scene.state() == after)
            try await scene.must("backups", "drill", "dev")
        }
    }

    @Test func `a rotten segment is found, named, and not used again`() async throws {
        try await withScene { scene in
            let first = try await scene.backUp()
            let list = try SegmentList.read(in: first.appending("minio")).list
            let victim = try #require(list.segments.last { $0.bytes > 1000 })
            let file = first.appending("minio").appending(victim.file)
            var bytes = try file.contents()
            bytes[bytes.count / 2] ^= 1
            // In place: every link to it rots with it.
            let descriptor = file.withPlatformString { open($0, O_WRONLY) }
            try #require(descriptor >= 0)
            #expect(pwrite(descriptor, bytes, bytes.count, 0) == bytes.count)
            close(descriptor)
            // It was read a moment ago, and is believed.
            let second = try await scene.backUp()
            let found = try await scene.kecsctl("backups", "verify", "--instance", "dev", "latest")
            #expect(found.status == 13)
            #expect(found.output.contains("minio/"), "\(found.output)")
            #expect(
                try await scene.kecsctl("restore", "dev", "--from", second.lastComponent?.string ?? "").status
                    == 13)
            // The next one does not build on it.
            let third = try await scene.backUp()
            try await scene.must("backups", "verify", "latest", "--instance", "dev")
            try await scene.must("restore", "dev", "--from", third.lastComponent?.string ?? "")
        }
    }

    @Test func `an old reading is repeated before an archive is linked`() async throws {
        try await withScene { scene in
            let first = try await scene.backUp()
            let folder = first.appending("minio")
            let list = try SegmentList.read(in: folder).list
            let victim = try #require(list.segments.last { $0.bytes > 1000 })
            let descriptor = folder.appending(victim.file).withPlatformString { open($0, O_WRONLY) }
            try #require(descriptor >= 0)
            #expect(pwrite(descriptor, [0, 1, 2, 3], 4, off_t(victim.bytes / 2)) == 4)
            close(descriptor)
            try await scene.must("config", "set", "verifyAge", "1s")
            try await settle()
            let second = try await scene.backUp()
            try await scene.must("backups", "verify", "latest", "--instance", "dev")
            #expect(
                try await scene.kecsctl(
                    "backups", "verify", "--instance", "dev", first.lastComponent?.string ?? ""
                ).status == 13)
            let now = try SegmentList.read(in: second.appending("minio")).list
            #expect(now.segments.count == list.segments.count)
            #expect(Set(now.segments.map(\.sha256)).subtracting(list.segments.map(\.sha256)).count <= 1)
            #expect(now.segments.allSatisfy { $0.readAt >= victim.readAt })
        }
    }

    @Test func `looking into a backup reads the archives that matter, and a comparison those that differ`()
        async throws
    {
        try await withScene { scene in
            let first = try await scene.backUp()
            try scene.object(70).replaceContents(Self.noise(50_000))
            try await settle()
            let second = try await scene.backUp()
            let ids = try [first, second].map { try #require($0.lastComponent?.string) }

            let found = try await scene.must("backups", "find", "minio/bucket/o7?", "-o", "json").items()
            #expect(found.count == 20)
            #expect(Set(found.compactMap { $0["id"]?.string }) == Set(ids))
            let all = try await scene.must("backups", "find", "xl.meta", "-o", "json").items()
            #expect(all.count == 240)

            // An archive of both is as good as not there.
            let list = try SegmentList.read(in: second.appending("minio")).list
            let before = try SegmentList.read(in: first.appending("minio")).list
            let shared = Set(before.segments.map(\.sha256))
            let victim = try #require(
                list.segments.last { $0.bytes > 1000 && shared.contains($0.sha256) })
            try second.appending("minio").appending(victim.file).replaceContents(
                [UInt8](repeating: 0, count: Int(victim.bytes)))
            let difference = try await scene.must("backups", "diff", ids[0], ids[1], "--instance", "dev")
            #expect(difference.output.contains("bucket/o70/xl.meta"), "\(difference.output)")
            #expect(!difference.output.contains("o71"), "\(difference.output)")

            let path = printable(victim.first)
            let other = path.contains("o70") ? "o1" : "o70"
            let listed = try await scene.must(
                "backups", "ls", ids[1], "minio/bucket/\(other)", "--instance", "dev", "-o", "json"
            ).items()
            #expect(listed.count == 1 && listed[0]["path"]?.string == "minio/bucket/\(other)/xl.meta")
            let rotten = try await scene.kecsctl("backups", "ls", ids[1], "minio", "--instance", "dev")
            #expect(rotten.status == 13 && rotten.errors.contains(victim.file), "\(rotten.errors)")
        }
    }

    @Test func `a missing segment is damage wherever the backup is looked at`() async throws {
        try await withScene { scene in
            let first = try await scene.backUp()
            let id = try #require(first.lastComponent?.string)
            let list = try SegmentList.read(in: first.appending("minio")).list
            let inside = "minio/" + printable(list.segments[1].first)
            try first.appending("minio/0002.tar.gz").remove()
            let seen = try await scene.kecsctl("backups", "list", "dev", "-o", "json")
            #expect(try seen.items().first?["state"] == "damaged")
            #expect(seen.output.contains("minio/0002.tar.gz"), "\(seen.output)")
            for arguments in [
                ["restore", "dev", "--from", id], ["backups", "cat", id, inside],
                ["backups", "export", id, "--instance", "dev", "--file", scene.root.appending("x").string],
            ] {
                #expect(try await scene.kecsctl.run(arguments).status == 13, "\(arguments)")
            }
        }
    }

    @Test(.enabled(if: (try? FilePath("/usr/bin/strace").isPresent) == true, "strace is not installed"))
    func `an export that is killed or has no room leaves no bundle, and the next one gives it`() async throws
    {
        try await withScene { scene in
            let id = try #require(try await scene.backUp().lastComponent?.string)
            let folder = scene.root.appending("exports")
            try folder.createFolder()
            let bundle = folder.appending("bundle.tar")
            let words = ["backups", "export", id, "--instance", "dev", "--file", bundle.string]
            // In an archive that is being joined, and when everything is written but the name.
            for (call, number) in [("pwrite64", 5), ("renameat2", 1)] {
                #expect(try await scene.kecsctl.killed(at: call, number: number, words))
                #expect(try !bundle.isPresent)
                #expect(try !folder.entries().isEmpty)
                for name in try folder.entries() { try folder.appending(name).removeTree() }
            }
            for number in [3, 5] {
                let full = try await scene.kecsctl.failing(
                    at: "pwrite64", number: number, with: "ENOSPC", words)
                #expect(full.status == 16, "\(full.status): \(full.errors)")
                #expect(try folder.entries() == [])
            }
            // With what a killed one left in place.
            #expect(try await scene.kecsctl.killed(at: "renameat2", number: 1, words))
            let answer = try await scene.kecsctl.run(words)
            #expect(answer.status == 0, "\(answer.errors)")
            let other = Kecsctl(home: scene.root.appending("other"))
            #expect(try await other("backups", "import", bundle.string, "--as", "dev").status == 0)
        }
    }

    @Test func `a bundle and a remote carry it, and give it back`() async throws {
        try await withScene { scene in
            let state = try scene.state()
            let first = try await scene.backUp()
            let id = try #require(first.lastComponent?.string)
            let bundle = scene.root.appending("bundle.tar")
            try await scene.must("backups", "export", id, "--instance", "dev", "--file", bundle.string)
            // In it each part is one archive, which the tools at hand unpack.
            let out = scene.root.appending("out")
            try out.createFolder()
            let script = """
                tar -xf '\(bundle)' -C '\(out)'; cd '\(out)/\(id)'; sha256sum --quiet -c SHA256SUMS; mkdir minio
                tar -xzf minio.tar.gz -C minio; diff -r minio '\(scene.objects.removingLastComponent())'
                """
            let unpacked = try await SystemProcesses(
                environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation()
            ).run(ProcessCall("/bin/sh", ["-ec", script]))
            #expect(unpacked.succeeded, "\(unpacked.errorText)")
            #expect(try !scene.root.entries().contains { $0.string.hasSuffix(".draft") })
            let other = Kecsctl(home: scene.root.appending("other"))
            let taken = try await other("backups", "import", bundle.string, "--as", "dev")
            #expect(taken.status == 0, "\(taken.errors)")
            #expect(try await other("backups", "verify", id, "--instance", "dev").status == 0)

            let remote = scene.root.appending("remote")
            try remote.createFolder()
            try await scene.must("remote", "add", "usb", remote.string)
            try await scene.must("backups", "copy", id, "--instance", "dev", "--to", "usb")
            try await scene.must("backups", "copy", id, "--instance", "dev", "--to", "usb")
            #expect(try remote.appending("dev").entries().map(\.string) == [id])
            try await scene.must("backups", "verify", "--remote", "usb", "--instance", "dev", "latest")
            try first.removeTree()
            try scene.objects.removeTree()
            try await scene.must("restore", "dev", "--from", "usb/\(id)")
            #expect(try scene.state() == state)
            // Another one, and one that is pruned there.
            try scene.object(1).replaceContents(Array("x".utf8))
            try await scene.must("backup", "dev", "--copy-to", "usb")
            try await scene.must("backups", "prune", "dev", "--remote", "usb", "--keep", "1")
            #expect(try remote.appending("dev").entries().count == 1)
            let segment = try #require(
                try remote.appending("dev").entries().first.map {
                    remote.appending("dev").appending($0).appending("minio/0003.tar.gz")
                })
            try segment.remove()
            let seen = try await scene.must("backups", "list", "--remote", "usb", "-o", "json").items()
            #expect(seen.first?["state"] == "damaged")
        }
    }

    @Test func `databases keep their own rules in a segmented part`() async throws {
        try await withScene { scene in
            let data = scene.home.appending("instances/dev/data")
            for number in 0..<30 { try data.appending("blob-\(number)").replaceContents(Self.noise(90_000)) }
            try await settle()
            let first = try await scene.backUp()
            #expect(try first.appending("data/segments").isPresent)
            do {
                let database = try SQLiteDatabase(data.appending("kecs.db"), .readWrite)
                try database.execute("CREATE TABLE mine (x)")
                try database.execute("INSERT INTO mine VALUES (1)")
            }
            let second = try await scene.backUp()
            let (old, new) = try (
                SegmentList.read(in: first.appending("data")).list,
                SegmentList.read(in: second.appending("data")).list
            )
            // The database has a segment to itself; the folder's entry may be another one.
            let changed = Set(new.segments.map(\.sha256)).subtracting(old.segments.map(\.sha256))
            #expect((1...2).contains(changed.count), "\(changed.count)")
            let third = try await scene.backUp()
            #expect(try scene.stored(second, third) < scene.stored(second) + 50_000)
            try data.appending("kecs.db").remove()
            try await scene.must("restore", "dev", "--from", second.lastComponent?.string ?? "")
            let rows = try await scene.must("db", "query", "dev", "SELECT x FROM mine", "-o", "json")
            #expect(rows.output.contains("1"))
            // A lost database makes it a lacking one, whatever is linked.
            try data.appending("kecs.db").remove()
            #expect(try await scene.kecsctl("backup", "dev").status == 3)
        }
    }

    @Test func `killed at any moment a backup is whole or not there, and the next one is whole`() async throws
    {
        var random = CampaignSeed("SegmentedBackupTests")
        try await withScene { scene in
            _ = try await scene.backUp()
            for round in 0..<Rounds.count(ci: 8, full: 80) {
                try scene.object(Int.random(in: 0..<120, using: &random)).replaceContents(
                    Array("\(round)".utf8))
                let delay = Duration.milliseconds(Int.random(in: 5...900, using: &random))
                _ = try await scene.kecsctl.killed(after: delay, ["backup", "dev", "--keep", "3"])
                let list = try await scene.must("backups", "list", "dev", "-o", "json").items()
                #expect(
                    list.allSatisfy { ["complete", "incomplete"].contains($0["state"]?.string) }, "\(list)")
                let verified = try await scene.kecsctl("backups", "verify", "latest", "--instance", "dev")
                #expect(verified.status == 0, "\(verified.errors)")
            }
            let state = try scene.state()
            let last = try await scene.backUp()
            try scene.objects.removeTree()
            try await scene.must("restore", "dev", "--from", last.lastComponent?.string ?? "")
            #expect(try scene.state() == state)
        }
    }
}
