// SPDX-License-Identifier: Apache-2.0
public import KecsState

/// The result of `recover`, or its plan.
public struct RecoverReport: OperationReport {
    public static let kind = "RecoverReport"

    /// The result for a cluster, service or task.
    public enum Fate: String, Encodable, Sendable {
        case recovered
        /// It existed already.
        case existing
        case skipped
        case failed
        case planned
    }

    public struct Cluster: Encodable, Sendable {
        public var name: String
        public var k3dCluster: String?
        public var outcome: Fate
        public var reason: String?
        public var services: [Service] = []
    }

    public struct Service: Encodable, Sendable {
        public var name: String
        public var namespace: String
        public var taskSet: String?
        public var outcome: Fate
        public var reason: String?
        /// The values in the database that Kubernetes cannot express.
        public var notes: [String]
        /// The fields of its existing objects that differ from the database.
        public var differences: [Difference] = []
    }

    /// An existing object that differs from the one that would be made.
    public struct Difference: Encodable, Sendable {
        /// "Deployment default-us-east-1/web"
        public var object: String
        public var fields: [FieldDifference]

        /// A line for each field, for people.
        public var lines: [String] {
            fields.map { "\(object) \($0.field): \($0.there ?? "none") → \($0.wanted)" }
        }
    }

    public struct Summary: Encodable, Sendable {
        /// The number of clusters, as the guide counts.
        public var recovered = 0
        public var skipped = 0
        public var failed = 0
        public var services = Counts()

        public struct Counts: Encodable, Sendable {
            public var recovered = 0
            public var existing = 0
            public var skipped = 0
            public var failed = 0
        }
    }

    public struct NotRecovered: Encodable, Sendable {
        /// The standalone tasks that ran and do not run again, for any reason.
        public var tasks: [String] = []
        /// The needed secrets that are missing, as `NAMESPACE/NAME KEY`. Their values are in no database.
        public var secrets: [String] = []
        /// The services whose tasks something else starts.
        public var external: [String] = []
    }

    public var outcome: Outcome
    /// The label of every object that was made, for `recover --undo`.
    public var recovery: String?
    public var clusters: [Cluster] = []
    public var summary = Summary()
    public var notRecovered = NotRecovered()
    /// Standalone tasks that run again.
    public var tasks: [String] = []
    /// The result for the instance's own control plane; nil when there was nothing to do about it.
    public var controlPlane: Fate?
    /// True when the limit for all of it has passed.
    public var isOutOfTime = false
    /// True when something must still be applied: `--resume` continues with it.
    public var isUnfinished = false
    /// The expected duration of a plan, by the guide's figures.
    public var estimatedSeconds: Double?
    /// The namespaces that `--undo` keeps because of other things in them.
    public var kept: [String] = []
    /// Standalone tasks that could not be started.
    var lostTasks: [String] = []
    /// The troubles of clusters that are up.
    public var troubles: [ClusterTrouble] = []
    /// The objects that `--undo` removed.
    public var removed: [String] = []
    /// The reason why the counts could not be written back.
    public var databaseError: String?
    public var durationSeconds: Double = 0

    init(outcome: Outcome) { self.outcome = outcome }

    private enum CodingKeys: String, CodingKey {
        case outcome, recovery, clusters, summary, notRecovered, tasks, controlPlane, estimatedSeconds, kept
        case troubles, removed, databaseError, durationSeconds
        case isUnfinished = "unfinished"
        case isOutOfTime = "outOfTime"
    }

    /// The report of a recovery that had nothing to do.
    public static var nothing: RecoverReport { RecoverReport(outcome: .already) }

    /// Counts the results in the clusters, and derives the outcome.
    mutating func sumUp() {
        summary = Summary()
        for cluster in clusters {
            switch cluster.outcome {
            case .recovered, .planned: summary.recovered += 1
            case .existing, .skipped: summary.skipped += 1
            case .failed: summary.failed += 1
            }
            for service in cluster.services {
                switch service.outcome {
                case .recovered, .planned: summary.services.recovered += 1
                case .existing: summary.services.existing += 1
                case .skipped: summary.services.skipped += 1
                case .failed: summary.services.failed += 1
                }
            }
        }
        guard outcome != .planned else { return }
        if hasFailed {
            outcome = .partial
        } else {
            let count = summary.recovered + summary.services.recovered + tasks.count
            outcome = count > 0 || controlPlane == .recovered ? .done : .already
        }
    }

    /// The name of each thing that failed: "default/web", a task's ARN, "control plane".
    var failures: [String] {
        var names: [String] = []
        for cluster in clusters {
            if cluster.outcome == .failed { names.append(cluster.name) }
            for service in cluster.services where service.outcome == .failed {
                names.append("\(cluster.name)/\(service.name)" + (service.taskSet.map { "/\($0)" } ?? ""))
            }
        }
        names += lostTasks
        if controlPlane == .failed { names.append("control plane") }
        if databaseError != nil { names.append("database") }
        return names
    }

    var hasFailed: Bool {
        summary.failed > 0 || summary.services.failed > 0 || !lostTasks.isEmpty || databaseError != nil
            || controlPlane == .failed
    }
}
