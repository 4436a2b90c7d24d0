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
        /// Nothing is known of it: this user may not read it, or the disk fails.
        case unreadable(FileError)
    }

    public let id: BackupID
    public let folder: FilePath
    public let state: State
    /// Nil for a draft, and for a damaged backup whose manifest cannot be read.
    public let manifest: Manifest?
    public let mark: BackupMark
    /// Its place among the instance's backups; 0 for those of older versions.
    public internal(set) var sequence: Int64
    /// The things that it lacks of the baseline. For backups of older versions, they can only be determined among the
    /// other backups.
    public internal(set) var lacks: [Lack]
    /// Decrypted archives by the part's name, for the time of one command.
    private var plain: [String: FilePath] = [:]

    init(
        id: BackupID, folder: FilePath, state: State, manifest: Manifest?, mark: BackupMark,
        markProblem: String? = nil
    ) {
        self.id = id
        self.folder = folder
        self.state = state
        self.manifest = manifest
        self.mark = mark
        self.markProblem = markProblem
        sequence = min(max(mark.sequence ?? manifest?.sequence ?? 0, 0), Self.largestSequence)
        lacks = manifest?.lacks ?? []
    }

    /// Returns the backup with the archives of some parts elsewhere, and with what is known of those.
    ///
    /// - Parameters:
    ///   - archives: Where they are, by the part's name.
    ///   - manifest: Describes them, and nothing else differently.
    public func replacing(_ archives: [String: FilePath], _ manifest: Manifest) -> StoredBackup {
        var backup = StoredBackup(
            id: id, folder: folder, state: state, manifest: manifest, mark: mark, markProblem: markProblem)
        backup.sequence = sequence
        backup.lacks = lacks
        backup.plain = archives
        return backup
    }

    /// Returns where the archive of a part is.
    public func archive(of part: Manifest.Part) -> FilePath {
        plain[part.name] ?? folder.appending(part.file)
    }

    /// Leaves room for counting on behind whatever a foreign manifest says.
    private static let largestSequence: Int64 = 1 << 62

    /// The error because of which nothing is known of it.
    public var unreadable: FileError? { if case .unreadable(let error) = state { error } else { nil } }
    /// The reason why `mark` differs from the file's former content.
    public var markProblem: String?

    public var isVerified: Bool { state == .complete && manifest?.verified == true }
    public var isDegraded: Bool { manifest?.degraded ?? false }
    /// True when its last drill failed: do not rely on it, whatever its digests say.
    public var hasFailedDrill: Bool { mark.drill.map { !$0.passed } ?? false }
    /// True when a restore may use it without hesitation.
    public var isRestorable: Bool { isVerified && !isLacking && !hasFailedDrill }
    public var isLacking: Bool { !lacks.isEmpty }

    /// True when its bytes are right, it lacks nothing of the baseline, its last drill did not fail and its instance
    /// was not degraded. Everything that counts backups counts these.
    public var isGood: Bool { isRestorable && !isDegraded }

    /// The labels it was taken with, as changed by `backups label` since.
    public var labels: [String: String] {
        (mark.labels ?? [:]).reduce(into: manifest?.labels ?? [:]) { $0[$1.key] = $1.value }
    }

    public var partNames: Set<String> { Set(manifest?.parts.map(\.name) ?? []) }

    public var candidate: Retention.Candidate {
        Retention.Candidate(
            id: id, isComplete: state == .complete, isVerified: isVerified, isPinned: mark.pinned,
            isDegraded: isDegraded, isLacking: isLacking, hasFailedDrill: hasFailedDrill, sequence: sequence,
            instance: manifest?.instanceId ?? "", parts: partNames,
            acceptedLosses: Set(manifest?.acceptedLosses ?? []))
    }
}

/// The facts that became known about a backup after it was made. They are in `mark.json` next to the manifest, which
/// never changes.
public struct BackupMark: Codable, Hashable, Sendable {
    public var pinned: Bool
    public var verification: Verification?
    /// The last `backups drill`.
    public var drill: Drill?
    /// True when it came from elsewhere: the places in its manifest are not believed.
    public var imported: Bool?

    /// The labels that were set since; nil removes one that the manifest has.
    public var labels: [String: String?]?

    public var isImported: Bool { imported == true }
    /// The place of an imported backup among the backups that were here before it.
    public var sequence: Int64?

    /// The last `backups verify`.
    public struct Verification: Codable, Hashable, Sendable {
        public var at: Moment
        /// Nil when everything passed.
        public var damagedFile: String?
        public var why: String?

        public init(at: Moment, damagedFile: String? = nil, why: String? = nil) {
            self.at = at
            self.damagedFile = damagedFile
            self.why = why
        }
    }

    /// The last rehearsal of a restore.
    public struct Drill: Codable, Hashable, Sendable {
        public var at: Moment
        public var passed: Bool
        /// The first problem; nil when everything passed.
        public var why: String?

        public init(at: Moment, passed: Bool, why: String? = nil) {
            self.at = at
            self.passed = passed
            self.why = why
        }
    }

    public init(pinned: Bool = false, verification: Verification? = nil) {
        self.pinned = pinned
        self.verification = verification
    }
}

/// All backups of an instance: the folder `backups/NAME`.
public struct BackupStore: Sendable {
    public let folder: FilePath

    public init(folder: FilePath) { self.folder = folder }

    public static let manifestName = "manifest.json"
    public static let sumsName = "SHA256SUMS"
    public static let markName = "mark.json"
    /// The limit for the files beside the archives: a manifest of 10,000 parts, and the sums of 400,000 segments.
    public static let largestRecord = 64 << 20

    /// Every backup and every draft, the newest first by sequence. Folders that are not ours are left out.
    public func all() throws -> [StoredBackup] { try judged().all }

    public func judged() throws -> JudgedBackups { JudgedBackups(try found()) }

    private func found() throws -> [StoredBackup] {
        guard try folder.isFolder else { return [] }
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
        return found
    }

    /// Returns the backup to restore from: see `JudgedBackups.latest`.
    ///
    /// - Throws: `FileError` when a newer one cannot be read, which may be better.
    public func latest(of instanceId: String? = nil) throws -> StoredBackup? {
        let judged = try judged()
        if let error = judged.unreadable { throw error }
        return judged.latest(of: instanceId)
    }

    /// Gives an imported backup its place by its id, unless its sequence was counted here.
    public func place(imported id: BackupID) throws {
        let others = try found().filter { $0.id != id }
        let own = look(at: id)
        if let instance = own.manifest?.instanceId, own.manifest?.sequence != nil,
            others.contains(where: { $0.manifest?.instanceId == instance && $0.manifest?.sequence != nil })
        {
            return
        }
        try mark(id) { $0.sequence = JudgedBackups.sequence(before: id, among: others) }
    }

    /// Returns a backup by its exact id; `.damaged` when its folder does not hold the expected files.
    public func look(at id: BackupID) -> StoredBackup {
        let place = folder.appending(id.description)
        var mark = BackupMark()
        var markProblem: String?
        do {
            let markFile = place.appending(Self.markName)
            if try markFile.isPresent { mark = try JSONFile.read(BackupMark.self, from: markFile) }
        } catch let error as FileError {
            return StoredBackup(
                id: id, folder: place, state: .unreadable(error), manifest: nil, mark: BackupMark())
        } catch {
            // A broken mark costs its own facts, not the backup, which is kept as if it were pinned.
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
        } catch let error as FileError {
            return backup(.unreadable(error))
        } catch {
            return backup(.damaged(file: Self.manifestName, why: Self.explain(error)))
        }
        for part in manifest.parts {
            do {
                try part.checkPresence(at: place.appending(part.file))
            } catch let damage as BackupDamage {
                return backup(.damaged(file: damage.file, why: damage.why), manifest)
            } catch let error as FileError {
                return backup(.unreadable(error), manifest)
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
    /// - Throws: `BackupDamage`; `FileError` when it cannot be read, which proves nothing about the backup.
    public func readManifest(of id: BackupID) throws -> Manifest {
        let place = folder.appending(id.description)
        let sums = try readSums(in: place)
        let file = place.appending(Self.manifestName)
        let bytes = try contents(of: file)
        guard sums[Self.manifestName] == sha256(bytes) else {
            throw BackupDamage(file: Self.manifestName, why: "it is not the file that \(Self.sumsName) names")
        }
        let manifest: Manifest
        do {
            let version = try JSONFile.decode(FormatOnly.self, from: bytes, at: file)
            guard Manifest.formats.contains(version.format) else {
                throw BackupDamage(
                    file: Self.manifestName,
                    why:
                        "format \(version.format) was written by kecsctl \(version.tool?.version ?? "of another version"); "
                        + "this one reads the formats \(Manifest.formats.lowerBound) to "
                        + "\(Manifest.formats.upperBound)")
            }
            manifest = try Manifest.decode(bytes, at: file)
        } catch let error as JSONFileError {
            throw BackupDamage(file: Self.manifestName, why: error.why)
        }
        guard manifest.id == id else {
            throw BackupDamage(file: Self.manifestName, why: "it belongs to “\(manifest.id)”")
        }
        guard manifest.parts.count <= 10_000 else {
            throw BackupDamage(file: Self.manifestName, why: "it has \(manifest.parts.count) parts")
        }
        var names: Set<String> = []
        for part in manifest.parts {
            guard Manifest.isPartName(part.name), names.insert(part.name).inserted else {
                throw BackupDamage(
                    file: Self.manifestName, why: "“\(printable(Array(part.name.utf8)))” is no name of a part"
                )
            }
            guard FilePath.Component(part.file)?.kind == .regular, !part.file.contains("/") else {
                throw BackupDamage(file: Self.manifestName, why: "it names a part file outside the backup")
            }
            guard sums[part.digestFile] == part.sha256 else {
                throw BackupDamage(
                    file: Self.sumsName, why: "it does not agree with the manifest on \(part.digestFile)")
            }
        }
        return manifest
    }

    private struct FormatOnly: Decodable {
        var format: Int
        var tool: Manifest.Tool?
    }

    /// A file that is missing, too large or no file is damage; one that cannot be read is not.
    private func contents(of file: FilePath) throws -> [UInt8] {
        do {
            return try file.contents(limit: Self.largestRecord)
        } catch let error as FileError
            where [
                .noSuchFileOrDirectory, .fileTooLarge, .isDirectory, .notDirectory,
                .tooManySymbolicLinkLevels,
                .invalidArgument,
            ].contains(error.errno)
        {
            throw BackupDamage(file: file.lastComponent?.string ?? "", why: "\(error.errno)")
        }
    }

    /// The digests that `SHA256SUMS` names, by the files' names.
    public func sums(of id: BackupID) throws -> [String: String] {
        try readSums(in: folder.appending(id.description))
    }

    private func readSums(in place: FilePath) throws -> [String: String] {
        let bytes = try contents(of: place.appending(Self.sumsName))
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
        if try file.isPresent {
            do { mark = try JSONFile.read(BackupMark.self, from: file) } catch is JSONFileError {
                // A broken mark is replaced by one that keeps too much rather than too little.
                mark.pinned = true
            }
        }
        change(&mark)
        try JSONFile.write(mark, to: file)
    }

    /// Deletes a backup. It is renamed first, so that a killed delete leaves nothing that looks like a backup. Anything
    /// of it that cannot be removed is then in `.going/`.
    public func delete(_ id: BackupID) throws {
        let going = folder.appending(".\(id).deleting")
        if try going.isPresent { going.discard(into: folder) }
        try folder.appending(id.description).rename(to: going)
        try folder.sync()
        going.discard(into: folder)
    }

    /// Removes the leftovers of killed runs: drafts and half-deleted backups. Only under the instance's lock, when no
    /// draft can be in use.
    ///
    /// - Returns: The names removed.
    @discardableResult
    public func sweep() throws -> [String] {
        guard try folder.isFolder else { return [] }
        var swept: [String] = []
        for name in try folder.entries() {
            let text = name.string
            guard Self.draftID(text) != nil || Self.isDeleted(text) else { continue }
            let rubbish = folder.appending(name)
            rubbish.discard(into: folder)
            if try !rubbish.isPresent { swept.append(text) }
        }
        return swept
    }

    /// Returns an id that no backup and no draft has, and that sorts after all others of its second, whatever their
    /// reasons.
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

/// A backup differs from its own records.
public struct BackupDamage: Error, Hashable, Sendable {
    /// The file in the backup's folder.
    public let file: String
    public let why: String
    public init(file: String, why: String) {
        self.file = file
        self.why = why
    }
}
