// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSQLite
import KecsState
import KecsSystem
import SystemPackage

/// The result of `adopt`, or its plan.
public struct AdoptReport: OperationReport {
    public static let kind = "AdoptReport"
    public var outcome: Outcome
    /// The ECS cluster.
    public var cluster: String
    /// The cluster that was made by hand.
    public var k3dCluster: String
    /// The recorded one before; nil when there was none.
    public var before: String?
    /// The backup from before the change.
    public var backup: BackupSummary?
    public var notes: [String]
}

/// Records that an ECS cluster of the database lives in a cluster that somebody made by hand, so that the control plane
/// and `recover` work in that one. The cluster itself is not touched, and `stop` and `destroy` leave it alone as before.
public struct AdoptCluster: Sendable {
    let site: Site
    let ground: any RecoveryGround

    public init(site: Site, ground: any RecoveryGround) {
        self.site = site
        self.ground = ground
    }

    /// Call it under the instance's lock.
    ///
    /// - Parameters:
    ///   - name: The ECS cluster, as the database has it.
    ///   - k3dCluster: The existing cluster, as its tool lists it.
    /// - Throws: `Failure(.notFound)` for a cluster that is not there, `Failure(.failed)` for one that is not whole,
    ///   `Failure(.unreachable)` when that cannot be determined. Nothing has changed then.
    public func run(
        _ instance: Instance, cluster name: String, k3dCluster: String, force: Bool = false,
        dryRun: Bool = false
    ) async throws -> AdoptReport {
        let file = try instance.databaseFile()
        let row = try row(named: name, in: file, of: instance)
        let clusters = try await ground.clusters()
        guard let state = clusters[k3dCluster] else {
            let near = NearestWord.of(k3dCluster, among: Set(clusters.keys))
            throw Failure(
                .notFound, "there is no cluster “\(k3dCluster)” on this machine",
                cause: clusters.isEmpty
                    ? "there are none" : "there are: \(clusters.keys.sorted().joined(separator: ", "))",
                remedy: near.map {
                    "kecsctl adopt \(instance.name) \(ShellWords.quote([name])) \(ShellWords.quote([$0]))"
                }
                    ?? "kecsctl recover \(instance.name) --cluster \(ShellWords.quote([name]))")
        }
        var report = AdoptReport(
            outcome: .planned, cluster: name, k3dCluster: k3dCluster, before: row.k8sClusterName, backup: nil,
            notes: [])
        switch state {
        case .running: break
        case .stopped: report.notes.append("“\(k3dCluster)” is stopped; “recover” starts it")
        case .broken(let why):
            throw Failure(
                .failed, "the cluster “\(k3dCluster)” is not whole", cause: why,
                remedy: "kecsctl doctor \(instance.name)")
        }
        if ground.holdsControlPlane(k3dCluster) {
            report.notes.append("“\(k3dCluster)” also runs the control plane of “\(instance.name)”")
        }
        if let before = row.k8sClusterName, before != k3dCluster, clusters[before] != nil {
            report.notes.append("“\(before)”, which was recorded before, is left as it is")
        }
        guard row.k8sClusterName != k3dCluster else {
            report.outcome = .already
            return report
        }
        if dryRun { return report }
        report.backup = try await TakeBackup(site: site).run(
            instance, BackupRequest(reason: .beforeMigration, prune: false, force: force)
        ).backup
        let database = try StateDatabase.open(file).database
        try database.transaction {
            // The row may have changed during the backup.
            guard
                try database.value("SELECT k8s_cluster_name FROM clusters WHERE arn = ?", .text(row.arn))?
                    .text
                    == row.k8sClusterName
            else {
                throw Failure(
                    .busy, "the row of the ECS cluster “\(name)” was changed by somebody else meanwhile",
                    remedy:
                        "kecsctl adopt \(instance.name) \(ShellWords.quote([name])) \(ShellWords.quote([k3dCluster]))"
                )
            }
            try database.execute(
                "UPDATE clusters SET k8s_cluster_name = ?, updated_at = ? WHERE arn = ?",
                .text(k3dCluster), .text(site.machine.clock.now().schemaText), .text(row.arn))
        }
        report.outcome = .done
        return report
    }

    private func row(named name: String, in file: FilePath, of instance: Instance) throws -> ClusterRecord {
        let records: StateRecords
        do {
            guard try file.isPresent else {
                throw Failure(
                    .notFound, "“\(instance.name)” has no state database yet",
                    remedy: "kecsctl start \(instance.name)")
            }
            records = try StateDatabase.open(file, .readOnly, cancellation: site.machine.cancellation)
                .allRecords()
        } catch let error as StateError {
            var failure = Failure.describing(error)
            failure.remedy = "kecsctl migrate status \(instance.name)"
            throw failure
        }
        if let row = records.clusters.first(where: { $0.name == name }) { return row }
        let names = records.clusters.map(\.name)
        throw Failure(
            .notFound, "there is no ECS cluster “\(name)” in the database",
            cause: names.isEmpty ? "there are none" : "there are: \(names.sorted().joined(separator: ", "))",
            remedy: "kecsctl recover \(instance.name) --dry-run")
    }
}
