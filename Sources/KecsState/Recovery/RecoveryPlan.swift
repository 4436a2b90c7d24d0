// SPDX-License-Identifier: Apache-2.0

/// The steps of an instance's recovery, with the reasons. The same value is printed by `--dry-run` and executed.
public struct RecoveryPlan: Hashable, Sendable {
    public var k3dClusters: [K3dStep] = []
    public var clusters: [ClusterStep] = []

    /// A k3d cluster, which holds one ECS cluster or all of an instance: the rows decide.
    public struct K3dStep: Hashable, Sendable {
        public enum Action: Hashable, Sendable {
            case create
            /// It exists and is stopped, so that its content is unknown.
            case start
            /// It exists but is broken: half-made, frozen, or only some of its nodes run.
            case repair(why: String)
            /// It runs.
            case reuse
            /// Cannot determine whether it exists. Nothing is done with it or in it.
            case leave(why: String)
        }
        public let name: String
        public let action: Action
        /// The names of the ECS clusters in it.
        public let clusters: [String]
    }

    public enum Decision: Hashable, Sendable {
        case recover
        /// It exists, with all of its objects.
        case exists
        /// It stays away by its state or by request. That is no failure.
        case skip(String)
        /// It should come back and cannot.
        case fail(String)
        /// Cannot determine what exists.
        case unknown(String)
    }

    public struct ClusterStep: Hashable, Sendable {
        public let name: String
        public let arn: String
        public let k3dCluster: String?
        public let namespace: KubernetesObject
        public var decision: Decision
        /// The services in the order in which they come back: by priority, then by name.
        public var services: [ServiceStep] = []
        public var tasks: [TaskStep] = []
    }

    /// A service. One with an external controller is listed once for each of its task sets.
    public struct ServiceStep: Hashable, Sendable {
        public let name: String
        public let arn: String
        public let taskSet: String?
        /// 0 comes first. Services of one priority are one batch.
        public let priority: Int64
        public var decision: Decision
        /// The missing objects that will be applied; none unless the decision is `recover`.
        public var objects: [KubernetesObject]
        /// All objects that belong to it, existing or not.
        public var wanted: [KubernetesObject]
        public let notes: [TranslationNote]
        public let secrets: Set<SecretReference>

        /// The object that runs its tasks.
        public var workload: KubernetesObject? {
            wanted.first { ["Deployment", "DaemonSet"].contains($0.id.kind) }
        }
    }

    public struct TaskStep: Hashable, Sendable {
        public let id: String
        public let arn: String
        public let decision: Decision
        public let objects: [KubernetesObject]
        public let notes: [TranslationNote]
        public let secrets: Set<SecretReference>
    }

    /// True when nothing would be changed.
    public var isEmpty: Bool {
        k3dClusters.allSatisfy { $0.action.changesNothing } && !decisions.contains(.recover)
    }

    /// The decisions on clusters, services and tasks.
    public var decisions: [Decision] {
        clusters.flatMap { [$0.decision] + $0.services.map(\.decision) + $0.tasks.map(\.decision) }
    }

    /// Every needed Secret, sorted. Each must be found, or is listed as missing.
    public var secrets: [SecretReference] {
        clusters.flatMap { $0.services.map(\.secrets) + $0.tasks.map(\.secrets) }
            .reduce(into: Set()) { $0.formUnion($1) }.sorted()
    }
}

/// The objects found on the machine before planning.
public struct ExistingObjects: Hashable, Sendable {
    /// An answer, or the lack of one. A missing answer never counts as "does not exist".
    public enum Answer<Value: Hashable & Sendable>: Hashable, Sendable {
        case known(Value)
        case unknown(String)
    }

    /// All k3d clusters by name.
    public var k3dClusters: Answer<[String: K3dClusterState]>
    /// The objects in each k3d cluster. A cluster that is not listed here is unknown.
    public var objects: [String: Answer<Set<KubernetesObject.ID>>]

    public init(
        k3dClusters: Answer<[String: K3dClusterState]>,
        objects: [String: Answer<Set<KubernetesObject.ID>>] = [:]
    ) {
        self.k3dClusters = k3dClusters
        self.objects = objects
    }
}

/// The state of an existing k3d cluster.
public enum K3dClusterState: Hashable, Sendable {
    case running
    case stopped
    /// The reason why it is neither.
    case broken(String)
}

extension RecoveryPlan.K3dStep.Action {
    fileprivate var changesNothing: Bool {
        switch self {
        case .reuse, .leave: true
        case .create, .start, .repair: false
        }
    }
}

/// The rules for decisions that the rows leave open.
public struct RecoveryPolicy: Hashable, Sendable {
    /// Names of ECS clusters; nil for all.
    public var only: Set<String>?
    /// `CLUSTER` or `CLUSTER/SERVICE`.
    public var skip: Set<String> = []
    /// True to recover services and task sets that are DRAINING. They stay away otherwise, since someone was removing
    /// them.
    public var includesDraining = false
    public var includesStandaloneTasks = true
    /// The priority of services without the tag `kecsctl.dev/recovery-priority`.
    public var defaultPriority: Int64 = 100
    /// The labels of every object, by which an undo finds them.
    public var labels: [String: String] = [:]

    public init() {}
}
