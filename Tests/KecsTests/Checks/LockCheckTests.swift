// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor
@testable import KecsSystem

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

    private static let boot = Moment(seconds: 1_700_000_000)
    private static let written = boot + .seconds(1000)

    /// - Parameter started: Seconds after the boot.
    private static func process(_ numbers: [pid_t], started: Int) -> ProcessTable.Entry {
        ProcessTable.Entry(numbers: numbers, startTime: UInt64(started * sysconf(Int32(_SC_CLK_TCK))))
    }

    /// What a file that holds nothing but the number 4711 proves, by what runs.
    @Test(arguments: [
        (
            [process([1], started: 0), process([4711], started: 999)], nil, LockProof.Verdict.held,
            "4711 runs"
        ),
        // To the second: clocks are corrected, and the boot's moment is a whole second.
        ([process([4711], started: 1005)], nil, .held, "4711 runs"),
        ([process([4711], started: 1006)], nil, .stale, "used again"),
        ([process([1], started: 0)], nil, .stale, "no process 4711"),
        // A process of a container counts by what it is called in there.
        ([process([90, 4711], started: 999)], nil, .held, "here as 90"),
        ([process([90, 12, 4711], started: 999), process([4711], started: 2000)], nil, .held, "here as 90"),
        ([process([90, 4711], started: 2000)], nil, .stale, "used again"),
        // What cannot be seen proves nothing.
        ([process([1], started: 0)], "kecsctl runs in a container", .unknown, "runs in a container"),
        ([process([4711], started: 2000)], "hidepid", .unknown, "hidepid"),
        ([process([4711], started: 999)], "hidepid", .held, "4711 runs"),
    ])
    func `a bare pid is judged by all processes that may be meant`(
        entries: [ProcessTable.Entry], gap: String?, verdict: LockProof.Verdict, words: String
    ) {
        let answer = LockProof.judge(
            pid: 4711, writtenAt: Self.written, boot: Self.boot, ProcessTable(entries: entries, gap: gap))
        #expect(answer.0 == verdict, "\(answer.1)")
        #expect(answer.1.contains(words), "\(answer.1)")
    }

    @Test func `a file from before the boot is stale whoever has its pid now`() {
        let table = ProcessTable(entries: [Self.process([4711], started: 0)], gap: "hidepid")
        func verdict(_ written: Moment) -> LockProof.Verdict {
            LockProof.judge(pid: 4711, writtenAt: written, boot: Self.boot, table).0
        }
        #expect(verdict(Self.boot - .seconds(3)) == .stale)
        #expect(verdict(Self.boot - .seconds(2)) == .held)
    }

    /// Real processes of this machine. Where not all of them are seen, nothing may be called stale.
    @Test
    func `a child's lock is held while it lives, and stale when it has ended or its number was used before`()
        async throws
    {
        let canSeeAll = try ProcessTable.current().gap == nil
        try await CheckScene.with { scene in
            var pid = pid_t()
            let words = ["sleep", "600"]
            var arguments = words.map { strdup($0) } + [nil]
            defer { for argument in arguments { free(argument) } }
            try #require(posix_spawn(&pid, "/bin/sleep", nil, nil, &arguments, nil) == 0)
            func end() {
                kill(pid, SIGKILL)
                waitpid(pid, nil, 0)
            }
            try scene.write(lock(scene), "\(pid)\n")
            let alive = try await scene.finding(ForeignLockCheck())
            #expect(alive.severity == .info)
            #expect(alive.repairs == [])

            // The same number, in a file that was written a minute before the process began.
            try setModified(lock(scene), SystemClock().now() - .seconds(60))
            let reused = try await scene.finding(ForeignLockCheck())
            #expect(reused.repairs.isEmpty != canSeeAll, "\(reused.message)")

            try scene.write(lock(scene), "\(pid)\n")
            end()
            let gone = try await scene.finding(ForeignLockCheck())
            #expect(gone.repairs.isEmpty != canSeeAll, "\(gone.message)")
            for repair in gone.repairs { try repair.apply() }
            #expect(try lock(scene).isPresent != canSeeAll)
        }
    }

    /// A pid namespace of its own, as a container has one.
    @Test(.enabled(if: geteuid() == 0, "only root can make a pid namespace"))
    func `a lock that was written in a container is held while its process lives`() async throws {
        guard try ProcessTable.current().gap == nil else {
            try Test.cancel("the tests run in a container themselves")
        }
        try await CheckScene.with { scene in
            let ready = scene.home.folder.appending("ready")
            let script =
                "for i in 1 2 3 4 5 6 7 8 9; do :; done; sleep 600 & echo $! >'\(lock(scene))'; touch '\(ready)'; wait"
            var pid = pid_t()
            let words = ["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", script]
            var arguments = words.map { strdup($0) } + [nil]
            defer { for argument in arguments { free(argument) } }
            try #require(posix_spawn(&pid, "/usr/bin/unshare", nil, nil, &arguments, nil) == 0)
            defer {
                kill(pid, SIGKILL)
                waitpid(pid, nil, 0)
            }
            try await waitFor { try ready.isPresent }
            // In there it is the second process or so: a number that here belongs to a thread of the kernel, if to any.
            let inside = String(decoding: try lock(scene).contents(), as: UTF8.self)
            let number = try #require(pid_t(inside.filter(\.isNumber)))
            #expect(number < 100)
            let finding = try await scene.finding(ForeignLockCheck())
            #expect(finding.severity == .info, "\(finding.message)")
            #expect(finding.repairs == [])
        }
    }

    @Test func `on a file system that other machines share nothing proves that a lock is stale`() async throws
    {
        try await CheckScene.with { scene in
            var identity = try ProcessIdentity.current()
            identity.bootId = "of another boot, or of another machine"
            try scene.write(lock(scene), String(decoding: try JSONFile.encode(identity), as: UTF8.self))
            #expect(try await scene.finding(ForeignLockCheck()).repairs.count == 1)
            scene.mount(scene.home.folder.resolved(), "nfs4")
            let finding = try await scene.finding(ForeignLockCheck())
            #expect(finding.repairs == [])
            #expect(finding.message.contains("another machine"))
        }
    }

    @Test func `the numbers that a process has in containers are read`() {
        #expect(
            ProcessTable.numbers(inStatus: "Name:\tsleep\nNStgid:\t90\t4711\nNSpid:\t90\t12\t4711\n")
                == [90, 12, 4711])
        #expect(ProcessTable.numbers(inStatus: "Name:\tNSpid:\n") == [])
    }

    private func setModified(_ file: FilePath, _ moment: Moment) throws {
        let time = timespec(tv_sec: Int(moment.seconds), tv_nsec: 0)
        #expect(file.withPlatformString { utimensat(AT_FDCWD, $0, [time, time], 0) } == 0)
    }

    private func waitFor(_ condition: () throws -> Bool) async throws {
        for _ in 0..<3000 {
            if try condition() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("it did not come to be within 30 s")
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
            #expect(try !lock(scene).isPresent)
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
            #expect(try lock(scene).isPresent)
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
        let server = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
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
