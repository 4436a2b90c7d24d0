// SPDX-License-Identifier: Apache-2.0

/// What `recover` did, or would do.
public struct RecoverReport: OperationReport {
    public static let kind = "RecoverReport"

    /// What became of a cluster, service or task.
    public enum Fate: String, Encodable, Sendable {
        case recovered
        /// It was there.
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
        /// What the database says and Kubernetes cannot be told.
        public var notes: [String]
    }

    public struct Summary: Encodable, Sendable {
        /// Of clusters, as the guide counts.
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
        /// Standalone tasks that ran, and do not again.
        public var tasks: [String] = []
        /// `NAMESPACE/NAME KEY`: needed, and not there; their values are in no database.
        public var secrets: [String] = []
        /// Services whose tasks something else starts.
        public var external: [String] = []
    }

    public var outcome: Outcome
    /// On every object that was made: for `recover --undo`.
    public var recovery: String?
    public var clusters: [Cluster] = []
    public var summary = Summary()
    public var notRecovered = NotRecovered()
    /// Standalone tasks that run again.
    public var tasks: [String] = []
    /// Of clusters that are up and not as they should be.
    public var troubles: [ClusterTrouble] = []
    /// With `--undo`: what was removed.
    public var removed: [String] = []
    /// Why the counts could not be written back.
    public var databaseError: String?
    public var durationSeconds: Double = 0

    init(outcome: Outcome) { self.outcome = outcome }

    /// What failed: "CLUSTER" or "CLUSTER/SERVICE".
    var lacks: [String] {
        clusters.flatMap { cluster -> [String] in
            let services = cluster.services.filter { $0.outcome == .failed }.map { "\(cluster.name)/\($0.name)" }
            return services.isEmpty && cluster.outcome == .failed ? [cluster.name] : services
        }.sorted()
    }

    /// Nothing was to be done.
    public static var nothing: RecoverReport { RecoverReport(outcome: .already) }

    /// Counts what the clusters say; the outcome follows.
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
            outcome = summary.recovered + summary.services.recovered + tasks.count > 0 ? .done : .already
        }
    }

    var hasFailed: Bool {
        summary.failed > 0 || summary.services.failed > 0 || !notRecovered.tasks.isEmpty
            || databaseError != nil
    }
}
