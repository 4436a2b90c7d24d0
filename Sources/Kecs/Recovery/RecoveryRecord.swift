// SPDX-License-Identifier: Apache-2.0
import KecsState
import KecsSystem
import SystemPackage

/// `recovery.json`: the last recovery, so that one that was cut off goes on under its own label and one that is over can
/// be taken back. One id is one recovery, from its first object until everything was applied or it was rolled back.
struct RecoveryRecord: Codable, Hashable {
    static let currentVersion = 1

    var version = RecoveryRecord.currentVersion
    var id: String
    var startedAt: Moment
    /// Nil while something must still be applied.
    var finishedAt: Moment?
    /// Names of ECS clusters; nil for all.
    var only: [String]?
    var skip: [String]
    /// k3d clusters that it works in.
    var k3dClusters: [String] = []
    /// The counts and places in the rows before it began, for its undo; nil in a record of 0.1.0.
    var before: Before?
    /// The ARNs of the services whose rows it wrote, or is about to.
    var written: [String]?

    /// Counts and places, by ARN.
    struct Before: Codable, Hashable {
        struct Service: Codable, Hashable {
            var running: Int64
            var pending: Int64
            var namespace: String?
            var deployment: String?
            var cluster: String
        }
        struct Cluster: Codable, Hashable {
            var active: Int64?
            var running: Int64?
            var pending: Int64?
        }
        struct TaskSet: Codable, Hashable {
            var running: Int64
            var service: String
        }
        var services: [String: Service]
        var taskSets: [String: TaskSet]
        var clusters: [String: Cluster]

        init(_ records: StateRecords) {
            services = Dictionary(
                records.services.map {
                    (
                        $0.arn,
                        Service(
                            running: $0.runningCount, pending: $0.pendingCount, namespace: $0.namespace,
                            deployment: $0.deploymentName, cluster: $0.clusterARN)
                    )
                }
            ) { first, _ in first }
            taskSets = Dictionary(
                records.taskSets.map { ($0.arn, TaskSet(running: $0.runningCount, service: $0.serviceARN)) }
            ) { first, _ in first }
            clusters = Dictionary(
                records.clusters.map {
                    (
                        $0.arn,
                        Cluster(
                            active: $0.activeServicesCount, running: $0.runningTasksCount,
                            pending: $0.pendingTasksCount)
                    )
                }
            ) { first, _ in first }
        }
    }

    static func read(_ file: FilePath) throws -> RecoveryRecord? {
        guard try file.isPresent else { return nil }
        try file.checkIsOurFile()
        let record = try JSONFile.read(RecoveryRecord.self, from: file)
        guard record.version == currentVersion else {
            throw JSONFileError(
                path: file,
                why: "it has version \(record.version), this kecsctl reads version \(currentVersion)")
        }
        return record
    }

    /// Returns the record of a run: of the same recovery when the earlier one is continued, else of a new one.
    static func beginning(
        _ id: String, continuing before: RecoveryRecord?, _ request: RecoverRequest, k3dClusters: [String],
        _ records: StateRecords, at now: Moment
    ) -> RecoveryRecord {
        let only = request.clusters.isEmpty ? nil : request.clusters
        guard var record = before else {
            return RecoveryRecord(
                id: id, startedAt: now, only: only, skip: request.skip, k3dClusters: k3dClusters,
                before: Before(records))
        }
        record.finishedAt = nil
        if !request.resume {
            // All requests for this recovery so far.
            record.only = record.only.flatMap { earlier in only.map { Array(Set(earlier + $0)).sorted() } }
            record.skip = record.skip.filter(request.skip.contains)
        }
        record.k3dClusters = Array(Set(record.k3dClusters + k3dClusters)).sorted()
        return record
    }
}
