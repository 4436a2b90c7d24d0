// SPDX-License-Identifier: Apache-2.0
import KecsArchive
public import KecsSystem

/// Something in an object store that belongs to no backup. Velero and the store never remove it by themselves.
public struct Orphan: Hashable, Sendable, Encodable {
    public enum Kind: String, Hashable, Sendable, Encodable, CaseIterable {
        /// A folder of a backup without `velero-backup.json`.
        case upload = "failed upload"
        /// Volumes' data of a namespace that no backup has volumes of.
        case volumes = "volumes of no backup"
        /// What a restore left, whose Restore went with its cluster.
        case restore = "report of a restore"
        /// Parts that no version of their object names.
        case data = "data of no object"
        /// What a server writes before it becomes an object.
        case scratch = "unfinished write"
    }

    /// The path below the store's data folder.
    public var path: String
    public var kind: Kind
    /// The sum of its files' sizes, in bytes.
    public var bytes: Int64
    /// When the newest of its files was written.
    public var modified: Moment
    public var why: String
}

/// Finds what a bucket has that no backup needs, from its files alone. A backup that is damaged or cannot be read is none of it:
/// something of it may be saved.
public struct FindOrphans {
    /// The largest depth of an object's key, in folders.
    private static let depthLimit = 32

    private let bucket: VeleroBucket
    private let isClusterGone: Bool
    private let cancellation: Cancellation
    private var store: ObjectStore { bucket.store }

    /// - Parameter isClusterGone: True when there is no cluster of which Velero could know a restore or a repository of volumes.
    public init(_ bucket: VeleroBucket, isClusterGone: Bool, cancellation: Cancellation) {
        self.bucket = bucket
        self.isClusterGone = isClusterGone
        self.cancellation = cancellation
    }

    /// Returns them, sorted by path.
    ///
    /// - Throws: `FileError`, `ObjectProblem`, `Interrupted`. An object that cannot be read is kept, and no error.
    public func run() throws -> [Orphan] {
        var found = try uploads()
        if isClusterGone { found += try volumes() + restores() }
        for place in ["backups", "restores", "kopia"] {
            let path = "\(bucket.path)/\(place)"
            if try store.isPrefix(path) { found += try data(in: path, depth: 0) }
        }
        found += try scratch()
        // The parts of what goes as a whole go with it.
        let whole = Set(found.filter { $0.kind != .data }.map { $0.path + "/" })
        return found.filter { orphan in
            orphan.kind != .data || !whole.contains { orphan.path.hasPrefix($0) }
        }.sorted { $0.path < $1.path }
    }

    // MARK: Backups

    private func uploads() throws -> [Orphan] {
        try (bucket.names() ?? []).compactMap { name in
            try cancellation.check()
            guard try hasDescription(name) == false else { return nil }
            return try orphan(
                bucket.path(of: name), .upload,
                "it has no velero-backup.json: the upload failed, and Velero takes it for no backup")
        }
    }

    /// Nil when it cannot be determined.
    private func hasDescription(_ name: String) throws -> Bool? {
        do {
            return try store.object(bucket.path(of: name, .backup)).object != nil
        } catch let error where error is ObjectProblem || error is FileError {
            return nil
        }
    }

    // MARK: What Velero knows only in its cluster

    private func volumes() throws -> [Orphan] {
        guard let used = try namespacesWithVolumes() else { return [] }
        return try (store.names(in: "\(bucket.path)/kopia") ?? []).filter { !used.contains($0) }.map { name in
            try orphan(
                "\(bucket.path)/kopia/\(name)", .volumes,
                "no backup has volumes of the namespace \(printable(Array(name.utf8)))")
        }
    }

    /// Nil when a backup's list of volumes cannot be read: then every repository may be of use.
    private func namespacesWithVolumes() throws -> Set<String>? {
        var used: Set<String> = []
        let judge = JudgeVeleroBackup(
            bucket, depth: .sizes, now: Moment(seconds: 0), cancellation: cancellation)
        for name in try bucket.names() ?? [] {
            try cancellation.check()
            switch try hasDescription(name) {
            case false?: continue
            case nil: return nil
            case true?: break
            }
            do {
                guard let list = try store.object(bucket.path(of: name, .podVolumeBackups)).object else {
                    return nil
                }
                var ignored = VeleroBackup(name, depth: .sizes)
                let json = try judge.json(of: list, isCompressed: true, &ignored)
                for item in json.array ?? json["items"]?.array ?? [] {
                    guard let namespace = item["spec"]?["pod"]?["namespace"]?.string else { return nil }
                    used.insert(namespace)
                }
            } catch let error where !(error is Interrupted) {
                return nil
            }
        }
        return used
    }

    private func restores() throws -> [Orphan] {
        try (store.names(in: "\(bucket.path)/restores") ?? []).map { name in
            try orphan(
                "\(bucket.path)/restores/\(name)", .restore,
                "the cluster that knew this restore is gone, and no other learns of it")
        }
    }

    // MARK: What the store left

    /// Below each object of MinIO, the folders with parts that none of its versions names: an overwritten object whose server
    /// ended before it removed the old parts.
    private func data(in path: String, depth: Int) throws -> [Orphan] {
        guard depth < Self.depthLimit else { return [] }
        var found: [Orphan] = []
        for name in try store.folder.names(path) ?? [] {
            try cancellation.check()
            let child = "\(path)/\(name)"
            guard try store.folder.status(child)?.kind == .folder else { continue }
            guard try store.folder.status("\(child)/xl.meta") != nil else {
                found += try data(in: child, depth: depth + 1)
                continue
            }
            guard let named = try namedFolders(of: child) else { continue }
            for folder in try store.folder.names(child) ?? []
            where Self.isDataFolder(folder) && !named.contains(folder) {
                guard try store.folder.status("\(child)/\(folder)")?.kind == .folder else { continue }
                found.append(
                    try orphan(
                        "\(child)/\(folder)", .data,
                        "no version of its object has parts in it: the object was written again"))
            }
        }
        return found
    }

    /// Nil when it cannot be determined.
    private func namedFolders(of object: String) throws -> Set<String>? {
        do {
            return try store.dataFolders(of: object)
        } catch let error where error is ObjectProblem || error is FileError {
            return nil
        }
    }

    /// `01020304-0506-0708-090a-0b0c0d0e0f10`
    static func isDataFolder(_ name: String) -> Bool {
        let parts = name.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        return parts.map(\.count) == [8, 4, 4, 4, 12]
            && parts.joined().allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            }
    }

    private func scratch() throws -> [Orphan] {
        let places = [
            (".minio.sys/tmp", "MinIO had not finished writing it"),
            (".minio.sys/multipart", "an upload in parts was not brought to its end"),
            ("\(bucket.path.prefix { $0 != "/" })/.sgwtmp", "versitygw had not finished writing it"),
        ]
        return try places.flatMap { place, why in
            try (store.folder.names(place) ?? []).compactMap { name -> Orphan? in
                let orphan = try orphan("\(place)/\(name)", .scratch, why)
                // MinIO keeps empty folders there.
                return orphan.bytes > 0 ? orphan : nil
            }
        }
    }

    // MARK: Sizes

    private func orphan(_ path: String, _ kind: Orphan.Kind, _ why: String) throws -> Orphan {
        var orphan = Orphan(path: path, kind: kind, bytes: 0, modified: Moment(seconds: 0), why: why)
        try measure(path, depth: 0, &orphan)
        return orphan
    }

    private func measure(_ path: String, depth: Int, _ orphan: inout Orphan) throws {
        try cancellation.check()
        guard let status = try store.folder.status(path) else { return }
        orphan.modified = max(orphan.modified, status.modified)
        guard status.kind == .folder, depth < Self.depthLimit else {
            if status.kind == .file { orphan.bytes = orphan.bytes.adding(status.size) }
            return
        }
        for name in try store.folder.names(path) ?? [] {
            try measure("\(path)/\(name)", depth: depth + 1, &orphan)
        }
    }
}
