// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// The index of one of our tar.gz files, read from its end: what is in the archive, and where.
///
/// It was compared with the content when the archive was read back, and is again by every verification.
struct ArchiveIndex {
    /// An entry and its place in the tar.
    struct Item {
        var entry: ArchiveEntry
        /// From the first header to the end of the padding behind the content.
        var range: Range<Int64>
        var hasHoles: Bool
        /// Of what is stored of a file.
        var sum: UInt64?

        /// Whether it is the entry that was read.
        func isSame(_ read: ArchiveEntry, sum: UInt64) -> Bool {
            entry.path == read.path && entry.kind == read.kind && entry.size == read.size
                && entry.mode == read.mode && entry.owner == read.owner && entry.group == read.group
                && entry.modified == read.modified && entry.linkTarget == read.linkTarget
                && hasHoles == (read.extents != nil) && (self.sum ?? sum) == sum
        }
    }

    /// A gzip member: its place in the file, and that of its content in the tar.
    struct Member {
        var offset: Int64
        var size: Int
        var contentOffset: Int64
        var contentSize: Int
    }

    /// That of 1 TiB of content. An archive of more is read as if it had no index.
    private static let memberLimit = 1 << 20

    let file: FilePath
    private let records: ArraySlice<UInt8>
    let members: [Member]

    /// Returns the index; nil for an archive without one: of an earlier version, of another program, not compressed, or
    /// damaged at its end. Who reads such an archive as a whole learns what it is.
    ///
    /// - Throws: `FileError`.
    static func of(_ file: FilePath) throws -> ArchiveIndex? {
        let descriptor = file.withPlatformString {
            paths_open($0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0)
        }
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw FileError.last("open", file)
        }
        defer { close(descriptor) }
        let status = try FileStatus.of(descriptor: descriptor, at: file)
        let end = status.size - Int64(IndexFrame.footerSize)
        guard status.kind == .file, end > 0 else { return nil }
        func read(_ range: Range<Int64>) throws -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: Int(range.upperBound - range.lowerBound))
            let count = try bytes.withUnsafeMutableBytes {
                try readFully(descriptor, into: $0, at: range.lowerBound, of: file)
            }
            return Array(bytes.prefix(count))
        }
        let last = try read(end..<status.size)
        guard let footer = last.withUnsafeBytes({ IndexFrame.footer($0) }),
            footer.index <= IndexFrame.indexLimit,
            footer.frames <= 2 * IndexFrame.indexLimit, Int64(footer.frames) < end
        else { return nil }
        let start = end - Int64(footer.frames)
        let bytes = try read(start..<status.size)
        guard let index = bytes.withUnsafeBytes({ index(in: $0) }) else { return nil }
        return ArchiveIndex(file, index, upTo: start)
    }

    private static func index(in bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        var frames = IndexFrames()
        var rest = bytes
        while !rest.isEmpty {
            guard let size = IndexFrame.size(rest), size <= rest.count,
                frames.add(UnsafeRawBufferPointer(rebasing: rest[..<size]))
            else { return nil }
            rest = UnsafeRawBufferPointer(rebasing: rest[size...])
        }
        return frames.whole
    }

    /// - Parameter end: Of the last member in the file.
    init?(_ file: FilePath, _ index: [UInt8], upTo end: Int64) {
        self.file = file
        var rest = index[...]
        guard let count = Varint.take(&rest), count <= UInt64(rest.count) else { return nil }
        records = rest.prefix(Int(count))
        rest = rest.dropFirst(Int(count))
        var members: [Member] = []
        var offset: Int64 = 0
        var contentOffset: Int64 = 0
        while !rest.isEmpty {
            guard let size = Varint.take(&rest), let blocks = Varint.take(&rest),
                size <= UInt64(GzipMember.sizeLimit),
                size >= UInt64(GzipMember.headerSize + GzipMember.trailerSize), blocks > 0,
                members.count < Self.memberLimit,
                blocks <= UInt64(GzipMember.contentLimit / Tar.block)
            else { return nil }
            let member = Member(
                offset: offset, size: Int(size), contentOffset: contentOffset,
                contentSize: Int(blocks) * Tar.block)
            members.append(member)
            offset += Int64(size)
            contentOffset += Int64(member.contentSize)
        }
        guard offset == end, !members.isEmpty else { return nil }
        self.members = members
    }

    /// Hands over every entry in the order of the archive.
    ///
    /// - Throws: `ArchiveError` for an index that holds something else than what is written, and any error of `each`.
    func forEach(_ each: (Item) throws -> Void) throws {
        var rest = records
        var last = IndexedFacts.first
        var offset: Int64 = 0
        var item: Item?
        while let flags = rest.popFirst() {
            guard let blocks = Varint.take(&rest), blocks <= UInt64(Int64.largestCount) / UInt64(Tar.block)
            else {
                throw damaged()
            }
            offset = offset.adding(Int64(blocks) * Int64(Tar.block))
            if var item {
                guard offset > item.range.lowerBound else { throw damaged() }
                item.range = item.range.lowerBound..<offset
                try each(item)
            }
            if flags == IndexBuilder.Bit.end {
                guard rest.isEmpty else { throw damaged() }
                return
            }
            guard let (facts, sum) = facts(flags, after: last, &rest),
                isPath(facts.path)
            else { throw damaged() }
            last = facts
            item = Item(
                entry: ArchiveEntry(facts, sum), range: offset..<(offset + 1), hasHoles: facts.hasHoles,
                sum: sum)
        }
        throw damaged()
    }

    /// Adds the folders above the entries that are wanted.
    func addFolders(above isWanted: ([UInt8]) -> Bool, to folders: inout Set<[UInt8]>) throws {
        try forEach { item in
            guard isWanted(item.entry.path) else { return }
            var rest = item.entry.path[...]
            while let slash = rest.lastIndex(of: UInt8(ascii: "/")) {
                rest = rest[..<slash]
                guard folders.insert(Array(rest)).inserted else { return }
            }
        }
    }

    /// The wanted entries, and the folders above those.
    func picked(_ isWanted: ([UInt8]) -> Bool, folders: Set<[UInt8]>) throws -> [Item] {
        var items: [Item] = []
        try forEach { item in
            let path = item.entry.path
            if isWanted(path) || (item.entry.kind == .folder && folders.contains(path)) { items.append(item) }
        }
        return items
    }

    private func isPath(_ path: [UInt8]) -> Bool {
        if path.isEmpty { return true }
        guard case .path(path) = EntryPath.check(path, limit: UnpackOptions.defaultPathLimit) else {
            return false
        }
        return true
    }

    private func facts(
        _ flags: UInt8, after last: IndexedFacts, _ rest: inout ArraySlice<UInt8>
    ) -> (IndexedFacts, UInt64?)? {
        typealias Bit = IndexBuilder.Bit
        guard flags & ~(Bit.kind | Bit.sameOwners | Bit.hasHoles) == 0 else { return nil }
        var facts = last
        facts.type = IndexBuilder.kinds[Int(flags & Bit.kind)]
        facts.hasHoles = flags & Bit.hasHoles != 0
        guard let shared = Varint.take(&rest), shared <= UInt64(last.path.count), let tail = text(&rest)
        else {
            return nil
        }
        facts.path = last.path.prefix(Int(shared)) + tail
        if flags & Bit.sameOwners == 0 {
            guard let mode = Varint.take(&rest), let owner = Varint.take(&rest),
                let group = Varint.take(&rest),
                mode <= 0o7777, let owner = UInt32(exactly: owner), let group = UInt32(exactly: group)
            else { return nil }
            (facts.mode, facts.owner, facts.group) = (UInt32(mode), owner, group)
        }
        guard let zigzag = Varint.take(&rest), let nanoseconds = Varint.take(&rest),
            nanoseconds < 1_000_000_000
        else { return nil }
        let seconds = Int64(bitPattern: zigzag >> 1) ^ -Int64(bitPattern: zigzag & 1)
        facts.modified = Moment(
            seconds: last.modified.seconds &+ seconds, nanoseconds: Int32(nanoseconds))
        (facts.size, facts.link) = (0, [])
        switch facts.type {
        case Tar.Kind.file:
            guard let size = Varint.take(&rest), size <= UInt64(Int64.largestCount), rest.count >= 8 else {
                return nil
            }
            facts.size = Int64(size)
            let sum = rest.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            rest = rest.dropFirst(8)
            return (facts, sum)
        case Tar.Kind.folder: return (facts, nil)
        default:
            guard let link = text(&rest) else { return nil }
            facts.link = link
            return (facts, nil)
        }
    }

    private func text(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        guard let count = Varint.take(&rest), count <= UInt64(rest.count) else { return nil }
        defer { rest = rest.dropFirst(Int(count)) }
        return Array(rest.prefix(Int(count)))
    }

    private func damaged() -> ArchiveError { ArchiveError(.damaged, file, "its index is damaged") }
}

extension ArchiveEntry {
    fileprivate init(_ facts: IndexedFacts, _ sum: UInt64?) {
        let kind: Kind =
            switch facts.type {
            case Tar.Kind.file: .file
            case Tar.Kind.folder: .folder
            case Tar.Kind.symlink: .symlink
            default: .hardLink
            }
        self.init(
            path: facts.path, kind: kind, size: facts.size, mode: facts.mode, owner: facts.owner,
            group: facts.group, modified: facts.modified, linkTarget: facts.link)
        // That of a file with holes is over what is stored of it only.
        if !facts.hasHoles { contentSum = sum }
    }
}
