// SPDX-License-Identifier: Apache-2.0
import Glibc
public import KecsSystem
public import SystemPackage

/// A backup as it lies on disk, whatever its condition.
public struct StoredBackup: Sendable {
    public enum State: Sendable, Hashable {
        /// All files are there with their sizes, and the manifest is the one that SHA256SUMS names.
        case complete
        /// A killed run's draft.
        case incomplete
        case damaged(file: String, why: String)
    }

    public let id: BackupID
    public let folder: FilePath
    public let state: State
    /// Nil for a draft, and for a damaged backup whose manifest cannot be read.
    public let manifest: Manifest?
    public let mark: BackupMark
    /// Why `mark` is not what was once written.
    public var markProblem: String?

    public var isVerified: Bool { state == .complete && manifest?.verified == true }
    public var isDegraded: Bool { manifest?.degraded ?? false }

    /// May be restored from without a second thought.
    public var isRestorable: Bool { isVerified }

    public var candidate: Retention.Candidate {
        Retention.Candidate(
            id: id, isComplete: state == .complete, isVerified: isVerified, isPinned: mark.pinned,
            isDegraded: isDegraded)
    }
}

/// What came to be known of a backup after it was made; in `mark.json` beside the manifest, which never changes.
public struct BackupMark: Codable, Hashable, Sendable {
    public var pinned: Bool
    public var verification: Verification?

    /// The last `backups verify`.
    public struct Verification: Codable, Hashable, Sendable {
        public var at: Moment
        /// Nil when all was well.
        public var damagedFile: String?
        public var why: String?

        public init(at: Moment, damagedFile: String? = nil, why: String? = nil) {
            self.at = at
            self.damagedFile = damagedFile
            self.why = why
        }
    }

    public init(pinned: Bool = false, verification: Verification? = nil) {
        self.pinned = pinned
        self.verification = verification
    }
}

/// All backups of one instance: the folder `backups/NAME`.
public struct BackupStore: Sendable {
    public let folder: FilePath

    public init(folder: FilePath) { self.folder = folder }

    public static let manifestName = "manifest.json"
    public static let sumsName = "SHA256SUMS"
    public static let markName = "mark.json"

    /// Every backup and every draft, the newest first. Folders that are not ours are left out.
    public func all() throws -> [StoredBackup] {
        guard folder.isFolder else { return [] }
        var found: [StoredBackup] = []
        for name in try folder.entries() {
            let text = name.string
            if let id = BackupID(text) {
                found.append(look(at: id))
            } else if let id = Self.draftID(text) {
                found.append(
                    StoredBackup(
                        id: id, folder: folder.appending(name), state: .incomplete, manifest: nil,
                        mark: BackupMark()
                    ))
            }
        }
        return found.sorted { $0.id > $1.id }
    }

    /// The newest that can be restored, degraded ones left out unless there is no other.
    public func latest() throws -> StoredBackup? {
        let restorable = try all().filter(\.isRestorable)
        return restorable.first { !$0.isDegraded } ?? restorable.first
    }

    /// One backup by its exact id; `.damaged` when its folder does not hold what it must.
    public func look(at id: BackupID) -> StoredBackup {
        let place = folder.appending(id.description)
        var mark = BackupMark()
        var markProblem: String?
        do {
            let markFile = place.appending(Self.markName)
            if markFile.isPresent { mark = try JSONFile.read(BackupMark.self, from: markFile) }
        } catch {
            // A broken mark costs what it said, not the backup, which stays as if it were pinned.
            mark = BackupMark(pinned: true)
            markProblem = "\(Self.markName): \(Self.explain(error))"
        }
        func backup(_ state: StoredBackup.State, _ manifest: Manifest? = nil) -> StoredBackup {
            StoredBackup(
                id: id, folder: place, state: state, manifest: manifest, mark: mark, markProblem: markProblem)
        }
        let manifest: Manifest
        do {
            manifest = try readManifest(of: id)
        } catch let error as BackupDamage {
            return backup(.damaged(file: error.file, why: error.why))
        } catch {
            return backup(.damaged(file: Self.manifestName, why: Self.explain(error)))
        }
        for part in manifest.parts {
            do {
                guard let status = try FileStatus.of(place.appending(part.file)) else {
                    return backup(.damaged(file: part.file, why: "the file is missing"), manifest)
                }
                guard status.kind == .file, status.size == part.bytes else {
                    return backup(
                        .damaged(
                            file: part.file, why: "it has \(status.size) bytes instead of \(part.bytes)"),
                        manifest)
                }
            } catch {
                return backup(.damaged(file: part.file, why: Self.explain(error)), manifest)
            }
        }
        if let verification = mark.verification, let file = verification.damagedFile {
            return backup(.damaged(file: file, why: verification.why ?? "the last verify failed"), manifest)
        }
        return backup(.complete, manifest)
    }

    /// Reads the manifest and compares it with its line in SHA256SUMS.
    ///
    /// - Throws: `BackupDamage`.
    public func readManifest(of id: BackupID) throws -> Manifest {
        let place = folder.appending(id.description)
        let sums = try readSums(in: place)
        let file = place.appending(Self.manifestName)
        let bytes: [UInt8]
        do {
            bytes = try file.contents()
        } catch {
            throw BackupDamage(file: Self.manifestName, why: Self.explain(error))
        }
        guard sums[Self.manifestName] == sha256(bytes) else {
            throw BackupDamage(file: Self.manifestName, why: "it is not the file that \(Self.sumsName) names")
        }
        let manifest: Manifest
        do {
            let version = try JSONFile.decode(FormatOnly.self, from: bytes, at: file)
            guard version.format == Manifest.currentFormat else {
                throw BackupDamage(
                    file: Self.manifestName,
                    why:
                        "format \(version.format) was written by kecsctl \(version.tool?.version ?? "of another version"); "
                        + "this one reads format \(Manifest.currentFormat)")
            }
            manifest = try Manifest.decode(bytes, at: file)
        } catch let error as JSONFileError {
            throw BackupDamage(file: Self.manifestName, why: error.why)
        }
        guard manifest.id == id else {
            throw BackupDamage(file: Self.manifestName, why: "it belongs to “\(manifest.id)”")
        }
        for part in manifest.parts {
            guard FilePath.Component(part.file)?.kind == .regular, !part.file.contains("/") else {
                throw BackupDamage(file: Self.manifestName, why: "it names a part file outside the backup")
            }
            guard sums[part.file] == part.sha256 else {
                throw BackupDamage(
                    file: Self.sumsName, why: "it does not agree with the manifest on \(part.file)")
            }
        }
        return manifest
    }

    private struct FormatOnly: Decodable {
        var format: Int
        var tool: Manifest.Tool?
    }

    private func readSums(in place: FilePath) throws -> [String: String] {
        let bytes: [UInt8]
        do {
            bytes = try place.appending(Self.sumsName).contents()
        } catch {
            throw BackupDamage(file: Self.sumsName, why: Self.explain(error))
        }
        var sums: [String: String] = [:]
        guard bytes.last == UInt8(ascii: "\n") else {
            throw BackupDamage(file: Self.sumsName, why: "its last line is cut off")
        }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let hex = line.prefix(64)
            let name = line.dropFirst(66)
            guard hex.utf8.count == 64, line.dropFirst(64).hasPrefix("  "), !name.isEmpty,
                hex.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
            else {
                throw BackupDamage(
                    file: Self.sumsName, why: "“\(printable(Array(line.utf8)))” is no line of it")
            }
            sums[String(name)] = String(hex)
        }
        return sums
    }

    // MARK: Changes, all under the instance's lock

    /// Writes the mark: pin or result of a verification.
    public func mark(_ id: BackupID, _ change: (inout BackupMark) -> Void) throws {
        let file = folder.appending(id.description).appending(Self.markName)
        var mark = BackupMark()
        if file.isPresent {
            do { mark = try JSONFile.read(BackupMark.self, from: file) } catch is JSONFileError {
                // A broken mark is replaced by one that errs on the side of keeping.
                mark.pinned = true
            }
        }
        change(&mark)
        try JSONFile.write(mark, to: file)
    }

    /// Deletes one backup. It is renamed first, so that a killed delete leaves nothing that looks like a backup.
    public func delete(_ id: BackupID) throws {
        let going = folder.appending(".\(id).deleting")
        if going.isPresent { try going.removeTree() }
        try folder.appending(id.description).rename(to: going)
        try folder.sync()
        try going.removeTree()
    }

    /// Removes what killed runs left: drafts and half-deleted backups. Only under the instance's lock, when no draft
    /// can be anybody's.
    ///
    /// - Returns: The names removed.
    @discardableResult
    public func sweep() throws -> [String] {
        guard folder.isFolder else { return [] }
        var swept: [String] = []
        for name in try folder.entries() {
            let text = name.string
            guard Self.draftID(text) != nil || Self.isDeleted(text) else { continue }
            try folder.appending(name).removeTree()
            swept.append(text)
        }
        return swept
    }

    /// An id that no backup and no draft has, and that comes after all others of its second, whatever their reasons.
    func freeID(_ moment: Moment, _ reason: BackupReason) throws -> BackupID {
        let others = try folder.isFolder ? folder.entries() : []
        let number =
            others.compactMap { BackupID($0.string) ?? Self.draftID($0.string) }
            .filter { $0.createdAt.seconds == moment.seconds }.map(\.number).max() ?? 0
        return BackupID(moment, reason, number: number + 1)
    }

    private static func draftID(_ name: String) -> BackupID? {
        guard name.hasPrefix("."), name.hasSuffix(".draft") else { return nil }
        return BackupID(String(name.dropFirst().dropLast(".draft".count)))
    }

    private static func isDeleted(_ name: String) -> Bool {
        guard name.hasPrefix("."), name.hasSuffix(".deleting") else { return false }
        return BackupID(String(name.dropFirst().dropLast(".deleting".count))) != nil
    }

    private static func explain(_ error: any Error) -> String {
        switch error {
        case let error as FileError: "\(error.errno)"
        case let error as JSONFileError: error.why
        case let error as BackupDamage: error.why
        default: "\(error)"
        }
    }
}

/// A backup does not hold what its own records say.
public struct BackupDamage: Error, Hashable, Sendable {
    /// In the backup's folder.
    public let file: String
    public let why: String
    public init(file: String, why: String) {
        self.file = file
        self.why = why
    }
}
