// SPDX-License-Identifier: Apache-2.0
import SystemPackage

/// Where an entry comes from, for errors.
struct EntryOrigin: Sendable {
    var archive: FilePath
    /// The path as recorded.
    var path: [UInt8]

    func error(_ kind: ArchiveError.Kind, _ why: String) -> ArchiveError {
        ArchiveError(kind, archive, entry: path, why)
    }
}
