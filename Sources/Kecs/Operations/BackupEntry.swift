// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
public import KecsSystem

/// A file, folder or link in a backup, as `backups ls` and `backups find` show it.
public struct BackupEntry: Encodable, Sendable {
    public var instance: String
    /// The id of the backup.
    public var id: String
    /// The time at which the backup was made.
    public var createdAt: Moment
    /// The path. It begins with the part's name, without a slash at either end; bytes that are not text are written
    /// out.
    public var path: String
    public var kind: Kind
    /// The size. For a folder that is listed on its own line: of everything below it.
    public var bytes: Int64
    /// The permission bits; nil where only the part as a whole is known.
    public var mode: UInt32?
    public var owner: UInt32?
    public var group: UInt32?
    public var modifiedAt: Moment?
    /// The target of a link.
    public var target: String?

    public enum Kind: String, Encodable, Sendable {
        case part, folder, file, symlink, hardLink
    }

    private enum CodingKeys: String, CodingKey {
        case instance, id, createdAt, path, kind, bytes, mode, owner, group, modifiedAt, target
    }

    /// Encodes the entry with the mode as people read it in numbers: "0640".
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(instance, forKey: .instance)
        try fields.encode(id, forKey: .id)
        try fields.encode(createdAt, forKey: .createdAt)
        try fields.encode(path, forKey: .path)
        try fields.encode(kind, forKey: .kind)
        try fields.encode(bytes, forKey: .bytes)
        try fields.encodeIfPresent(
            mode.map { mode in
                let digits = String(mode, radix: 8)
                return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
            }, forKey: .mode)
        try fields.encodeIfPresent(owner, forKey: .owner)
        try fields.encodeIfPresent(group, forKey: .group)
        try fields.encodeIfPresent(modifiedAt, forKey: .modifiedAt)
        try fields.encodeIfPresent(target, forKey: .target)
    }
}

extension BackupEntry {
    init(_ backup: BackupPlace, _ part: Manifest.Part) {
        self.init(
            instance: backup.instance, id: backup.id, createdAt: backup.createdAt, path: part.name,
            kind: .part,
            bytes: part.sourceBytes)
    }

    init(_ backup: BackupPlace, _ part: Manifest.Part, _ entry: ArchiveEntry) {
        self.init(
            instance: backup.instance, id: backup.id, createdAt: backup.createdAt,
            path: BackupPath.text(part.name, entry.path), kind: Kind(entry.kind), bytes: entry.size,
            mode: entry.mode, owner: entry.owner, group: entry.group, modifiedAt: entry.modified,
            target: Self.target(entry, part))
    }

    /// Returns the target of a link. For a hard link it is a path in the backup too; for a symlink it is the link's own
    /// text.
    private static func target(_ entry: ArchiveEntry, _ part: Manifest.Part) -> String? {
        switch entry.kind {
        case .hardLink: BackupPath.text(part.name, entry.linkTarget)
        case .symlink: printable(entry.linkTarget)
        default: nil
        }
    }
}

extension BackupEntry.Kind {
    init(_ kind: ArchiveEntry.Kind) {
        self =
            switch kind {
            case .folder: .folder
            case .symlink: .symlink
            case .hardLink: .hardLink
            // A device is refused before an entry is made of it.
            case .file, .special: .file
            }
    }
}
