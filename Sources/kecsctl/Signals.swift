// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import Synchronization

/// SIGINT, SIGTERM and SIGHUP, received by a thread that waits for them: what it then runs is ordinary code, not a
/// signal handler.
enum Signals {
    /// To be called before any other thread exists: later ones inherit that these signals are blocked in them.
    ///
    /// - Parameters:
    ///   - first: The command must stop cleanly.
    ///   - second: It does not do so fast enough for whoever asks.
    static func listen(
        first: @escaping @Sendable (Interruption) -> Void,
        second: @escaping @Sendable (Interruption) -> Void
    ) {
        var set = sigset_t()
        sigemptyset(&set)
        // `nohup kecsctl` and `kecsctl &` in a script ignore one of them on purpose.
        for number in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(number) { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        let signals = set
        Threads.start(name: "signals") {
            var set = signals
            var count = 0
            while true {
                var number: CInt = 0
                guard sigwait(&set, &number) == 0 else { continue }
                count += 1
                let why: Interruption = number == SIGINT ? .interrupt : .terminate
                count == 1 ? first(why) : second(why)
            }
        }
    }

    private static func isIgnored(_ number: CInt) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }
}

/// The one task that runs the command, for those who must stop it: the signals and `--timeout`.
final class RootTask: Sendable {
    let cancellation = Cancellation()
    private let stop = Mutex<(@Sendable () -> Void)?>(nil)

    /// The flag reaches code on plain threads, the task's cancellation what waits. Only the first reason counts.
    func cancel(_ why: Interruption) {
        cancellation.cancel(why)
        stop.withLock { $0 }?()
    }

    /// - Parameter stop: Is called at once when it was cancelled before.
    func attach(_ stop: @escaping @Sendable () -> Void) {
        self.stop.withLock { $0 = stop }
        if cancellation.reason != nil { stop() }
    }
}
