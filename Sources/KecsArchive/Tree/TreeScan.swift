// SPDX-License-Identifier: Apache-2.0
import Glibc
public import KecsSystem
import SystemPackage

/// The result of a first pass over a tree. It reads only the first bytes of files that could be databases, and no other
/// content.
public struct TreeScan: Sendable {
    public struct Database: Hashable, Sendable {
        public var path: [UInt8]
        public var engine: DatabaseEngine
        public var bytes: Int64
        /// Its `-wal`, `-shm`, `-journal` and `.wal`, where they exist.
        public var sidecars: [[UInt8]] = []
    }

    public struct OutwardLink: Hashable, Sendable {
        public var path: [UInt8]
        /// The target, absolute or relative to the folder that holds the link.
        public var target: [UInt8]
    }

    /// The number of entries: the root, and everything in it that would be archived.
    public internal(set) var entries = 0
    /// The size of the regular files.
    public internal(set) var bytes: Int64 = 0
    /// Of those, what is allocated: a sparse file's holes are not.
    public internal(set) var allocatedBytes: Int64 = 0
    /// Hex SHA-256; see `Fingerprint`.
    public internal(set) var fingerprint = ""
    public internal(set) var databases: [Database] = []
    /// Databases that are folders. Their files count in the fingerprint like any others.
    public internal(set) var databaseFolders: [DatabaseFolder] = []
    /// The latest status change that the fingerprint covers. A tree read in the same tick of the clock may change once
    /// more without showing it.
    public internal(set) var newest = Moment(seconds: 0)
    /// Symbolic links whose target lies outside of the tree, as they are written.
    public internal(set) var outwardLinks: [OutwardLink] = []
    /// FIFOs, sockets and devices: no backup holds them.
    public internal(set) var special: [[UInt8]] = []
    /// The sockets. No backup holds them either, and nothing is lost with them.
    public internal(set) var sockets: [[UInt8]] = []
    /// Names that the source's patterns leave out; a folder counts once.
    public internal(set) var excluded = 0
}

/// - Throws: `FileError`, `Interrupted`. A folder or a possible database that cannot be opened is an error.
public func scanTree(_ source: TreeSource, cancellation: Cancellation) throws -> TreeScan {
    let scan = Scan(source)
    try TreeWalk(source: source, cancellation: cancellation).run(scan)
    scan.result.fingerprint = scan.fingerprint.finish()
    scan.result.newest = scan.fingerprint.newest
    return scan.result
}

private final class Scan: TreeVisitor {
    let source: TreeSource
    var result = TreeScan()
    var fingerprint = Fingerprint()
    private var databases = DatabasesInFolder()
    private static let sidecars = DatabaseEngine.unknown.sidecarSuffixes.map { Array($0.utf8) }

    init(_ source: TreeSource) { self.source = source }

    func enter(folder: CInt, path: [UInt8], status: FileStatus) {
        databases.enter()
        result.entries += 1
    }

    func leave(path: [UInt8], status: FileStatus) {
        fingerprint.add(path, status, type: UInt8(ascii: "d"), times: !databases.leave())
    }

    func vanished(_ path: [UInt8]) {}

    func excluded(_ path: [UInt8]) { result.excluded += 1 }

    func visit(_ entry: WalkedName, path: [UInt8]) throws {
        var raw = stat()
        guard fstatat(entry.folder, entry.name, &raw, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return }
            throw FileError.last("look at", source.path(path))
        }
        let status = FileStatus(raw)
        switch status.kind {
        case .file:
            result.entries += 1
            result.bytes = result.bytes.adding(status.size)
            result.allocatedBytes = result.allocatedBytes.adding(min(status.size, status.blocks * 512))
            if source.findsDatabases, let folder = DatabaseFolder(markedBy: path),
                !result.databaseFolders.contains(folder)
            {
                result.databaseFolders.append(folder)
            }
            if let database = databases.owner(of: path) {
                if let index = result.databases.lastIndex(where: { $0.path == database }) {
                    result.databases[index].sidecars.append(path)
                }
            } else if source.findsDatabases,
                let engine = try source.knownDatabases[path]
                    ?? DatabaseEngine.sniff(entry, status, named: path, path: source.path(path))
            {
                databases.found(path)
                result.databases.append(TreeScan.Database(path: path, engine: engine, bytes: status.size))
            } else if source.findsDatabases, let database = try unknownDatabase(beside: entry, path: path) {
                databases.found(database.path)
                result.databases.append(database)
            } else {
                fingerprint.add(path, status, type: UInt8(ascii: "f"))
            }
        case .symlink:
            guard let target = try linkTarget(entry, path: source.path(path)) else { return }
            result.entries += 1
            if leadsOut(target, from: path) {
                result.outwardLinks.append(TreeScan.OutwardLink(path: path, target: target))
            }
            fingerprint.add(path, status, type: UInt8(ascii: "l"), link: target)
        // It was created after its folder was listed, in place of a file that is gone.
        case .folder: break
        // Its server recreates a socket: nothing is lost with it.
        case .socket: result.sockets.append(path)
        case .fifo, .characterDevice, .blockDevice, .other: result.special.append(path)
        }
    }

    /// Returns the database that a `-wal`, `-shm` or `-journal` without a known database belongs to. The sidecar sorts
    /// after that file, which is in the fingerprint by now and stays there: no process opens it, so its times change
    /// only when it is written.
    private func unknownDatabase(beside entry: WalkedName, path: [UInt8]) throws -> TreeScan.Database? {
        guard
            let suffix = Self.sidecars.first(where: {
                path.count > $0.count && path.suffix($0.count).elementsEqual($0)
            })
        else { return nil }
        let base = Array(path.dropLast(suffix.count))
        let name = base[(base.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)...]
        guard !name.isEmpty else { return nil }
        var raw = stat()
        let found = (name.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { name in
            name.baseAddress.map { fstatat(entry.folder, $0, &raw, AT_SYMLINK_NOFOLLOW) } ?? -1
        }
        guard found == 0 else {
            if errno == ENOENT { return nil }
            throw FileError.last("look at", source.path(base))
        }
        let status = FileStatus(raw)
        guard status.kind == .file, !source.leftOut.contains(base),
            !source.excluded.excludes(base, isFolder: false)
        else { return nil }
        return TreeScan.Database(path: base, engine: .unknown, bytes: status.size, sidecars: [path])
    }
}

/// Returns true when a link's target lies outside the tree, as far as its text tells.
private func leadsOut(_ target: [UInt8], from path: [UInt8]) -> Bool {
    let slash = UInt8(ascii: "/")
    if target.first == slash { return true }
    var depth = path.count { $0 == slash }
    for name in target.split(separator: slash) {
        if name.elementsEqual("..".utf8) { depth -= 1 } else if !name.elementsEqual(".".utf8) { depth += 1 }
        if depth < 0 { return true }
    }
    return false
}

extension DatabaseEngine {
    /// Both engines' files are whole numbers of 512 bytes.
    static func mayBeDatabase(size: Int64) -> Bool { size > 0 && size % 512 == 0 }

    private static let suffixes = [".db", ".sqlite", ".sqlite3", ".db3"].map { Array($0.utf8) }

    private static func hasDatabaseName(_ name: [UInt8]) -> Bool {
        suffixes.contains { name.count > $0.count && name.suffix($0.count).elementsEqual($0) }
    }

    fileprivate static func sniff(
        _ entry: WalkedName, _ status: FileStatus, named name: [UInt8], path: @autoclosure () -> FilePath
    ) throws -> DatabaseEngine? {
        // A file that was cut off, or has a byte too many, has no whole number of pages.
        guard mayBeDatabase(size: status.size) || (status.size >= 16 && hasDatabaseName(name)) else {
            return nil
        }
        guard let file = try openQuietly(entry, path: path()) else { return nil }
        // A lock that SQLite holds through another descriptor of this process would be lost here (fcntl locks go with
        // the first close); so no connection to the tree's databases may be open during a scan.
        defer { close(file) }
        return withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { room in
            guard pread(file, room.baseAddress, 16, 0) == 16 else { return nil }
            return recognise(UnsafeRawBufferPointer(room))
        }
    }
}
