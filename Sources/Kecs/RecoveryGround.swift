// SPDX-License-Identifier: Apache-2.0
public import KecsState
public import KecsStorage

/// Where a recovery takes place: k3d clusters and what is in them. One call of a method is one question or one change.
///
/// Every answer is certain: what cannot be told is thrown as `Failure(.unreachable)`.
public protocol RecoveryGround: Sendable {
    /// All k3d clusters by name.
    func clusters() async throws -> [String: K3dClusterState]
    /// Creates or starts a cluster, and returns when its API is ready. Does nothing when it is.
    func bringUp(_ cluster: String, _ time: RecoveryTime) async throws
    /// Clusters that recoveries of this instance made, by their nodes' label; without the control plane's own.
    func ownedClusters() async throws -> [String: K3dClusterState]
    /// Stops one of them and keeps it.
    func stop(cluster: String, limit: Duration) async throws
    /// Deletes one of them, with all that is in it.
    func delete(cluster: String) async throws
    /// What is not as it should be in a cluster that answers: nodes that are not ready, addresses that have moved.
    ///
    /// - Parameter limit: How long to wait for nodes that are on their way.
    func troubles(in cluster: String, limit: Duration) async throws -> [ClusterTrouble]
    /// Why the instance's control plane does not run in this cluster, which runs; nil when it does, or belongs elsewhere.
    func missingControlPlane(in cluster: String) async throws -> String?
    /// Whether the instance's control plane belongs into this cluster.
    func holdsControlPlane(_ cluster: String) -> Bool
    /// Puts the control plane into the instance's own cluster and waits until it is available.
    func bringUpControlPlane(in cluster: String, _ time: RecoveryTime) async throws
    /// What is in a cluster, of the kinds that a recovery makes.
    func objects(in cluster: String) async throws -> [KubernetesObject.ID: FoundObject]
    /// The objects of a namespace as they are, of the kinds that services are made of.
    func manifests(
        in namespace: String, of cluster: String
    ) async throws -> [KubernetesObject.ID: JSONValue]
    /// Which keys its Secrets have. Never their values.
    func secrets(in cluster: String) async throws -> Set<FoundSecret>
    /// Applies all of them in the order given.
    ///
    /// - Parameter overwriting: Take fields that somebody else has set. Without it an object with such a field is refused.
    /// - Returns: Those that were refused, each with its own reason.
    /// - Throws: `Failure(.unreachable)` when the API does not answer any more.
    func apply(
        _ objects: [RecoveryObject], in cluster: String, overwriting: Bool
    ) async throws -> [KubernetesObject.ID: String]
    /// How far the Deployments and DaemonSets of a namespace are.
    func rollouts(
        in namespace: String, of cluster: String
    ) async throws -> [KubernetesObject.ID: RolloutState]
    /// What holds Deployments, DaemonSets and Pods of a namespace back, as their pods and events tell.
    func obstacles(
        in namespace: String, of cluster: String
    ) async throws -> [KubernetesObject.ID: RolloutObstacle]
    /// Removes what bears the label of a recovery, and namespaces with that label if nothing else is in them.
    func remove(recovery: String, from cluster: String) async throws -> RecoveryRemoval
}

/// The label on every object that a recovery makes: its value is the recovery's id.
public enum RecoveryLabel {
    public static let name = "kecsctl.dev/recovery"
}

/// Something that does not stop a recovery, and that somebody should look at.
public struct ClusterTrouble: Hashable, Sendable, Encodable {
    public var cluster: String
    /// A clause: "the node … has the address …".
    public var message: String
    /// A command line.
    public var remedy: String

    public init(cluster: String, message: String, remedy: String) {
        self.cluster = cluster
        self.message = message
        self.remedy = remedy
    }
}

public struct FoundObject: Hashable, Sendable {
    /// The id of the recovery that made it.
    public var recovery: String?
    /// Somebody has deleted it, and something holds it back.
    public var isGoing: Bool

    public init(recovery: String?, isGoing: Bool) {
        self.recovery = recovery
        self.isGoing = isGoing
    }
}

/// A key of a Secret that is there.
public struct FoundSecret: Hashable, Sendable {
    public var namespace: String
    public var name: String
    public var key: String

    public init(namespace: String, name: String, key: String) {
        self.namespace = namespace
        self.name = name
        self.key = key
    }
}

public struct RecoveryObject: Hashable, Sendable {
    public var id: KubernetesObject.ID
    public var manifest: JSONValue
}

public enum RolloutState: Hashable, Sendable {
    case complete(available: Int64)
    case waiting(available: Int64, why: String)
    /// It does not get better by waiting.
    case failed(available: Int64, why: String)
}

/// Why pods do not come up.
public struct RolloutObstacle: Hashable, Sendable {
    public enum Certainty: Hashable, Sendable {
        /// It may pass.
        case none
        /// It does not pass unless somebody does something: once it has lasted a while.
        case lasting
        /// It does not pass unless somebody does something.
        case certain
    }
    public var why: String
    public var certainty: Certainty

    public init(_ why: String, _ certainty: Certainty) {
        self.why = why
        self.certainty = certainty
    }
}

/// What an undo took away, and what it left.
public struct RecoveryRemoval: Hashable, Sendable {
    public var removed: [String]
    /// Namespaces of the recovery in which there is something else, and what.
    public var kept: [String]

    public init(removed: [String] = [], kept: [String] = []) {
        self.removed = removed
        self.kept = kept
    }
}
