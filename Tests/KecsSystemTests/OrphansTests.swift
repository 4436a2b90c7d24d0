// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsTesting
import SystemPackage
import Testing

@testable import KecsSystem

@Suite struct OrphansTests {
    /// A process that is no more.
    private func dead(_ number: UInt64 = 1) throws -> ProcessIdentity {
        var identity = try ProcessIdentity.current()
        // This process has another one: so whoever had it is gone.
        identity.startTime -= number
        return identity
    }

    private func start(_ parent: ProcessIdentity) throws -> pid_t {
        var pid = pid_t()
        let words: [String] = ["sh", "-c", "trap '' TERM INT HUP; sleep 600 & wait"]
        let variables: [String] = ["PATH=/usr/bin:/bin", "\(Orphans.variable)=\(Orphans.mark(parent))"]
        var argv = words.map { strdup($0) } + [nil]
        var envp = variables.map { strdup($0) } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        try #require(posix_spawn(&pid, "/bin/sh", nil, nil, &argv, &envp) == 0)
        return pid
    }

    private func end(_ pid: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status
    }

    @Test func `what a dead process started is ended with all that came of it`() async throws {
        let parent = try dead()
        let child = try start(parent)
        func ours() throws -> [ProcessStatus] {
            try ProcessStatus.all(carrying: Orphans.variable, Orphans.mark(parent))
        }
        let isThere = try await SystemClock().wait(upTo: .seconds(30)) { try ours().count == 2 }
        try #require(isThere)
        let names = try await Orphans.end(of: parent, clock: SystemClock())
        #expect(names == ["sh", "sleep"])
        #expect(end(child) & 0x7f == SIGKILL)
        #expect(try ours().isEmpty)
    }

    @Test func `the children of one that lives, and of another boot, are left alone`() async throws {
        // Not this process itself: other tests' children carry its mark.
        let sleeper = try start(try dead(2))
        let living = try #require(try ProcessIdentity.of(pid: sleeper))
        let child = try start(living)
        #expect(try await Orphans.end(of: living, clock: SystemClock()) == [])
        var other = try dead(2)
        other.bootId = "another boot"
        #expect(try await Orphans.end(of: other, clock: SystemClock()) == [])
        #expect(kill(child, 0) == 0)
        #expect(kill(sleeper, 0) == 0)
        #expect(try await Orphans.end(of: try dead(2), clock: SystemClock()).contains("sh"))
        _ = end(sleeper)
        #expect(try await Orphans.end(of: living, clock: SystemClock()).contains("sh"))
        _ = end(child)
    }

    @Test func `every child carries who started it`() async throws {
        let processes = SystemProcesses(environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation())
        let result = try await processes.run(ProcessCall("printenv", Orphans.variable))
        #expect(result.outputText == Orphans.mark(try .current()) + "\n")
    }
}
