// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import Synchronization

/// Runs blocking work that must end when the command is cancelled, and after `limit` at the latest.
///
/// - Throws: `Interrupted(.timeout)` from the work when the limit passes, or with the command's own reason.
func limited<Result>(
    _ limit: Duration?, within outer: Cancellation, _ body: (Cancellation) throws -> Result
) throws -> Result {
    guard let limit else { return try body(outer) }
    let watch = Watch(outer: outer, deadline: ContinuousClock.now + limit)
    let thread = try Threads.joinable(name: "time-limit") { watch.run() }
    defer {
        watch.end()
        thread.join()
    }
    return try body(watch.inner)
}

/// A thread that watches the clock for SQLite, which checks a flag and knows no time.
private final class Watch: Sendable {
    let outer: Cancellation
    let inner = Cancellation()
    let deadline: ContinuousClock.Instant
    private let isOver = Atomic<Bool>(false)

    init(outer: Cancellation, deadline: ContinuousClock.Instant) {
        self.outer = outer
        self.deadline = deadline
    }

    func end() { isOver.store(true, ordering: .releasing) }

    func run() {
        while !isOver.load(ordering: .acquiring) {
            if let reason = outer.reason { return inner.cancel(reason) }
            if ContinuousClock.now >= deadline { return inner.cancel(.timeout) }
            usleep(5000)
        }
    }
}
