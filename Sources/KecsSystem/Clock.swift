// SPDX-License-Identifier: Apache-2.0

/// A moment of the wall clock, with the file system's precision.
public struct Moment: Hashable, Comparable, Sendable {
    /// The seconds since 1970-01-01T00:00:00Z, rounded down.
    public var seconds: Int64
    /// From 0 to 999,999,999.
    public var nanoseconds: Int32

    public init(seconds: Int64, nanoseconds: Int32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    public static func < (left: Moment, right: Moment) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    /// The time from `earlier` to this moment, negative when it lies after.
    public func since(_ earlier: Moment) -> Duration {
        .seconds(seconds - earlier.seconds)
            + .nanoseconds(Int64(nanoseconds) - Int64(earlier.nanoseconds))
    }

    public static func - (left: Moment, right: Duration) -> Moment { left + (.zero - right) }

    public static func + (left: Moment, right: Duration) -> Moment {
        let (seconds, attoseconds) = right.components
        var whole = left.seconds + seconds
        var nanos = Int64(left.nanoseconds) + attoseconds / 1_000_000_000
        if nanos < 0 {
            nanos += 1_000_000_000
            whole -= 1
        } else if nanos >= 1_000_000_000 {
            nanos -= 1_000_000_000
            whole += 1
        }
        return Moment(seconds: whole, nanoseconds: Int32(nanos))
    }
}

/// The wall clock and the passing of time. Tests use `ManualClock`.
public protocol WallClock: Sendable {
    func now() -> Moment
    /// - Throws: `CancellationError` when the task is cancelled meanwhile.
    func sleep(for duration: Duration) async throws
    /// A clock that never goes back, for measuring how long something took.
    func elapsed() -> Duration
}

extension WallClock {
    /// Asks `condition` until it holds.
    ///
    /// - Parameters:
    ///   - limit: The time to keep asking, from now. The last question is asked at the limit.
    ///   - interval: The pause between two questions.
    ///   - condition: Must be cheap and without side effects. It is asked at least once.
    /// - Returns: True when the condition came to hold within the limit.
    /// - Throws: Any error of `condition`, and `CancellationError`.
    public func wait(
        upTo limit: Duration, every interval: Duration = .milliseconds(100),
        until condition: () async throws -> Bool
    ) async throws -> Bool {
        let start = elapsed()
        while true {
            if try await condition() { return true }
            let left = limit - (elapsed() - start)
            if left <= .zero { return false }
            try await sleep(for: min(interval, left))
        }
    }
}
