// SPDX-License-Identifier: Apache-2.0
import KecsArchive
public import KecsSystem
import SystemPackage

/// Judges whether Velero could restore a backup, from the bucket's files alone. Velero itself does not check: it begins
/// to restore every backup that has a `velero-backup.json`.
public struct JudgeVeleroBackup {
    /// The largest list that is parsed. A larger one is only reported.
    static let listLimit = 8 << 20
    /// The largest number of objects in a backup's folder. Velero writes about ten.
    private static let objectLimit = 1000

    let bucket: VeleroBucket
    private let depth: VeleroBackup.Depth
    private let now: Moment
    private let cancellation: Cancellation
    private let progress: any ProgressSink

    public init(
        _ bucket: VeleroBucket, depth: VeleroBackup.Depth, now: Moment, cancellation: Cancellation,
        progress: any ProgressSink = SilentProgress()
    ) {
        self.progress = progress
        self.bucket = bucket
        self.depth = depth
        self.now = now
        self.cancellation = cancellation
    }

    /// Judges all backups of a bucket, the newest first.
    ///
    /// - Returns: Nil when there is no such bucket.
    public func all() throws -> [VeleroBackup]? {
        try bucket.names()?.map { try one($0) }.sorted { VeleroBackup.isOlder($1, $0) }
    }

    /// Judges one backup.
    ///
    /// - Throws: `Interrupted` only: an unreadable object is part of the judgement.
    public func one(_ name: String) throws -> VeleroBackup {
        var backup = VeleroBackup(name, depth: depth)
        let folder = bucket.path(of: name)
        do {
            var found: [String: StoredObject] = [:]
            let names = try bucket.store.names(in: folder) ?? []
            guard names.count <= Self.objectLimit else {
                throw ObjectProblem(.damaged, folder, "it has more than \(Self.objectLimit) objects")
            }
            for object in names {
                try cancellation.check()
                if let stored = try lookUp(object, folder, &backup) { found[object] = stored }
            }
            try judge(&backup, found)
        } catch let error as FileError {
            backup.lower(to: .unreadable, "\(error)")
        } catch let problem as ObjectProblem {
            backup.lower(to: problem.kind == .damaged ? .damaged : .unreadable, "\(problem)")
            if problem.kind == .damaged { backup.hasDamage = true }
        }
        return backup
    }

    private func judge(_ backup: inout VeleroBackup, _ found: [String: StoredObject]) throws {
        let name = backup.name
        guard let metadata = found[VeleroFile.backup.rawValue] else {
            if backup.objects.contains(where: { $0.name == VeleroFile.backup.rawValue }) { return }
            backup.lower(
                to: .notABackup,
                found.keys.allSatisfy { $0 == VeleroFile.logs.name(of: name) } && !found.isEmpty
                    ? "velero-backup.json is missing, only the log exists: the upload failed"
                    : "velero-backup.json is missing")
            for (object, stored) in found.sorted(by: { $0.key < $1.key }) where depth == .blocks {
                try note(object, &backup) { try verify(stored, object, &$0) }
            }
            return
        }
        try note(VeleroFile.backup.rawValue, &backup) { backup in
            try readStatus(try json(of: metadata, isCompressed: false, &backup), &backup)
        }
        for file in [VeleroFile.tarball, .podVolumeBackups] where found[file.name(of: name)] == nil {
            // An object that exists but cannot be looked up has its own reason.
            guard !backup.objects.contains(where: { $0.name == file.name(of: name) }) else { continue }
            switch file {
            case .tarball: backup.lower(to: .damaged, "\(file.name(of: name)) is missing")
            default:
                backup.lower(
                    to: .withErrors,
                    "\(file.name(of: name)) is missing: the backed-up volumes are unknown")
            }
        }
        for (object, stored) in found.sorted(by: { $0.key < $1.key })
        where object != VeleroFile.backup.rawValue {
            try note(object, &backup) { backup in
                if stored.seal == .elsewhere { return }
                switch depth {
                case .sizes: try reader(stored).checkSizes()
                case .blocks: try verify(stored, object, &backup)
                }
                if stored.seal != nil { return }
                if object == VeleroFile.podVolumeBackups.name(of: name) {
                    try readPodVolumes(try json(of: stored, isCompressed: true, &backup), &backup)
                }
                if object == VeleroFile.volumeInfo.name(of: name) {
                    try readVolumes(try json(of: stored, isCompressed: true, &backup), &backup)
                }
            }
        }
        if let expiresAt = backup.expiresAt, expiresAt < now {
            backup.remark(
                "it expired at \(expiresAt): Velero removes it soon after it starts, unless its controller “gc” is off"
            )
        }
    }

    // MARK: Objects

    private func lookUp(
        _ object: String, _ folder: String, _ backup: inout VeleroBackup
    ) throws -> StoredObject? {
        let path = "\(folder)/\(object)"
        do {
            switch try bucket.store.object(path) {
            case .absent: return nil
            case .deleted:
                backup.remark("\(object) was deleted: its newest version is a delete marker")
                return nil
            case .found(let stored):
                backup.objects.append(
                    VeleroBackup.Object(
                        name: object, bytes: stored.size, layout: stored.layout, modified: stored.modified))
                if let seal = stored.seal { note(.unreadable, object, seal.sentence, &backup) }
                if depth == .blocks, !stored.hasChecksum, stored.seal == nil {
                    backup.remark(
                        "\(object) has no checksum of the store: only what gzip itself checks was compared")
                }
                return stored
            }
        } catch let problem as ObjectProblem {
            backup.objects.append(
                VeleroBackup.Object(
                    name: object, bytes: 0, layout: .minio, modified: Moment(seconds: 0)))
            note(problem.kind, object, problem.why, &backup)
            return nil
        }
    }

    /// Reads every block, with the checks of gzip and tar.
    private func verify(_ stored: StoredObject, _ object: String, _ backup: inout VeleroBackup) throws {
        let reader = reader(stored)
        defer { backup.blocks += reader.blocks }
        guard stored.seal == nil, object.hasSuffix(".gz") else { return try reader.verify() }
        if object.hasSuffix(".tar.gz") {
            var entries: Int64 = 0
            try readArchive(FilePath(object), from: gzip(reader)) { entry, _ in
                if case .special = entry.kind {
                    throw ArchiveError(
                        .hostile, FilePath(object), entry: entry.path, "it is a device or a FIFO")
                }
                entries += 1
                return true
            }
            if entries == 0 { throw ArchiveError(.damaged, FilePath(object), "it is empty") }
        } else {
            let stream = GzipStream(FilePath(object), from: gzip(reader))
            while try stream.next() != nil {}
        }
    }

    func json(
        of stored: StoredObject, isCompressed: Bool, _ backup: inout VeleroBackup
    ) throws -> JSONValue {
        if let seal = stored.seal { throw ObjectProblem(.unreadable, stored.path, seal.sentence) }
        let reader = reader(stored)
        let bytes =
            isCompressed
            ? try GzipStream(FilePath(stored.path), from: gzip(reader)).contents(limit: Self.listLimit)
            : try reader.contents(limit: Self.listLimit)
        if !isCompressed { backup.blocks += reader.blocks }
        do {
            return try JSONValue(parsing: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw ObjectProblem(.damaged, stored.path, "it is no JSON (\(error))")
        }
    }

    /// Returns a source of gzip. It names the other content that is known to end up in such an object.
    private func gzip(_ reader: ObjectReader) -> () throws -> UnsafeRawBufferPointer? {
        {
            let isFirst = reader.bytes == 0
            guard let piece = try reader.next() else { return nil }
            guard !isFirst || piece.starts(with: [0x1f, 0x8b]) else {
                throw ObjectProblem(
                    .damaged, reader.object.path,
                    "it does not begin as gzip does (1f 8b): with a wrong checksumAlgorithm in the BackupStorageLocation, "
                        + "Velero's plugin for AWS stores the upload's envelope too")
            }
            return piece
        }
    }

    private func reader(_ stored: StoredObject) -> ObjectReader {
        ObjectReader(stored, in: bucket.store, cancellation: cancellation, progress: progress)
    }

    /// Records the problem of one object, so that the others are still examined.
    private func note(
        _ object: String, _ backup: inout VeleroBackup, _ body: (inout VeleroBackup) throws -> Void
    ) throws {
        do {
            try body(&backup)
        } catch let problem as ObjectProblem {
            note(problem.kind, object, problem.why, &backup)
        } catch let error as ArchiveError {
            let entry = error.entry.map { "at “\(printable($0))”: " } ?? ""
            note(error.kind == .unsupported ? .unreadable : .damaged, object, entry + error.why, &backup)
        } catch let error as FileError {
            note(.unreadable, object, "\(error)", &backup)
        }
    }

    private func note(
        _ kind: ObjectProblem.Kind, _ object: String, _ why: String, _ backup: inout VeleroBackup
    ) {
        if let index = backup.objects.firstIndex(where: { $0.name == object }) {
            backup.objects[index].problem = why
        }
        if kind == .damaged { backup.hasDamage = true }
        let isOnlyForReading = VeleroFile.allCases.contains {
            $0.isOnlyForReading && $0.name(of: backup.name) == object
        }
        backup.lower(
            to: isOnlyForReading ? .withErrors : kind == .damaged ? .damaged : .unreadable,
            "\(object): \(why)")
    }
}
