// SPDX-License-Identifier: Apache-2.0

/// Backups of the objects in the instance's cluster, by an engine that runs in it.
public protocol RuntimeClusterBackups: Sendable {
    /// The engine that can back up the objects in the instance's cluster; nil for a runtime without one.
    var backupEngine: BackupEngine? { get }
    /// Starts the backup engine in a running cluster. Its failure is not the instance's.
    ///
    /// - Parameter limit: The limit of each wait; zero for no wait that can be left out.
    func bringUpBackupEngine(limit: Duration) async throws
    /// Backs up the objects in the cluster, reads the backup back on this host, and removes older ones. Nothing is stopped.
    ///
    /// - Throws: `Failure` when there is no backup that can be restored.
    func backUpCluster(_ request: ClusterBackupRequest) async throws -> ClusterBackup?
    /// The volumes of the cluster whose contents no such backup has.
    func lostVolumes() async throws -> [ClusterBackup.Volume]
    /// Ends what makes such backups, so that their folder is at rest; `bringUpBackupEngine` begins it again.
    /// - Parameter names: Backups to be removed while it is at rest.
    /// - Returns: Those that are removed.
    func restBackupEngine(removing names: [String], limit: Duration) async throws -> [String]
    /// The backup that a new cluster would be restored from.
    func clusterBackup(isDegraded: Bool) async throws -> String?
    /// Restores the objects of the cluster.
    ///
    /// - Returns: Nil when there is no backup to restore.
    /// - Throws: `Failure` when nothing of any was restored.
    func restoreCluster(_ request: ClusterRestoreRequest) async throws -> ClusterRestore?
    /// What such a restore would do; nothing is changed.
    func planClusterRestore(_ request: ClusterRestoreRequest) async throws -> ClusterRestorePlan?
    /// The backups of its cluster that lie on this host, by what their metadata and sizes tell; nil without an engine for them.
    func storedClusterBackups() throws -> ClusterBackupStock?
    /// What that engine asks of its nodes and what it may use; empty without one.
    func backupEngineResources() throws -> [ContainerResources]
    /// Lets backups be made again: none is while a restore is due.
    func openStore() async throws
    /// Whether the nodes of its cluster have the folder that such backups lie in; nil without a cluster.
    func seesStore() async throws -> Bool?
}

extension RuntimeClusterBackups {
    public var backupEngine: BackupEngine? { nil }
    public func bringUpBackupEngine(limit: Duration) async throws {}
    public func backUpCluster(_ request: ClusterBackupRequest) async throws -> ClusterBackup? { nil }
    public func lostVolumes() async throws -> [ClusterBackup.Volume] { [] }
    public func restBackupEngine(removing names: [String], limit: Duration) async throws -> [String] { [] }
    public func clusterBackup(isDegraded: Bool) async throws -> String? { nil }
    public func restoreCluster(_ request: ClusterRestoreRequest) async throws -> ClusterRestore? { nil }
    public func planClusterRestore(_ request: ClusterRestoreRequest) async throws -> ClusterRestorePlan? {
        nil
    }
    public func storedClusterBackups() throws -> ClusterBackupStock? { nil }
    public func backupEngineResources() throws -> [ContainerResources] { [] }
    public func openStore() async throws {}
    public func seesStore() async throws -> Bool? { nil }
}
