// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import KecsSystem
public import SystemPackage

/// Unpacks an archive, trusting nothing in it.
///
/// Creates only regular files, folders, symlinks and hard links, all of them below `folder` and none through a link.
/// Symlinks are created last; set-id bits are removed. Nothing is synced: the caller syncs once for everything.
///
/// - Parameters:
///   - file: Ours, or an archive of another program: a tar, plain or compressed, a zip, 7z or cpio.
///   - folder: An existing, empty folder that no one else uses. After an error it holds the entries unpacked so far.
/// - Throws: `ArchiveError` (hostile and damaged archives alike stop at once), `FileError`, `Interrupted`.
public func unpackArchive(
    _ file: FilePath, into folder: FilePath, options: UnpackOptions = UnpackOptions(), threads: Int,
    cancellation: Cancellation, progress: any ProgressSink
) throws -> UnpackSummary {
    let unpacker = try Unpacker(into: folder, options)
    let reader = try ArchiveReader(
        file, compression: nil, takesForeign: options.expectedSHA256 == nil, threads: threads,
        cancellation: cancellation, progress: progress, pathLimit: options.maxPathBytes,
        use: options.indexUse)
    defer { reader.stop() }
    while let entry = try reader.next() { try unpacker.add(entry, reader) }
    let (sha256, _) = reader.finish()
    // Of a hard link whose first name was not selected, the content is under that name, earlier in the archive.
    var targets = unpacker.missingTargets
    while !targets.isEmpty {
        let again = try ArchiveReader(
            file, compression: nil, takesForeign: options.expectedSHA256 == nil, threads: threads,
            cancellation: cancellation, progress: progress, pathLimit: options.maxPathBytes,
            use: .pick { [targets, strip = options.stripTopFolder] path in
                targets.contains(strip.map { Array(path.dropFirst($0.count + 1)) } ?? path)
            })
        defer { again.stop() }
        while let entry = try again.next() { try unpacker.addContent(of: entry, again) }
        // Another program's link can lead to a link.
        guard unpacker.missingTargets != targets else { break }
        targets = unpacker.missingTargets
    }
    if !reader.isPicked, let expected = options.expectedSHA256, expected.lowercased() != sha256 {
        throw ArchiveError(.damaged, file, "its SHA-256 is \(sha256) and should be \(expected)")
    }
    return try unpacker.finish(file, cancellation, sha256)
}

private final class Unpacker {
    /// How many bytes of a large file are given to the device at once: enough for one place of it.
    private static let writingStep: Int64 = 8 << 20

    private let options: UnpackOptions
    private let rootPath: FilePath
    private let root: CInt
    private let folders: FolderChain
    /// The chain for targets of hard links. They lead away from the current place, which is kept.
    private let targets: FolderChain
    private let finishedLater: DeferredEntries
    private let symlinks: DeferredEntries
    private var metadata: EntryMetadata
    private var summary = UnpackSummary()
    private var seen = 0
    private var bytes: Int64 = 0
    private var waiting = WaitingLinks()
    /// With `select`, the folders passed on the way to the current entry, in case something in them is wanted.
    private var passed: [ArchiveEntry] = []

    init(into folder: FilePath, _ options: UnpackOptions) throws {
        self.options = options
        rootPath = folder
        root = folder.withPlatformString { paths_open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        guard root >= 0 else { throw FileError.last("open", folder) }
        folders = FolderChain(root: root, path: folder)
        targets = FolderChain(root: root, path: folder)
        finishedLater = DeferredEntries(root: root, path: folder)
        symlinks = DeferredEntries(root: root, path: folder)
        metadata = EntryMetadata(owners: options.owners, rootPath: folder)
        guard try folder.entries().isEmpty else { throw FileError("unpack into", folder, .directoryNotEmpty) }
        // A default ACL inherited from the folder above would pass to everything created here.
        _ = clinux_remove_xattr(root, Attributes.defaultName)
        guard fchmod(root, 0o700) == 0 else { throw FileError.last("set the mode of", folder) }
    }

    deinit { close(root) }

    func add(_ recorded: ArchiveEntry, _ reader: ArchiveReader) throws {
        seen += 1
        let entry = try options.admit(recorded, number: seen, after: bytes, reader)
        bytes = bytes.adding(entry.size)
        if entry.path.isEmpty, entry.kind == .folder {
            // Also when nothing in it exists, or is wanted.
            summary.rootIsRecorded = true
            if options.select != nil { return try finishedLater.add(entry) }
        }
        if let select = options.select, !(try isWanted(entry, select)) { return }
        do {
            try create(entry, reader)
        } catch is FolderChain.NoFolder {
            throw reader.error(.hostile, "a component of its path is not a folder")
        }
        summary.entries += 1
    }

    func finish(_ file: FilePath, _ cancellation: Cancellation, _ sha256: String) throws -> UnpackSummary {
        try waiting.checkEmpty(file)
        do {
            try symlinks.forEach { entry in
                try cancellation.check()
                try createSymlink(entry, file)
            }
            try finishedLater.forEachDeepestFirst { entry in
                try cancellation.check()
                guard let folder = try folders.open(entry.path[...], missing: .giveUp) else {
                    throw FileError("find again", rootPath.appending(raw: entry.path), .noSuchFileOrDirectory)
                }
                try metadata.apply(entry, to: folder)
            }
        } catch is FolderChain.NoFolder {
            throw ArchiveError(.hostile, file, "a folder in it was replaced during the run")
        }
        summary.setIDRemoved = metadata.setIDRemoved
        summary.ownersNotSet = metadata.ownersNotSet
        summary.attributesNotSet = metadata.attributesNotSet
        summary.sha256 = sha256
        return summary
    }

    private func create(_ entry: ArchiveEntry, _ reader: ArchiveReader) throws {
        switch entry.kind {
        case .special: throw reader.error(.hostile, "it is a device or a FIFO")
        case .folder: try createFolder(entry, reader)
        case _ where entry.path.isEmpty:
            throw reader.error(.hostile, "it stands for the whole folder and is none")
        case .file: try createFile(entry, reader)
        case .hardLink: try createHardLink(entry, reader)
        // Nothing can be written through a link that does not exist yet.
        case .symlink: try symlinks.add(entry)
        }
    }

    private func createFolder(_ entry: ArchiveEntry, _ reader: ArchiveReader) throws {
        if !entry.path.isEmpty {
            let (above, name) = entry.path.folderAndName
            let parent = try folders.open(above, missing: .create) ?? root
            try withRawName(name) { name in
                if mkdirat(parent, name, 0o700) == 0 { return }
                guard errno == EEXIST else { throw failed("create the folder", entry) }
                var raw = stat()
                guard fstatat(parent, name, &raw, AT_SYMLINK_NOFOLLOW) == 0, raw.st_mode & S_IFMT == S_IFDIR
                else { throw reader.error(.hostile, "something that is not a folder has its name") }
            }
        }
        try finishedLater.add(entry)
    }

    private func createFile(_ entry: ArchiveEntry, _ reader: ArchiveReader) throws {
        let (above, name) = entry.path.folderAndName
        let parent = try folders.open(above, missing: .create) ?? root
        let file = try withRawName(name) { name -> CInt in
            let flags = UInt64(O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)
            let file = clinux_openat2(parent, name, flags, 0o600, FolderChain.resolve)
            if file >= 0 || errno != EEXIST { return file }
            // A newer member of the same name replaces the earlier one: a file that changed while it was read is stored
            // so.
            try makeWay(name, in: parent, entry, reader)
            return clinux_openat2(parent, name, flags, 0o600, FolderChain.resolve)
        }
        guard file >= 0 else { throw failed("create", entry) }
        defer { close(file) }
        var end: Int64 = 0
        var begun: Int64 = 0
        try reader.content { offset, part in
            end =
                try writeWithHoles(part, to: file, at: offset, path: rootPath.appending(raw: entry.path))
                ?? end
            // The device works meanwhile, and there is less to wait for at the sync.
            guard end - begun >= Self.writingStep else { return }
            _ = clinux_start_writing(file, begun, end - begun)
            begun = end
        }
        if end < entry.size, ftruncate(file, off_t(entry.size)) != 0 {
            throw failed("set the size of", entry)
        }
        try metadata.apply(entry, to: file)
        summary.bytes = summary.bytes.adding(entry.size)
    }

    /// Removes an earlier entry. Only a regular file is replaced, and only by another one.
    private func makeWay(
        _ name: UnsafePointer<CChar>, in parent: CInt, _ entry: ArchiveEntry, _ reader: ArchiveReader
    ) throws {
        var raw = stat()
        guard fstatat(parent, name, &raw, AT_SYMLINK_NOFOLLOW) == 0, raw.st_mode & S_IFMT == S_IFREG else {
            throw reader.error(.hostile, "something that is not a file has its name")
        }
        guard unlinkat(parent, name, 0) == 0 else { throw failed("replace", entry) }
    }

    private func createHardLink(_ entry: ArchiveEntry, _ reader: ArchiveReader) throws {
        let (targetAbove, targetName) = entry.linkTarget.folderAndName
        let (above, name) = entry.path.folderAndName
        let parent = try folders.open(above, missing: .create) ?? root
        let isMissing = try withRawName(targetName) { targetName in
            var raw = stat()
            guard let from = try targets.open(targetAbove, missing: .giveUp),
                fstatat(from, targetName, &raw, AT_SYMLINK_NOFOLLOW) == 0
            else { return true }
            guard raw.st_mode & S_IFMT == S_IFREG else {
                throw reader.error(.hostile, "it is a hard link to something that is not a file")
            }
            try withRawName(name) { name in
                // No flag: a link is linked itself, not its target.
                guard linkat(from, targetName, parent, name, 0) == 0 else {
                    if errno == EEXIST { throw reader.error(.hostile, "its name is taken") }
                    throw failed("create the hard link", entry)
                }
            }
            return false
        }
        guard isMissing else { return }
        guard options.select != nil else {
            throw reader.error(
                .hostile, "it is a hard link to “\(printable(entry.linkTarget))”, which is not there")
        }
        waiting.add(entry)
    }

    /// The first names of the files that selected hard links wait for.
    var missingTargets: Set<[UInt8]> { waiting.targets }

    /// Makes those that wait for this file: it gets the name of the first, and the others become links to that one.
    func addContent(of recorded: ArchiveEntry, _ reader: ArchiveReader) throws {
        var entry = recorded
        if let top = options.stripTopFolder {
            guard let path = UnpackOptions.strip(top, entry.path) else { return }
            entry.path = path
            if entry.kind == .hardLink {
                entry.linkTarget = UnpackOptions.strip(top, entry.linkTarget) ?? entry.linkTarget
            }
        }
        let links = waiting.take(for: entry)
        guard let first = links.first else { return }
        guard entry.size <= options.maxBytes - bytes else {
            throw reader.error(.hostile, "the files are larger than \(options.maxBytes) bytes in all")
        }
        entry.path = first.path
        try create(entry, reader)
        for link in links.dropFirst() {
            var link = link
            link.linkTarget = first.path
            try create(link, reader)
        }
    }

    private func createSymlink(_ entry: ArchiveEntry, _ file: FilePath) throws {
        let (above, name) = entry.path.folderAndName
        let parent = try folders.open(above, missing: .create) ?? root
        try withRawName(name) { name in
            let code = withRawName(entry.linkTarget[...]) { symlinkat($0, parent, name) }
            guard code == 0 else {
                if errno == EEXIST {
                    throw ArchiveError(
                        .hostile, file, entry: entry.path, "something else has its name")
                }
                throw failed("create the link", entry)
            }
            try metadata.apply(entry, toLink: name, in: parent)
        }
    }

    /// Creates the folders above a selected entry as they were recorded, and remembers those that are not selected.
    private func isWanted(_ entry: ArchiveEntry, _ select: @Sendable ([UInt8]) -> Bool) throws -> Bool {
        passed.removeAll { !entry.path.isBelow($0.path) }
        if entry.path.isEmpty || !select(entry.path) {
            if entry.kind == .folder { passed.append(entry) }
            return false
        }
        for folder in passed {
            if !folder.path.isEmpty { _ = try folders.open(folder.path[...], missing: .create) }
            try finishedLater.add(folder)
            summary.entries += 1
        }
        passed = []
        return true
    }

    private func failed(_ operation: String, _ entry: ArchiveEntry) -> FileError {
        FileError.last(operation, rootPath.appending(raw: entry.path))
    }
}
