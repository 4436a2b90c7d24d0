// SPDX-License-Identifier: Apache-2.0
import Glibc
@testable import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Who uses what lies below a folder. The holders are real processes, for this one is left out.
@Suite struct FileHoldersTests {
    /// The words of a shell that waits for ever, without a child that would hold the same.
    private func wait(in folder: FilePath) throws -> String {
        let pipe = folder.appending("pipe")
        if try !pipe.isPresent {
            #expect(mkfifo(pipe.string, 0o666) == 0)
            try pipe.setMode(0o666)
        }
        return "read -r word 0<>\(pipe)"
    }

    /// Runs a shell script that prints “ready” once it holds what it is to hold, then a body, then ends it.
    private func holding(
        _ script: String, in folder: FilePath, user: UInt32? = nil, _ body: (pid_t) throws -> Void
    ) async throws {
        let log = folder.appending("holder-\(UInt32.random(in: 0 ... .max)).log")
        // Waits without a child, which would hold the same.
        let shell = "sh -c 'cd /; { \(script); } && echo ready && \(try wait(in: folder))'"
        let prefix = user.map { "setpriv --reuid \($0) --regid \($0) --clear-groups " } ?? ""
        let server = try ServerProcess(
            command: prefix + shell, folder: "/", log: log,
            environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"])
        let identity = try await server.start()
        let clock = SystemClock()
        _ = try await clock.wait(upTo: .seconds(60), every: .milliseconds(5)) {
            String(decoding: try log.contents(), as: UTF8.self).contains("ready")
        }
        defer { kill(-identity.pid, SIGKILL) }
        try body(identity.pid)
    }

    private func file(_ folder: FilePath, _ name: String = "kecs.db") throws -> FilePath {
        try folder.createFolder(mode: 0o755)
        let file = folder.appending(name)
        try file.replaceContents(Array("SQLite format 3".utf8))
        try file.setMode(0o644)
        return file
    }

    @Test func `a writer is named with its pid, its command line and the file`() async throws {
        try await withTemporaryFolder { root in
            let file = try file(root.appending("data"))
            try await holding("exec 7<>\(file)", in: root) { pid in
                let found = try FileHolders.below([root.appending("data")])
                let holder = try #require(found.holders.first)
                #expect(found.holders.count == 1)
                #expect(holder.pid == pid)
                #expect(holder.path == file)
                #expect(holder.use == .descriptor && holder.mayWrite)
                #expect(holder.command.hasPrefix("sh -c"))
                // A folder beside whose name begins alike is another folder.
                _ = try self.file(root.appending("data-2"))
                #expect(try FileHolders.below([root.appending("data-2")]).holders.isEmpty)
                #expect(try FileHolders.below([root.appending("dat")]).holders.isEmpty)
            }
            #expect(try FileHolders.below([root.appending("data")]).holders.isEmpty)
        }
    }

    @Test func `links, nested folders and removed files do not hide it; a reader is no writer`() async throws
    {
        try await withTemporaryFolder { root in
            let file = try file(root.appending("data/deep/er"))
            #expect(symlink("\(root)/data", "\(root)/link") == 0)
            try await holding("exec 7<\(file)", in: root) { pid in
                for place in ["data", "link", "link/deep", "data/deep/er/kecs.db"] {
                    let found = try FileHolders.below([root.appending(FilePath(place).components)])
                    #expect(found.holders.map(\.pid) == [pid], "\(place)")
                    #expect(found.holders.first?.mayWrite == false)
                }
                try file.remove()
                let found = try FileHolders.below([root.appending("data")])
                #expect(found.holders.map(\.path) == [file])
            }
        }
    }

    @Test func `a mapping without a descriptor holds it`() async throws {
        try await withTemporaryFolder { root in
            let data = root.appending("data")
            try data.createFolder()
            let library = data.appending("libc.so.6")
            let real = try #require(
                ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6"]
                    .map { FilePath($0) }.first { (try? FileStatus.following($0)) ?? nil != nil })
            try real.copyContents(to: library) {}
            let log = root.appending("log")
            let server = try ServerProcess(
                command: "sleep 1000", folder: "/", log: log,
                environment: ["PATH": "/usr/bin:/bin", "LD_PRELOAD": library.string])
            let identity = try await server.start()
            defer { kill(-identity.pid, SIGKILL) }
            let clock = SystemClock()
            var found = FileHolders()
            _ = try await clock.wait(upTo: .seconds(60), every: .milliseconds(5)) {
                found = try FileHolders.below([data])
                return !found.holders.isEmpty
            }
            let holder = try #require(found.holders.first)
            #expect(holder.pid == identity.pid && holder.use == .mapping && !holder.mayWrite)
            #expect(holder.path == library)
        }
    }

    @Test(.enabled(if: geteuid() == 0, "needs root to mount"))
    func `a bind mount in another mount namespace is the same folder`() async throws {
        try await withTemporaryFolder { root in
            let file = try file(root.appending("data"))
            try root.appending("elsewhere").createFolder()
            let script =
                "unshare -m sh -c \"mount --make-rprivate / && mount --bind \(root)/data \(root)/elsewhere && exec 7<>\(root)/elsewhere/kecs.db && echo ready && \(try wait(in: root))\" && false"
            try await holding(script, in: root) { _ in
                let found = try FileHolders.below([root.appending("data")])
                #expect(found.holders.map(\.path) == [file])
                // Beside the mount, in the same namespace, nothing is open.
                #expect(try FileHolders.below([root.appending("elsewhere")]).holders.isEmpty)
            }
        }
    }

    @Test(.enabled(if: geteuid() == 0, "needs root to become another user"))
    func `an ordinary user sees other users' locks, and how much stays unseen`() async throws {
        try await withTemporaryFolder { root in
            try root.setMode(0o755)
            let data = root.appending("data")
            let file = try file(data)
            let inherited = "exec 7<>\(file); flock -n 7"
            let own = "flock \(file) sh -c \"echo ready; \(try wait(in: root))\""
            for (script, isNamed) in [(inherited, false), (own, true)] {
                try await holding(script, in: root) { _ in
                    let found = try asUser(1234) { try FileHolders.below([data]) }
                    #expect(!found.unseen.isEmpty)
                    let holder = try #require(found.holders.first)
                    #expect(holder.use == .lock && holder.path == file)
                    #expect(holder.command.contains("flock") == isNamed)
                    #expect((holder.pid > 0) == isNamed)
                }
            }
            // One's own processes are seen whole.
            try await holding("exec 7<\(file)", in: root, user: 1234) { pid in
                let found = try asUser(1234) { try FileHolders.below([data]) }
                #expect(found.holders.map(\.pid) == [pid])
            }
        }
    }

    @Test func `a container is known by its id in the control group`() {
        let id = String(repeating: "0123456789abcdef", count: 4)
        let inner = String(repeating: "fedcba9876543210", count: 4)
        for (text, ids) in [
            ("0::/docker/\(id)\n", [id]),
            ("12:pids:/docker/\(id)\n11:cpu:/docker/\(id)\n", [id]),
            ("0::/system.slice/docker-\(id).scope\n", [id]),
            ("0::/docker/\(id)/kubelet/kubepods/besteffort/pod0/\(inner)\n", [id, inner]),
            ("0::/user.slice/user-1000.slice\n", []),
        ] {
            #expect(HolderSearch.containers(inGroup: text) == ids)
        }
    }

    @Test func `a spot is seen where its file system is mounted, whole or in part`() throws {
        let space = MountSpace(
            Array(
                """
                21 1 8:1 / / rw - ext4 /dev/sda1 rw
                30 21 8:2 /srv/dev /data rw - ext4 /dev/sdb1 rw
                31 21 8:2 /srv/dev/data/deep /deep\\040er rw - ext4 /dev/sdb1 rw
                32 21 8:2 /srv /all rw - ext4 /dev/sdb1 rw
                33 21 8:2 /srv/device /device rw - ext4 /dev/sdb1 rw

                """.utf8))
        let spot = try #require(space.spot(of: Array("/data/data".utf8), mountID: 30))
        #expect(spot == .init(device: "8:2", path: Array("/srv/dev/data".utf8)))
        let paths = space.sights(of: spot).map { String(decoding: $0.path, as: UTF8.self) }
        #expect(paths == ["/data/data", "/deep er", "/all/dev/data"])
    }
}
