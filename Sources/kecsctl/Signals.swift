// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import Synchronization

/// Receives SIGINT, SIGTERM and SIGHUP in a thread that waits for them, so that the reaction is ordinary code, not a
/// signal handler.
struct Signals {
    private let set: sigset_t

    /// Blocks the signals. Call it before any other thread exists: later ones inherit the blocked signals.
    static func block() -> Signals {
        var set = sigset_t()
        sigemptyset(&set)
        // `nohup kecsctl` and `kecsctl &` in a script ignore one of them on purpose.
        for number in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(number) { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        return Signals(set: set)
    }

    /// Blocks this thread until the next one.
    func wait() -> Interruption {
        var set = set
        var number: CInt = 0
        while sigwait(&set, &number) != 0 {}
        return number == SIGINT ? .interrupt : .terminate
    }

    private static func isIgnored(_ number: CInt) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }
}

/// The one task that runs the command, for everything that must stop it: the signals and `--timeout`.
final class RootTask: Sendable {
    let cancellation = Cancellation()
    private let stop = Mutex<(@Sendable () -> Void)?>(nil)

    /// Cancels the command. The flag reaches code on plain threads, the task's cancellation reaches waiting code. Only
    /// the first reason counts.
    func cancel(_ why: Interruption) {
        cancellation.cancel(why)
        stop.withLock { $0 }?()
    }

    /// - Parameter stop: Called at once when it was cancelled before.
    func attach(_ stop: @escaping @Sendable () -> Void) {
        self.stop.withLock { $0 = stop }
        if cancellation.reason != nil { stop() }
    }
}
