// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// The findings from reading an archive back.
public struct ArchiveCheck: Hashable, Sendable {
    /// The size of the archive's file.
    public internal(set) var bytes: Int64 = 0
    /// Hex, of the archive's file.
    public internal(set) var sha256 = ""
    public internal(set) var entries = 0
    /// The size of the regular files in it.
    public internal(set) var sourceBytes: Int64 = 0
}

/// Reads an archive from its first byte to its last. Checks the digest, every block's checksum and length, every
/// header, every entry's path and kind, that nothing follows the end, and that the index is that of the content.
///
/// - Parameters:
///   - written: What this process wrote there a moment ago: the blocks must be those, and the digest is not computed a
///     second time.
///   - compression: The compression that the archive must have; nil accepts also any archive of another program.
///   - each: Called with every entry in the order of the archive, before the bytes behind the entry have been checked.
/// - Throws: `ArchiveError`, `FileError`, `Interrupted`, and any error of `each`. The caller compares the digest.
public func checkArchive(
    _ file: FilePath, compression: Compression?, written: ArchiveSummary? = nil, threads: Int,
    cancellation: Cancellation,
    progress: any ProgressSink, each: (ArchiveEntry) throws -> Void = { _ in }
) throws -> ArchiveCheck {
    var check = ArchiveCheck()
    let reader = try ArchiveReader(
        file, compression: compression, written: written?.written, threads: threads,
        cancellation: cancellation, progress: progress, use: .check)
    defer { reader.stop() }
    while let entry = try reader.next() {
        if case .special = entry.kind { throw reader.error(.hostile, "it is a device or a FIFO") }
        check.entries += 1
        check.sourceBytes = check.sourceBytes.adding(entry.size)
        try each(entry)
    }
    (check.sha256, check.bytes) = reader.finish()
    return check
}
