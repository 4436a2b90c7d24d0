// SPDX-License-Identifier: Apache-2.0
import KecsSystem
public import SystemPackage

/// The damage to an archive. A failure of the disk stays a `FileError`.
public struct ArchiveError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Kind: Hashable, Sendable {
        /// Bits differ from those that were written.
        case damaged
        /// Whole, but made to do harm; nothing of the entry was created.
        case hostile
        /// Neither; we do not know this kind of archive or entry.
        case unsupported
    }

    public var kind: Kind
    public var file: FilePath
    /// The entry's path as recorded, so it may hold anything: show it through `printable`.
    public var entry: [UInt8]?
    /// The reason, as a clause without a full stop.
    public var why: String

    public init(_ kind: Kind, _ file: FilePath, entry: [UInt8]? = nil, _ why: String) {
        self.kind = kind
        self.file = file
        self.entry = entry
        self.why = why
    }

    public var description: String {
        let what = entry.map { " at “\(printable($0))”" } ?? ""
        return "\(file)\(what): \(why)"
    }
}
