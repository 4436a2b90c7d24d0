// SPDX-License-Identifier: Apache-2.0

/// Where a long operation says how far it is. May be called from any thread; must return at once.
public protocol ProgressSink: Sendable {
    /// A new step begins and the one before is over, for example "reading data".
    ///
    /// - Parameter total: Of what `advance` will count, in bytes; nil when nobody knows.
    func step(_ text: String, total: Int64?)
    func advance(_ bytes: Int64)
}

/// For `--quiet` and for tests.
public struct SilentProgress: ProgressSink {
    public init() {}
    public func step(_ text: String, total: Int64?) {}
    public func advance(_ bytes: Int64) {}
}
