// SPDX-License-Identifier: Apache-2.0
import CIgzip
import KecsSystem
import SystemPackage

/// The source of a tar, in pieces whose borders are at multiples of `Tar.block`.
protocol TarPieces: AnyObject {
    /// - Returns: A piece, valid until the next call; nil after the last.
    func next() throws -> UnsafeRawBufferPointer?
    /// True when the tar is one of ours, which ends at a multiple of `Tar.record`.
    var isStrict: Bool { get }
}

/// Reads a tar as strictly as possible: ustar, pax and GNU's, nothing after the end, no size given twice differently.
final class TarReader {
    /// The limit of an extended header (names, attributes). No archive of ours has more, and memory is finite.
    private static let extendedLimit: Int64 = 16 << 20
    static let extentLimit = 1 << 18

    private let bytes: any TarPieces
    let file: FilePath
    private let pathLimit: Int
    private var piece = UnsafeRawBufferPointer(start: nil, count: 0)
    private var isAtEnd = false
    private var total: Int64 = 0
    /// The remaining bytes of the current entry.
    private var content: Int64 = 0
    private var padding = 0
    private var extents: [Extent]?
    /// The current entry's path as recorded.
    private(set) var current: [UInt8]?
    /// Whether to sum up what is stored of each file, read or skipped.
    var sums = false
    /// A CRC-64 of what was stored of the last file, after `endEntry` or `next`.
    private(set) var sum: UInt64 = 0
    /// Of the current one so far.
    private var sumSoFar: UInt64 = 0
    /// Where in the tar the first header of the current entry is, or the end mark.
    private(set) var start: Int64 = 0

    init(_ bytes: any TarPieces, _ file: FilePath, pathLimit: Int) {
        self.bytes = bytes
        self.file = file
        self.pathLimit = pathLimit
    }

    /// - Returns: The next entry, or nil after the last, when everything up to the end of the file has been checked.
    func next() throws -> ArchiveEntry? {
        try endEntry()
        current = nil
        start = total
        var records = PaxRecords()
        var hasRecords = false
        var longName: [UInt8]?
        var longLink: [UInt8]?
        while true {
            guard let block = try block() else { throw damaged("it ends without an end mark") }
            let header = TarHeader(block)
            if header.isZero {
                if hasRecords || longName != nil || longLink != nil { throw damaged("a header has no entry") }
                try end()
                return nil
            }
            guard header.isSound else { throw damaged("a header is damaged") }
            guard let recorded = header.number(Tar.size), recorded >= 0 else {
                throw damaged("a size is damaged")
            }
            switch header.type {
            case Tar.Kind.extended, Tar.Kind.global:
                let text = try extended(recorded)
                if let problem = records.read(text, isGlobal: header.type == Tar.Kind.global) {
                    throw error(header.type == Tar.Kind.global ? .hostile : .damaged, problem)
                }
                if header.type == Tar.Kind.extended {
                    if hasRecords { throw damaged("two extended headers stand before one entry") }
                    hasRecords = true
                }
            case Tar.Kind.longName: longName = Array(try extended(recorded).prefix { $0 != 0 })
            case Tar.Kind.longLink: longLink = Array(try extended(recorded).prefix { $0 != 0 })
            default: return try entry(header, recorded, records, longName, longLink)
            }
        }
    }

    /// Hands over the content of the current entry in pieces, each with its offset in the file and its bytes. The gaps
    /// between them are holes.
    func content(_ body: (Int64, UnsafeRawBufferPointer) throws -> Void) throws {
        for extent in extents ?? [Extent(offset: 0, count: content)] {
            var done: Int64 = 0
            while done < extent.count {
                let part = try take(atMost: extent.count - done)
                if sums { add(part) }
                try body(extent.offset + done, part)
                done += Int64(part.count)
                content -= Int64(part.count)
            }
        }
        extents = []
    }

    private func entry(
        _ header: TarHeader, _ recorded: Int64, _ records: PaxRecords, _ longName: [UInt8]?,
        _ longLink: [UInt8]?
    ) throws -> ArchiveEntry {
        let raw = records.sparse.name ?? records.path ?? longName ?? header.name
        current = raw
        let link = records.link ?? longLink ?? header.text(Tar.link)
        let kind: ArchiveEntry.Kind
        switch header.type {
        case Tar.Kind.file, 0, Tar.Kind.contiguous, Tar.Kind.gnuSparse:
            // Before ustar, a folder was a file whose name ends in a slash.
            kind = header.type == 0 && raw.last == UInt8(ascii: "/") ? .folder : .file
        case Tar.Kind.hardLink: kind = .hardLink
        case Tar.Kind.symlink: kind = .symlink
        case Tar.Kind.folder: kind = .folder
        case Tar.Kind.fifo, Tar.Kind.characterDevice, Tar.Kind.blockDevice: kind = .special(header.type)
        default:
            throw error(.unsupported, "it is of the kind “\(printable([header.type]))”, which we do not know")
        }
        let stored = records.size ?? recorded
        guard (0...Int64.largestCount).contains(stored) else { throw damaged("a size is damaged") }
        guard kind == .file || stored == 0 else {
            throw error(.hostile, "it has content that programs disagree about")
        }
        guard let mode = header.number(Tar.mode), let modified = header.number(Tar.modified),
            let owner = records.owner ?? header.number(Tar.owner).flatMap({ UInt32(exactly: $0) }),
            let group = records.group ?? header.number(Tar.group).flatMap({ UInt32(exactly: $0) })
        else { throw damaged("a number in its header is damaged") }
        guard case .path(let path) = EntryPath.check(raw, limit: pathLimit) else {
            guard case .refused(let why) = EntryPath.check(raw, limit: pathLimit) else { throw damaged("") }
            throw error(.hostile, why)
        }
        var entry = ArchiveEntry(
            path: path, kind: kind, size: kind == .file ? stored : 0,
            mode: UInt32(truncatingIfNeeded: mode) & 0o7777,
            owner: owner, group: group, modified: records.modified ?? Moment(seconds: modified))
        entry.xattrs = records.xattrs
        entry.accessACL = records.accessACL
        entry.defaultACL = records.defaultACL
        content = stored
        sumSoFar = 0
        padding = Tar.padding(stored)
        extents = nil
        switch kind {
        case .symlink:
            guard !link.isEmpty, link.count <= 4095 else {
                throw error(.hostile, "its target is \(link.isEmpty ? "empty" : "longer than a link can be")")
            }
            entry.linkTarget = link
        case .hardLink:
            switch EntryPath.check(link, limit: pathLimit) {
            case .path(let target): entry.linkTarget = target
            case .refused: throw error(.hostile, "it is a hard link to “\(printable(link))”, outside")
            }
        case .file: try readSparseMap(header, records.sparse, &entry)
        case .folder, .special: break
        }
        return entry
    }

    private func readSparseMap(
        _ header: TarHeader, _ sparse: PaxRecords.Sparse, _ entry: inout ArchiveEntry
    ) throws {
        var numbers: [Int64]
        var size: Int64
        if header.type == Tar.Kind.gnuSparse {
            (numbers, size) = try SparseMap.old(header) { try self.block() }
        } else if sparse.isUsed {
            guard let real = sparse.size else { throw damaged("a sparse file has no size") }
            size = real
            numbers = sparse.map
            if sparse.major == 1 {
                (numbers, content) = try SparseMap.lines(limit: Self.extentLimit, content: content) {
                    try self.block()
                }
            }
        } else {
            return
        }
        guard let extents = SparseMap.extents(numbers, size: size, content: content) else {
            throw damaged("the map of a sparse file is damaged")
        }
        entry.size = size
        entry.extents = extents
        self.extents = extents
    }

    private func extended(_ count: Int64) throws -> [UInt8] {
        guard count <= Self.extendedLimit else {
            throw error(.hostile, "an extended header is larger than 16 MiB")
        }
        var text: [UInt8] = []
        text.reserveCapacity(Int(count))
        var rest = count
        while rest > 0 {
            let part = try take(atMost: rest)
            text.append(contentsOf: part)
            rest -= Int64(part.count)
        }
        try pass(Int64(Tar.padding(count)))
        return text
    }

    /// Passes over what was not read of the current entry.
    func endEntry() throws {
        while content > 0 {
            let part = try take(atMost: content)
            if sums { add(part) }
            content -= Int64(part.count)
        }
        sum = sumSoFar
        try pass(Int64(padding))
        padding = 0
    }

    private func add(_ part: UnsafeRawBufferPointer) {
        sumSoFar = crc64_ecma_refl(
            sumSoFar, part.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(part.count))
    }

    private func pass(_ count: Int64) throws {
        var rest = count
        while rest > 0 { rest -= Int64(try take(atMost: rest).count) }
    }

    /// Checks the end after the first block of zeros: a second one, then zeros to the end of the file.
    private func end() throws {
        guard let second = try block(), TarHeader(second).isZero else {
            throw damaged("there is a single zero block between entries")
        }
        while let rest = try more() {
            guard rest.allSatisfy({ $0 == 0 }) else { throw damaged("something follows its end mark") }
            total += Int64(rest.count)
            piece = UnsafeRawBufferPointer(start: nil, count: 0)
        }
        if bytes.isStrict, total % Int64(Tar.record) != 0 { throw damaged("its end is cut off") }
    }

    /// The next `Tar.block` bytes, valid until anything else is read; nil at the end.
    private func block() throws -> UnsafeRawBufferPointer? {
        guard let piece = try more() else { return nil }
        guard piece.count >= Tar.block else { throw damaged("it ends inside a block") }
        return consume(Tar.block)
    }

    private func take(atMost count: Int64) throws -> UnsafeRawBufferPointer {
        guard let piece = try more() else { throw damaged("it ends inside an entry") }
        return consume(Int(min(Int64(piece.count), count)))
    }

    private func consume(_ count: Int) -> UnsafeRawBufferPointer {
        let part = UnsafeRawBufferPointer(rebasing: piece[..<count])
        piece = UnsafeRawBufferPointer(rebasing: piece[count...])
        total += Int64(count)
        return part
    }

    private func more() throws -> UnsafeRawBufferPointer? {
        while piece.isEmpty, !isAtEnd {
            if let next = try bytes.next() { piece = next } else { isAtEnd = true }
        }
        return piece.isEmpty ? nil : piece
    }

    private func damaged(_ why: String) -> ArchiveError { error(.damaged, why) }

    func error(_ kind: ArchiveError.Kind, _ why: String) -> ArchiveError {
        ArchiveError(kind, file, entry: current, why)
    }
}
