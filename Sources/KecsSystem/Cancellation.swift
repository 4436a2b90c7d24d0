// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The reason why a command must stop before its end.
public enum Interruption: Int, Sendable, Hashable {
    case interrupt = 130
    case terminate = 143
    case timeout = 15
}

/// Thrown by `Cancellation.check()`.
public struct Interrupted: Error, Hashable, Sendable {
    public let why: Interruption
    public init(_ why: Interruption) { self.why = why }
}

/// A flag for the whole command. A signal or `--timeout` sets it, and every loop that can last checks it.
///
/// Task cancellation alone does not reach code on plain threads (archiving, SQLite), so blocking code checks this flag.
public final class Cancellation: Sendable {
    private let state = Atomic<Int>(0)
    private let inherited: @Sendable () -> Interruption?

    public init() { inherited = { nil } }

    /// Creates a cancellation that ends with another, or with `.timeout` as soon as `isOver` returns true.
    public init(_ whole: Cancellation, isOver: @escaping @Sendable () -> Bool) {
        inherited = { whole.reason ?? (isOver() ? .timeout : nil) }
    }

    /// Cancels the command. Only the first call counts.
    public func cancel(_ why: Interruption) {
        _ = state.compareExchange(
            expected: 0, desired: why.rawValue, ordering: .sequentiallyConsistent)
    }

    public var reason: Interruption? {
        Interruption(rawValue: state.load(ordering: .relaxed)) ?? inherited()
    }

    /// Checks the flag.
    ///
    /// - Throws: `Interrupted` once `cancel` was called.
    public func check() throws(Interrupted) {
        if let reason { throw Interrupted(reason) }
    }
}
