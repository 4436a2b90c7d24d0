// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import KecsSystem
import Synchronization
public import SystemPackage

/// The content that an archive got.
public struct ArchiveSummary: Sendable {
    /// The size of the archive's file.
    public internal(set) var bytes: Int64 = 0
    /// The size of the regular files in it. A file that was written again because it changed counts each time.
    public internal(set) var sourceBytes: Int64 = 0
    /// Of those, what is data: the holes of sparse files are not in it.
    public internal(set) var dataBytes: Int64 = 0
    /// Members of the tar, as `checkArchive` counts them.
    public internal(set) var entries = 0
    /// Hex, of the archive's file.
    public internal(set) var sha256 = ""
    /// The fingerprint of the archived files, as in `TreeScan`.
    public internal(set) var fingerprint = ""
    /// The files that were still changing at the last try. Their content in the archive was never their state at one
    /// moment.
    public internal(set) var changed: [[UInt8]] = []
    /// The paths that were listed, but gone when their turn came.
    public internal(set) var vanished: [[UInt8]] = []
    /// The database files that were read as they are, without a substitute.
    public internal(set) var databases: [[UInt8]] = []
    /// Databases that are folders, read as they lie there.
    public internal(set) var databaseFolders: [DatabaseFolder] = []
    /// The FIFOs and devices, which are left out. Sockets are left out too, but not reported.
    public internal(set) var special: [[UInt8]] = []
}

/// Archives a tree in one pass: tar, compression and digest at once, in memory that does not grow with the tree.
///
/// - Parameters:
///   - file: Created with mode 0600. When this returns, its bytes are on the device. Its name is durable once the
///     caller has synced the folder. After an error it is gone again.
///   - threads: For the compression.
/// - Throws: `FileError` with EEXIST when something has the name; `FileError` for any file or folder that cannot be
///   read, because an archive that silently lacks something is worse than none; `Interrupted`.
public func writeArchive(
    of source: TreeSource, to file: FilePath, compression: Compression, threads: Int,
    cancellation: Cancellation, progress: any ProgressSink
) throws -> ArchiveSummary {
    let output = try AppendedFile(creating: file)
    do {
        return try write(source, to: output, compression, max(1, threads), cancellation, progress)
    } catch {
        _ = file.withPlatformString { paths_unlink($0) }
        throw error
    }
}

private func write(
    _ source: TreeSource, to output: AppendedFile, _ compression: Compression, _ threads: Int,
    _ cancellation: Cancellation, _ progress: any ProgressSink
) throws -> ArchiveSummary {
    let line = try BlockLine(
        blocks: compression == .none ? 4 : threads + 3, inputCapacity: GzipMember.contentLimit,
        outputCapacity: compression == .none ? 0 : GzipMember.sizeLimit,
        workers: compression == .none ? 0 : threads, name: "deflate"
    ) {
        let compressor: any MemberCompressor = compression == .small ? SmallDeflate() : FastDeflate()
        return { block in
            block.outputCount = try compressor.compress(block.filledInput, into: block.output)
        }
    }
    let result = Mutex<[UInt8]>([])
    let writer: Threads.Joinable
    do {
        writer = try Threads.joinable(name: "archive-write") {
            do {
                while let block = try line.next() {
                    try cancellation.check()
                    try output.append(compression == .none ? block.filledInput : block.filledOutput)
                    line.release()
                }
                let digest = try output.finish(cancellation)
                result.withLock { $0 = digest }
            } catch { line.fail(error) }
        }
    } catch {
        line.fail(error)
        line.join()
        throw error
    }
    var summary = ArchiveSummary()
    do {
        let stream = TarStream(line, progress: progress)
        let tree = ArchivedTree(source, stream)
        try TreeWalk(source: source, cancellation: cancellation).run(tree)
        try tree.addUnused()
        summary = tree.end()
        try stream.finish()
    } catch { line.fail(error) }
    writer.join()
    line.join()
    if let error = line.error { throw error }
    summary.bytes = output.count
    summary.sha256 = SHA256.hex(result.withLock { $0 })
    return summary
}
