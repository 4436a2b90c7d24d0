// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsState
import KecsSystem
import SystemPackage

/// Undoes the last recovery: by its label, so that nothing else is removed. Clusters stay.
public struct UndoRecovery: Sendable {
    let site: Site
    let ground: any RecoveryGround

    public init(site: Site, ground: any RecoveryGround) {
        self.site = site
        self.ground = ground
    }

    /// Undoes the last recovery. Call it under the instance's lock. Can be repeated after a kill.
    ///
    /// - Parameter limit: The time limit for the API of a cluster that has to be started first.
    public func run(
        _ instance: Instance, dryRun: Bool, limit: Duration = .seconds(300), whole: Duration? = nil
    ) async throws -> RecoverReport {
        guard let record = try RecoveryRecord.read(instance.folder.recovery) else {
            return RecoverReport(outcome: .already)
        }
        let time = RecoveryTime(site.machine.clock, each: limit, whole: whole)
        var report = RecoverReport(outcome: dryRun ? .planned : .done)
        report.recovery = record.id
        let clusters = try await ground.clusters()
        for cluster in record.k3dClusters {
            try site.machine.cancellation.check()
            guard let state = clusters[cluster] else { continue }
            if dryRun {
                guard state == .running else {
                    report.kept.append("\(cluster): it is not running, so its contents are unknown")
                    continue
                }
                report.removed += try await ground.objects(in: cluster)
                    .filter { $0.value.recovery == record.id }.map { "\(cluster): \($0.key)" }.sorted()
            } else {
                if state != .running { try await ground.bringUp(cluster, time) }
                let removal = try await ground.remove(recovery: record.id, from: cluster)
                report.removed += removal.removed.map { "\(cluster): \($0)" }
                report.kept += removal.kept.map { "\(cluster): \($0)" }
            }
        }
        guard !dryRun else { return report }
        if let before = record.before, let written = record.written, !written.isEmpty {
            do {
                try TakeCountsBack(before: before, written: Set(written), now: site.machine.clock.now())
                    .run(in: try instance.databaseFile())
            } catch {
                report.databaseError = Failure.describing(error).cause ?? "\(error)"
                report.outcome = .partial
            }
        }
        try instance.folder.recovery.remove()
        return report
    }
}

/// Writes the counts and places from before a recovery into the database, once the objects that it made are gone.
struct TakeCountsBack {
    let before: RecoveryRecord.Before
    /// The ARNs of services. All other rows are left alone.
    let written: Set<String>
    let now: Moment

    func run(in file: FilePath) throws {
        guard try file.isPresent else { return }
        let database = try StateDatabase.open(file).database
        func optional(_ number: Int64?) -> SQLiteValue { number.map { .integer($0) } ?? .null }
        func optional(_ text: String?) -> SQLiteValue { text.map { .text($0) } ?? .null }
        try database.transaction {
            for (arn, row) in before.services.sorted(by: { $0.key < $1.key }) where written.contains(arn) {
                try database.execute(
                    """
                    UPDATE services SET running_count = ?1, pending_count = ?2, namespace = ?3, deployment_name = ?4,
                    updated_at = ?5 WHERE arn = ?6 AND (running_count, pending_count, namespace, deployment_name)
                        IS NOT (?1, ?2, ?3, ?4)
                    """, .integer(row.running), .integer(row.pending), optional(row.namespace),
                    optional(row.deployment), .text(now.schemaText), .text(arn))
            }
            for (arn, row) in before.taskSets.sorted(by: { $0.key < $1.key })
            where written.contains(row.service) {
                try database.execute(
                    "UPDATE task_sets SET running_count = ?1, updated_at = ?2 WHERE arn = ?3 AND running_count IS NOT ?1",
                    .integer(row.running), .text(now.schemaText), .text(arn))
            }
            let clusters = Set(before.services.filter { written.contains($0.key) }.map(\.value.cluster))
            for (arn, row) in before.clusters.sorted(by: { $0.key < $1.key }) where clusters.contains(arn) {
                try database.execute(
                    """
                    UPDATE clusters SET active_services_count = ?1, running_tasks_count = ?2, pending_tasks_count = ?3,
                    updated_at = ?4 WHERE arn = ?5 AND (active_services_count, running_tasks_count, pending_tasks_count)
                        IS NOT (?1, ?2, ?3)
                    """, optional(row.active), optional(row.running), optional(row.pending),
                    .text(now.schemaText), .text(arn))
            }
        }
    }
}
