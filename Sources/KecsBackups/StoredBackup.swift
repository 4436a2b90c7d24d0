// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// A backup as it lies on disk, whatever its condition.
public struct StoredBackup: Sendable {
    public enum State: Sendable, Hashable {
        /// All files are there with their sizes, and the manifest is the one that SHA256SUMS names. Of a segmented part the
        /// list is the one that the manifest names, and there are as many files.
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
