// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// How long a recovery may take: each wait for something by itself, and all of it together when the user set a bound.
public struct RecoveryTime: Sendable {
    private let clock: any WallClock
    /// For one cluster's API, or for the rollouts of one batch.
    public let each: Duration
    /// On the clock's count; nil: as long as it takes.
    private let end: Duration?

    init(_ clock: any WallClock, each: Duration, whole: Duration?) {
        self.clock = clock
        self.each = each
        end = whole.map { clock.elapsed() + $0 }
    }

    public var isBounded: Bool { end != nil }

    /// Of the whole; nil without a bound.
    public var rest: Duration? { end.map { max(.zero, $0 - clock.elapsed()) } }

    public var isOver: Bool { rest == .zero }

    /// The shorter one of a wait's own limit and what is left.
    public func limit(_ own: Duration? = nil) -> Duration { min(own ?? each, rest ?? own ?? each) }
}
