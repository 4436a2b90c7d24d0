// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsState
import KecsSystem
import SystemPackage

/// The result for a service, for its row.
struct ServiceFact: Hashable, Sendable {
    var arn: String
    var taskSet: String?
    var namespace: String
    var deployment: String?
    var available: Int64
}

/// Writes the present state into the database: counts, and the places of the objects. One transaction, all rows or
/// none.
struct WriteRecoveryBack {
    let records: StateRecords
    let now: Moment

    func run(_ facts: [ServiceFact], in file: FilePath) throws {
        guard !facts.isEmpty else { return }
        let database = try StateDatabase.open(file).database
        let desired = Dictionary(records.services.map { ($0.arn, $0.desiredCount) }) { first, _ in first }
        try database.transaction {
            for fact in facts {
                guard let taskSet = fact.taskSet else { continue }
                try database.execute(
                    "UPDATE task_sets SET running_count = ?, updated_at = ? WHERE id = ? AND service_arn = ?",
                    .integer(fact.available), .text(time), .text(taskSet), .text(fact.arn))
            }
            for (arn, all) in Dictionary(grouping: facts, by: \.arn) {
                // In a service with task sets some may have existed before: all of them are its tasks.
                var available = all.reduce(0) { $0 + $1.available }
                if all[0].taskSet != nil {
                    let sum = try database.value(
                        "SELECT coalesce(sum(running_count), 0) FROM task_sets WHERE service_arn = ?",
                        .text(arn))
                    if let count = sum?.integer { available = count }
                }
                let pending = max(0, (desired[arn] ?? available) - available)
                try database.execute(
                    """
                    UPDATE services SET running_count = ?, pending_count = ?, namespace = ?,
                    deployment_name = coalesce(?, deployment_name), updated_at = ? WHERE arn = ?
                    """,
                    .integer(available), .integer(pending), .text(all[0].namespace),
                    all[0].taskSet == nil && all.count == 1
                        ? all[0].deployment.map { .text($0) } ?? .null : .null, .text(time),
                    .text(arn))
            }
            try database.execute(
                """
                UPDATE clusters SET
                active_services_count = (SELECT count(*) FROM services
                    WHERE cluster_arn = clusters.arn AND status = 'ACTIVE'),
                running_tasks_count = (SELECT coalesce(sum(running_count), 0) FROM services
                    WHERE cluster_arn = clusters.arn),
                pending_tasks_count = (SELECT coalesce(sum(pending_count), 0) FROM services
                    WHERE cluster_arn = clusters.arn),
                updated_at = ?
                WHERE arn IN (SELECT cluster_arn FROM services WHERE namespace IS NOT NULL AND updated_at = ?)
                """, .text(time), .text(time))
        }
    }

    private var time: String { now.schemaText }
}
