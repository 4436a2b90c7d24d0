// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
import SystemPackage
public import KecsSystem

/// A backup as `backups list` and `backup` show it.
public struct BackupSummary: Encodable, Sendable {
    public var id: BackupID
    public var instance: String
    public var path: String
    public var reason: BackupReason
    public var createdAt: Moment
    /// `complete`, `lacking`, `drill-failed`, `incomplete`, `damaged` or `unreadable`.
    public var state: String
    /// The damage and its cause.
    public var problem: String?
    public var verified: Bool
    /// True when it is verified and lacks nothing of the baseline.
    public var good: Bool
    /// The things of the baseline that it lacks.
    public var lacks: [Lack]
    /// The instance's own count of its backups; 0 for those of older versions.
    public var sequence: Int64
    public var pinned: Bool
    public var degraded: Bool
    public var bytes: Int64
    public var labels: [String: String]
    public var parts: [PartSummary]
    public var copies: [String]
    /// The last rehearsal of a restore from it.
    public var drill: BackupMark.Drill?

    public struct PartSummary: Encodable, Sendable {
        public var name: String
        public var file: String
        public var bytes: Int64
        public var sourceBytes: Int64
        public var entries: Int
        public var sha256: String
        public var consistency: Consistency
        public var databases: [Manifest.Database]
        public var warnings: [String]
        public var excluded: Manifest.Excluded?
        /// The number of its archives; nil when it is a single one.
        public var segments: Int?
    }

    public init(_ backup: StoredBackup, instance: String) {
        id = backup.id
        self.instance = instance
        path = backup.folder.string
        reason = backup.id.reason
        createdAt = backup.id.createdAt
        switch backup.state {
        case .complete where backup.isLacking:
            (state, problem) = ("lacking", backup.lacks.map(\.sentence).joined(separator: "; "))
        case .complete where backup.hasFailedDrill:
            (state, problem) = ("drill-failed", "failed its drill: \(backup.mark.drill?.why ?? "")")
        case .complete: (state, problem) = ("complete", backup.markProblem)
        case .incomplete:
            (state, problem) = ("incomplete", "left by a run that was killed; the next one removes it")
        case .damaged(let file, let why): (state, problem) = ("damaged", "\(file): \(why)")
        case .unreadable(let error): (state, problem) = ("unreadable", error.withOwner)
        }
        verified = backup.isVerified
        good = backup.isGood
        lacks = backup.lacks
        sequence = backup.sequence
        pinned = backup.mark.pinned
        degraded = backup.isDegraded
        bytes = backup.manifest?.bytes ?? 0
        labels = backup.labels
        parts = (backup.manifest?.parts ?? []).map {
            PartSummary(
                name: $0.name, file: $0.file, bytes: $0.bytes, sourceBytes: $0.sourceBytes,
                entries: $0.entries,
                sha256: $0.sha256, consistency: $0.consistency, databases: $0.databases,
                warnings: $0.warnings,
                excluded: $0.excluded, segments: $0.segments)
        }
        copies = []
        drill = backup.mark.drill
    }
}

/// The result of `backup`, or its plan.
public struct BackupReport: OperationReport {
    public static let kind = "BackupReport"
    public var outcome: Outcome
    public var backup: BackupSummary?
    public var durationSeconds: Double
    /// The time for which the instance was frozen or stopped.
    public var pauseSeconds: Double
    public var plan: [PlannedPart]?
    /// The backups that retention removed afterwards.
    public var pruned: [BackupID]
    /// The failure of retention to remove backups. The backup itself is complete.
    public var pruneError: Failure?
    /// The failure to save the images. The backup itself is complete.
    public var imagesError: Failure?
    /// The backup is done, but the instance that was stopped for it does not run again.
    public var startError: Failure?
    /// The things of the baseline that the backup lacks. With any, it never counts as a good one.
    public var lacks: [Lack]
    /// The same as an error: printed like one although the backup is kept.
    public var lackError: Failure?
    /// Oddities of the state.
    public var remarks: [String]
    /// Where it was copied to.
    public var copies: [CopyItem] = []
    /// The backup stands, and these copies of it do not.
    public var copyErrors: [Failure] = []

    /// Of a command that was told to end while it copied: the backup stands, and the status is that of the interruption.
    public var failedStatus: Failure.Kind { copyErrors.last?.kind ?? .failed }

    public struct PlannedPart: Encodable, Sendable {
        public var name: String
        public var sourceBytes: Int64
        public var entries: Int
        public var databases: [String]
        public var consistency: Consistency
        /// The last backup's archive would be linked.
        public var unchanged: Bool
        /// The paths that would be left out.
        public var excluded: Manifest.Excluded?
    }

    init(
        outcome: Outcome, backup: BackupSummary?, duration: Duration, pause: Duration,
        plan: [PlannedPart]? = nil,
        pruned: [BackupID] = [], pruneError: Failure? = nil, startError: Failure? = nil, lacks: [Lack] = [],
        remarks: [String] = [], instance: InstanceName
    ) {
        self.outcome = outcome
        self.backup = backup
        durationSeconds = duration.inSeconds
        pauseSeconds = pause.inSeconds
        self.plan = plan
        self.pruned = pruned
        self.pruneError = pruneError
        self.startError = startError
        self.lacks = lacks
        self.remarks = remarks
        lackError = lackFailure(of: instance)
    }

    private func lackFailure(of name: InstanceName) -> Failure? {
        guard let first = lacks.first else { return nil }
        let what = backup.map { "the backup \($0.id)" } ?? "a backup"
        let restore =
            first.kind == Lack.Kind.torn.rawValue || first.kind == Lack.Kind.inUse.rawValue
            ? "kecsctl backup \(name) --consistency stopped"
            : "kecsctl restore \(name) --from latest --part \(first.part)"
        return Failure(
            .partial,
            "\(what) of “\(name)” lacks \(lacks.map(\.name).joined(separator: ", ")) and does not count as a good one",
            cause: lacks.map(\.sentence).joined(separator: "; "),
            remedy:
                "\(restore)        (or: kecsctl backup \(name) --accept-loss \(ShellWords.quote([first.name])))"
        )
    }
}

extension Duration {
    /// For JSON: seconds, to the millisecond.
    public var inSeconds: Double {
        let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        return Double(milliseconds) / 1000
    }
}
