// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// A member of an archive, as recorded.
public struct ArchiveEntry: Sendable {
    public enum Kind: Hashable, Sendable {
        case file, folder, symlink, hardLink
        /// A device, FIFO or the like, with tar's letter for it. We write none and create none.
        case special(UInt8)
    }

    /// Raw bytes without `./` before or `/` behind; empty for the root. Checked: relative, no `..`, no empty parts.
    public internal(set) var path: [UInt8]
    public internal(set) var kind: Kind
    /// The size of the content as a reader of the file sees it, holes included.
    public internal(set) var size: Int64 = 0
    /// Permission bits with set-id and sticky.
    public internal(set) var mode: UInt32
    public internal(set) var owner: UInt32
    public internal(set) var group: UInt32
    public internal(set) var modified: Moment
    /// The target: of a symlink as recorded, of a hard link in the form of `path`.
    public internal(set) var linkTarget: [UInt8] = []
    /// A CRC-64 (ECMA-182, reflected) of the content, holes as zeros; only when asked for, and only of files. Two files of
    /// one size that differ by accident have the same one once in 2^64 times; who wants to can make two.
    public internal(set) var contentSum: UInt64?

    var xattrs: [(name: [UInt8], value: [UInt8])] = []
    var accessACL: [UInt8]?
    var defaultACL: [UInt8]?
    /// Nil for a file without recorded holes.
    var extents: [Extent]?
}
