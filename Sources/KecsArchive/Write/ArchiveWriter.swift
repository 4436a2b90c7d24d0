// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import Synchronization
import SystemPackage

/// The pipeline that compresses and writes archives, one after the other: the blocks of one are on their way while the
/// next is begun, so that many small archives take no longer than a large one.
final class ArchiveWriter: @unchecked Sendable {
    // @unchecked: `stream` and the calls belong to one thread; the writing one only sees what is behind `shared`.
    struct Written: Sendable {
        var bytes: Int64
        var sha256: String
        /// Nil when it is not compressed.
        var members: MemberTally?
    }

    private struct Shared {
        /// The files of the archives that were begun, and whose last block was not written yet.
        var open: [AppendedFile] = []
        var written: [Written] = []
    }

    private let line: BlockLine
    private let stream: TarStream
    private let shared = Mutex(Shared())
    private var writer: Threads.Joinable?

    /// - Parameter isDurable: True to make each archive durable on the device, before the next one.
    /// - Throws: `NoThread`.
    init(
        compression: Compression, threads: Int, isDurable: Bool = true, cancellation: Cancellation,
        progress: any ProgressSink
    ) throws {
        let threads = max(1, threads)
        line = try BlockLine(
            blocks: compression == .none ? 4 : threads + 3, inputCapacity: GzipMember.contentLimit,
            outputCapacity: compression == .none ? 0 : GzipMember.sizeLimit,
            workers: compression == .none ? 0 : threads, name: "deflate"
        ) {
            let compressor: any MemberCompressor = compression == .small ? SmallDeflate() : FastDeflate()
            return { block in
                block.outputCount = try compressor.compress(block.filledInput, into: block.output)
            }
        }
        stream = TarStream(line, isIndexed: compression != .none, progress: progress)
        do {
            writer = try Threads.joinable(name: "archive-write") { [self] in
                do {
                    var members = MemberTally()
                    var table: [UInt8] = []
                    while let block = try line.next() {
                        try cancellation.check()
                        guard let output = shared.withLock({ $0.open.first }) else { break }
                        if compression != .none {
                            members.add(block.filledOutput)
                            Varint.put(UInt64(block.outputCount), into: &table)
                            Varint.put(UInt64(block.inputCount / Tar.block), into: &table)
                        }
                        try output.append(compression == .none ? block.filledInput : block.filledOutput)
                        if block.endsArchive {
                            if let records = block.records {
                                let index = IndexBuilder.index(records: records, members: table)
                                for frame in IndexFrame.frames(of: index) {
                                    try frame.withUnsafeBytes {
                                        members.add($0)
                                        try output.append($0)
                                    }
                                }
                            }
                            let digest = try output.finish(cancellation, isDurable: isDurable)
                            shared.withLock {
                                $0.open.removeFirst()
                                $0.written.append(
                                    Written(
                                        bytes: output.count, sha256: digest,
                                        members: compression == .none ? nil : members))
                            }
                            members = MemberTally()
                            table = []
                        }
                        line.release()
                    }
                } catch { line.fail(error) }
            }
        } catch {
            line.fail(error)
            line.join()
            throw error
        }
    }

    /// What was written so far, in the order of `begin`.
    var written: [Written] { shared.withLock { $0.written } }

    /// Begins an archive in a new file, mode 0600.
    ///
    /// - Throws: `FileError` with EEXIST when something has the name.
    func begin(_ file: FilePath) throws {
        let output = try AppendedFile(creating: file)
        shared.withLock { $0.open.append(output) }
    }

    /// Ends the archive that was begun last.
    func end() throws { try stream.endArchive() }

    /// Calls `body`, which begins and ends archives, and waits until all of them are written.
    ///
    /// - Throws: The first error of `body` or of any thread.
    func run(_ body: (TarStream) throws -> Void) throws {
        do {
            try body(stream)
            stream.finish()
        } catch { line.fail(error) }
        join()
        if let error = line.error { throw error }
    }

    /// Ends everything before `run`.
    func fail(_ error: any Error) {
        line.fail(error)
        join()
    }

    /// Writes one archive, and removes its file again after an error.
    ///
    /// - Parameter body: Writes the entries, without the end of the archive.
    /// - Throws: As `begin` and `run`.
    static func write(
        _ file: FilePath, compression: Compression, threads: Int, cancellation: Cancellation,
        progress: any ProgressSink, _ body: (TarStream) throws -> ArchiveSummary
    ) throws -> ArchiveSummary {
        let writer = try ArchiveWriter(
            compression: compression, threads: threads, cancellation: cancellation, progress: progress)
        do {
            try writer.begin(file)
        } catch {
            writer.fail(error)
            throw error
        }
        do {
            var summary = ArchiveSummary()
            try writer.run { stream in
                summary = try body(stream)
                try writer.end()
            }
            guard let written = writer.written.first else { throw FileError("archive", file, .ioError) }
            summary.bytes = written.bytes
            summary.sha256 = written.sha256
            summary.members = written.members
            return summary
        } catch {
            // Whatever this says, the first error is the one that matters.
            _ = file.withPlatformString { paths_unlink($0) }
            throw error
        }
    }

    private func join() {
        writer?.join()
        writer = nil
        line.join()
    }
}
