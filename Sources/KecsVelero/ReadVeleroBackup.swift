// SPDX-License-Identifier: Apache-2.0
public import KecsArchive
public import KecsSystem
import SystemPackage

/// Reads the content of a backup: the objects in the bucket, and the files in its tarball.
public struct ReadVeleroBackup {
    /// The limit of a comparison, which has all paths of both sides in memory.
    public static let entryLimit = 1_000_000

    private let bucket: VeleroBucket
    public let name: String
    private let cancellation: Cancellation

    public init(_ bucket: VeleroBucket, _ name: String, cancellation: Cancellation) {
        self.bucket = bucket
        self.name = name
        self.cancellation = cancellation
    }

    /// Returns `velero-backup.json` and the other objects: name, size and time, sorted by name.
    public func objects() throws -> [StoredObject] {
        let folder = bucket.path(of: name)
        return try (bucket.store.names(in: folder) ?? []).compactMap {
            try bucket.store.object("\(folder)/\($0)").object
        }
    }

    /// Reads the files of the tarball in its order.
    ///
    /// - Parameter each: Receives each file. False ends the reading there.
    /// - Throws: `ObjectProblem`, `ArchiveError`, `FileError`, `Interrupted`.
    public func files(_ each: (ArchiveEntry, StreamedContent) throws -> Bool) throws {
        let object = VeleroFile.tarball.name(of: name)
        try readArchive(FilePath(object), from: try reader(object).next, each: each)
    }

    /// Reads the content under a path, in pieces; those of MinIO are confirmed by their checksum. The path names an
    /// object, which is read byte for byte; an object whose name ends in `.gz`, without `NAME-` before and `.gz` after
    /// it, which is inflated; or a file of the tarball.
    ///
    /// - Returns: False when there is nothing under that path.
    public func contents(_ path: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
        guard VeleroBucket.isPath(path) else { return false }
        if !path.contains("/") {
            if let object = try object(path) {
                let reader = try reader(object)
                while let piece = try reader.next() { try body(piece) }
                return true
            }
            if let object = try object("\(name)-\(path).gz") {
                let stream = GzipStream(FilePath("\(name)-\(path).gz"), from: try reader(object).next)
                while let piece = try stream.next() { try body(piece) }
                return true
            }
        }
        let wanted = Array(path.utf8)
        var isFound = false
        try files { entry, content in
            guard entry.path == wanted, entry.kind == .file else { return true }
            isFound = true
            try content.read(body)
            return false
        }
        return isFound
    }

    /// Returns the size and digest of every file of the tarball.
    public func digests() throws -> [[UInt8]: (bytes: Int64, sha256: String)] {
        var digests: [[UInt8]: (bytes: Int64, sha256: String)] = [:]
        try files { entry, content in
            guard entry.kind == .file else { return true }
            digests[entry.path] = (entry.size, try content.sha256())
            guard digests.count <= Self.entryLimit else {
                throw ObjectProblem(
                    .unreadable, VeleroFile.tarball.name(of: name),
                    "it has more than \(Self.entryLimit) files")
            }
            return true
        }
        return digests
    }

    /// Returns the errors and warnings that Velero recorded, each once, in the order of the object.
    public func results() throws -> (errors: [String], warnings: [String]) {
        try results(at: bucket.path(of: name, .results))
    }

    /// The same of a restore; each leaves them beside the backups.
    public static func results(
        ofRestore name: String, in bucket: VeleroBucket, cancellation: Cancellation
    ) throws -> (errors: [String], warnings: [String]) {
        try ReadVeleroBackup(bucket, name, cancellation: cancellation)
            .results(at: "\(bucket.path)/restores/\(name)/restore-\(name)-results.gz")
    }

    private func results(at path: String) throws -> (errors: [String], warnings: [String]) {
        guard let object = try bucket.store.object(path).object else { return ([], []) }
        let stream = GzipStream(FilePath(path), from: try reader(object).next)
        let text = String(decoding: try stream.contents(limit: JudgeVeleroBackup.listLimit), as: UTF8.self)
        let json = try JSONValue(parsing: text)
        return (Self.sentences(json["errors"]), Self.sentences(json["warnings"]))
    }

    /// Returns the sentences of `{velero: [], cluster: [], namespaces: {name: []}}`.
    private static func sentences(_ json: JSONValue?) -> [String] {
        var sentences: [String] = []
        var known: Set<String> = []
        func add(_ list: JSONValue?, _ place: String) {
            for text in (list?.array ?? []).compactMap(\.string) {
                let sentence = place.isEmpty ? text : "\(place): \(text)"
                if known.insert(sentence).inserted { sentences.append(sentence) }
            }
        }
        add(json?["velero"], "")
        add(json?["cluster"], "cluster")
        for (name, list) in (json?["namespaces"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
            add(list, name)
        }
        return sentences.map { printable(Array($0.utf8)) }
    }

    private func object(_ object: String) throws -> StoredObject? {
        try bucket.store.object("\(bucket.path(of: name))/\(object)").object
    }

    private func reader(_ object: String) throws -> ObjectReader {
        guard let stored = try self.object(object) else {
            throw ObjectProblem(.damaged, object, "it is missing")
        }
        return try reader(stored)
    }

    private func reader(_ stored: StoredObject) throws -> ObjectReader {
        if let seal = stored.seal { throw ObjectProblem(.unreadable, stored.path, seal.sentence) }
        return ObjectReader(stored, in: bucket.store, cancellation: cancellation)
    }
}
