// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// The results of one search in each archive that it has read.
public struct ReadArchives {
    struct Key: Hashable {
        var device: UInt64
        var inode: UInt64
        /// The manifest's digest of the file. When two manifests disagree about one file, both are reported.
        var sha256: String
        var name: String

        init(_ part: Manifest.Part, in folder: FilePath) throws {
            // The list of a segmented part has the digests of all its archives.
            let status = try part.isSegmented ? nil : FileStatus.of(folder.appending(part.file))
            device = status?.device ?? 0
            inode = status?.inode ?? 0
            sha256 = part.sha256
            name = part.name
        }

        /// That of one archive of a segmented part.
        init(_ segment: Segment, of part: Manifest.Part) {
            device = 0
            inode = 0
            sha256 = segment.sha256
            name = part.name
        }
    }

    var entries: [Key: [BackupEntry]] = [:]

    public init() {}
}

extension BackupEntry {
    func moved(to place: BackupPlace) -> BackupEntry {
        var entry = self
        entry.instance = place.instance
        entry.id = place.id
        entry.createdAt = place.createdAt
        return entry
    }
}
