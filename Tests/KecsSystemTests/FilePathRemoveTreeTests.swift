// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsTesting
import Synchronization
import SystemPackage
import Testing

@testable import KecsSystem

@Suite struct FilePathRemoveTreeTests {
    @Test func `files, links, sockets and fifos go, and what links lead to stays`() throws {
        try withTemporaryFolder { folder in
            let precious = folder.appending("precious")
            try precious.createFolder()
            try precious.appending("file").replaceContents([1])
            let tree = folder.appending("tree")
            try tree.appending("a").appending("b").createFolder()
            try tree.appending("file").replaceContents([1])
            for (name, target) in [
                ("dangling", "/nowhere"), ("out", "\(precious)"), ("up", ".."), ("self", "self"),
            ] {
                for place in [tree, tree.appending("a")] {
                    #expect(place.appending(name).withPlatformString { symlink(target, $0) } == 0)
                }
            }
            #expect(tree.appending("fifo").withPlatformString { mkfifo($0, 0o600) } == 0)
            try tree.removeTree()
            #expect(try folder.entries() == ["precious"])
            #expect(try precious.entries() == ["file"])
        }
    }

    @Test func `a link is removed itself, a file too, and nothing is fine`() throws {
        try withTemporaryFolder { folder in
            let target = folder.appending("target")
            try target.appending("sub").createFolder()
            let link = folder.appending("link")
            #expect(link.withPlatformString { symlink("target", $0) } == 0)
            try link.removeTree()
            #expect(try folder.entries() == ["target"])
            let file = folder.appending("file")
            try file.replaceContents([1])
            try file.removeTree()
            try file.removeTree()
            try folder.appending("absent").appending("deeper").removeTree()
            #expect(try folder.entries() == ["target"])
        }
    }

    @Test(arguments: ["/", "..", ".", "a/..", ""])
    func `what has no name of its own is refused`(path: String) {
        #expect(throws: FileError("remove", FilePath(path), .invalidArgument)) {
            try FilePath(path).removeTree()
        }
    }

    @Test func `names need not be text`() throws {
        try withTemporaryFolder { folder in
            let tree = folder.appending("tree")
            try tree.createFolder()
            let names: [[UInt8]] = [
                [0xFF, 0xFE], [0x80], [0x0A, 0x20, 0x2A], [0x2E, 0x2E, 0x2E],
                Array(repeating: 0xC3, count: 255),
            ]
            for bytes in names {
                let name = bytes.map { CChar(bitPattern: $0) } + [0]
                let path = name.withUnsafeBufferPointer { buffer in
                    buffer.baseAddress.map { FilePath(platformString: $0) } ?? "unnamed"
                }
                try tree.appending(path.components).createFolder()
                let file = tree.appending(path.components).appending(path.components).withPlatformString {
                    open($0, O_CREAT | O_WRONLY, 0o600)
                }
                #expect(close(file) == 0)
            }
            #expect(try tree.entries().count == 5)
            try tree.removeTree()
            #expect(try !tree.isPresent)
        }
    }

    @Test func `neither depth nor breadth needs descriptors`() async {
        // In a process of its own: the limit is the process's.
        await #expect(processExitsWith: .success) {
            try withTemporaryFolder { folder in
                let tree = folder.appending("tree")
                try tree.createFolder()
                var place = open("\(tree)", O_RDONLY | O_DIRECTORY)
                // 1200 levels of 20 bytes: no path could name the last one.
                for _ in 0..<1200 {
                    #expect(mkdirat(place, "twenty-bytes-of-name", 0o700) == 0)
                    #expect(mkdirat(place, "z", 0o700) == 0)
                    let file = openat(place, "file", O_CREAT | O_WRONLY, 0o600)
                    close(file)
                    let next = openat(place, "twenty-bytes-of-name", O_RDONLY | O_DIRECTORY)
                    #expect(next >= 0)
                    close(place)
                    place = next
                }
                close(place)
                let open = try FilePath("/proc/self/fd").entries().count
                var limit = rlimit(rlim_cur: rlim_t(open) + 4, rlim_max: rlim_t(open) + 4)
                #expect(setrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit) == 0)
                try tree.removeTree()
                #expect(try !tree.isPresent)
            }
        }
    }

    @Test func `folders without permissions go, for root and for their owner`() throws {
        try withTemporaryFolder { folder in
            for user in [0, 65_534] as [uid_t] where user == 0 || getuid() == 0 {
                let home = folder.appending("home-\(user)")
                try home.createFolder()
                let closed = home.appending("tree").appending("closed")
                try closed.appending("inner").createFolder()
                try closed.appending("inner").appending("file").replaceContents([1])
                let readOnly = home.appending("tree").appending("read-only")
                try readOnly.createFolder()
                try readOnly.appending("file").replaceContents([1])
                let all = [
                    closed.appending("inner").appending("file"), closed.appending("inner"), closed, readOnly,
                    home.appending("tree"), home,
                ]
                for path in all {
                    _ = path.withPlatformString { chown($0, user, user) }
                }
                chmod("\(closed.appending("inner"))", 0)
                chmod("\(closed)", 0)
                chmod("\(readOnly)", 0o500)
                chmod("\(folder)", 0o711)
                try asUser(user) { try home.appending("tree").removeTree() }
                #expect(try home.entries() == [])
            }
        }
    }

    @Test(.enabled("only root can act as somebody else") { getuid() == 0 })
    func `what may not be removed is named`() throws {
        try withTemporaryFolder { folder in
            chown("\(folder)", 65_534, 0)
            let inner = folder.appending("tree").appending("inner")
            try inner.createFolder()
            try inner.appending("file").replaceContents([1])
            chmod("\(inner)", 0o755)
            chmod("\(folder.appending("tree"))", 0o755)
            #expect(throws: FileError("remove", inner.appending("file"), .permissionDenied)) {
                try asUser(65_534) { try folder.appending("tree").removeTree() }
            }
            #expect(try FileStatus.of(inner)?.mode == 0o755)
        }
    }

    @Test func `a folder that became a link between listing and opening is not entered`() throws {
        try withTemporaryFolder { folder in
            let precious = folder.appending("precious")
            try precious.appending("inner").createFolder()
            #expect(folder.appending("link").withPlatformString { symlink("precious", $0) } == 0)
            var removal = try removal(in: folder)
            defer { removal.close() }
            #expect(throws: FileError("open", folder.appending("link"), .notDirectory)) {
                try removal.descend(into: name("link"))
            }
            #expect(try precious.entries() == ["inner"])
        }
    }

    @Test func `a folder that was moved meanwhile does not lead back to elsewhere`() throws {
        try withTemporaryFolder { folder in
            let (tree, other) = (folder.appending("tree"), folder.appending("other"))
            try tree.appending("a").createFolder()
            try other.appending("b").createFolder()
            var removal = try removal(in: folder)
            defer { removal.close() }
            try removal.descend(into: name("tree"))
            try removal.descend(into: name("a"))
            try tree.appending("a").rename(to: other.appending("a"))
            #expect(throws: FileError("go back up from", tree.appending("a"), .staleNFSFileHandle)) {
                try removal.ascend()
            }
            #expect(try other.entries() == ["a", "b"])
        }
    }

    @Test(.enabled("needs the right to mount") { try maySeparateMounts() })
    func `a mount below is an error, and stays whole`() async {
        // In a process, and then a mount namespace, of its own. A bind mount has the device number of its surroundings.
        await #expect(processExitsWith: .success) {
            try withTemporaryFolder { folder in
                let (tree, source) = (folder.appending("tree"), folder.appending("source"))
                let mounted = tree.appending("a").appending("mounted")
                try mounted.createFolder()
                try source.createFolder()
                try source.appending("precious").replaceContents([1])
                #expect(unshareNamespaces(0x20000) == 0)
                let isPrivate: UInt = 1 << 18 | 1 << 14
                #expect(mountFileSystem("none", "/", nil, isPrivate, nil) == 0)
                let isBound: UInt = 1 << 12
                #expect(mountFileSystem("\(source)", "\(mounted)", nil, isBound, nil) == 0)
                #expect(throws: FileError("open", mounted, .improperLink)) { try tree.removeTree() }
                #expect(try mounted.entries() == ["precious"])
                #expect(throws: FileError("remove", mounted, .resourceBusy)) {
                    try tree.removeTree(crossingMounts: true)
                }
                #expect(try source.entries() == [], "asked to, it goes into the mount")
                #expect(umount("\(mounted)") == 0)
            }
        }
    }

    @Test func `a folder with many names is emptied`() throws {
        try withTemporaryFolder { folder in
            let tree = folder.appending("tree")
            try tree.createFolder()
            for number in 0..<5000 {
                close(tree.appending("\(number)").withPlatformString { open($0, O_CREAT | O_WRONLY, 0o600) })
            }
            try tree.removeTree()
            #expect(try !tree.isPresent)
        }
    }
}

/// On a thread of its own, because the user for file access is a thread's: setfsuid(2).
private func asUser(_ user: uid_t, _ body: @escaping @Sendable () throws -> Void) throws {
    let failure = Failure()
    try Threads.joinable(name: "user-\(user)") {
        setFileSystemUser(user)
        do { try body() } catch { failure.error.withLock { $0 = error } }
    }.join()
    if let error = failure.error.withLock({ $0 }) { throw error }
}

private func removal(in folder: FilePath) throws -> TreeRemoval {
    let parent = folder.withPlatformString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    try #require(parent >= 0)
    return TreeRemoval(above: folder, parent: parent, crossingMounts: false, goesOn: false)
}

private func name(_ text: String) -> TreeRemoval.Name { Array(text.utf8CString) }

private final class Failure: Sendable {
    let error = Mutex<(any Error)?>(nil)
}

/// CAP_SYS_ADMIN, number 21.
private func maySeparateMounts() throws -> Bool {
    let status = String(decoding: try FilePath("/proc/self/status").contents(), as: UTF8.self)
    guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("CapEff:\t") }) else {
        return false
    }
    return (UInt64(line.dropFirst("CapEff:\t".count), radix: 16) ?? 0) & 1 << 21 != 0
}

// Glibc's module does not bring these.
@_silgen_name("setfsuid") @discardableResult private func setFileSystemUser(_ user: uid_t) -> CInt
@_silgen_name("unshare") private func unshareNamespaces(_ flags: CInt) -> CInt
@_silgen_name("umount") private func umount(_ place: UnsafePointer<CChar>) -> CInt
@_silgen_name("mount")
private func mountFileSystem(
    _ source: UnsafePointer<CChar>, _ target: UnsafePointer<CChar>, _ type: UnsafePointer<CChar>?,
    _ flags: UInt,
    _ data: UnsafePointer<CChar>?
) -> CInt
