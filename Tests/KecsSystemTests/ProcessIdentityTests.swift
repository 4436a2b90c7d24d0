// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Glibc
import KecsSystem
import KecsTesting
import Synchronization
import Testing

@testable import KecsSystem

@Suite struct ProcessIdentityTests {
    @Test func `this process is alive`() throws {
        let identity = try ProcessIdentity.current()
        #expect(identity.pid == getpid())
        #expect(identity.isAlive)
        #expect(try ProcessIdentity.of(pid: getpid()) == identity)
    }

    @Test func `a reused pid is another process`() throws {
        var identity = try ProcessIdentity.current()
        identity.startTime -= 1
        #expect(identity.life == .gone)
    }

    @Test func `after another boot everything is gone`() throws {
        var identity = try ProcessIdentity.current()
        identity.bootId = "00000000-0000-0000-0000-000000000000"
        #expect(identity.life == .gone)
    }

    @Test func `another pid namespace cannot be judged`() throws {
        var identity = try ProcessIdentity.current()
        identity.pidNamespace += 1
        guard case .unknown = identity.life else {
            Issue.record("\(identity.life)")
            return
        }
        #expect(!identity.isAlive)
    }

    @Test func `a zombie is gone`() throws {
        var pid = pid_t()
        let name = try #require(strdup("true"))
        defer { free(name) }
        var arguments: [UnsafeMutablePointer<CChar>?] = [name, nil]
        #expect(posix_spawn(&pid, "/bin/true", nil, nil, &arguments, nil) == 0)
        var info = siginfo_t()
        #expect(waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) == 0)
        let identity = try #require(try ProcessIdentity.of(pid: pid))
        #expect(identity.life == .gone)
        #expect(kill(pid, 0) == 0, "kill(2) does find it")
        #expect(waitpid(pid, nil, 0) == pid)
        #expect(try ProcessIdentity.of(pid: pid) == nil)
    }

    @Test func `it comes back from JSON`() throws {
        let identity = try ProcessIdentity.current()
        let data = try JSONEncoder().encode(identity)
        #expect(try JSONDecoder().decode(ProcessIdentity.self, from: data) == identity)
    }

    @Test(arguments: ["x", "a b", ") R 1 2", "((", "))", "\n"])
    func `a name may hold anything`(name: String) throws {
        let fields = (4...52).map(String.init).joined(separator: " ")
        let status = try #require(ProcessStatus(line: Array("12 (\(name)) S \(fields)\n".utf8)))
        #expect(status.pid == 12)
        #expect(status.name == name)
        #expect(status.group == 5)
        #expect(status.session == 6)
        #expect(status.startTime == 22)
        #expect(status.isRunning)
    }

    @Test(arguments: [
        "", "12", "12 (a", "12 (a) S 1 2", "x (a) S 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22",
    ])
    func `a line that is no status is none`(line: String) {
        #expect(ProcessStatus(line: Array(line.utf8)) == nil)
    }
}
