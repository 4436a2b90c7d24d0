// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// Writes the entries of a tree as the walk comes to them.
final class ArchivedTree: TreeVisitor {
    private let source: TreeSource
    private let stream: TarStream
    private let contents: FileContents
    private var headers = HeaderWriter()
    private var summary = ArchiveSummary()
    private var fingerprint = Fingerprint()
    private var databases = DatabasesInFolder()
    private var unused: Set<[UInt8]>
    /// Files with several names, until the last of them has been seen.
    private var links: [FileID: (path: [UInt8], left: UInt64)] = [:]

    private struct FileID: Hashable {
        var device: UInt64
        var inode: UInt64
    }

    init(_ source: TreeSource, _ stream: TarStream) {
        self.source = source
        self.stream = stream
        contents = FileContents(stream)
        unused = Set(source.substitutes.keys)
    }

    /// Adds copied write-ahead logs whose original was folded into its database meanwhile. Such a log belongs to the
    /// copy of that database: it is written last, with the database's owner and mode.
    func addUnused() throws {
        for path in unused.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            let suffix = ["-wal", "-journal", ".wal"].map { Array($0.utf8) }.first {
                path.suffix($0.count) == $0[...]
            }
            guard let suffix, let substitute = source.substitutes[path],
                source.substitutes[Array(path.dropLast(suffix.count))] != nil,
                let model = try FileStatus.of(source.path(Array(path.dropLast(suffix.count)))),
                model.kind == .file
            else { continue }
            let file = substitute.withPlatformString { paths_open($0, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0) }
            guard file >= 0 else { throw FileError.last("open", substitute) }
            defer { close(file) }
            let own = try FileStatus.of(descriptor: file, at: substitute)
            var entry = TarEntry(path, Tar.Kind.file, model)
            _ = try contents.write(file, own, at: { substitute }) { status, extents in
                entry.size = status.size
                entry.extents = extents
                return try self.write(entry)
            }
            unused.remove(path)
        }
    }

    /// Ends the archive after the walk.
    func end() -> ArchiveSummary {
        summary.vanished += unused.sorted { $0.lexicographicallyPrecedes($1) }
        summary.fingerprint = fingerprint.finish()
        return summary
    }

    func vanished(_ path: [UInt8]) { summary.vanished.append(path) }

    /// The number of entries and of files' bytes so far.
    var count: (entries: Int, sourceBytes: Int64) { (summary.entries, summary.sourceBytes) }

    /// Takes note of a folder, or of anything else, whose entry is in another archive already.
    func pass(_ path: [UInt8], isFolder: Bool) {
        if isFolder { databases.enter() } else { unused.remove(path) }
    }

    func enter(folder: CInt, path: [UInt8], status: FileStatus) throws {
        databases.enter()
        var entry = TarEntry(path, Tar.Kind.folder, status)
        entry.records = try Attributes.records(of: .descriptor(folder), path: source.path(path))
        _ = try write(entry)
    }

    func leave(path: [UInt8], status: FileStatus) {
        fingerprint.add(path, status, type: UInt8(ascii: "d"), times: !databases.leave())
    }

    func visit(_ entry: WalkedName, path: [UInt8]) throws {
        switch CInt(entry.type) {
        case CInt(DT_REG):
            if let substitute = source.substitutes[path] {
                try add(substitute, insteadOf: entry, path)
            } else {
                try addFile(entry, path)
            }
        case CInt(DT_LNK):
            if let substitute = source.substitutes[path], let target = source.followed[path] {
                try add(substitute, insteadOf: target, path)
            } else {
                try addLink(entry, path)
            }
        case CInt(DT_FIFO), CInt(DT_CHR), CInt(DT_BLK): summary.special.append(path)
        // Its server recreates a socket: nothing is lost with it.
        case CInt(DT_SOCK): break
        default: try addByStatus(entry, path)
        }
    }

    /// Adds an entry whose kind the listing did not tell, or has changed since.
    private func addByStatus(_ entry: WalkedName, _ path: [UInt8]) throws {
        var raw = stat()
        guard fstatat(entry.folder, entry.name, &raw, AT_SYMLINK_NOFOLLOW) == 0 else {
            guard errno == ENOENT else { throw FileError.last("look at", source.path(path)) }
            return vanished(path)
        }
        switch FileStatus(raw).kind {
        case .file: try addFile(entry, path)
        case .symlink: try addLink(entry, path)
        // The listed file is gone; the folder came after it.
        case .folder: vanished(path)
        // Its server recreates a socket: nothing is lost with it.
        case .socket: break
        case .fifo, .characterDevice, .blockDevice, .other: summary.special.append(path)
        }
    }

    private func addLink(_ entry: WalkedName, _ path: [UInt8]) throws {
        var raw = stat()
        guard fstatat(entry.folder, entry.name, &raw, AT_SYMLINK_NOFOLLOW) == 0,
            let target = try linkTarget(entry, path: source.path(path))
        else { return vanished(path) }
        let status = FileStatus(raw)
        var link = TarEntry(path, Tar.Kind.symlink, status)
        link.link = target
        _ = try write(link)
        fingerprint.add(path, status, type: UInt8(ascii: "l"), link: target)
    }

    private func addFile(_ entry: WalkedName, _ path: [UInt8]) throws {
        guard let file = try openQuietly(entry, path: source.path(path)) else {
            return try replaced(entry, path)
        }
        defer { close(file) }
        let status = try FileStatus.of(descriptor: file, at: source.path(path))
        guard status.kind == .file else { return summary.special.append(path) }
        if status.links > 1, try isSecretOfSomebodyElse(status, in: entry.folder, path) {
            return summary.special.append(path)
        }
        if status.links > 1, let first = firstName(of: status, path) {
            var link = TarEntry(path, Tar.Kind.hardLink, status)
            // An archive's names begin with "./", so its links' targets do too.
            link.link = Array("./".utf8) + first
            _ = try write(link)
            if source.findsDatabases, contents.engine(of: file, size: status.size) != nil {
                databases.found(path)
            } else {
                fingerprint.add(path, status, type: UInt8(ascii: "f"))
            }
            return
        }
        var tarEntry = TarEntry(path, Tar.Kind.file, status)
        tarEntry.records = try Attributes.records(of: .descriptor(file), path: source.path(path))
        let outcome = try contents.write(file, status, at: { self.source.path(path) }) { status, extents in
            tarEntry.take(status)
            tarEntry.extents = extents
            return try self.write(tarEntry)
        }
        if outcome.isChanging { summary.changed.append(path) }
        if source.findsDatabases, let folder = DatabaseFolder(markedBy: path),
            !summary.databaseFolders.contains(folder)
        {
            summary.databaseFolders.append(folder)
        }
        let isSidecar = databases.owner(of: path) != nil
        if !isSidecar, source.findsDatabases, outcome.engine != nil {
            summary.databases.append(path)
            databases.found(path)
        } else if !isSidecar {
            fingerprint.add(path, outcome.status, type: UInt8(ascii: "f"))
        }
    }

    /// Returns true for a second name of a file elsewhere, put here by a user who may not read that file: from an
    /// archive they could.
    private func isSecretOfSomebodyElse(
        _ status: FileStatus, in folder: CInt, _ path: [UInt8]
    ) throws -> Bool {
        let above = try FileStatus.of(descriptor: folder, at: source.path(path))
        return paths_is_trusted(above.owner) == 0 && above.owner != status.owner
            && status.mode & 0o004 == 0 && !(status.group == above.group && status.mode & 0o040 != 0)
    }

    private func add(_ substitute: FilePath, insteadOf entry: WalkedName, _ path: [UInt8]) throws {
        // O_PATH: closing any other descriptor of a database would drop the locks this process holds on it.
        let original = openat(entry.folder, entry.name, clinux_o_path | O_NOFOLLOW | O_CLOEXEC)
        guard original >= 0 else {
            guard errno == ENOENT else { throw FileError.last("open", source.path(path)) }
            return
        }
        defer { close(original) }
        try add(substitute, path, like: original)
    }

    /// Adds a file in place of a link, so that unpacking gives a file.
    private func add(_ substitute: FilePath, insteadOf target: FilePath, _ path: [UInt8]) throws {
        let original = target.withPlatformString { paths_open($0, clinux_o_path | O_NOFOLLOW | O_CLOEXEC, 0) }
        guard original >= 0 else { throw FileError.last("open", target) }
        defer { close(original) }
        try add(substitute, path, like: original)
    }

    private func add(_ substitute: FilePath, _ path: [UInt8], like original: CInt) throws {
        unused.remove(path)
        let status = try FileStatus.of(descriptor: original, at: source.path(path))
        let opened = source.opened[path]
        let file =
            opened
            ?? substitute.withPlatformString { paths_open($0, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0) }
        guard file >= 0 else { throw FileError.last("open", substitute) }
        defer { if opened == nil { close(file) } }
        let own = try FileStatus.of(descriptor: file, at: substitute)
        var tarEntry = TarEntry(path, Tar.Kind.file, status)
        tarEntry.records = try Attributes.records(
            of: .pathDescriptor(original), path: source.path(path))
        let outcome = try contents.write(
            file, own, at: { substitute }, isDigested: source.digested.contains(path)
        ) { status, extents in
            tarEntry.size = status.size
            tarEntry.extents = extents
            return try self.write(tarEntry)
        }
        summary.digests[path] = outcome.sha256
        if outcome.isChanging { summary.changed.append(path) }
        databases.found(path)
    }

    /// A name that was a file when it was listed, and cannot be opened as one now.
    private func replaced(_ entry: WalkedName, _ path: [UInt8]) throws {
        var raw = stat()
        guard fstatat(entry.folder, entry.name, &raw, AT_SYMLINK_NOFOLLOW) == 0 else { return vanished(path) }
        switch FileStatus(raw).kind {
        case .symlink: try addLink(entry, path)
        case .file, .folder: vanished(path)
        // Its server recreates a socket: nothing is lost with it.
        case .socket: break
        case .fifo, .characterDevice, .blockDevice, .other: summary.special.append(path)
        }
    }

    /// Returns the name under which a file with several names is in the archive already.
    private func firstName(of status: FileStatus, _ path: [UInt8]) -> [UInt8]? {
        let id = FileID(device: status.device, inode: status.inode)
        guard let known = links[id] else {
            links[id] = (path, status.links - 1)
            return nil
        }
        links[id] = known.left > 1 ? (known.path, known.left - 1) : nil
        return known.path
    }

    /// - Returns: The number of bytes of content that must follow.
    /// - Throws: `FileError` with EFBIG for a size that a reader of archives takes for damage.
    private func write(_ entry: TarEntry) throws -> Int64 {
        guard entry.size <= Int64.largestCount else {
            throw FileError("archive", source.path(entry.path), .fileTooLarge)
        }
        return try headers.write(entry, to: stream, &summary)
    }
}

extension TarEntry {
    fileprivate init(_ path: [UInt8], _ type: UInt8, _ status: FileStatus) {
        self.init(
            path: path, type: type, mode: status.mode, owner: status.owner, group: status.group,
            modifiedSeconds: status.modified.seconds, modifiedNanoseconds: status.modified.nanoseconds)
    }

    fileprivate mutating func take(_ status: FileStatus) {
        mode = status.mode
        owner = status.owner
        group = status.group
        modifiedSeconds = status.modified.seconds
        modifiedNanoseconds = status.modified.nanoseconds
        size = status.size
    }
}
