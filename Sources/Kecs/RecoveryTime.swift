// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// The time limits of a recovery: for each single wait, and for all of it together when the user set a limit.
public struct RecoveryTime: Sendable {
    private let clock: any WallClock
    /// The limit for one cluster's API, or for the rollouts of one batch.
    public let each: Duration
    /// The end on the clock's count; nil for no limit.
    private let end: Duration?

    init(_ clock: any WallClock, each: Duration, whole: Duration?) {
        self.clock = clock
        self.each = each
        end = whole.map { clock.elapsed() + $0 }
    }

    public var isBounded: Bool { end != nil }

    /// The remaining time of the whole; nil without a limit.
    public var rest: Duration? { end.map { max(.zero, $0 - clock.elapsed()) } }

    public var isOver: Bool { rest == .zero }

    /// Returns the shorter one of a wait's own limit and the remaining time.
    public func limit(_ own: Duration? = nil) -> Duration { min(own ?? each, rest ?? own ?? each) }
}
