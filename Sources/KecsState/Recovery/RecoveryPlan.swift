// SPDX-License-Identifier: Apache-2.0

/// What an instance's recovery is going to do, and why. The same value is printed by `--dry-run` and executed.
public struct RecoveryPlan: Hashable, Sendable {
    public var k3dClusters: [K3dStep] = []
    public var clusters: [ClusterStep] = []

    /// A k3d cluster, which holds one ECS cluster or all of an instance: the rows decide.
    public struct K3dStep: Hashable, Sendable {
        public enum Action: Hashable, Sendable {
            case create
            /// It is there and stopped, so that nobody knows what is in it.
            case start
            /// It is there, and not as it should be: half-made, frozen, or only some of its nodes run.
            case repair(why: String)
            /// It runs.
            case reuse
            /// Whether it exists could not be found out. Nothing is done with it or in it.
            case leave(why: String)
        }
        public let name: String
        public let action: Action
        /// The names of the ECS clusters in it.
        public let clusters: [String]
    }

    public enum Decision: Hashable, Sendable {
        case recover
        /// It is there, with all of its objects.
        case exists
        /// By its state or by request: nothing is wrong.
        case skip(String)
        /// It should come back and cannot.
        case fail(String)
        /// What is there could not be found out.
        case unknown(String)
    }

    public struct ClusterStep: Hashable, Sendable {
        public let name: String
        public let arn: String
        public let k3dCluster: String?
        public let namespace: KubernetesObject
        public var decision: Decision
        /// In the order in which they come back: by priority, then by name.
        public var services: [ServiceStep] = []
        public var tasks: [TaskStep] = []
    }

    /// A service; one with an external controller stands here once for each of its task sets.
    public struct ServiceStep: Hashable, Sendable {
        public let name: String
        public let arn: String
        public let taskSet: String?
        /// 0 comes first. Services of one priority are one batch.
        public let priority: Int64
        public var decision: Decision
        /// What is missing and to be applied; nothing unless the decision is `recover`.
        public var objects: [KubernetesObject]
        /// All that belongs to it, be it there or not.
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

    /// Whether nothing would be changed.
    public var isEmpty: Bool {
        k3dClusters.allSatisfy { $0.action.changesNothing } && !decisions.contains(.recover)
    }

    /// Of clusters, services and tasks.
    public var decisions: [Decision] {
        clusters.flatMap { [$0.decision] + $0.services.map(\.decision) + $0.tasks.map(\.decision) }
    }

    /// Every Secret that is needed, sorted: to be found present, or listed as missing.
    public var secrets: [SecretReference] {
        clusters.flatMap { $0.services.map(\.secrets) + $0.tasks.map(\.secrets) }
            .reduce(into: Set()) { $0.formUnion($1) }.sorted()
    }
}

/// What was found on the machine before planning.
public struct ExistingObjects: Hashable, Sendable {
    /// An answer, or that there was none. Not answering is never taken for "not there".
    public enum Answer<Value: Hashable & Sendable>: Hashable, Sendable {
        case known(Value)
        case unknown(String)
    }

    /// All k3d clusters by name.
    public var k3dClusters: Answer<[String: K3dClusterState]>
    /// The objects in each k3d cluster; of one that is not listed here nothing is known.
    public var objects: [String: Answer<Set<KubernetesObject.ID>>]

    public init(
        k3dClusters: Answer<[String: K3dClusterState]>,
        objects: [String: Answer<Set<KubernetesObject.ID>>] = [:]
    ) {
        self.k3dClusters = k3dClusters
        self.objects = objects
    }
}

/// What a k3d cluster that exists is in.
public enum K3dClusterState: Hashable, Sendable {
    case running
    case stopped
    /// Why it is neither.
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

/// How to decide where the rows leave a choice.
public struct RecoveryPolicy: Hashable, Sendable {
    /// Names of ECS clusters; nil for all.
    public var only: Set<String>?
    /// `CLUSTER` or `CLUSTER/SERVICE`.
    public var skip: Set<String> = []
    /// DRAINING says that somebody was taking the service or task set away, so that it stays away.
    public var includesDraining = false
    public var includesStandaloneTasks = true
    /// Of services without the tag `kecsctl.dev/recovery-priority`.
    public var defaultPriority: Int64 = 100
    /// On every object: what an undo finds them by.
    public var labels: [String: String] = [:]

    public init() {}
}
