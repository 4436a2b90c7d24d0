// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
public import KecsSystem
import SystemPackage

/// The output of `du`: the size of an instance, and its growth.
public struct DiskUsage: Encodable, Sendable {
    public struct Item: Encodable, Sendable {
        public var name: String
        /// Nil when it cannot be determined here.
        public var sizeBytes: Int64?
    }

    /// A backup with the size that the parts had at the time.
    public struct Moment: Encodable, Sendable {
        public var backup: BackupID
        public var at: KecsSystem.Moment
        public var sourceBytes: Int64
        public var backupBytes: Int64
    }

    public var instance: String
    public var parts: [Item]
    /// Within the parts.
    public var databases: [Item]
    /// A file that several backups share counts once.
    public var backupsBytes: Int64
    /// The size of the trees that `undo` could still restore.
    public var previousBytes: Int64
    /// The size of parts, backups and the trees for `undo`, as far as known.
    public var totalBytes: Int64
    /// The oldest first.
    public var history: [Moment]
}

/// Adds up the space that an instance takes on disk.
public struct MeasureInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    public func run(_ instance: Instance) async throws -> DiskUsage {
        let inventory = try await site.inventory(of: instance)
        let runtime = try site.runtime(instance)
        var parts: [DiskUsage.Item] = []
        for part in inventory.parts {
            var bytes = part.bytes
            if bytes == nil, let volume = part.part.volumeOutOfReach, part.presence != .missing {
                bytes = try await runtime.volumeAccess.room(inVolume: volume).used?.bytes
            }
            parts.append(DiskUsage.Item(name: part.part.name, sizeBytes: bytes))
        }
        let backups = try bytes(below: instance.backups.folder)
        let previous = try PreviousStack(folder: instance.folder).bytes(site.machine.cancellation)
        return DiskUsage(
            instance: instance.name.description, parts: parts,
            databases: inventory.databases.map { .init(name: $0.name, sizeBytes: $0.bytes) },
            backupsBytes: backups, previousBytes: previous,
            totalBytes: parts.total { $0.sizeBytes ?? 0 }.adding(backups).adding(previous),
            history: try instance.backups.all().reversed().compactMap { backup in
                guard let manifest = backup.manifest else { return nil }
                return DiskUsage.Moment(
                    backup: backup.id, at: backup.id.createdAt,
                    sourceBytes: manifest.parts.reduce(0) { $0 + $1.sourceBytes }, backupBytes: manifest.bytes
                )
            })
    }

    /// A file with several names counts once.
    private func bytes(below folder: FilePath) throws -> Int64 {
        guard try folder.isFolder else { return 0 }
        return try TreeFacts.of(folder, cancellation: site.machine.cancellation).bytes
    }
}
