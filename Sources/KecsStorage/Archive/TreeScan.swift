// SPDX-License-Identifier: Apache-2.0
import Glibc
public import KecsSystem
import SystemPackage

/// What a first pass over a tree tells. No content is read but the first bytes of what could be a database.
public struct TreeScan: Sendable {
    public struct Database: Hashable, Sendable {
        public var path: [UInt8]
        public var engine: DatabaseEngine
        public var bytes: Int64
        /// Its `-wal`, `-shm`, `-journal` and `.wal`, where they are.
        public var sidecars: [[UInt8]] = []
    }

    /// The root, and everything in it that would be archived.
    public internal(set) var entries = 0
    /// Of regular files.
    public internal(set) var bytes: Int64 = 0
    /// Hex SHA-256; see `Fingerprint`.
    public internal(set) var fingerprint = ""
    public internal(set) var databases: [Database] = []
    /// Databases that are folders. Their files count in the fingerprint like any others.
    public internal(set) var databaseFolders: [DatabaseFolder] = []
    /// The latest status change among what the fingerprint covers. A tree read in the same tick of the clock may change
    /// once more without showing it.
    public internal(set) var newest = Moment(seconds: 0)
    /// FIFOs, sockets and devices: no backup holds them.
    public internal(set) var special: [[UInt8]] = []
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

    init(_ source: TreeSource) { self.source = source }

    func enter(folder: CInt, path: [UInt8], status: FileStatus) {
        databases.enter()
        result.entries += 1
    }

    func leave(path: [UInt8], status: FileStatus) {
        fingerprint.add(path, status, type: UInt8(ascii: "d"), times: !databases.leave())
    }

    func vanished(_ path: [UInt8]) {}

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
            result.bytes += status.size
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
                let engine = try DatabaseEngine.sniff(entry, status, path: source.path(path))
            {
                databases.found(path)
                result.databases.append(TreeScan.Database(path: path, engine: engine, bytes: status.size))
            } else {
                fingerprint.add(path, status, type: UInt8(ascii: "f"))
            }
        case .symlink:
            guard let target = try linkTarget(entry, path: source.path(path)) else { return }
            result.entries += 1
            fingerprint.add(path, status, type: UInt8(ascii: "l"), link: target)
        // Created after its folder was listed, in place of something that is gone.
        case .folder: break
        case .fifo, .socket, .characterDevice, .blockDevice, .other: result.special.append(path)
        }
    }
}

extension DatabaseEngine {
    /// Both engines' files are whole numbers of 512 bytes.
    static func mayBeDatabase(size: Int64) -> Bool { size > 0 && size % 512 == 0 }

    fileprivate static func sniff(
        _ entry: WalkedName, _ status: FileStatus, path: @autoclosure () -> FilePath
    ) throws -> DatabaseEngine? {
        guard mayBeDatabase(size: status.size) else { return nil }
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
