// SPDX-License-Identifier: Apache-2.0
import KecsSystem
public import SystemPackage

/// The content of the current entry of an archive that is being read. Unread content is skipped.
public struct StreamedContent {
    fileprivate let reader: TarReader

    /// Hands over the content in pieces, once.
    public func read(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        try reader.content { _, piece in try body(piece) }
    }

    /// The SHA-256 of it in hex.
    public func sha256() throws -> String {
        let digest = SHA256()
        try read { digest.update($0) }
        return digest.finish()
    }
}

/// Reads a tar.gz that comes from somewhere else than a file of its own, strictly, in constant memory.
///
/// - Parameters:
///   - name: The name in errors.
///   - source: As for `GzipStream`.
///   - each: Called for every entry in the order of the archive; false ends the reading there.
/// - Throws: `ArchiveError`, and any error of `source` and `each`. Entries before a damaged place have been handed
///   over.
public func readArchive(
    _ name: FilePath, from source: @escaping () throws -> UnsafeRawBufferPointer?,
    each: (ArchiveEntry, StreamedContent) throws -> Bool
) throws {
    let reader = TarReader(GzipStream(name, from: source), name, pathLimit: UnpackOptions.defaultPathLimit)
    while let entry = try reader.next() {
        // A reader of the pieces one after the other would not see the holes.
        if entry.extents != nil { throw reader.error(.unsupported, "it is a file with holes") }
        guard try each(entry, StreamedContent(reader: reader)) else { return }
    }
}
