// SPDX-License-Identifier: Apache-2.0
public import KecsArchive
import KecsSystem
import SystemPackage

/// The source of an inventory's databases.
public enum DatabaseSearch: Sendable {
    /// Scans every part that can be read here.
    case look
    /// Uses existing scans, by the part's name; other parts are scanned.
    case scans([String: TreeScan])
    /// Scans every part but the object store, which can be large and is rarely where a database is.
    case besideObjects
    /// Leaves them out: `databases` is empty, and the primary is known only where its name leads straight to it.
    case none
}

/// The databases of one part, by content.
struct FindDatabases {
    let cancellation: Cancellation

    func run(in part: Part, at root: FilePath, scan: TreeScan) throws -> [InventoryDatabase] {
        var found = try scan.databases.map { try database($0, in: part, at: root) }
        for folder in scan.databaseFolders {
            let place = folder.path.isEmpty ? root : root.appending(bytes: folder.path)
            let bytes =
                folder.path.isEmpty
                ? scan.bytes : try scanTree(TreeSource(root: place), cancellation: cancellation).bytes
            found.append(
                InventoryDatabase(
                    part: part.name, path: folder.path, engine: .folder(folder.server.title), bytes: bytes,
                    file: place))
        }
        for link in scan.outwardLinks { found += try behind(link, in: part, at: root) }
        return found
    }

    private func database(
        _ found: TreeScan.Database, in part: Part, at root: FilePath
    ) throws -> InventoryDatabase {
        var bytes = found.bytes
        for sidecar in found.sidecars {
            bytes = bytes.adding(try FileStatus.of(root.appending(bytes: sidecar))?.size ?? 0)
        }
        return InventoryDatabase(
            part: part.name, path: found.path, engine: InventoryEngine(found.engine), bytes: bytes,
            file: root.appending(bytes: found.path))
    }

    /// Returns a database behind a link that leads out of the part, or in a folder behind one.
    private func behind(
        _ link: TreeScan.OutwardLink, in part: Part, at root: FilePath
    ) throws -> [InventoryDatabase] {
        let place = root.appending(bytes: link.path)
        guard let target = try resolved(place), let status = try FileStatus.following(target) else {
            return []
        }
        switch status.kind {
        case .file:
            guard let engine = try DatabaseEngine(of: target, size: status.size).map(InventoryEngine.init)
            else { return [] }
            return [
                InventoryDatabase(
                    part: part.name, path: link.path, engine: engine,
                    bytes: try Self.bytes(of: target, engine), file: target)
            ]
        case .folder:
            // A link to a folder above would lead around in a circle, or through the whole machine.
            guard let here = try resolved(root), !here.starts(with: target), target.components.count > 1
            else {
                return []
            }
            let scan = try scanTree(TreeSource(root: target), cancellation: cancellation)
            return try scan.databases.map {
                var database = try self.database($0, in: part, at: target)
                database.path = link.path + [UInt8(ascii: "/")] + $0.path
                return database
            }
        default: return []
        }
    }

    private func resolved(_ path: FilePath) throws -> FilePath? {
        do { return try path.realPath() } catch let error as FileError {
            // A link that leads nowhere, or in a circle.
            guard [.noSuchFileOrDirectory, .notDirectory, .tooManySymbolicLinkLevels].contains(error.errno)
            else { throw error }
            return nil
        }
    }

    static func bytes(of file: FilePath, _ engine: InventoryEngine) throws -> Int64 {
        var bytes: Int64 = 0
        let suffixes =
            engine == .duckdb ? DatabaseEngine.duckdb.sidecarSuffixes : DatabaseEngine.sqlite.sidecarSuffixes
        for suffix in [""] + suffixes {
            let path = file.beside(suffix)
            bytes = bytes.adding(try FileStatus.of(path)?.size ?? 0)
        }
        return bytes
    }
}

extension InventoryEngine {
    init(_ engine: DatabaseEngine) {
        self =
            switch engine {
            case .sqlite: .sqlite
            case .duckdb: .duckdb
            case .unknown: .unknown
            }
    }
}

extension DatabaseFolder.Server {
    /// The name for people.
    public var title: String {
        switch self {
        case .postgresql: "PostgreSQL"
        case .mysql: "MySQL"
        case .mongodb: "MongoDB"
        case .rocksdb: "RocksDB"
        case .etcd: "etcd"
        }
    }
}
