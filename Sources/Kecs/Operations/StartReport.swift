// SPDX-License-Identifier: Apache-2.0

/// What `start` and `restart` did, or would do.
public struct StartReport: OperationReport {
    public static let kind = "StartReport"
    public var outcome: Outcome
    /// Of the instance afterwards: `stopped` when it has no command to run.
    public var state: String
    public var created: Bool
    /// The backup that a lost state was restored from.
    public var restored: String?
    /// Newer backups that proved damaged when the lost state was restored.
    public var damaged: [String] = []
    /// What the person should know: who was overridden with `--force`, which loss was accepted.
    public var notes: [String] = []
    /// The state was gone and could not be restored: the instance is degraded now.
    public var restoreError: Failure?
    /// What came back of the clusters and services that the state database holds; nil when nobody looked.
    public var recovery: RecoverReport?
    /// They could not even be looked for: the instance is degraded now.
    public var recoveryError: Failure?
    /// What stood in the cluster before it was made anew, and is in it again; nil when nothing was due.
    public var clusterRestore: ClusterRestore?
    /// It is not, or not as a whole: the instance is degraded now.
    public var clusterRestoreError: Failure?
    /// What can back up the objects in its cluster; nil without a cluster.
    public var backupEngine: BackupEngine?
    /// It could not be brought up: the instance runs without it.
    public var backupEngineError: Failure?
    public var degraded: String?
    /// False for a local instance without a command: it is data, and nothing was started.
    public var runsSomething: Bool
    public var endpoints: [Endpoint]
    public var durationSeconds: Double

    init(
        outcome: Outcome, state: String, created: Bool = false, restored: String? = nil,
        restoreError: Failure? = nil, degraded: String? = nil, runsSomething: Bool, endpoints: [Endpoint],
        durationSeconds: Double
    ) {
        self.outcome = outcome
        self.state = state
        self.created = created
        self.restored = restored
        self.restoreError = restoreError
        self.degraded = degraded
        self.runsSomething = runsSomething
        self.endpoints = endpoints
        self.durationSeconds = durationSeconds
    }
}

/// What `stop` did, or would do.
public struct StopReport: OperationReport {
    public static let kind = "StopReport"
    public var outcome: Outcome
    public var state: String
    public var backup: BackupSummary?
    /// Of the objects in its cluster; nil without Velero.
    public var clusterBackup: ClusterBackup?
    /// With `--force`: why there is none.
    public var clusterBackupError: Failure?
    /// Why its cluster was stopped and not deleted.
    public var clusterKept: String?
    /// What the person should know.
    public var notes: [String] = []
    /// With `--force`: why there is no backup.
    public var backupError: Failure?
    public var durationSeconds: Double
}

/// What `destroy` did, or would do.
public struct DestroyReport: OperationReport {
    public static let kind = "DestroyReport"
    public var outcome: Outcome
    /// Taken before anything was removed.
    public var backup: BackupSummary?
    /// Whether the backups went too.
    public var backupsDeleted: Bool
    /// What the person should know: who was overridden with `--force`.
    public var notes: [String] = []
}
