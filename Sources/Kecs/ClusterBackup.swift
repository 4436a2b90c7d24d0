// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// What a runtime is asked when the objects of a cluster are to be backed up.
public struct ClusterBackupRequest: Sendable {
    /// The instance is degraded: what is backed up now is not what it should be.
    public var isDegraded: Bool
    /// How long a backup that makes no progress is waited for.
    public var stall: Duration

    public init(isDegraded: Bool, stall: Duration = .seconds(120)) {
        self.isDegraded = isDegraded
        self.stall = stall
    }
}

/// A backup of the objects in a cluster, which was read back on this host.
public struct ClusterBackup: Encodable, Sendable {
    /// A volume whose contents are not in it.
    public struct Volume: Hashable, Encodable, Sendable {
        /// `namespace/name`
        public var claim: String
        public var why: String

        public init(claim: String, why: String) {
            self.claim = claim
            self.why = why
        }
    }

    public var name: String
    /// As Velero has it.
    public var phase: String
    /// As kecsctl has it, after every block was read.
    public var verdict: String
    public var items: Int64
    public var bytes: Int64
    public var errorCount: Int64
    /// The first five.
    public var errors: [String]
    public var warningCount: Int64
    /// Namespaces that are made anew with each cluster, and are not in it.
    public var leftOut: [String]
    public var lostVolumes: [Volume]
    /// Taken while the cluster was not what it should be: it pushes out no good one.
    public var isOfDegraded: Bool
    /// Older ones that went.
    public var removed: [String] = []
    /// Those that Velero did not remove.
    public var notRemoved: [String] = []
    /// What a person should know.
    public var notes: [String] = []
    public var durationSeconds: Double

    public init(
        name: String, phase: String, verdict: String, items: Int64, bytes: Int64, errorCount: Int64,
        errors: [String], warningCount: Int64, leftOut: [String], lostVolumes: [Volume], isOfDegraded: Bool,
        durationSeconds: Double
    ) {
        self.name = name
        self.phase = phase
        self.verdict = verdict
        self.items = items
        self.bytes = bytes
        self.errorCount = errorCount
        self.errors = errors
        self.warningCount = warningCount
        self.leftOut = leftOut
        self.lostVolumes = lostVolumes
        self.isOfDegraded = isOfDegraded
        self.durationSeconds = durationSeconds
    }

    /// Whether the cluster can be made anew from it: nothing that it had would be missing.
    public var isWhole: Bool { verdict == "restorable" && lostVolumes.isEmpty }

    /// Why the cluster must stay; nil when it need not.
    public var whyKept: String? {
        if verdict != "restorable" { return "Velero's backup \(name) lacks something" }
        guard let first = lostVolumes.first else { return nil }
        let more = lostVolumes.count > 1 ? " and \(lostVolumes.count - 1) more" : ""
        return "no backup has what is in the volume \(first.claim)\(more)"
    }
}
