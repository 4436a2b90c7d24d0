// SPDX-License-Identifier: Apache-2.0
import SystemPackage
public import KecsStorage
public import KecsSystem

/// A backup as `backups list` and `backup` tell it.
public struct BackupSummary: Encodable, Sendable {
    public var id: BackupID
    public var instance: String
    public var path: String
    public var reason: BackupReason
    public var createdAt: Moment
    /// `complete`, `incomplete` or `damaged`.
    public var state: String
    /// What is damaged, and why.
    public var problem: String?
    public var verified: Bool
    public var pinned: Bool
    public var degraded: Bool
    public var bytes: Int64
    public var labels: [String: String]
    public var parts: [PartSummary]
    public var copies: [String]

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
    }

    public init(_ backup: StoredBackup, instance: String) {
        id = backup.id
        self.instance = instance
        path = backup.folder.string
        reason = backup.id.reason
        createdAt = backup.id.createdAt
        switch backup.state {
        case .complete: (state, problem) = ("complete", backup.markProblem)
        case .incomplete:
            (state, problem) = ("incomplete", "left by a run that was killed; the next one removes it")
        case .damaged(let file, let why): (state, problem) = ("damaged", "\(file): \(why)")
        }
        verified = backup.isVerified
        pinned = backup.mark.pinned
        degraded = backup.isDegraded
        bytes = backup.manifest?.bytes ?? 0
        labels = backup.manifest?.labels ?? [:]
        parts = (backup.manifest?.parts ?? []).map {
            PartSummary(
                name: $0.name, file: $0.file, bytes: $0.bytes, sourceBytes: $0.sourceBytes,
                entries: $0.entries,
                sha256: $0.sha256, consistency: $0.consistency, databases: $0.databases, warnings: $0.warnings
            )
        }
        copies = []
    }
}

/// What `backup` did, or would do.
public struct BackupReport: OperationReport {
    public static let kind = "BackupReport"
    public var outcome: Outcome
    public var backup: BackupSummary?
    public var durationSeconds: Double
    /// How long the instance was frozen or stopped.
    public var pauseSeconds: Double
    public var plan: [PlannedPart]?
    /// What retention removed afterwards.
    public var pruned: [BackupID]
    /// The backup is done, but retention could not remove what it wanted to.
    public var pruneError: Failure?

    public struct PlannedPart: Encodable, Sendable {
        public var name: String
        public var sourceBytes: Int64
        public var entries: Int
        public var databases: [String]
        public var consistency: Consistency
        /// The last backup's archive would be linked.
        public var unchanged: Bool
    }

    init(
        outcome: Outcome, backup: BackupSummary?, duration: Duration, pause: Duration,
        plan: [PlannedPart]? = nil,
        pruned: [BackupID] = [], pruneError: Failure? = nil
    ) {
        self.outcome = outcome
        self.backup = backup
        durationSeconds = duration.inSeconds
        pauseSeconds = pause.inSeconds
        self.plan = plan
        self.pruned = pruned
        self.pruneError = pruneError
    }
}

extension Duration {
    /// For JSON: seconds, to the millisecond.
    var inSeconds: Double {
        let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        return Double(milliseconds) / 1000
    }
}
