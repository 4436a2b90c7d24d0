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
/// header, every entry's path and kind, and that nothing follows the end.
///
/// - Parameters:
///   - compression: The compression that the archive must have; nil accepts also any archive of another program.
///   - each: Called with every entry in the order of the archive, before the bytes behind the entry have been checked.
/// - Throws: `ArchiveError`, `FileError`, `Interrupted`, and any error of `each`. The caller compares the digest.
public func checkArchive(
    _ file: FilePath, compression: Compression?, threads: Int, cancellation: Cancellation,
    progress: any ProgressSink, each: (ArchiveEntry) throws -> Void = { _ in }
) throws -> ArchiveCheck {
    var check = ArchiveCheck()
    let reader = try ArchiveReader(
        file, compression: compression, threads: threads, cancellation: cancellation, progress: progress)
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

/// Hands over every member in the order of the archive.
///
/// - Parameters:
///   - digests: True to compute digests of the files' contents too. A hard link has none of its own.
///   - only: Of a segmented part the numbers of the segments to read; nil for all.
/// - Throws: The errors of `checkArchive`, and any error of `each`. Entries before the damaged place have been handed
///   over.
public func listArchive(
    _ file: FilePath, digests: Bool, only: Range<Int>? = nil, cancellation: Cancellation,
    each: (ArchiveEntry) throws -> Void
) throws {
    let reader = try ArchiveReader(
        file, compression: nil, threads: Threads.processors, cancellation: cancellation,
        progress: SilentProgress(), only: only)
    defer { reader.stop() }
    let digest = SHA256()
    let zeros = [UInt8](repeating: 0, count: 64 << 10)
    while var entry = try reader.next() {
        if digests, entry.kind == .file {
            var end: Int64 = 0
            digest.reset()
            func addHole(to offset: Int64) throws {
                while end < offset {
                    try cancellation.check()
                    let part = Int(min(Int64(zeros.count), offset - end))
                    zeros.withUnsafeBytes { digest.update(UnsafeRawBufferPointer(rebasing: $0[..<part])) }
                    end += Int64(part)
                }
            }
            try reader.content { offset, part in
                try addHole(to: offset)
                digest.update(part)
                end += Int64(part.count)
            }
            try addHole(to: entry.size)
            entry.contentSHA256 = digest.finish()
        }
        try each(entry)
    }
}
