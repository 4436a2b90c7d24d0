// SPDX-License-Identifier: Apache-2.0

/// The receiver of a long operation's progress. May be called from any thread; must return at once.
public protocol ProgressSink: Sendable {
    /// A new step begins and the one before is over, for example "reading data".
    ///
    /// - Parameter total: The total that `advance` will count up to, in bytes; nil when unknown.
    func step(_ text: String, total: Int64?)
    func advance(_ bytes: Int64)
}

/// For `--quiet` and for tests.
public struct SilentProgress: ProgressSink {
    public init() {}
    public func step(_ text: String, total: Int64?) {}
    public func advance(_ bytes: Int64) {}
}
