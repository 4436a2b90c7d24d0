// SPDX-License-Identifier: Apache-2.0
import KecsArchive
public import KecsBackups
import KecsSystem
public import SystemPackage

/// A line of the history: a backup was carried to another place.
public struct BackupCopy: Encodable, Sendable, Hashable {
    public var instance: String
    public var id: String
    public var file: String
    /// True when the copy outlives the file system that the backups are on.
    public var isOnAnotherFileSystem: Bool
}

/// Carries a backup to another place, as one tar with the backup's folder in it.
public struct MoveBackup: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Writes the bundle, after verifying the backup. The target appears complete or not at all.
    ///
    /// - Parameter keepsHoles: False to write the holes of sparse files out, for tars that know none.
    @discardableResult
    public func export(
        _ backup: StoredBackup, of name: InstanceName, to file: FilePath, keepsHoles: Bool = false
    ) throws -> BackupCopy {
        guard try !file.isPresent else {
            throw Failure(
                .usage, "“\(file)” exists already",
                remedy: "kecsctl backups export \(name)/\(backup.id) --file \(file).2")
        }
        try VerifyBackup(
            depth: .full, threads: site.threads, cancellation: site.machine.cancellation,
            progress: site.machine.progress
        ).run(backup.id, in: site.home.backupStore(of: name))
        let bundled = backup.manifest.map {
            BundledBackup(
                backup: backup, manifest: $0, keepsHoles: keepsHoles, threads: site.threads,
                cancellation: site.machine.cancellation,
                progress: site.machine.progress)
        }
        let free = try site.machine.freeSpace(file.removingLastComponent())
        // What is joined lies beside the bundle until that is complete.
        let joined = try bundled?.joined() ?? []
        let needed = bundled?.roomNeeded(joined) ?? ByteCount(0)
        guard needed <= free else {
            throw Failure(
                .noRoom, "not enough free space for the bundle",
                cause: "\(free) are free in \(file.removingLastComponent()) and about \(needed) are needed",
                remedy: "df -h")
        }
        let draft = file.draftBeside()
        let staging = file.draftBeside()
        defer { staging.discardQuietly() }
        do {
            var source: TreeSource
            let own = Array(backup.id.description.utf8)
            if let bundled, !joined.isEmpty {
                try staging.createFolder()
                source = try bundled.source(joined, staging: staging)
            } else {
                source = TreeSource(root: backup.folder.removingLastComponent())
                source.leftOut = Set(
                    try source.root.entries().map(\.bytes).filter { $0 != own })
            }
            for name in [BackupStore.markName, BackupStore.fullManifestName] {
                source.leftOut.insert(own + Array("/\(name)".utf8))
            }
            site.machine.progress.step("writing \(file)", total: backup.manifest?.bytes)
            _ = try writeArchive(
                of: source, to: draft, compression: .none, threads: site.threads,
                cancellation: site.machine.cancellation, progress: site.machine.progress)
            try draft.renameWithoutReplacing(to: file)
            try file.removingLastComponent().sync()
        } catch {
            if try draft.isPresent { try draft.remove() }
            throw error
        }
        return BackupCopy(
            instance: name.description, id: backup.id.description, file: file.string,
            isOnAnotherFileSystem: try FileStatus.of(file)?.device != FileStatus.of(backup.folder)?.device)
    }

    /// Takes a bundle into the store of `name`, verified. Call it under the instance's lock when the instance exists.
    ///
    /// - Parameter dryRun: Does everything but the last step, and leaves nothing behind.
    public func importBundle(
        _ file: FilePath, to name: InstanceName, dryRun: Bool = false
    ) throws -> StoredBackup {
        let store = site.home.backupStore(of: name)
        let missing = try MissingFolders(upTo: store.folder)
        defer { if dryRun { missing.remove() } }
        let opened = try OpenRestoreSource(site: site).find(
            .file(file),
            for: try site.instance(
                name,
                config: InstanceConfig(
                    name: name, id: "", createdAt: site.machine.clock.now(), runtime: .local)))
        defer { opened.close() }
        guard case .backup(let backup, _) = opened.content else {
            throw Failure(
                .usage, "“\(file)” is no bundle of a backup", remedy: "kecsctl restore \(name) --from \(file)"
            )
        }
        let target = store.folder.appending(backup.id.description)
        guard try !target.isPresent else {
            throw Failure(
                .usage, "“\(name)” has a backup “\(backup.id)” already",
                remedy: "kecsctl backups verify \(backup.id) --instance \(name)")
        }
        try VerifyBackup(
            depth: .full, threads: site.threads, cancellation: site.machine.cancellation,
            progress: site.machine.progress
        ).run(backup.id, in: BackupStore(folder: backup.folder.removingLastComponent()))
        if dryRun { return backup }
        try BackupStore(folder: backup.folder.removingLastComponent()).mark(backup.id) {
            // A mark in the bundle would be its maker's.
            $0 = BackupMark()
            $0.imported = true
        }
        try backup.folder.syncFileSystem()
        try backup.folder.renameWithoutReplacing(to: target)
        try store.folder.sync()
        try store.place(imported: backup.id)
        try LatestLink(store: store).update()
        return store.look(at: backup.id)
    }
}
