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

    private struct Current {
        var pieces: any StoppablePieces
        var reader: TarReader
        var segment: Segment?
        var entries = 0
        var sourceBytes: Int64 = 0
    }

    /// - Parameters:
    ///   - place: The archive's file, or the folder of a segmented part.
    ///   - compression: The one that it must have; nil accepts also any archive of another program.
    ///   - written: What was written to the file a moment ago, when that is all that it may be.
    ///   - only: The segments to read; nil for all. Without meaning for a single file.
    /// - Throws: `ArchiveError`, `FileError`.
    init(
        _ place: FilePath, compression: Compression?, takesForeign: Bool = true, written: WrittenBytes? = nil,
        threads: Int, cancellation: Cancellation, progress: any ProgressSink,
        pathLimit: Int = UnpackOptions.defaultPathLimit, only: Range<Int>? = nil
    ) throws {
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
            let bytes = try ArchiveBytes(
                place, compression: compression, takesForeign: takesForeign, written: written,
                threads: threads, cancellation: cancellation, progress: progress)
            current = Current(pieces: bytes, reader: TarReader(bytes, place, pathLimit: pathLimit))
            return
        }
        let (list, sha256) = try SegmentList.read(in: place)
        self.list = list
        listSHA256 = sha256
        rest = list.segments[only ?? list.segments.indices]
        let nothing = NoPieces()
        current = Current(pieces: nothing, reader: TarReader(nothing, place, pathLimit: pathLimit))
    }

    /// Reads one segment.
    init(
        _ folder: FilePath, _ segment: Segment, compression: Compression?, written: WrittenBytes? = nil,
        memory: SegmentMemory, cancellation: Cancellation, progress: any ProgressSink
    ) throws {
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
                if let entry = try current.reader.next() {
                    current.entries += 1
                    current.sourceBytes = current.sourceBytes.adding(entry.size)
                    return entry
                }
                guard list != nil else { return nil }
                try checkSegment()
            }
            guard let segment = rest.popFirst() else { return nil }
            try open(segment)
        }
    }

    /// As `TarReader.content`, of the last entry.
    func content(_ body: (Int64, UnsafeRawBufferPointer) throws -> Void) throws {
        try current.reader.content(body)
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
        let pieces: any StoppablePieces =
            segment.bytes <= SegmentMemory.limit
            ? try SegmentBytes(file, segment, compression, written, memory, progress)
            : try ArchiveBytes(
                file, compression: compression ?? Self.compression(of: segment), takesForeign: false,
                written: written, threads: threads, cancellation: cancellation, progress: progress)
        current = Current(
            pieces: pieces, reader: TarReader(pieces, file, pathLimit: pathLimit), segment: segment)
    }

    private func checkSegment() throws {
        guard let segment = current.segment else { return }
        current.segment = nil
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
    func stop()
}

extension ArchiveBytes: StoppablePieces {}

private final class NoPieces: StoppablePieces {
    let isStrict = true
    func next() -> UnsafeRawBufferPointer? { nil }
    func finish() -> (sha256: String, bytes: Int64) { ("", 0) }
    func stop() {}
}
