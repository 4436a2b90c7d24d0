// SPDX-License-Identifier: Apache-2.0

/// The report of `start` and `restart`, also of their dry runs.
public struct StartReport: OperationReport {
    public static let kind = "StartReport"
    public var outcome: Outcome
    /// The state of the instance afterwards: `stopped` when it has no command to run.
    public var state: String
    public var created: Bool
    /// The backup from which a lost state was restored.
    public var restored: String?
    /// Newer backups that proved damaged when the lost state was restored.
    public var damaged: [String] = []
    /// The notes for the user: the processes that `--force` overrode, the losses that were accepted.
    public var notes: [String] = []
    /// The error of a restore: the state was gone and could not be restored, and the instance is degraded now.
    public var restoreError: Failure?
    /// The result for the clusters and services in the state database; nil when there was no recovery.
    public var recovery: RecoverReport?
    /// The error of a recovery that could not even begin: the instance is degraded now.
    public var recoveryError: Failure?
    /// What stood in the cluster before it was made anew, and is in it again; nil when nothing was due.
    public var clusterRestore: ClusterRestore?
    /// It is not, or not as a whole: the instance is degraded now.
    public var clusterRestoreError: Failure?
    /// What can back up the objects in its cluster; nil without a cluster.
    public var backupEngine: BackupEngine?
    /// The error of the backup engine: the instance runs without it.
    public var backupEngineError: Failure?
    public var degraded: String?
    /// False for a local instance without a command: it is only data, and nothing was started.
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

/// The report of `stop`, also of its dry run.
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

/// The report of `destroy`, also of its dry run.
public struct DestroyReport: OperationReport {
    public static let kind = "DestroyReport"
    public var outcome: Outcome
    /// The backup that was taken before anything was removed.
    public var backup: BackupSummary?
    /// True when the backups were deleted too.
    public var backupsDeleted: Bool
    /// The notes for the user: the processes that `--force` overrode.
    public var notes: [String] = []
}
