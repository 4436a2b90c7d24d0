// SPDX-License-Identifier: Apache-2.0

/// A problem of an object in a store. Problems of the disk stay `FileError`s.
public struct ObjectProblem: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Kind: Hashable, Sendable {
        /// Bytes are missing, or differ from those that were written.
        case damaged
        /// The object seems whole, but cannot be read without the server: it is encrypted, compressed, moved elsewhere,
        /// or in an unknown form.
        case unreadable
    }

    public var kind: Kind
    /// The object's path below the data folder.
    public var object: String
    /// The problem, as one clause without a full stop.
    public var why: String

    public init(_ kind: Kind, _ object: String, _ why: String) {
        self.kind = kind
        self.object = object
        self.why = why
    }

    public var description: String { "\(object): \(why)" }
}
