// SPDX-License-Identifier: Apache-2.0
import Glibc
import SystemPackage

/// Looks after one running child, on one thread, until it and (when it had to be stopped) its whole group are gone:
/// feeds its input, reads its streams to their ends, keeps the limit.
///
/// It must end before the child is reaped: until then no other process can get the id of the group.
struct ChildWatch {
    struct Rules: Sendable {
        /// The time at which the group is told to stop, on the clock of `now`.
        var deadline: Duration
        /// The time in which a child must move something; nil for none.
        var idle: Duration?
        /// The time from SIGTERM to SIGKILL.
        var grace: Duration
        var outputLimit: Int
        var input: [ProcessCall.Piece]
        /// Takes standard output piece by piece; nil collects it.
        var output: (@Sendable ([UInt8]) throws -> Void)?
        /// Takes standard error likewise.
        var errors: (@Sendable ([UInt8]) throws -> Void)?
        var isCancelled: @Sendable () -> Bool
    }

    /// The reason why the child was stopped.
    enum Reason: Sendable {
        case limit
        case cancelled
        /// The error that the consumer of the output threw, or the reading of the input.
        case reader(any Error)
    }

    struct Findings: Sendable {
        var output: [UInt8] = []
        var errors: [UInt8] = []
        var isCut = false
        var stopped: Reason?
        /// The time at which it was over, on the clock of `now`.
        var end = Duration.zero
    }

    private enum Phase {
        case running
        case terminating(since: Duration)
        case killing(since: Duration)
    }

    private let group: ProcessGroup
    private var handle: CInt
    private var pipes: ChildPipes
    private let rules: Rules
    private var findings = Findings()
    private var phase = Phase.running
    private var input: ChildInput
    private var leaderEnd: Duration?
    private var readSinceEnd = 0
    private var isDry = false
    /// What the child had moved at the beginning of the time in which it must move something.
    private var mark: (at: Duration, bytes: UInt64?)?
    private var buffer = [UInt8](repeating: 0, count: pieceSize)

    private static let pieceSize = 256 << 10
    /// The longest time until a cancellation is noticed. Everything else wakes the thread.
    private static let tick = Duration.milliseconds(50)
    /// The time for which a descendant that keeps the streams open is still read once the child itself has ended well.
    private static let linger = Duration.milliseconds(100)
    /// The time to wait after SIGKILL. A process in an uninterruptible system call outlasts it.
    private static let burial = Duration.seconds(5)

    /// - Parameter handle: A pidfd of the leader, or -1 where there are none. Not closed here.
    init(group: ProcessGroup, handle: CInt, pipes: ChildPipes, rules: Rules) {
        self.group = group
        self.handle = handle
        self.pipes = pipes
        self.rules = rules
        input = ChildInput(rules.input)
    }

    /// Blocks until the child has ended; closes our ends of its streams.
    mutating func run() -> Findings {
        while !isOver() {
            wait()
            // Checked before reading: the leader's last output is in the pipes once it is known to be gone.
            if leaderEnd == nil, Self.hasExited(group.id) {
                leaderEnd = Self.now()
                handle = -1
                pipes.closeInput()
            }
            feed()
            read()
        }
        pipes.closeOurs()
        input.close()
        findings.end = Self.now()
        return findings
    }

    private mutating func isOver() -> Bool {
        let now = Self.now()
        switch phase {
        case .running:
            if let leaderEnd {
                if pipes.ours.output < 0, pipes.ours.errors < 0 { return true }
                // The leader's whole output was read once the pipes were dry, or once more than they hold was read.
                if now - leaderEnd >= Self.linger, isDry || readSinceEnd > 2 << 20 { return true }
            }
            if findings.stopped == nil {
                if now >= rules.deadline || isIdle(at: now) {
                    findings.stopped = .limit
                } else if rules.isCancelled() {
                    findings.stopped = .cancelled
                }
            }
            if findings.stopped != nil {
                group.terminate()
                phase = .terminating(since: now)
            }
        case .terminating(let since):
            if isGroupGone { return true }
            if now - since >= rules.grace {
                group.killAtOnce()
                phase = .killing(since: now)
            }
        case .killing(let since):
            if isGroupGone || now - since >= Self.burial { return true }
            // Members may have been started while the first signal was on its way.
            group.killAtOnce()
        }
        return false
    }

    /// What a child moves at least that does anything: a handshake of TLS is more.
    private static let leastMoved: UInt64 = 1024

    private mutating func isIdle(at now: Duration) -> Bool {
        guard let idle = rules.idle, leaderEnd == nil else { return false }
        guard let last = mark else {
            mark = (now, Self.moved(by: group.id))
            return false
        }
        guard now - last.at >= idle else { return false }
        let bytes = Self.moved(by: group.id)
        mark = (now, bytes)
        // What is not known is not held against it.
        guard let bytes, let before = last.bytes else { return false }
        return bytes &- before < Self.leastMoved
    }

    /// The bytes that a process has read and written; nil when the kernel does not say.
    private static func moved(by pid: pid_t) -> UInt64? {
        guard let bytes = try? FilePath("/proc/\(pid)/io").contents(limit: 4096) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        let counts = lines.compactMap { line in
            line.hasPrefix("rchar: ") || line.hasPrefix("wchar: ") ? UInt64(line.dropFirst(7)) : nil
        }
        return counts.count == 2 ? counts[0] &+ counts[1] : nil
    }

    private var isGroupGone: Bool { leaderEnd != nil && isDry && !group.hasRunningMembers() }

    private func wait() {
        var events: [pollfd] = []
        for (descriptor, interest) in [
            (handle, POLLIN), (pipes.ours.output, POLLIN), (pipes.ours.errors, POLLIN),
            (pipes.ours.input, POLLOUT),
        ] where descriptor >= 0 {
            events.append(pollfd(fd: descriptor, events: Int16(interest), revents: 0))
        }
        let time = min(Self.tick, max(.zero, rules.deadline - Self.now()))
        let isRunning = if case .running = phase { true } else { false }
        poll(
            &events, nfds_t(events.count),
            Int32(((isRunning ? time : Self.tick) / .milliseconds(1)).rounded(.up)))
    }

    private mutating func feed() {
        // A bounded number of writes: a child that takes without end must not delay the check of the limit.
        for _ in 0..<16 where pipes.ours.input >= 0 {
            do {
                guard try input.fill() else { return pipes.closeInput() }
            } catch {
                if findings.stopped == nil { findings.stopped = .reader(error) }
                return pipes.closeInput()
            }
            let count = input.waiting.withUnsafeBytes { write(pipes.ours.input, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                // EPIPE: a child may close its input without having read it. SIGPIPE stays blocked on this thread.
                if errno != EAGAIN { pipes.closeInput() }
                return
            }
            input.take(count)
        }
    }

    private mutating func read() {
        isDry = true
        // A bounded number of reads: a child that writes without end must not delay the check of the limit.
        for _ in 0..<16 {
            let output = piece(from: pipes.ours.output)
            if output.isEnd { pipes.closeOutput() }
            if output.count > 0 { take(output.count, rules.output, else: \.output) }
            let errors = piece(from: pipes.ours.errors)
            if errors.isEnd { pipes.closeErrors() }
            if errors.count > 0 { take(errors.count, rules.errors, else: \.errors) }
            if leaderEnd != nil { readSinceEnd += output.count + errors.count }
            if output.count == 0, errors.count == 0 { return }
        }
        isDry = false
    }

    /// Reads once into `buffer`. An empty pipe and a missing descriptor both give 0 bytes and no end.
    private mutating func piece(from descriptor: CInt) -> (count: Int, isEnd: Bool) {
        guard descriptor >= 0 else { return (0, false) }
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count > 0 { return (count, false) }
            if count == 0 { return (0, true) }
            if errno != EINTR { return (0, errno != EAGAIN) }
        }
    }

    private mutating func take(
        _ count: Int, _ taker: (@Sendable ([UInt8]) throws -> Void)?,
        else stream: WritableKeyPath<Findings, [UInt8]>
    ) {
        guard let taker else { return collect(count, in: stream) }
        // Once the child is stopped, its output is no longer needed. It is still read, so that the child can write its
        // last words and end.
        guard findings.stopped == nil else { return }
        do {
            try taker(Array(buffer[..<count]))
        } catch {
            findings.stopped = .reader(error)
        }
    }

    private mutating func collect(_ count: Int, in stream: WritableKeyPath<Findings, [UInt8]>) {
        let room = rules.outputLimit - findings[keyPath: stream].count
        if room < count { findings.isCut = true }
        if room > 0 { findings[keyPath: stream] += buffer[..<min(room, count)] }
    }

    private static func hasExited(_ pid: pid_t) -> Bool {
        var info = siginfo_t()
        // WNOWAIT leaves it to be reaped by its owner. With WNOHANG and no news, the pid stays 0.
        guard waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 else {
            return errno == ECHILD
        }
        return info.si_signo == SIGCHLD
    }

    static func now() -> Duration { SystemClock().elapsed() }
}
