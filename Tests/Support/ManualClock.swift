// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
import Synchronization

/// A clock on which time passes only by sleeping: `sleep` returns at once, and the clock is that much later.
public final class ManualClock: WallClock {
    private struct State {
        var now: Moment
        var elapsed = Duration.zero
        var sleeps: [Duration] = []
    }

    private let state: Mutex<State>

    /// - Parameter now: 2026-01-01T00:00:00Z unless given.
    public init(_ now: Moment = Moment(seconds: 1_767_225_600)) {
        state = Mutex(State(now: now))
    }

    /// The duration of each `sleep`.
    public var sleeps: [Duration] { state.withLock { $0.sleeps } }

    public func now() -> Moment { state.withLock { $0.now } }
    public func elapsed() -> Duration { state.withLock { $0.elapsed } }

    public func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        state.withLock { $0.sleeps.append(duration) }
        advance(by: duration)
        // The task that is waited for gets a chance to continue.
        await Task.yield()
    }

    public func advance(by duration: Duration) {
        state.withLock { state in
            state.elapsed += duration
            state.now = state.now + duration
        }
    }

    /// Sets the wall clock, as an administrator or NTP does; `elapsed` is not affected.
    public func set(_ now: Moment) { state.withLock { $0.now = now } }
}
