// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Restores into places that are not a plain folder beside the instance.
@Suite struct FaultPlaceTests {
    /// An instance “dev” whose data lies in `data`, with one backup and a file that came after it.
    private func scene(_ root: FilePath, data: FilePath) async throws -> Kecsctl {
        let kecsctl = Kecsctl(home: root.appending("home"))
        let start = try await kecsctl("start", "dev", "--runtime", "local", "--data-dir", data.string)
        #expect(start.status == 0, "\(start.errors)")
        #expect(try await kecsctl("backup", "dev").status == 0)
        try data.appending("later").replaceContents(Array("later".utf8))
        return kecsctl
    }

    private func names(_ folder: FilePath) throws -> [String] { try folder.entries().map(\.string) }

    private func expect(_ kecsctl: Kecsctl, _ words: String...) async throws {
        let answer = try await kecsctl.run(words)
        #expect(answer.status == 0, "\(words): \(answer.errors)")
    }

    /// Back and forth, and back at the end.
    private func undoOften(_ kecsctl: Kecsctl) async throws {
        try await expect(kecsctl, "undo", "dev")
        for _ in 0..<7 {
            try await expect(kecsctl, "undo", "dev", "--redo")
            try await expect(kecsctl, "undo", "dev")
        }
    }

    @Test func `a whole tree, single files and a bare database come to another file system, and go back`()
        async throws
    {
        try await withTemporaryFolder { root in
            try await withMount(at: root.appending("other")) { other in
                let data = other.appending("data")
                let kecsctl = try await scene(root, data: data)
                let now = try treeDigest(data)
                try await expect(kecsctl, "restore", "dev", "--from", "latest")
                #expect(try names(data) == ["kecs.db"])
                try await expect(kecsctl, "undo", "dev")
                #expect(try treeDigest(data) == now)
                try await expect(kecsctl, "restore", "dev", "--from", "latest", "--path", "data/kecs.db")
                #expect(try names(data) == ["kecs.db", "later"])
                try await expect(kecsctl, "undo", "dev")
                #expect(try treeDigest(data) == now)
                let bare = root.appending("bare.sqlite")
                try SQLiteDatabase(bare, .create).execute("CREATE TABLE other (x)")
                try await expect(kecsctl, "restore", "dev", "--from", bare.string)
                #expect(try data.appending("kecs.db").contents() == bare.contents())
                try await undoOften(kecsctl)
                #expect(try treeDigest(data) == now)
            }
        }
    }

    @Test func `what is mounted stays mounted, and nothing of ours is left in it`() async throws {
        try await withTemporaryFolder { root in
            try await withMount(at: root.appending("data")) { data in
                let kecsctl = try await scene(root, data: data)
                let now = try treeDigest(data)
                try await expect(kecsctl, "restore", "dev", "--from", "latest")
                #expect(try names(data) == [".kecsctl-previous", "kecs.db"])
                try await undoOften(kecsctl)
                try await expect(kecsctl, "restore", "dev", "--from", "latest", "--path", "data/kecs.db")
                try await expect(kecsctl, "undo", "dev")
                #expect(try treeDigest(data, leavingOut: [".kecsctl-previous"]) == now)
                let previous = root.appending("home/instances/dev/.previous")
                // Three trees are kept for `undo`, the oldest makes room.
                let kept = try previous.entries()
                for _ in 0..<3 {
                    try await expect(kecsctl, "restore", "dev", "--from", "latest", "--part", "config")
                }
                for name in kept { #expect(try !previous.appending(name).isPresent) }
                #expect(try names(data) == ["kecs.db", "later"])
            }
        }
    }

    @Test func `an instance in which something is mounted is not half destroyed`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            try await expect(kecsctl, "start", "dev", "--runtime", "local")
            let instance = root.appending("home/instances/dev")
            try await withMount(at: instance.appending("minio-data")) { objects in
                try objects.appending("object").replaceContents([1, 2, 3])
                let answer = try await kecsctl("destroy", "dev", "--yes")
                #expect(answer.status == 1)
                #expect(answer.errors.contains("mount point"))
                #expect(try objects.appending("object").contents() == [1, 2, 3])
                #expect(try names(root.appending("home/instances")) == ["dev"])
            }
            try await expect(kecsctl, "destroy", "dev", "--yes")
        }
    }

    @Test func `a link where the data folder was is followed, and stays`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            try await expect(kecsctl, "start", "dev", "--runtime", "local")
            let data = root.appending("home/instances/dev/data")
            let big = root.appending("big")
            try data.rename(to: big)
            #expect(big.withPlatformString { big in data.withPlatformString { symlink(big, $0) } } == 0)
            try await expect(kecsctl, "backup", "dev")
            try big.appending("later").replaceContents([])
            try await expect(kecsctl, "restore", "dev", "--from", "latest")
            #expect(try data.linkTarget() == big.bytes)
            #expect(try names(big) == ["kecs.db"])
            try await expect(kecsctl, "undo", "dev")
            #expect(try names(big) == ["kecs.db", "later"])
        }
    }

    @Test func `data that is not empty is not left behind by another --data-dir`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            let (one, two) = (root.appending("one"), root.appending("two"))
            try await expect(kecsctl, "start", "dev", "--runtime", "local", "--data-dir", one.string)
            let answer = try await kecsctl("start", "dev", "--data-dir", two.string)
            #expect(answer.status == 64)
            #expect(answer.errors.contains(one.string))
            #expect(try !two.isPresent)
        }
    }

    @Test func `on a disk that gets full a start fails with 16, or leaves a whole database`() async throws {
        try await withTemporaryFolder { root in
            var statuses: Set<Int32> = []
            for kilobytes in stride(from: 64, through: 832, by: 48) {
                let place = root.appending("\(kilobytes)")
                try await withMount(at: place, size: "\(kilobytes)k") { data in
                    let kecsctl = Kecsctl(home: root.appending("home-\(kilobytes)"))
                    let start = try await kecsctl(
                        "start", "dev", "--runtime", "local", "--data-dir", data.string)
                    statuses.insert(start.status)
                    guard start.status == 0 else {
                        #expect(try names(data) == [], "\(kilobytes): \(start.errors)")
                        return
                    }
                    #expect(try names(data) == ["kecs.db"])
                    let database = try SQLiteDatabase(data.appending("kecs.db"), .immutable)
                    #expect(try database.integrityProblems(quick: false, limit: 3) == [])
                    #expect(try database.value("PRAGMA user_version") == .integer(1))
                }
            }
            #expect(statuses == [0, 16])
        }
    }

    /// A small file system at `folder` for as long as `body` runs.
    private func withMount(
        at folder: FilePath, size: String = "20m", _ body: (FilePath) async throws -> Void
    ) async throws {
        func shell(_ script: String) async throws -> ProcessResult {
            try await SystemProcesses(
                environment: ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin"], cancellation: Cancellation()
            ).run(ProcessCall("/bin/sh", "-c", script))
        }
        try folder.createFolder()
        let mounted = try await shell("mount -t tmpfs -o size=\(size) tmpfs \(folder)")
        guard mounted.succeeded else {
            try Test.cancel("a tmpfs cannot be mounted here: \(mounted.errorText)")
        }
        do {
            try await body(folder)
        } catch {
            _ = try await shell("umount \(folder)")
            throw error
        }
        #expect(try await shell("umount \(folder)").succeeded)
    }
}
