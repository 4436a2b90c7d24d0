// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
import SystemPackage

/// What a runtime is asked when a cluster is to be restored.
public struct ClusterRestoreRequest: Sendable {
    public enum Source: Hashable, Sendable {
        /// The newest one that can be restored, the next older one when it fails.
        case newest
        case named(String)
    }

    public var source: Source
    public var filter = ClusterRestoreFilter()
    /// The instance is degraded: then the newest is right, whatever it is of.
    public var isDegraded: Bool
    /// For workloads to come up; zero: they are not waited for.
    public var limit: Duration
    /// How long a restore that makes no progress is waited for.
    public var stall: Duration

    public init(
        source: Source = .newest, isDegraded: Bool, limit: Duration, stall: Duration = .seconds(120)
    ) {
        self.source = source
        self.isDegraded = isDegraded
        self.limit = limit
        self.stall = stall
    }
}

/// A restore of the objects of a cluster.
public struct ClusterRestore: Encodable, Sendable {
    /// A newer backup that was passed over.
    public struct Skipped: Encodable, Sendable {
        public var backup: String
        public var why: String

        public init(backup: String, why: String) {
            self.backup = backup
            self.why = why
        }
    }

    public var backup: String
    /// Velero's object of it.
    public var name: String
    public var phase: String
    public var items: Int64
    public var errorCount: Int64
    /// The first five.
    public var errors: [String]
    public var warningCount: Int64
    public var skipped: [Skipped]
    /// Workloads that were restored and did not come up within the limit, and why.
    public var waiting: [String] = []
    /// What a person should know.
    public var notes: [String] = []
    /// Whether the backup was taken while the cluster was not what it should be.
    public var isOfDegraded: Bool
    public var durationSeconds: Double

    public init(
        backup: String, name: String, phase: String, items: Int64, errorCount: Int64, errors: [String],
        warningCount: Int64, skipped: [Skipped], isOfDegraded: Bool, durationSeconds: Double
    ) {
        self.backup = backup
        self.name = name
        self.phase = phase
        self.items = items
        self.errorCount = errorCount
        self.errors = errors
        self.warningCount = warningCount
        self.skipped = skipped
        self.isOfDegraded = isOfDegraded
        self.durationSeconds = durationSeconds
    }
}

/// `cluster-restore.json`: there from before a cluster is made until what it held before is in it again. Whoever is killed in
/// between leaves it, so that a cluster that was made anew is never taken for one that is as it should be.
public struct PendingClusterRestore: Codable, Sendable {
    public var version = 1
    public var since: Moment

    public static func mark(_ folder: InstanceFolder, at now: Moment) throws {
        guard try !folder.clusterRestore.isPresent else { return }
        try JSONFile.write(PendingClusterRestore(since: now), to: folder.clusterRestore)
    }

    public static func clear(_ folder: InstanceFolder) throws {
        guard try folder.clusterRestore.isPresent else { return }
        try folder.clusterRestore.remove()
        try folder.path.sync()
    }

    public static func isDue(_ folder: InstanceFolder) throws -> Bool { try folder.clusterRestore.isPresent }
}

/// A backup compared with the cluster that runs. Objects are named `KIND NAMESPACE/NAME`.
public struct ClusterRestorePlan: Encodable, Sendable {
    /// Would be made.
    public var missing: [String]
    /// Are there, are different, and would be left as they are.
    public var different: [String]
    /// Are there as they are in the backup.
    public var same: Int

    public init(missing: [String], different: [String], same: Int) {
        self.missing = missing
        self.different = different
        self.same = same
    }
}

/// Which part of a backup is to be restored; everything when nothing is said.
public struct ClusterRestoreFilter: Hashable, Sendable {
    public var namespaces: [String]
    /// `deployments.apps`
    public var resources: [String]
    /// Labels that all must have.
    public var labels: [String: String]
    /// Namespaces under other names.
    public var mapping: [String: String]

    public init(
        namespaces: [String] = [], resources: [String] = [], labels: [String: String] = [:],
        mapping: [String: String] = [:]
    ) {
        self.namespaces = namespaces
        self.resources = resources
        self.labels = labels
        self.mapping = mapping
    }

    public var isEmpty: Bool { self == ClusterRestoreFilter() }
}
