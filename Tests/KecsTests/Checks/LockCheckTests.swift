// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsStorage
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs

@Suite struct LockCheckTests {
    private func lock(_ scene: CheckScene) -> FilePath { scene.folder.data.appending(".lock") }

    @Test func `no lock file, no finding`() async throws {
        try await CheckScene.with { scene in try await scene.expectNone(ForeignLockCheck()) }
    }

    @Test func `the lock of a process that runs is never offered for removal`() async throws {
        try await CheckScene.with { scene in
            try scene.write(lock(scene), "\(getpid())\n")
            let finding = try await scene.finding(ForeignLockCheck())
            #expect(finding.severity == .info)
            #expect(finding.repairs.isEmpty)
        }
    }

    @Test func `a pid that was given to another process after the file was written proves it stale`()
        async throws
    {
        try await CheckScene.with { scene in
            try scene.write(lock(scene), "\(getpid())\n")
            // Written after the boot and before this process was started.
            let boot = try #require(try ProcessIdentity.of(pid: 1))
            let (verdict, why) = LockProof.judge(pid: getpid(), writtenAt: try started() - .seconds(60))
            _ = boot
            #expect(verdict == .stale)
            #expect(why.contains("used again") || why.contains("booted"))
        }
    }

    private func started() throws -> Moment {
        let status = try #require(try FileStatus.of(FilePath("/proc/\(getpid())")))
        return status.modified
    }

    @Test func `a file from before the boot is stale whoever has its pid now`() {
        #expect(LockProof.judge(pid: getpid(), writtenAt: Moment(seconds: 1_000_000)).0 == .stale)
    }

    @Test func `an exact identity of another boot is stale, of another pid namespace unknown`() throws {
        var identity = try ProcessIdentity.current()
        func judge() throws -> LockProof.Verdict {
            let bytes = try JSONFile.encode(identity)
            return LockProof.judge(String(decoding: bytes, as: UTF8.self), bytes, writtenAt: CheckScene.now).0
        }
        #expect(try judge() == .held)
        identity.startTime += 1
        #expect(try judge() == .stale)
        identity = try ProcessIdentity.current()
        identity.pidNamespace += 1
        #expect(try judge() == .unknown)
        identity.bootId = "another"
        #expect(try judge() == .stale)
    }

    @Test func `a file that says nothing is not removed`() async throws {
        try await CheckScene.with { scene in
            try scene.write(lock(scene), "")
            let finding = try await scene.finding(ForeignLockCheck())
            #expect(finding.severity == .warning)
            #expect(finding.repairs.isEmpty)
        }
    }

    @Test func `a lock that somebody holds in the kernel is held, whatever its text says`() async throws {
        try await CheckScene.with { scene in
            try scene.write(lock(scene), "999999999\n")
            let file = lock(scene).withPlatformString { open($0, O_RDONLY | O_CLOEXEC) }
            defer { close(file) }
            #expect(flock(file, LOCK_EX) == 0)
            #expect(try await scene.finding(ForeignLockCheck()).severity == .info)
        }
    }

    @Test func `locks are read from the kernel's table`() {
        let table =
            "1: POSIX  ADVISORY  WRITE 812 fd:01:4711 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 900 00:2a:77 0 EOF\n"
        #expect(LockProof.holder(ofInode: 4711, in: table)?.contains("812") == true)
        #expect(LockProof.holder(ofInode: 77, in: table)?.contains("900") == true)
        #expect(LockProof.holder(ofInode: 1, in: table) == nil)
    }

    @Test func `the lock of a process that is gone is removed, and comes back when that is taken back`()
        async throws
    {
        try await CheckScene.with { scene in
            var identity = try ProcessIdentity.current()
            identity.bootId = "another boot"
            let text = String(decoding: try JSONFile.encode(identity), as: UTF8.self)
            try scene.write(lock(scene), text)
            let repairs = try await scene.finding(ForeignLockCheck()).repairs
            #expect(repairs == [.remove(PathText(lock(scene).resolved()), contents: text, mode: 0o600)])
            try repairs[0].apply()
            #expect(!lock(scene).isPresent)
            #expect(try repairs[0].takeBack())
            #expect(try lock(scene).contents() == Array(text.utf8))
        }
    }

    @Test func `a lock that was written anew meanwhile is not removed`() async throws {
        try await CheckScene.with { scene in
            try scene.write(lock(scene), "new")
            #expect(throws: RepairRefused.self) {
                try Repair.remove(PathText(lock(scene)), contents: "old", mode: 0o600).apply()
            }
            #expect(lock(scene).isPresent)
        }
    }

    @Test func `a kecsctl that works for more than six hours is told, to the second`() async throws {
        try await CheckScene.with { scene in
            func hold(since: Duration) throws {
                let holder = FileLock.Holder(
                    process: try ProcessIdentity.current(), command: "kecsctl backup dev",
                    since: CheckScene.now - since)
                try scene.folder.lock.replaceContents(try JSONFile.encode(holder))
            }
            try hold(since: .seconds(6 * 3600))
            try await scene.expectNone(OwnLockCheck())
            try hold(since: .seconds(6 * 3600 + 1))
            #expect(try await scene.finding(OwnLockCheck()).message.contains("kecsctl backup dev"))
        }
    }

    @Test func `two instances on one folder are found, through links too`() async throws {
        try await CheckScene.with { scene in
            let link = scene.home.folder.appending("link")
            #expect(symlink(scene.folder.data.string, link.string) == 0)
            try scene.addInstance("other")
            try await scene.expectNone(SharedFolderCheck())
            try scene.addInstance("twin", settings: ["dataDir": .string(link.string)])
            let finding = try await scene.finding(SharedFolderCheck())
            #expect(finding.instance == "twin")
            #expect(finding.evidence["other"] == "dev")
        }
    }

    @Test func `two instances on one port are found`() async throws {
        try await CheckScene.with(settings: ["apiPort": 5373, "adminPort": 5374]) { scene in
            try scene.addInstance("other", settings: ["apiPort": 6373])
            try await scene.expectNone(SharedPortsCheck())
            try scene.addInstance("twin", settings: ["apiPort": 5374])
            #expect(try await scene.finding(SharedPortsCheck()).evidence["port"] == 5374)
        }
    }

    @Test func `a port that is taken is told with its process`() async throws {
        let server = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                #expect(bind(server, $0, size) == 0)
                #expect(getsockname(server, $0, &size) == 0)
            }
        }
        let port = Int64(UInt16(bigEndian: address.sin_port))
        try await CheckScene.with(settings: ["apiPort": .integer(port)]) { scene in
            #expect(listen(server, 1) == 0)
            let finding = try await scene.finding(PortCheck())
            #expect(finding.severity == .error)
            #expect(finding.evidence["pid"] == .integer(Int64(getpid())))
            close(server)
            try await scene.expectNone(PortCheck())
        }
    }
}
