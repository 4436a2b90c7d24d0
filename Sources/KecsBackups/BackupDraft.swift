// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// A backup under construction, in `.ID.draft/`. Nothing of it is visible until `commit`.
public struct BackupDraft: Sendable {
    public let id: BackupID
    public let folder: FilePath
    private let store: BackupStore

    /// Creates the draft's folder, 0700.
    public init(in store: BackupStore, reason: BackupReason, at moment: Moment) throws {
        try store.folder.createFolder()
        self.store = store
        id = try store.freeID(moment, reason)
        folder = store.folder.appending(".\(id).draft")
        try folder.createFolder()
    }

    /// Returns the folder for copies of databases until they are in the archive. It is gone before `commit`.
    public func scratch(for part: String) throws -> FilePath {
        let scratch = folder.appending("scratch").appending(part)
        try scratch.createFolder()
        return scratch
    }

    public func dropScratch(for part: String) throws {
        let scratch = folder.appending("scratch").appending(part)
        if try scratch.isPresent { try scratch.removeTree() }
    }

    /// Links another backup's archive without copying a byte.
    public func link(_ part: Manifest.Part, from backup: StoredBackup) throws {
        try backup.folder.appending(part.file).link(to: folder.appending(part.file))
    }

    /// Notes on the records of archives that have just been read when that was.
    ///
    /// - Throws: `FileError`.
    public func noteReadings(of parts: inout [Manifest.Part], at moment: Moment) throws {
        for index in parts.indices where !parts[index].isSegmented && parts[index].lastRead == nil {
            guard let status = try FileStatus.of(folder.appending(parts[index].file)) else { continue }
            parts[index].lastRead = Manifest.LastRead(
                at: moment, modified: ExactMoment(status.modified))
        }
    }

    /// Makes the backup visible: manifest, SHA256SUMS, everything synced, then the rename. After this returns, a power
    /// cut cannot undo it.
    public func commit(_ manifest: Manifest) throws -> StoredBackup {
        let scratch = folder.appending("scratch")
        if try scratch.isPresent { try scratch.removeTree() }
        try manifest.write(in: folder)
        for part in manifest.parts { try folder.appending(part.file).sync() }
        try folder.sync()
        try folder.renameWithoutReplacing(to: store.folder.appending(id.description))
        try store.folder.sync()
        // With an instance's first backup the folder is new, and with the first instance's also the one above it.
        try store.folder.removingLastComponent().sync()
        try store.folder.removingLastComponent().removingLastComponent().sync()
        return store.look(at: id)
    }

    /// Removes the draft while another error is on its way. The next run sweeps anything that cannot be removed.
    public func discard() {
        folder.discardQuietly()
    }
}

extension Manifest {
    /// Writes `manifest.json` and `SHA256SUMS`.
    ///
    /// - Parameter folder: Of the backup, with all its archives.
    /// - Throws: `FileError`; `BackupDamage` for a list of segments that is not what this manifest names.
    public func write(in folder: FilePath) throws {
        let bytes = try JSONFile.encode(self)
        try folder.appending(BackupStore.manifestName).replaceContents(bytes)
        var sums = "\(sha256(bytes))  \(BackupStore.manifestName)\n"
        for file in try parts.flatMap({ try $0.files(in: folder) }) {
            sums += "\(file.sha256)  \(file.name)\n"
        }
        if let details { sums += "\(details.sha256)  \(details.file)\n" }
        try folder.appending(BackupStore.sumsName).replaceContents([UInt8](sums.utf8))
    }
}
