// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// What an index says of an entry, apart from where it lies.
struct IndexedFacts {
    /// Tar's letter, of those that are written: a file, a folder, a symlink or a hard link.
    var type: UInt8
    var path: [UInt8]
    var size: Int64
    var mode: UInt32
    var owner: UInt32
    var group: UInt32
    var modified: Moment
    /// As in `ArchiveEntry`.
    var link: [UInt8]
    var hasHoles: Bool
}

/// Collects the index of one archive as its entries come, in writing as in reading back.
///
/// The index: a varint with the size of the records, the records, then for each gzip member two varints: its size, and its
/// content's in blocks of 512 bytes. A record:
///
/// ```text
/// u8      bits 0–1 kind (file, folder, symlink, hard link); 2: mode and owners as before; 3: has holes; 7: end
/// varint  blocks of 512 bytes from the last entry's first header to this one's; after an end nothing follows
/// varint  bytes that the path shares with the last one, then count and bytes of the rest
/// varint  mode, owner, group, unless as before
/// varint  seconds of its time less the last one's, zigzag; then nanoseconds
/// files   varint size; u64 CRC-64 (ECMA-182, reflected) of the stored content, holes left out
/// links   count and bytes of the target
/// ```
/// A varint is LEB128, of at most 64 bits.
struct IndexBuilder {
    enum Bit {
        static let kind: UInt8 = 0b11
        static let sameOwners: UInt8 = 0b100
        static let hasHoles: UInt8 = 0b1000
        static let end: UInt8 = 0b1000_0000
    }

    static let kinds = [Tar.Kind.file, Tar.Kind.folder, Tar.Kind.symlink, Tar.Kind.hardLink]

    private var records: [UInt8] = []
    private var last = IndexedFacts.first
    private var lastOffset: Int64 = 0
    private var isTooLarge = false

    /// - Parameter offset: Of the entry's first header in the tar.
    mutating func begin(_ entry: IndexedFacts, at offset: Int64) {
        guard !isTooLarge, let kind = Self.kinds.firstIndex(of: entry.type) else {
            isTooLarge = true
            return
        }
        let isSame = entry.mode == last.mode && entry.owner == last.owner && entry.group == last.group
        records.append(
            UInt8(kind) | (isSame ? Bit.sameOwners : 0) | (entry.hasHoles ? Bit.hasHoles : 0))
        put(UInt64((offset - lastOffset) / Int64(Tar.block)))
        let shared = zip(entry.path, last.path).prefix { $0 == $1 }.count
        put(UInt64(shared))
        put(entry.path[shared...])
        if !isSame { for number in [entry.mode, entry.owner, entry.group] { put(UInt64(number)) } }
        let seconds = entry.modified.seconds &- last.modified.seconds
        put(UInt64(bitPattern: seconds << 1 ^ seconds >> 63))
        put(UInt64(entry.modified.nanoseconds))
        if entry.type == Tar.Kind.file { put(UInt64(entry.size)) } else if kind > 1 { put(entry.link[...]) }
        last = entry
        lastOffset = offset
        // A record has at most two paths of 64 KiB: far less than what is left for the last one.
        if records.count > IndexFrame.indexLimit - (1 << 20) { isTooLarge = true }
    }

    /// Ends the record of a file, after its content.
    mutating func end(sum: UInt64) {
        guard !isTooLarge else { return }
        for shift in stride(from: 0, to: 64, by: 8) {
            records.append(UInt8(truncatingIfNeeded: sum >> shift))
        }
    }

    /// Ends the index, and begins that of the next archive.
    ///
    /// - Parameter offset: Of the end mark in the tar.
    /// - Returns: The records; nil when there are too many.
    mutating func finish(at offset: Int64) -> [UInt8]? {
        records.append(Bit.end)
        put(UInt64((offset - lastOffset) / Int64(Tar.block)))
        let finished = isTooLarge ? nil : records
        self = IndexBuilder()
        return finished
    }

    /// The whole index.
    static func index(records: [UInt8], members: [UInt8]) -> [UInt8] {
        var index: [UInt8] = []
        Varint.put(UInt64(records.count), into: &index)
        return index + records + members
    }

    private mutating func put(_ bytes: ArraySlice<UInt8>) {
        put(UInt64(bytes.count))
        records += bytes
    }

    private mutating func put(_ number: UInt64) { Varint.put(number, into: &records) }
}

extension IndexedFacts {
    /// What the first record is compared with.
    static let first = IndexedFacts(
        type: Tar.Kind.folder, path: [], size: 0, mode: 0, owner: 0, group: 0, modified: Moment(seconds: 0),
        link: [], hasHoles: false)

    init(_ entry: TarEntry) {
        var link = entry.link
        if entry.type == Tar.Kind.hardLink, link.starts(with: "./".utf8) { link.removeFirst(2) }
        self.init(
            type: entry.type, path: entry.path, size: entry.type == Tar.Kind.file ? entry.size : 0,
            mode: entry.mode & 0o7777, owner: entry.owner, group: entry.group,
            modified: Moment(seconds: entry.modifiedSeconds, nanoseconds: entry.modifiedNanoseconds),
            link: link, hasHoles: entry.extents != nil)
    }

    init(_ entry: ArchiveEntry) {
        let type =
            switch entry.kind {
            case .file: Tar.Kind.file
            case .folder: Tar.Kind.folder
            case .symlink: Tar.Kind.symlink
            case .hardLink: Tar.Kind.hardLink
            case .special(let letter): letter
            }
        self.init(
            type: type, path: entry.path, size: entry.size, mode: entry.mode, owner: entry.owner,
            group: entry.group, modified: entry.modified, link: entry.linkTarget,
            hasHoles: entry.extents != nil)
    }
}
