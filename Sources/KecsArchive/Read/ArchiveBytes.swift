// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import Synchronization
import SystemPackage

/// The tar inside an archive's file, block by block, in order. On the way its digest is computed and its checksums are
/// checked. Another program's format arrives as the tar that it was decoded to.
///
/// Three stages on separate threads: reading, digest and cutting into members, inflating. An archive of another program
/// usually has one member, which is inflated in the second stage.
final class ArchiveBytes: TarPieces {
    private let file: FilePath
    private let cancellation: Cancellation
    private let format: Format
    private let raw: BlockLine
    private let line: BlockLine
    private var threads: [Threads.Joinable] = []
    private let end = End()
    private var holdsBlock = false

    enum Format: Hashable {
        case members
        case gzip
        case plain
        /// Decoded by libarchive before anything of ours sees it.
        case foreign(ForeignContainer)
    }

    /// True when a checksum or a rule of ours accounts for every byte, up to the last zero of the padding.
    let isStrict: Bool

    private struct Finding {
        var digest = ""
        var bytes: Int64 = 0
        var index = FoundIndex()
    }

    private final class End: Sendable {
        let value = Mutex(Finding())
    }

    private struct Stopped: Error {}

    /// - Parameter written: What was written a moment ago, when that is all that this may be.
    init(
        _ file: FilePath, compression: Compression?, takesForeign: Bool = true, written: WrittenBytes? = nil,
        threads: Int, cancellation: Cancellation, progress: any ProgressSink
    ) throws {
        self.file = file
        self.cancellation = cancellation
        let format = try Self.format(of: file, expected: compression, takesForeign: takesForeign)
        self.format = format
        isStrict = format == .members || compression == Compression.none
        let raw = try BlockLine(blocks: 4, inputCapacity: FileChunks.size)
        let workers = format == .members ? max(1, threads) : 0
        let line = try BlockLine(
            blocks: workers + 3,
            inputCapacity: format == .members ? GzipMember.sizeLimit : GzipMember.contentLimit,
            outputCapacity: format == .members ? GzipMember.contentLimit : 0, workers: workers,
            name: "inflate"
        ) {
            let inflater = MemberInflater()
            return { block in
                guard let count = inflater.inflate(block.filledInput, into: block.output) else {
                    throw ArchiveError(.damaged, file, "a compressed block is damaged")
                }
                block.outputCount = count
            }
        }
        self.raw = raw
        self.line = line
        do {
            self.threads.append(
                try Threads.joinable(name: "archive-read") {
                    do {
                        if case .foreign(let container) = format {
                            try Self.decode(file, container, into: raw, cancellation, progress)
                            return raw.finish()
                        }
                        let chunks = try FileChunks(file)
                        while true {
                            try cancellation.check()
                            let block = try raw.empty()
                            block.inputCount = try chunks.read(into: block.input)
                            if block.inputCount == 0 { break }
                            progress.advance(Int64(block.inputCount))
                            try raw.submit()
                        }
                        raw.finish()
                    } catch { raw.fail(error) }
                })
            self.threads.append(
                try Threads.joinable(name: "archive-split") { [end] in
                    do {
                        let result = try Self.split(raw, into: line, format, file, written)
                        end.value.withLock { $0 = result }
                        line.finish()
                    } catch {
                        raw.fail(error)
                        line.fail(error)
                    }
                })
        } catch {
            stop()
            throw error
        }
    }

    deinit { stop() }

    /// - Returns: A piece of the tar, valid until the next call; nil after the last.
    func next() throws -> UnsafeRawBufferPointer? {
        try cancellation.check()
        if holdsBlock { line.release() }
        holdsBlock = false
        guard let block = try line.next() else { return nil }
        holdsBlock = true
        return format == .members ? block.filledOutput : block.filledInput
    }

    /// Returns digest and size. Call it after `next` has returned nil.
    func finish() -> (sha256: String, bytes: Int64) {
        stop()
        let found = end.value.withLock { $0 }
        return (found.digest, found.bytes)
    }

    var index: FoundIndex { end.value.withLock { $0.index } }

    /// Ends all threads, wherever they are.
    func stop() {
        raw.fail(Stopped())
        line.fail(Stopped())
        for thread in threads { thread.join() }
        threads = []
        line.join()
    }

    /// The child that decodes lives as long as the thread that has started it.
    private static func decode(
        _ file: FilePath, _ container: ForeignContainer, into raw: BlockLine, _ cancellation: Cancellation,
        _ progress: any ProgressSink
    ) throws {
        let decoder = try ForeignDecoder(file, container)
        defer { decoder.stop() }
        while true {
            let block = try raw.empty()
            block.inputCount = try decoder.read(into: block.input) {
                try cancellation.check()
                if let error = raw.error { throw error }
            }
            if block.inputCount == 0 { return }
            progress.advance(Int64(block.inputCount))
            try raw.submit()
        }
    }

    private static func format(
        of file: FilePath, expected: Compression?, takesForeign: Bool
    ) throws -> Format {
        let chunks = try FileChunks(file)
        let room = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Block.alignment, alignment: Block.alignment)
        defer { room.deallocate() }
        let start = UnsafeRawBufferPointer(rebasing: room[..<(try chunks.read(into: room))])
        if start.count >= 2, start[0] == 0x1f, start[1] == 0x8b {
            guard expected != Compression.none else {
                throw ArchiveError(.damaged, file, "it is compressed, and should not be")
            }
            switch GzipMember.start(of: start) {
            case .ours: return .members
            case .foreign where expected == nil:
                let isCpio =
                    takesForeign && ForeignContainer.isCpio(ForeignFile.inflatedStart(of: Array(start)))
                return isCpio ? .foreign(.cpio) : .gzip
            default: throw ArchiveError(.damaged, file, "its first bytes are damaged")
            }
        }
        if expected == .fast || expected == .small {
            throw ArchiveError(.damaged, file, "it is not compressed, and should be")
        }
        guard !start.isEmpty else { throw ArchiveError(.damaged, file, "it is empty") }
        if expected == nil, takesForeign,
            let container = ForeignContainer.of(Array(start), inside: { ForeignDecoder.start(of: file) }),
            !ForeignFile.isTar(Array(start))
        {
            guard let container else {
                throw ArchiveError(.unsupported, file, "it is compressed, and its content is not an archive")
            }
            return .foreign(container)
        }
        let header =
            start.count < Tar.block ? nil : TarHeader(UnsafeRawBufferPointer(rebasing: start[..<Tar.block]))
        guard let header, header.isSound else {
            if expected == nil, header?.isUstar != true {
                throw ArchiveError(.unsupported, file, "it is no tar archive")
            }
            throw ArchiveError(.damaged, file, "its first header is damaged")
        }
        return .plain
    }

    private static func split(
        _ raw: BlockLine, into line: BlockLine, _ format: Format, _ file: FilePath, _ written: WrittenBytes?
    ) throws -> Finding {
        let digest = SHA256()
        // The digest and size of the decoded bytes say nothing about the file.
        let isForeign = if case .foreign = format { true } else { false }
        let written = format == .members ? written : nil
        var bytes: Int64 = 0
        var splitter: any ByteSplitter =
            switch format {
            case .members: MemberSplitter(line, file)
            case .gzip: GzipSplitter(line, file)
            case .plain, .foreign: PlainSplitter(line)
            }
        while let block = try raw.next() {
            var rest = block.filledInput
            bytes += Int64(rest.count)
            while !rest.isEmpty {
                // Small enough that the bytes which the digest has fetched are in the cache when they are copied.
                let part = UnsafeRawBufferPointer(rebasing: rest[..<min(rest.count, 32 << 10)])
                if !isForeign, written == nil { digest.update(part) }
                try splitter.take(part)
                rest = UnsafeRawBufferPointer(rebasing: rest[part.count...])
            }
            raw.release()
        }
        try splitter.end()
        if isForeign { return Finding() }
        let members = splitter as? MemberSplitter
        let index = FoundIndex(stored: members?.frames.whole, members: members?.table ?? [])
        if let written {
            guard members?.members == written.members else {
                throw ArchiveError(.damaged, file, "its compressed blocks are not those that were written")
            }
            return Finding(digest: written.sha256, bytes: bytes, index: index)
        }
        return Finding(digest: digest.finish(), bytes: bytes, index: index)
    }
}
