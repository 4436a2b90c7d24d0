// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import Synchronization
import SystemPackage
import Testing

@Suite struct SystemProcessesTests {
    @Test(arguments: [
        ("exit 0", ProcessResult.End.exited(0)), ("exit 3", .exited(3)), ("kill -9 $$", .signaled(9)),
    ])
    func `how a program ended is a result`(script: String, end: ProcessResult.End) async throws {
        let result = try await processes().run(shell("echo out; echo err >&2; " + script))
        #expect(result.end == end)
        #expect(result.outputText == "out\n")
        #expect(result.errorText == "err\n")
        #expect(!result.isCut)
    }

    @Test func `both streams are handed over as they come, apart and whole`() async throws {
        let taken = Mutex<(output: [UInt8], errors: [UInt8])>(([], []))
        let script = "i=0; while [ $i -lt 2000 ]; do echo out$i; echo err$i >&2; i=$((i+1)); done"
        let result = try await processes().stream(
            shell(script), output: { bytes in taken.withLock { $0.output += bytes } },
            errors: { bytes in taken.withLock { $0.errors += bytes } })
        #expect(result.succeeded)
        #expect(result.output.isEmpty && result.errors.isEmpty)
        let (output, errors) = taken.withLock { $0 }
        #expect(output == Array((0..<2000).map { "out\($0)\n" }.joined().utf8))
        #expect(errors == Array((0..<2000).map { "err\($0)\n" }.joined().utf8))
    }

    @Test func `who moves nothing is ended, and who moves something is not`() async throws {
        var call = shell("exec sleep 600")
        call.limit = .seconds(600)
        call.idleLimit = .milliseconds(300)
        let idle = try await processes().run(call)
        #expect(idle.end == .timedOut)
        #expect(idle.duration < .seconds(500))
        // Many times as long as that, on any machine: until it is told to end.
        call = shell("exec dd if=/dev/zero of=/dev/null bs=64k")
        call.limit = .seconds(4)
        call.idleLimit = .milliseconds(300)
        let busy = try await processes().run(call)
        #expect(busy.end == .timedOut)
        #expect(busy.duration >= .seconds(4))
    }

    @Test func `a taker of the errors that throws stops the child`() async throws {
        struct Enough: Error {}
        await #expect(throws: Enough.self) {
            try await processes().stream(
                shell("echo err >&2; sleep 600"), output: { _ in }, errors: { _ in throw Enough() })
        }
    }

    @Test func `arguments arrive as they are`() async throws {
        let odd = ["", " ", "'", "\"", "$HOME", "*", "a\nb", "\\", "ü"]
        let result = try await processes().run(ProcessCall("printf", ["%s|"] + odd))
        #expect(result.outputText == odd.map { $0 + "|" }.joined())
    }

    @Test func `a program that is not there is an error`() async throws {
        await #expect(throws: ProcessError.notFound("no-such-program")) {
            try await processes().run(ProcessCall("no-such-program"))
        }
        await #expect(throws: ProcessError.notFound("/no/such/program")) {
            try await processes().run(ProcessCall("/no/such/program"))
        }
        await #expect(throws: ProcessError.cannotStart("true", why: "an argument holds a NUL byte")) {
            try await processes().run(ProcessCall("true", "a\0b"))
        }
    }

    @Test func `what is found but may not be run is another error`() async throws {
        try await withTemporaryFolder { folder in
            try folder.appending("tool").replaceContents(Array("#!/bin/sh\n".utf8), mode: 0o644)
            let processes = SystemProcesses(
                environment: ["PATH": folder.string], cancellation: Cancellation())
            await #expect(throws: ProcessError.cannotStart("tool", why: "Permission denied")) {
                try await processes.run(ProcessCall("tool"))
            }
        }
    }

    @Test func `a folder that is not there is named`() async throws {
        var call = ProcessCall("true")
        call.folder = "/no/such/folder"
        await #expect(
            throws: ProcessError.cannotStart(
                "true", why: "its folder /no/such/folder: No such file or directory")
        ) {
            try await processes().run(call)
        }
    }

    @Test func `programs are looked up on the PATH of the call`() async throws {
        try await TemporaryHome.with { home in
            try home.tools.add("docker", "echo fake")
            var call = ProcessCall("docker", "ps", "-a")
            call.environment["PATH"] = home.tools.path
            #expect(try await processes().run(call).outputText == "fake\n")
            #expect(try home.tools.calls() == [["docker", "ps", "-a"]])
        }
    }

    @Test func `the environment is the given one with its changes, without K3D variables`() async throws {
        let processes = SystemProcesses(
            environment: [
                "PATH": "/usr/bin:/bin", "K3D_FIX_DNS": "1", "A": "a", "B": "b", "1=bad": "x",
            ], cancellation: Cancellation())
        var call = ProcessCall("env")
        call.environment = ["A": nil, "C": "c", "K3D_IMAGE": "x"]
        let lines = try await processes.run(call).outputText.split(separator: "\n").sorted()
            .filter { !$0.hasPrefix("\(Orphans.variable)=") }
        #expect(lines == ["B=b", "C=c", "PATH=/usr/bin:/bin"])
    }

    @Test func `input comes in pieces, of files only what was asked for`() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending("file")
            let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try file.replaceContents(bytes)
            var call = ProcessCall("cat")
            call.input = .pieces([
                .bytes(Array("head\n".utf8)), .part(of: file, from: 1000, count: 2_000_000), .bytes([]),
                .part(of: file, from: 0, count: 0), .bytes(Array("tail".utf8)),
            ])
            let result = try await processes().run(call)
            #expect(
                result.output == Array("head\n".utf8) + bytes[1000..<2_001_000] + Array("tail".utf8))
            call.input = .pieces([.part(of: file, from: 0, count: 3_000_001)])
            await #expect(throws: FileError.self) { try await processes().run(call) }
            call = ProcessCall("true")
            call.input = .pieces([.part(of: file, from: 0, count: 3_000_000)])
            #expect(try await processes().run(call).succeeded)
        }
    }

    @Test func `input comes from nowhere, from bytes or from a file`() async throws {
        #expect(try await processes().run(ProcessCall("cat")).output == [])
        let bytes = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        var call = ProcessCall("cat")
        call.input = .bytes(bytes)
        #expect(try await processes().run(call).output == bytes)
        try await withTemporaryFolder { folder in
            let file = folder.appending("in")
            try file.replaceContents(Array("from a file".utf8))
            call.input = .file(file)
            #expect(try await processes().run(call).outputText == "from a file")
            call.input = .file(folder.appending("absent"))
            await #expect(throws: ProcessError.self) { try await processes().run(call) }
        }
    }

    @Test func `a child may close its input without reading it`() async throws {
        var call = shell("exec <&-; echo done")
        call.input = .bytes([UInt8](repeating: 1, count: 4 << 20))
        let result = try await processes().run(call)
        #expect(result.end == .exited(0))
        #expect(result.outputText == "done\n")
    }

    @Test func `two streams of 32 MiB do not block each other`() async throws {
        var call = shell("head -c 33554432 /dev/zero >&2 & head -c 33554432 /dev/zero; wait")
        call.outputLimit = 64 << 20
        let result = try await processes().run(call)
        #expect(result.output.count == 32 << 20)
        #expect(result.errors.count == 32 << 20)
        #expect(result.succeeded && !result.isCut)
    }

    @Test func `too much output is cut, and the child goes on`() async throws {
        var call = shell("seq 100000; echo x >&2; exit 5")
        call.outputLimit = 10
        let result = try await processes().run(call)
        #expect(result.outputText == "1\n2\n3\n4\n5\n")
        #expect(result.errorText == "x\n")
        #expect(result.isCut)
        #expect(result.end == .exited(5))
    }

    @Test func `a stream is handed over whole and in order`() async throws {
        let received = Mutex<[UInt8]>([])
        let result = try await processes().stream(shell("seq 100000; echo warning >&2")) { piece in
            received.withLock { $0 += piece }
        }
        let expected = (1...100_000).map { "\($0)\n" }.joined()
        #expect(received.withLock { $0 } == Array(expected.utf8))
        #expect(result.output == [])
        #expect(result.errorText == "warning\n")
    }

    @Test func `who takes the stream can stop it`() async throws {
        struct Enough: Error {}
        await #expect(throws: Enough.self) {
            try await processes().stream(ProcessCall("yes")) { _ in throw Enough() }
        }
    }

    @Test func `after the limit the child may say its last words`() async throws {
        var call = shell("trap 'echo bye; exit 7' TERM; echo hello; while :; do sleep 0.02; done")
        call.limit = .milliseconds(300)
        let result = try await processes().run(call)
        #expect(result.end == .timedOut)
        #expect(result.outputText == "hello\nbye\n")
    }

    @Test func `after the limit nothing of the group is left, not even what ignores SIGTERM`() async throws {
        // The leader obeys and leaves; its child and grandchild do not.
        var call = shell(
            """
            sh -c 'trap "" TERM; sh -c "echo \\$\\$; while :; do sleep 1; done" & echo $$; while :; do sleep 1; done' &
            trap 'exit 0' TERM; echo $$; while :; do sleep 0.02; done
            """)
        call.limit = .milliseconds(400)
        let result = try await processes().run(call)
        #expect(result.end == .timedOut)
        let pids = result.outputText.split(separator: "\n").compactMap { pid_t($0) }
        #expect(pids.count == 3)
        for pid in pids { #expect(try ProcessIdentity.of(pid: pid)?.isAlive != true) }
        #expect(result.duration >= .milliseconds(700), "the grace period was kept")
    }

    @Test func `a stopped child is ended too`() async throws {
        var call = shell("kill -STOP $$; echo went on")
        call.limit = .milliseconds(200)
        #expect(try await processes().run(call).end == .timedOut)
    }

    @Test func `a descendant that keeps the streams open is not waited for`() async throws {
        let result = try await processes().run(shell("sleep 100 & echo $!"))
        #expect(result.end == .exited(0))
        #expect(result.duration < .seconds(50))
        let pid = try #require(pid_t(result.outputText.dropLast()))
        #expect(
            try ProcessIdentity.of(pid: pid)?.isAlive == true, "it ended well, so nothing of it was killed")
        kill(pid, SIGKILL)
    }

    @Test func `a descendant that never stops writing does not hold the call up`() async throws {
        let result = try await processes().run(shell("yes & echo $! >&2"))
        #expect(result.end == .exited(0))
        kill(try #require(pid_t(result.errorText.dropLast())), SIGKILL)
    }

    @Test(arguments: [Interruption.interrupt, .terminate, .timeout])
    func `a cancelled command ends its children and says why`(why: Interruption) async throws {
        let cancellation = Cancellation()
        let pid = Mutex<pid_t>(0)
        let processes = processes(cancellation)
        await #expect(throws: Interrupted(why)) {
            try await processes.stream(shell("echo $$; while :; do sleep 0.02; done")) { piece in
                pid.withLock { $0 = pid_t(String(decoding: piece.dropLast(), as: UTF8.self)) ?? 0 }
                cancellation.cancel(why)
            }
        }
        let child = pid.withLock { $0 }
        #expect(child > 0)
        #expect(try ProcessIdentity.of(pid: child)?.isAlive != true)
        await #expect(throws: Interrupted(why)) { try await processes.run(ProcessCall("true")) }
    }

    @Test func `a cancelled task ends its child, whose streams are read to their end`() async throws {
        try await withTemporaryFolder { folder in
            let (started, starter) = AsyncStream.makeStream(of: Void.self)
            let mark = folder.appending("cleaned")
            let task = Task {
                try await processes().stream(
                    shell("trap 'seq 50000; echo x >\(mark); exit' TERM; echo; while :; do sleep 0.02; done")
                ) { _ in starter.yield() }
            }
            for await _ in started { break }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            let isMarked = try mark.isPresent
            #expect(isMarked, "it could write all its last words and end by itself")
        }
    }

    @Test func `every call is told with how it ended`() async throws {
        let lines = Mutex<[String]>([])
        let processes = SystemProcesses(
            environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation(),
            log: { line in lines.withLock { $0.append(line) } })
        _ = try await processes.run(ProcessCall("sh", "-c", "exit 3"))
        _ = try? await processes.run(ProcessCall("absent"))
        let told = lines.withLock { $0 }
        #expect(told.first?.wholeMatch(of: /sh -c 'exit 3' \(exit 3, \d+\.\d\d s\)/) != nil)
        #expect(told.last?.hasPrefix("absent (not started: ") == true)
    }

    @Test func `many children run at once`() async throws {
        let ends = try await withThrowingTaskGroup(of: Int32.self) { group in
            for code in 0..<40 {
                group.addTask {
                    guard case .exited(let code) = try await processes().run(shell("exit \(code)")).end else {
                        return -1
                    }
                    return code
                }
            }
            return try await group.reduce(into: Set<Int32>()) { $0.insert($1) }
        }
        #expect(ends == Set(0..<40))
    }

    @Test func `no descriptor is left behind`() async {
        await #expect(processExitsWith: .success) {
            let processes = processes()
            var bytes = ProcessCall("head", "-c", "1")
            bytes.input = .bytes([UInt8](repeating: 0, count: 100_000))
            var slow = ProcessCall("sleep", "9")
            slow.limit = .milliseconds(10)
            _ = try await processes.run(bytes)
            let before = try FilePath("/proc/self/fd").entries().count
            for _ in 0..<50 {
                _ = try await processes.run(bytes)
                _ = try? await processes.run(ProcessCall("absent"))
            }
            _ = try await processes.run(slow)
            var nowhere = ProcessCall("true")
            nowhere.folder = "/no/such/folder"
            _ = try? await processes.run(nowhere)
            #expect(try FilePath("/proc/self/fd").entries().count == before)
        }
    }

    @Test func `a second Ctrl-C kills all children at once`() async {
        await #expect(processExitsWith: .success) {
            let processes = processes()
            let result = try await processes.stream(
                shell("trap '' TERM; sleep 1000 & echo $!; while :; do sleep 1; done")
            ) { _ in SystemProcesses.killAll() }
            #expect(result.end == .signaled(SIGKILL))
        }
    }

    @Test func `a working folder that is gone does not matter`() async {
        await #expect(processExitsWith: .success) {
            try await withTemporaryFolder { folder in
                let gone = folder.appending("gone")
                try gone.createFolder()
                _ = gone.withPlatformString { chdir($0) }
                try gone.removeTree()
                #expect(try await processes().run(shell("echo ok")).outputText == "ok\n")
            }
        }
    }
}

private func processes(_ cancellation: Cancellation = Cancellation()) -> SystemProcesses {
    SystemProcesses(
        environment: ["PATH": "/usr/bin:/bin"], cancellation: cancellation, grace: .milliseconds(400))
}

private func shell(_ script: String) -> ProcessCall { ProcessCall("sh", "-c", script) }
