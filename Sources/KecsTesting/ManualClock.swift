// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
import Synchronization

/// A clock on which time passes only by sleeping: `sleep` returns at once, that much later.
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

    /// How long each `sleep` was.
    public var sleeps: [Duration] { state.withLock { $0.sleeps } }

    public func now() -> Moment { state.withLock { $0.now } }
    public func elapsed() -> Duration { state.withLock { $0.elapsed } }

    public func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        state.withLock { $0.sleeps.append(duration) }
        advance(by: duration)
        // Whoever is waited for gets a chance to go on.
        await Task.yield()
    }

    public func advance(by duration: Duration) {
        state.withLock { state in
            state.elapsed += duration
            state.now = state.now + duration
        }
    }

    /// Sets the wall clock, as an administrator or NTP does; `elapsed` goes on as if nothing had happened.
    public func set(_ now: Moment) { state.withLock { $0.now = now } }
}
