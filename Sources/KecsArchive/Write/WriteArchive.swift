// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
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
    /// What the members of the archive's file add up to; nil when it is not compressed.
    var members: MemberTally?
    /// The fingerprint of the archived files, as in `TreeScan`.
    public var fingerprint = ""
    /// The files that were still changing at the last try. Their content in the archive was never their state at one
    /// moment.
    public internal(set) var changed: [[UInt8]] = []
    /// The paths that were listed, but gone when their turn came.
    public internal(set) var vanished: [[UInt8]] = []
    /// The database files that were read as they are, without a substitute.
    public internal(set) var databases: [[UInt8]] = []
    /// The SHA-256 in hexadecimal of the substitutes for which it was asked, as they are in the archive.
    public internal(set) var digests: [[UInt8]: String] = [:]
    /// Databases that are folders, read as they lie there.
    public internal(set) var databaseFolders: [DatabaseFolder] = []
    /// The FIFOs and devices, which are left out. Sockets are left out too, but not reported.
    public internal(set) var special: [[UInt8]] = []

    /// What the file is, for who reads it back; nil when it is not compressed.
    var written: WrittenBytes? { members.map { WrittenBytes(members: $0, sha256: sha256) } }

    /// Adds what an earlier run found that wrote a part of the same tree. What changed or vanished then was looked at again
    /// since.
    public mutating func add(_ earlier: ArchiveSummary) {
        databases += earlier.databases.filter { !databases.contains($0) }
        databaseFolders += earlier.databaseFolders.filter { !databaseFolders.contains($0) }
        digests.merge(earlier.digests) { now, _ in now }
        special += earlier.special.filter { !special.contains($0) }
    }
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
    try ArchiveWriter.write(
        file, compression: compression, threads: threads, cancellation: cancellation, progress: progress
    ) { stream in
        let tree = ArchivedTree(source, stream)
        try TreeWalk(source: source, cancellation: cancellation).run(tree)
        try tree.addUnused()
        return tree.end()
    }
}
