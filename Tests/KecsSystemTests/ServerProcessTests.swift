// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@Suite struct ServerProcessTests {
    @Test func `a server runs in its own session, with its folder, its environment and its log`() async throws
    {
        try await withTemporaryFolder { folder in
            let log = folder.appending("server.log")
            try log.replaceContents(Array("before\n".utf8))
            let identity = try await ServerProcess(
                command:
                    #"sh -c 'echo "$1"; pwd; echo $GREETING >&2; readlink /proc/self/fd/0; exec sleep 1000' sh "a  b""#,
                folder: folder, log: log, environment: ["PATH": "/usr/bin:/bin", "GREETING": "hello"]
            ).start()
            try await seen("/dev/null", in: log)
            #expect(identity.isAlive)
            #expect(getsid(identity.pid) == identity.pid)
            #expect(
                String(decoding: try log.contents(), as: UTF8.self)
                    == "before\na  b\n\(folder)\nhello\n/dev/null\n")
            #expect(try await stop(identity) == .terminated)
            #expect(!identity.isAlive)
            #expect(try await stop(identity) == .alreadyGone)
        }
    }

    @Test func `it has no descriptors but its three`() async throws {
        try await withTemporaryFolder { folder in
            let log = folder.appending("log")
            // One that Subprocess did not open, and that is not closed by itself at exec.
            let file = open("/dev/null", O_RDONLY)
            defer { close(file) }
            let identity = try await server("ls /proc/self/fd; echo end; exec sleep 1000", folder, log)
                .start()
            try await seen("end", in: log)
            // 3 is the folder that ls itself reads.
            #expect(String(decoding: try log.contents(), as: UTF8.self) == "0\n1\n2\n3\nend\n")
            _ = try await stop(identity)
            #expect(try FileStatus.of(log)?.mode == 0o600)
        }
    }

    @Test func `it goes on when whoever started it has ended`() async throws {
        try await withTemporaryFolder { folder in
            await #expect(processExitsWith: .exitCode(0)) { [name = folder.string as String] in
                let folder = FilePath(name)
                let identity = try await server(
                    "while :; do echo beat; sleep 0.02; done", folder, folder.appending("log")
                ).start()
                try folder.appending("pid").replaceContents(Array("\(identity.pid)".utf8))
                exit(0)
            }
            let pid = try #require(
                pid_t(String(decoding: try folder.appending("pid").contents(), as: UTF8.self)))
            let identity = try #require(try ProcessIdentity.of(pid: pid))
            #expect(identity.isAlive)
            try folder.appending("log").replaceContents([])
            kill(-pid, 0)
            #expect(try await stop(identity) == .terminated)
        }
    }

    @Test func `what cannot be started leaves nothing behind`() async throws {
        try await withTemporaryFolder { folder in
            let log = folder.appending("log")
            let environment = ["PATH": "/usr/bin:/bin"]
            func start(_ command: String, in place: FilePath) async throws {
                _ = try await ServerProcess(
                    command: command, folder: place, log: log, environment: environment
                ).start()
            }
            await #expect(throws: ProcessError.notFound("kecs-absent")) {
                try await start("kecs-absent server", in: folder)
            }
            await #expect(throws: ProcessError.self) {
                try await start("sleep 1", in: folder.appending("absent"))
            }
            let bad = folder.appending("bad")
            try bad.replaceContents(Array("#!/no/such/interpreter\n".utf8), mode: 0o755)
            await #expect(throws: ProcessError.self) { try await start("\(bad)", in: folder) }
            #expect(try !log.isPresent)
            await #expect(throws: ShellWords.Failure.needsShell("|")) { try await start("a | b", in: folder) }
        }
    }

    @Test func `a log that was there stays when the start fails`() async throws {
        try await withTemporaryFolder { folder in
            let log = folder.appending("log")
            try log.replaceContents(Array("old".utf8))
            let server = try ServerProcess(
                command: "sleep 1", folder: "/no/such/folder", log: log, environment: ["PATH": "/bin"])
            await #expect(throws: ProcessError.self) { try await server.start() }
            #expect(try log.contents() == Array("old".utf8))
        }
    }

    @Test func `a server that ends at once has an identity that is gone`() async throws {
        try await withTemporaryFolder { folder in
            let identity = try await server("echo no; exit 1", folder, folder.appending("log")).start()
            #expect(
                try await SystemClock().wait(upTo: .seconds(10), every: .milliseconds(5)) {
                    !identity.isAlive
                })
        }
    }

    @Test func `stopping ends all of the session, and kills what ignores it`() async throws {
        try await withTemporaryFolder { folder in
            let log = folder.appending("log")
            // timeout(1) makes a process group of its own, which a signal to the server's group does not reach.
            let identity = try await server(
                "timeout 1000 sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' & while :; do sleep 0.02; done",
                folder, log
            ).start()
            try await seen("\n", in: log)
            let child = try #require(pid_t(String(decoding: try log.contents().dropLast(), as: UTF8.self)))
            let childIdentity = try #require(try ProcessIdentity.of(pid: child))
            #expect(getpgid(child) != identity.pid)
            #expect(try await stop(identity, grace: .milliseconds(200)) == .killed)
            #expect(!identity.isAlive && !childIdentity.isAlive)
        }
    }

    @Test func `a frozen server is stopped`() async throws {
        try await withTemporaryFolder { folder in
            let identity = try await server("exec sleep 1000", folder, folder.appending("log")).start()
            kill(identity.pid, SIGSTOP)
            #expect(try await stop(identity) == .terminated)
        }
    }

    /// PostgreSQL's children each lead a session.
    @Test func `a child in a session of its own is frozen, goes on and is stopped with its parent`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let log = folder.appending("log")
            let identity = try await server(
                "setsid sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.02; done' & wait", folder, log
            ).start()
            try await seen("\n", in: log)
            let pid = try #require(pid_t(String(decoding: try log.contents().dropLast(), as: UTF8.self)))
            let child = try #require(try ProcessIdentity.of(pid: pid))
            #expect(getsid(pid) == pid)
            try await ServerProcess.freeze(identity, clock: SystemClock())
            #expect(try ServerProcess.isFrozen(child))
            try ServerProcess.thaw(identity)
            #expect(try await SystemClock().wait(upTo: .seconds(10)) { try !ServerProcess.isFrozen(child) })
            try await ServerProcess.freeze(identity, clock: SystemClock())
            // Its parent ends at once, the child ignores the signal.
            #expect(try await stop(identity, grace: .milliseconds(300)) == .killed)
            #expect(!identity.isAlive && !child.isAlive)
        }
    }

    @Test func `no other process is signalled`() async throws {
        try await withTemporaryFolder { folder in
            let identity = try await server("exec sleep 1000", folder, folder.appending("log")).start()
            var earlier = identity
            earlier.startTime -= 1
            #expect(try await stop(earlier) == .alreadyGone)
            var elsewhere = identity
            elsewhere.pidNamespace += 1
            await #expect(throws: ServerProcess.StopFailure.self) { try await stop(elsewhere) }
            #expect(identity.isAlive)
            #expect(try await stop(identity) == .terminated)
        }
    }
}

private func server(_ script: String, _ folder: FilePath, _ log: FilePath) throws -> ServerProcess {
    try ServerProcess(
        command: "sh -c " + ShellWords.quote([script]), folder: folder, log: log,
        environment: ["PATH": "/usr/bin:/bin"])
}

private func stop(
    _ identity: ProcessIdentity, grace: Duration = .seconds(10)
) async throws -> ServerProcess.Stop {
    try await ServerProcess.stop(identity, grace: grace, clock: SystemClock())
}

/// Waits until the server has printed it.
private func seen(_ text: String, in log: FilePath) async throws {
    let isThere = try await SystemClock().wait(upTo: .seconds(20), every: .milliseconds(5)) {
        String(decoding: try log.contents(), as: UTF8.self).contains(text)
    }
    #expect(isThere)
}
