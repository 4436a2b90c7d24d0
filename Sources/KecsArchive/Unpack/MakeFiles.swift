// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// Makes regular files and hard links below a folder, none through a link.
final class MakeFiles: @unchecked Sendable {
    // @unchecked: used by the thread of an `UnpackedFiles`, and by the other one only while that does not run.

    /// Bytes of a file that are written at once.
    static let piece = 1 << 20
    /// Files of which this many bytes or more are stored are written past the page cache, but for databases, which are
    /// checked next and used soon. To wait for the device at each smaller one takes longer than it saves.
    static let largeFile: Int64 = 4 << 20
    /// From so many smaller files on, the device is told to write them before a large one: to make small files keeps the
    /// processors busy, to write large ones the device.
    private static let waitingLimit = 1_000
    /// How many bytes of a database are given to the device at once: enough for one place of it.
    private static let writingStep: Int64 = 8 << 20

    private let root: CInt
    private let rootPath: FilePath
    private let folders: FolderChain
    /// The chain for targets of hard links. They lead away from the current place, which is kept.
    private let targets: FolderChain
    private(set) var metadata: EntryMetadata
    private let takesLinksToMissing: Bool
    /// Hard links to files that are not there.
    private var missing: [ArchiveEntry] = []
    private var current: Current?
    /// Files in the page cache since the device was last told to write.
    private var waiting = 0
    private var syncing: BackgroundSync?

    private struct Current {
        var entry: ArchiveEntry
        var isLarge: Bool
        var file: CInt
        /// For a file that goes past the page cache.
        var output: PastCacheFile?
        var hasContent = false
        var end: Int64 = 0
        /// Up to where the device has been told to write.
        var begun: Int64 = 0
    }

    /// - Parameters:
    ///   - root: The folder, which stays the caller's to close.
    ///   - takesLinksToMissing: Whether hard links to files that are not there are kept for `takeMissing`, or hostile.
    init(root: CInt, _ path: FilePath, owners: OwnerMapping, takesLinksToMissing: Bool) {
        self.root = root
        rootPath = path
        self.takesLinksToMissing = takesLinksToMissing
        folders = FolderChain(root: root, path: path)
        targets = FolderChain(root: root, path: path)
        metadata = EntryMetadata(owners: owners, rootPath: path)
    }

    /// - Parameter block: What the content of the steps is in.
    func take(_ step: UnpackedFiles.Step, _ block: UnsafeRawBufferPointer) throws {
        switch step {
        case .begin(let entry, let isLarge, let origin):
            try origin.withoutFolder { try begin(entry, isLarge, origin) }
        case .content(let range, let offset):
            try write(UnsafeRawBufferPointer(rebasing: block[range]), at: offset)
        case .end: try end()
        case .hardLink(let entry, let origin):
            try origin.withoutFolder { try link(entry, origin) }
        }
    }

    /// Closes a file that was left in the middle.
    func closeFile() {
        if let current { close(current.file) }
        current = nil
    }

    /// The hard links to files that were not there.
    func takeMissing() -> [ArchiveEntry] {
        defer { missing = [] }
        return missing
    }

    private func begin(_ entry: ArchiveEntry, _ isLarge: Bool, _ origin: EntryOrigin) throws {
        let (above, name) = entry.path.folderAndName
        let parent = try folders.open(above, missing: .create) ?? root
        let file = try withRawName(name) { name -> CInt in
            let flags = UInt64(O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)
            let file = clinux_openat2(parent, name, flags, 0o600, FolderChain.resolve)
            if file >= 0 || errno != EEXIST { return file }
            // A newer member of the same name replaces the earlier one: a file that changed while it was read is stored
            // so.
            try makeWay(name, in: parent, entry, origin)
            let again = clinux_openat2(parent, name, flags, 0o600, FolderChain.resolve)
            // The folder of a later entry has come in between.
            guard again >= 0 || errno != EEXIST else { throw nameIsTaken(origin) }
            return again
        }
        guard file >= 0 else { throw failed("create", entry) }
        current = Current(entry: entry, isLarge: isLarge, file: file)
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        guard var now = current else { return }
        defer { current = now }
        if !now.hasContent, now.isLarge, DatabaseEngine.recognise(bytes) == nil {
            now.output = PastCacheFile(now.file, rootPath.appending(raw: now.entry.path))
            try writeWaiting()
        }
        now.hasContent = true
        try bytes.forEachData { start, data in
            let place = offset + Int64(start)
            now.end = place + Int64(data.count)
            if now.output != nil {
                try now.output?.write(data, at: place)
            } else {
                try writeFully(
                    data, to: now.file, at: place, of: rootPath.appending(raw: now.entry.path))
            }
        }
        // The device works meanwhile, and there is less to wait for at the sync.
        guard now.output == nil, now.end - now.begun >= Self.writingStep else { return }
        _ = clinux_start_writing(now.file, now.begun, now.end - now.begun)
        now.begun = now.end
    }

    private func writeWaiting() throws {
        // What waits now is for the next time when the last one is not done.
        guard waiting >= Self.waitingLimit, syncing?.isDone != false else { return }
        try finish()
        waiting = 0
        syncing = BackgroundSync(root, rootPath)
    }

    /// Waits for what the device was told to write.
    func finish() throws {
        try syncing?.finish()
        syncing = nil
    }

    private func end() throws {
        guard let done = current else { return }
        defer { closeFile() }
        if done.output == nil { waiting += 1 }
        if done.end < done.entry.size, ftruncate(done.file, off_t(done.entry.size)) != 0 {
            throw failed("set the size of", done.entry)
        }
        try metadata.apply(done.entry, to: done.file)
    }

    /// Removes an earlier entry. Only a regular file is replaced, and only by another one.
    private func makeWay(
        _ name: UnsafePointer<CChar>, in parent: CInt, _ entry: ArchiveEntry, _ origin: EntryOrigin
    ) throws {
        var raw = stat()
        guard fstatat(parent, name, &raw, AT_SYMLINK_NOFOLLOW) == 0, raw.st_mode & S_IFMT == S_IFREG else {
            throw nameIsTaken(origin)
        }
        guard unlinkat(parent, name, 0) == 0 else { throw failed("replace", entry) }
    }

    private func link(_ entry: ArchiveEntry, _ origin: EntryOrigin) throws {
        let (targetAbove, targetName) = entry.linkTarget.folderAndName
        let (above, name) = entry.path.folderAndName
        let parent = try folders.open(above, missing: .create) ?? root
        let isMissing = try withRawName(targetName) { targetName in
            var raw = stat()
            guard let from = try targets.open(targetAbove, missing: .giveUp),
                fstatat(from, targetName, &raw, AT_SYMLINK_NOFOLLOW) == 0
            else { return true }
            guard raw.st_mode & S_IFMT == S_IFREG else {
                throw origin.error(.hostile, "it is a hard link to something that is not a file")
            }
            try withRawName(name) { name in
                // No flag: a link is linked itself, not its target.
                guard linkat(from, targetName, parent, name, 0) == 0 else {
                    if errno == EEXIST { throw origin.error(.hostile, "its name is taken") }
                    throw failed("create the hard link", entry)
                }
            }
            return false
        }
        guard isMissing else { return }
        guard takesLinksToMissing else {
            throw origin.error(
                .hostile, "it is a hard link to “\(printable(entry.linkTarget))”, which is not there")
        }
        missing.append(entry)
    }

    private func nameIsTaken(_ origin: EntryOrigin) -> ArchiveError {
        origin.error(.hostile, "something that is not a file has its name")
    }

    private func failed(_ operation: String, _ entry: ArchiveEntry) -> FileError {
        FileError.last(operation, rootPath.appending(raw: entry.path))
    }
}

extension EntryOrigin {
    /// Calls `body`, which makes an entry.
    func withoutFolder(_ body: () throws -> Void) throws {
        do { try body() } catch is FolderChain.NoFolder {
            throw error(.hostile, "a component of its path is not a folder")
        }
    }
}
