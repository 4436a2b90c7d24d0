// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Reads the entries of an archive; of a part that is cut into segments, those of all its archives as if they were one.
///
/// A segment is compared with the list's digest and numbers when its last entry has been read, so that nothing of a
/// damaged one is believed for longer than that.
final class ArchiveReader {
    private let place: FilePath
    private let compression: Compression?
    private let threads: Int
    private let cancellation: Cancellation
    private let progress: any ProgressSink
    private let pathLimit: Int
    private let list: SegmentList?
    private let listSHA256: String
    private let written: WrittenBytes?
    private var rest: ArraySlice<Segment>
    private var current: Current
    private let memory: SegmentMemory
    private let use: IndexUse
    /// Those above what is picked. The record of a folder can be in another archive than what is in it.
    private var folders: Set<[UInt8]> = []

    /// What to do with the index of an archive.
    enum IndexUse {
        case none
        /// Compare it with the content, of which it must say the truth.
        case check
        /// Read no more than the entries of these paths and the folders above them, where there is an index.
        case pick(([UInt8]) -> Bool)
    }

    private struct Current {
        var pieces: any StoppablePieces
        var reader: TarReader
        var segment: Segment?
        var entries = 0
        var sourceBytes: Int64 = 0
        /// Of what has been read so far, to be compared with the archive's.
        var index: IndexBuilder?
        /// What the index says of the entries that were picked, without those that have been read.
        var picked: ArraySlice<ArchiveIndex.Item>?
        var last: ArchiveEntry?
    }

    /// - Parameters:
    ///   - place: The archive's file, or the folder of a segmented part.
    ///   - compression: The one that it must have; nil accepts also any archive of another program.
    ///   - written: What was written to the file a moment ago, when that is all that it may be.
    ///   - only: The segments to read; nil for all. Without meaning for a single file.
    ///   - use: What to do with the index.
    /// - Throws: `ArchiveError`, `FileError`.
    init(
        _ place: FilePath, compression: Compression?, takesForeign: Bool = true, written: WrittenBytes? = nil,
        threads: Int, cancellation: Cancellation, progress: any ProgressSink,
        pathLimit: Int = UnpackOptions.defaultPathLimit, only: Range<Int>? = nil,
        use: IndexUse = .none
    ) throws {
        self.use = use
        self.place = place
        self.compression = compression
        self.threads = threads
        self.cancellation = cancellation
        self.progress = progress
        self.pathLimit = pathLimit
        self.written = written
        memory = SegmentMemory()
        guard try place.isFolder else {
            list = nil
            listSHA256 = ""
            rest = []
            let nothing = NoPieces()
            current = Current(pieces: nothing, reader: TarReader(nothing, place, pathLimit: pathLimit))
            if try pick(place, nil) { return }
            let bytes = try ArchiveBytes(
                place, compression: compression, takesForeign: takesForeign, written: written,
                threads: threads, cancellation: cancellation, progress: progress)
            begin(bytes, place, nil)
            return
        }
        let (list, sha256) = try SegmentList.read(in: place)
        self.list = list
        listSHA256 = sha256
        rest = list.segments[only ?? list.segments.indices]
        let nothing = NoPieces()
        current = Current(pieces: nothing, reader: TarReader(nothing, place, pathLimit: pathLimit))
        guard case .pick(let isWanted) = use else { return }
        for segment in rest {
            try cancellation.check()
            try ArchiveIndex.of(place.appending(segment.file))?.addFolders(above: isWanted, to: &folders)
        }
    }

    /// Reads one segment.
    init(
        _ folder: FilePath, _ segment: Segment, compression: Compression?, written: WrittenBytes? = nil,
        memory: SegmentMemory, cancellation: Cancellation, progress: any ProgressSink,
        use: IndexUse = .none
    ) throws {
        self.use = use
        self.written = written
        place = folder
        self.compression = compression
        threads = 1
        self.cancellation = cancellation
        self.progress = progress
        pathLimit = UnpackOptions.defaultPathLimit
        self.memory = memory
        list = SegmentList(target: SegmentSize.smallest, segments: [segment])
        listSHA256 = ""
        rest = [segment]
        let nothing = NoPieces()
        current = Current(pieces: nothing, reader: TarReader(nothing, folder, pathLimit: pathLimit))
    }

    deinit { stop() }

    /// - Returns: The next entry, or nil after the last, when everything has been checked.
    func next() throws -> ArchiveEntry? {
        while true {
            if list == nil || current.segment != nil {
                let entry = try current.reader.next()
                try checkLast()
                if let entry {
                    current.entries += 1
                    current.sourceBytes = current.sourceBytes.adding(entry.size)
                    current.last = entry
                    let start = current.reader.start
                    current.index?.begin(IndexedFacts(entry), at: start)
                    return entry
                }
                try checkIndex()
                guard list != nil else { return nil }
                try checkSegment()
            }
            guard let segment = rest.popFirst() else { return nil }
            try open(segment)
        }
    }

    private func begin(_ pieces: any StoppablePieces, _ file: FilePath, _ segment: Segment?) {
        current = Current(
            pieces: pieces, reader: TarReader(pieces, file, pathLimit: pathLimit), segment: segment)
        guard case .check = use else { return }
        current.index = IndexBuilder()
        current.reader.sums = true
    }

    /// Begins to read what is wanted of an archive, if its index says what that is.
    private func pick(_ file: FilePath, _ segment: Segment?) throws -> Bool {
        guard case .pick(let isWanted) = use, compression != Compression.none,
            let index = try ArchiveIndex.of(file)
        else { return false }
        if list == nil { try index.addFolders(above: isWanted, to: &folders) }
        let items = try index.picked(isWanted, folders: folders)
        let pieces = try PickedBytes(index, items.map(\.range), cancellation, progress)
        current = Current(
            pieces: pieces, reader: TarReader(pieces, file, pathLimit: pathLimit), segment: segment)
        current.picked = items[...]
        current.reader.sums = true
        return true
    }

    /// Compares an entry that was read with what the index says of it.
    private func checkLast() throws {
        guard let last = current.last else { return }
        current.last = nil
        let sum = current.reader.sum
        if last.kind == .file { current.index?.end(sum: sum) }
        guard current.picked != nil else { return }
        let item = current.picked?.popFirst()
        guard let item, item.isSame(last, sum: sum) else {
            throw ArchiveError(
                .damaged, current.segment.map { place.appending($0.file) } ?? place, entry: last.path,
                "its index is not that of its content")
        }
    }

    /// Compares the entry whose content was read with what the index says of it; nothing where none was used.
    func checkPicked() throws {
        guard current.picked != nil else { return }
        try current.reader.endEntry()
        try checkLast()
    }

    private func checkIndex() throws {
        guard var builder = current.index else { return }
        current.index = nil
        _ = current.pieces.finish()
        let found = current.pieces.index
        guard let stored = found.stored else { return }
        let records = builder.finish(at: current.reader.start)
        guard stored == records.map({ IndexBuilder.index(records: $0, members: found.members) }) else {
            throw ArchiveError(
                .damaged, current.segment.map { place.appending($0.file) } ?? place,
                "its index is not that of its content")
        }
    }

    /// As `TarReader.content`, of the last entry.
    func content(_ body: (Int64, UnsafeRawBufferPointer) throws -> Void) throws {
        try current.reader.content(body)
    }

    /// Whether some of it was left unread, so that `finish` says nothing.
    var isPicked: Bool { list == nil && current.picked != nil }

    /// The archive that the last entry is in, and its path as recorded.
    var origin: EntryOrigin {
        EntryOrigin(archive: current.reader.file, path: current.reader.current ?? [])
    }

    func error(_ kind: ArchiveError.Kind, _ why: String) -> ArchiveError { current.reader.error(kind, why) }

    /// Returns the digest and the size that a manifest has of it: of a segmented part those of its list, and the size of
    /// all segments. Call it after `next` has returned nil.
    func finish() -> (sha256: String, bytes: Int64) {
        if let list { return (listSHA256, list.bytes) }
        return current.pieces.finish()
    }

    /// Ends all threads, wherever they are.
    func stop() { current.pieces.stop() }

    private func open(_ segment: Segment) throws {
        try cancellation.check()
        let file = place.appending(segment.file)
        if try pick(file, segment) { return }
        let pieces: any StoppablePieces =
            segment.bytes <= SegmentMemory.limit
            ? try SegmentBytes(file, segment, compression, written, memory, progress)
            : try ArchiveBytes(
                file, compression: compression ?? Self.compression(of: segment), takesForeign: false,
                written: written, threads: threads, cancellation: cancellation, progress: progress)
        begin(pieces, file, segment)
    }

    private func checkSegment() throws {
        guard let segment = current.segment else { return }
        current.segment = nil
        // Of one that was not read as a whole each block and each entry has been checked.
        if current.picked != nil { return }
        let (sha256, bytes) = current.pieces.finish()
        func damaged(_ why: String) -> ArchiveError {
            ArchiveError(.damaged, place.appending(segment.file), why)
        }
        guard sha256 == segment.sha256, bytes == segment.bytes else {
            throw damaged("its SHA-256 is \(sha256) instead of \(segment.sha256)")
        }
        guard current.entries == segment.entries, current.sourceBytes == segment.sourceBytes else {
            throw damaged(
                "it holds \(current.entries) entries and \(current.sourceBytes) bytes instead of "
                    + "\(segment.entries) and \(segment.sourceBytes)")
        }
    }

    static func compression(of segment: Segment) -> Compression {
        segment.file.hasSuffix(".tar") ? .none : .fast
    }
}

/// The bytes of a tar, with what is known of their file at the end.
protocol StoppablePieces: TarPieces {
    func finish() -> (sha256: String, bytes: Int64)
    /// Call it after `finish`.
    var index: FoundIndex { get }
    func stop()
}

/// What was found of an index behind an archive's content.
struct FoundIndex: Sendable {
    /// Nil when there is none.
    var stored: [UInt8]?
    /// The members that were read, as an index records them.
    var members: [UInt8] = []
}

extension ArchiveBytes: StoppablePieces {}

private final class NoPieces: StoppablePieces {
    let isStrict = true
    func next() -> UnsafeRawBufferPointer? { nil }
    func finish() -> (sha256: String, bytes: Int64) { ("", 0) }
    var index: FoundIndex { FoundIndex() }
    func stop() {}
}
