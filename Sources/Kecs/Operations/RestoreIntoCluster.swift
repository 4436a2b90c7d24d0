// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Restores one backup of Velero into a cluster that runs, because somebody asks for it.
public struct RestoreIntoCluster: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// To be called under the instance's lock.
    public func run(
        _ instance: Instance, backup: String, _ filter: ClusterRestoreFilter, limit: Duration?, dryRun: Bool
    ) async throws -> ClusterRestoreReport {
        let began = site.machine.clock.elapsed()
        let runtime = try site.runtime(instance)
        guard runtime.clusterBackups.backupEngine == .velero else {
            throw Failure(
                .usage, "“\(instance.name)” has no Velero in its cluster",
                cause: "only Velero restores what it has backed up",
                remedy: "kecsctl migrate velero \(instance.name)")
        }
        let state = await runtime.state()
        guard state == .running || state == .paused else {
            if case .unknown(let why) = state { throw Failure.unknownState(of: instance, why) }
            throw Failure(
                .failed, "“\(instance.name)” does not run", cause: "there is no cluster to restore into",
                remedy: "kecsctl start \(instance.name)")
        }
        var request = ClusterRestoreRequest(
            source: .named(backup), isDegraded: true, limit: try limit ?? instance.startLimit())
        request.filter = filter
        var report = ClusterRestoreReport(
            outcome: .planned, backup: backup, plan: nil, restore: nil, notes: [], durationSeconds: 0)
        if dryRun {
            report.plan = try await runtime.clusterBackups.planClusterRestore(request)
        } else {
            try await runtime.clusterBackups.bringUpBackupEngine(limit: .seconds(60))
            guard let restored = try await runtime.clusterBackups.restoreCluster(request) else {
                throw Failure(
                    .notFound, "there is no backup “\(backup)” of the cluster of “\(instance.name)”",
                    remedy: "kecsctl backups list --velero \(instance.name)")
            }
            report.restore = restored
            report.notes = restored.notes
            if !restored.waiting.isEmpty {
                report.notes.append(
                    "restored, and not up yet: \(restored.waiting.prefix(5).joined(separator: "; "))")
            }
            report.outcome = restored.errorCount > 0 ? .partial : .done
            if restored.errorCount == 0, filter.isEmpty { try settle(instance, restored) }
        }
        report.durationSeconds = (site.machine.clock.elapsed() - began).inSeconds
        return report
    }

    /// What the cluster lacked is in it.
    private func settle(_ instance: Instance, _ restored: ClusterRestore) throws {
        try PendingClusterRestore.clear(instance.folder)
        var config = try InstanceConfig.read(instance.folder.config)
        guard config.degraded?.clusterBackup != nil, !restored.isOfDegraded else { return }
        config.degraded = nil
        try config.write(to: instance.folder.config)
    }
}

/// What `restore --from velero:NAME` did, or would do.
public struct ClusterRestoreReport: OperationReport {
    public static let kind = "ClusterRestoreReport"
    public var outcome: Outcome
    public var backup: String
    /// With `--dry-run`.
    public var plan: ClusterRestorePlan?
    public var restore: ClusterRestore?
    public var notes: [String]
    public var durationSeconds: Double
}
