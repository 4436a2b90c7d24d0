// SPDX-License-Identifier: Apache-2.0

/// What is wrong with an object of a store. What is wrong with the disk stays a `FileError`.
public struct ObjectProblem: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Kind: Hashable, Sendable {
        /// Bytes are missing, or differ from those that were written.
        case damaged
        /// Whole as far as we can see, and not readable without the server: encrypted, compressed, moved elsewhere, or in a
        /// form that we do not know.
        case unreadable
    }

    public var kind: Kind
    /// The object's path below the data folder.
    public var object: String
    /// One clause without a full stop.
    public var why: String

    public init(_ kind: Kind, _ object: String, _ why: String) {
        self.kind = kind
        self.object = object
        self.why = why
    }

    public var description: String { "\(object): \(why)" }
}
