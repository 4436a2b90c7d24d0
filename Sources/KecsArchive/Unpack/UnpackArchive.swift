// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import KecsSystem
public import SystemPackage

/// Unpacks an archive, trusting nothing in it.
///
/// Creates only regular files, folders, symlinks and hard links, all of them below `folder` and none through a link.
/// Symlinks are created last; set-id bits are removed. Nothing is durable yet: the caller syncs once for everything.
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
    do {
        return try unpacker.unpack(file, threads: threads, cancellation, progress)
    } catch {
        unpacker.stop(error)
        throw error
    }
}

private final class Unpacker {
    private let options: UnpackOptions
    private let rootPath: FilePath
    private let root: CInt
    private let folders: FolderChain
    private let make: MakeFiles
    private let files: UnpackedFiles
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
        make = MakeFiles(
            root: root, folder, owners: options.owners, takesLinksToMissing: options.select != nil)
        files = UnpackedFiles(make, isKept: options.isKept)
        finishedLater = DeferredEntries(root: root, path: folder)
        symlinks = DeferredEntries(root: root, path: folder)
        metadata = EntryMetadata(owners: options.owners, rootPath: folder)
        guard try folder.entries().isEmpty else { throw FileError("unpack into", folder, .directoryNotEmpty) }
        // A default ACL inherited from the folder above would pass to everything created here.
        _ = clinux_remove_xattr(root, Attributes.defaultName)
        guard fchmod(root, 0o700) == 0 else { throw FileError.last("set the mode of", folder) }
    }

    deinit { close(root) }

    func unpack(
        _ file: FilePath, threads: Int, _ cancellation: Cancellation, _ progress: any ProgressSink
    ) throws -> UnpackSummary {
        func open(_ use: ArchiveReader.IndexUse) throws -> ArchiveReader {
            try ArchiveReader(
                file, compression: nil, takesForeign: options.expectedSHA256 == nil, threads: threads,
                cancellation: cancellation, progress: progress, pathLimit: options.maxPathBytes, use: use)
        }
        let reader = try open(options.indexUse)
        defer { reader.stop() }
        while let entry = try reader.next() { try add(entry, reader) }
        try settle()
        let (sha256, _) = reader.finish()
        // Of a hard link whose first name was not selected, the content is under that name, earlier in the archive.
        var targets = waiting.targets
        while !targets.isEmpty {
            let again = try open(
                .pick { [targets, strip = options.stripTopFolder] path in
                    targets.contains(strip.map { Array(path.dropFirst($0.count + 1)) } ?? path)
                })
            defer { again.stop() }
            while let entry = try again.next() { try addContent(of: entry, again) }
            try settle()
            // Another program's link can lead to a link.
            guard waiting.targets != targets else { break }
            targets = waiting.targets
        }
        if !reader.isPicked, let expected = options.expectedSHA256, expected.lowercased() != sha256 {
            throw ArchiveError(.damaged, file, "its SHA-256 is \(sha256) and should be \(expected)")
        }
        return try finish(file, cancellation, sha256)
    }

    /// Ends the thread that makes files, wherever it is.
    func stop(_ error: any Error) { files.stop(error) }

    private func settle() throws {
        try files.settle()
        for link in make.takeMissing() { waiting.add(link) }
    }

    private func add(_ recorded: ArchiveEntry, _ reader: ArchiveReader) throws {
        try files.check()
        seen += 1
        let entry = try options.admit(recorded, number: seen, after: bytes, reader)
        bytes = bytes.adding(entry.size)
        if entry.path.isEmpty, entry.kind == .folder {
            // Also when nothing in it exists, or is wanted.
            summary.rootIsRecorded = true
            if options.select != nil { return try finishedLater.add(entry) }
        }
        if let select = options.select, !(try isWanted(entry, select)) { return }
        try reader.origin.withoutFolder { try create(entry, reader) }
        summary.entries += 1
    }

    private func finish(
        _ file: FilePath, _ cancellation: Cancellation, _ sha256: String
    ) throws -> UnpackSummary {
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
        try make.finish()
        for made in [metadata, make.metadata] {
            summary.setIDRemoved += made.setIDRemoved
            summary.ownersNotSet += made.ownersNotSet
            summary.attributesNotSet += made.attributesNotSet
        }
        summary.sha256 = sha256
        return summary
    }

    private func create(_ entry: ArchiveEntry, _ reader: ArchiveReader) throws {
        switch entry.kind {
        case .special: throw reader.error(.hostile, "it is a device or a FIFO")
        case .folder: try createFolder(entry, reader)
        case _ where entry.path.isEmpty:
            throw reader.error(.hostile, "it stands for the whole folder and is none")
        case .file:
            try files.add(entry, reader)
            summary.bytes = summary.bytes.adding(entry.size)
        case .hardLink: try files.addLink(entry, reader)
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

    /// Makes those that wait for this file: it gets the name of the first, and the others become links to that one.
    private func addContent(of recorded: ArchiveEntry, _ reader: ArchiveReader) throws {
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
