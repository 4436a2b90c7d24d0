// SPDX-License-Identifier: Apache-2.0

/// A passphrase, a token, a key. However it is printed, dumped or interpolated, `•••` appears.
public struct Secret: Hashable, Sendable {
    private let value: String

    public init(_ value: String) { self.value = value }

    /// The only way to the text itself: for a child's standard input or a header, never for an argument or a log.
    public func reveal() -> String { value }

    public var isEmpty: Bool { value.isEmpty }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "•••" }
    public var debugDescription: String { "•••" }
    /// Without this mirror, `dump` and the failures of tests would show the value.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
