// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@Suite struct FileLockTests {
    @Test func `a lock excludes others until it is released`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder.appending("lock")
            let clock = ManualClock()
            let lock = try await acquire(path, "kecsctl backup dev", clock)
            let error = await #expect(throws: LockHeld.self) { try await acquire(path, "other", clock) }
            #expect(
                error?.holder
                    == FileLock.Holder(
                        process: try ProcessIdentity.current(), command: "kecsctl backup dev",
                        since: clock.now()))
            #expect(error?.path == path)
            lock.unlock()
            lock.unlock()
            #expect(try path.contents() == [])
            try await acquire(path, "other", clock).unlock()
        }
    }

    @Test func `it is released with the last reference`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder.appending("lock")
            do { _ = try await acquire(path, "first") }
            try await acquire(path, "second").unlock()
        }
    }

    @Test func `hold releases it, also when its body throws`() async throws {
        try await withTemporaryFolder { folder in
            struct Boom: Error {}
            let path = folder.appending("lock")
            await #expect(throws: Boom.self) {
                try await FileLock.hold(
                    path, command: "x", clock: ManualClock(), cancellation: Cancellation()
                ) {
                    let isHeld = await isHeld(path)
                    #expect(isHeld)
                    throw Boom()
                }
            }
            try await acquire(path, "z").unlock()
        }
    }

    @Test func `the file is private and its content can be read by people`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder.appending("lock")
            let lock = try await acquire(path, "kecsctl stop")
            #expect(try FileStatus.of(path)?.mode == 0o600)
            let text = String(decoding: try path.contents(), as: UTF8.self)
            for part in [
                #""pid":\#(getpid())"#, #""command":"kecsctl stop""#, #""since":"2026-01-01T00:00:00Z""#,
            ] {
                #expect(text.contains(part))
            }
            lock.unlock()
        }
    }

    @Test func `waiting lasts as long as told, and ends as soon as it is free`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder.appending("lock")
            let clock = ManualClock()
            let lock = try await acquire(path, "first", clock)
            await #expect(throws: LockHeld.self) {
                try await acquire(path, "second", clock, wait: .seconds(30))
            }
            #expect(clock.elapsed() == .seconds(30))
            let opener = Opener(clock: clock, after: .seconds(3)) { lock.unlock() }
            try await FileLock.acquire(
                path, command: "third", wait: .seconds(30), clock: opener, cancellation: Cancellation()
            ).unlock()
            #expect(clock.elapsed() < .seconds(34))
        }
    }

    @Test func `waiting can be cancelled`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder.appending("lock")
            let lock = try await acquire(path, "first")
            let cancellation = Cancellation()
            let clock = ManualClock()
            let opener = Opener(clock: clock, after: .seconds(3)) { cancellation.cancel(.interrupt) }
            await #expect(throws: Interrupted(.interrupt)) {
                try await FileLock.acquire(
                    path, command: "second", wait: .seconds(30), clock: opener, cancellation: cancellation)
            }
            lock.unlock()
        }
    }

    @Test func `a holder that was killed holds nothing`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder.appending("lock")
            await #expect(processExitsWith: .signal(SIGKILL)) { [name = path.string as String] in
                let lock = try await acquire(FilePath(name), "doomed")
                _ = kill(getpid(), SIGKILL)
                lock.unlock()
            }
            #expect(FileLock.holder(of: path)?.command == "doomed", "its content stays, and decides nothing")
            #expect(FileLock.holder(of: path)?.process.isAlive == false)
            try await acquire(path, "next").unlock()
        }
    }

    @Test func `children do not have it`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder.appending("lock")
            let lock = try await acquire(path, "parent")
            let processes = SystemProcesses(
                environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation())
            let pid = try await processes.run(ProcessCall("sh", "-c", "sleep 1000 >&- 2>&- & echo $!"))
                .outputText
            lock.unlock()
            try await acquire(path, "next").unlock()
            kill(try #require(pid_t(pid.dropLast())), SIGKILL)
        }
    }

    @Test func `a lock whose file was replaced is the lock of the new one`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder.appending("lock")
            let old = try await acquire(path, "old")
            try path.rename(to: folder.appending("moved"))
            let new = try await acquire(path, "new")
            #expect(FileLock.holder(of: path)?.command == "new")
            old.unlock()
            new.unlock()
        }
    }

    @Test func `where nothing can be written there is a lock all the same`() async {
        await #expect(processExitsWith: .success) {
            try await withTemporaryFolder { folder in
                let path = folder.appending("lock")
                signal(SIGXFSZ, SIG_IGN)
                var none = rlimit(rlim_cur: 0, rlim_max: 0)
                #expect(setrlimit(__rlimit_resource_t(UInt32(RLIMIT_FSIZE.rawValue)), &none) == 0)
                let lock = try await acquire(path, "x")
                let error = await #expect(throws: LockHeld.self) { try await acquire(path, "y") }
                #expect(error?.holder == nil)
                lock.unlock()
            }
        }
    }

    @Test func `what is no file is not locked`() async throws {
        try await withTemporaryFolder { folder in
            let fifo = folder.appending("fifo")
            #expect(fifo.withPlatformString { mkfifo($0, 0o600) } == 0)
            await #expect(throws: FileError("lock", fifo, .invalidArgument)) { try await acquire(fifo, "x") }
            let link = folder.appending("link")
            #expect(link.withPlatformString { symlink("/dev/null", $0) } == 0)
            await #expect(throws: FileError("open the lock", link, .tooManySymbolicLinkLevels)) {
                try await acquire(link, "x")
            }
            let nowhere = folder.appending("absent").appending("lock")
            await #expect(throws: FileError("open the lock", nowhere, .noSuchFileOrDirectory)) {
                try await acquire(nowhere, "x")
            }
        }
    }
}

@discardableResult
private func acquire(
    _ path: FilePath, _ command: String, _ clock: ManualClock = ManualClock(), wait: Duration? = nil
) async throws -> FileLock {
    try await FileLock.acquire(path, command: command, wait: wait, clock: clock, cancellation: Cancellation())
}

private func isHeld(_ path: FilePath) async -> Bool {
    do {
        try await acquire(path, "y").unlock()
        return false
    } catch {
        return error is LockHeld
    }
}

/// Does something once the clock has come that far.
private struct Opener: WallClock {
    let clock: ManualClock
    let moment: Moment
    let action: @Sendable () -> Void

    init(clock: ManualClock, after: Duration, _ action: @escaping @Sendable () -> Void) {
        self.clock = clock
        moment = clock.now() + after
        self.action = action
    }

    func now() -> Moment { clock.now() }
    func elapsed() -> Duration { clock.elapsed() }
    func sleep(for duration: Duration) async throws {
        try await clock.sleep(for: duration)
        if clock.now() >= moment { action() }
    }
}
