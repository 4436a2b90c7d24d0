// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsArchive
public import KecsBackups
import KecsSQLite
import KecsSystem
public import SystemPackage

/// `backups/NAME/.arriving`: what has come of an instance that moves here or is cloned here. Files by their digests, whole
/// or not, and the record of whose they are. It goes when the move is done.
public struct ArrivalPlace: Sendable {
    static let folderName = ".arriving"

    public struct Record: Codable, Hashable, Sendable {
        var version = 1
        var instanceId: String
        /// The machine that it comes from, for people.
        public var from: String
        /// Of the newest receiver.
        var generation: Int
        /// The backup that was put in place last.
        public var landed: BackupID?
        /// True when the instance was made for it: what the next arrival replaces is nothing that anybody had.
        var made: Bool?
    }

    let store: BackupStore
    public var folder: FilePath { store.folder.appending(Self.folderName) }
    private var recordFile: FilePath { folder.appending("arrival.json") }
    private var lockFile: FilePath { folder.appending("lock") }

    public init(store: BackupStore) { self.store = store }

    func file(_ sha256: String) -> FilePath { folder.appending(sha256) }

    // MARK: The record

    /// What is recorded; nil before anything has come.
    public func record() throws -> Record? {
        guard try recordFile.isPresent else { return nil }
        return try JSONFile.read(Record.self, from: recordFile)
    }

    /// Changes the record under the place's lock; makes the place when it is not there.
    func change(_ site: Site, _ body: (inout Record?) throws -> Void) async throws {
        try folder.createFolder()
        try folder.checkIsOurs()
        try await locked(site) {
            var record = try record()
            try body(&record)
            if let record { try JSONFile.write(record, to: recordFile) }
        }
    }

    /// Runs `body` while no other process writes here. Nobody holds the lock for long: not while it waits for bytes.
    func locked<Value>(_ site: Site, _ body: () throws -> Value) async throws -> Value {
        try await FileLock.hold(
            lockFile, command: "kecsctl move", wait: .seconds(30), clock: site.machine.clock,
            cancellation: site.machine.cancellation
        ) { try body() }
    }

    func remove() throws {
        if try folder.isPresent { try folder.removeTree() }
    }

    // MARK: The files

    /// How many bytes of each are here. What a backup here has is linked, not sent.
    func have(_ files: [Arrival.File]) throws -> [String: Int64] {
        var have: [String: Int64] = [:]
        let known = try backupFiles()
        for file in files where have[file.sha256] == nil {
            let place = self.file(file.sha256)
            if let status = try FileStatus.of(place) {
                guard status.kind == .file, status.size <= file.bytes else {
                    try place.removeTree()
                    continue
                }
                have[file.sha256] = status.size
            } else if let other = known[file.sha256], try FileStatus.of(other)?.size == file.bytes {
                try other.link(to: place)
                have[file.sha256] = file.bytes
            }
        }
        return have
    }

    /// The files of the backups here, by their digests.
    private func backupFiles() throws -> [String: FilePath] {
        var files: [String: FilePath] = [:]
        for backup in try store.all() where backup.state == .complete {
            for (name, sha256) in try store.sums(of: backup.id) {
                files[sha256] = backup.folder.appending(name)
            }
        }
        return files
    }

    /// Puts a backup together of links, in the folder `ID` of this place.
    func assemble(_ files: [Arrival.File], as id: BackupID) throws -> FilePath {
        let target = folder.appending(id.description)
        if try target.isPresent { try target.removeTree() }
        try target.createFolder()
        for file in files {
            let place = target.appending(file.name)
            try place.removingLastComponent().createFolder()
            try self.file(file.sha256).link(to: place)
        }
        return target
    }

    /// Removes the files that are not what their names say.
    ///
    /// - Returns: Their digests.
    func removeDamaged(_ files: [Arrival.File], _ site: Site) throws -> [String] {
        var damaged: Set<String> = []
        for file in files where !damaged.contains(file.sha256) {
            let place = self.file(file.sha256)
            let found = try digest(
                of: place, cancellation: site.machine.cancellation, progress: site.machine.progress)
            guard found.sha256 != file.sha256 else { continue }
            try place.remove()
            damaged.insert(file.sha256)
        }
        return damaged.sorted()
    }
}
