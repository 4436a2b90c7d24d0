// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The machine's own clock.
public struct SystemClock: WallClock {
    public init() {}

    public func now() -> Moment {
        let time = read(CLOCK_REALTIME)
        return Moment(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
    }

    public func sleep(for duration: Duration) async throws {
        try await Task.sleep(for: duration)
    }

    public func elapsed() -> Duration {
        let time = read(CLOCK_MONOTONIC)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }

    private func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        clock_gettime(clock, &time)
        return time
    }
}
