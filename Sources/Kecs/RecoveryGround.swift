// SPDX-License-Identifier: Apache-2.0
public import KecsState
public import KecsSystem

/// The environment of a recovery: k3d clusters and their objects. Each call of a method is one question or one change.
///
/// Every answer is certain: anything that cannot be determined is thrown as `Failure(.unreachable)`.
public protocol RecoveryGround: Sendable {
    /// Returns all k3d clusters by name.
    func clusters() async throws -> [String: K3dClusterState]
    /// Creates or starts a cluster, and returns when its API is ready. Does nothing when it is.
    func bringUp(_ cluster: String, _ time: RecoveryTime) async throws
    /// Clusters that recoveries of this instance made, by their nodes' label; without the control plane's own.
    func ownedClusters() async throws -> [String: K3dClusterState]
    /// Stops one of them and keeps it.
    func stop(cluster: String, limit: Duration) async throws
    /// Deletes one of them, with everything in it.
    func delete(cluster: String) async throws
    /// Returns the troubles of a cluster that answers: nodes that are not ready, addresses that have moved.
    ///
    /// - Parameter limit: The time to wait for nodes that are still starting.
    func troubles(in cluster: String, limit: Duration) async throws -> [ClusterTrouble]
    /// Returns why the instance's control plane does not run in this running cluster; nil when it does, or belongs
    /// elsewhere.
    func missingControlPlane(in cluster: String) async throws -> String?
    /// Returns true when the instance's control plane belongs into this cluster.
    func holdsControlPlane(_ cluster: String) -> Bool
    /// Puts the control plane into the instance's own cluster and waits until it is available.
    func bringUpControlPlane(in cluster: String, _ time: RecoveryTime) async throws
    /// Returns the objects in a cluster, of the kinds that a recovery makes.
    func objects(in cluster: String) async throws -> [KubernetesObject.ID: FoundObject]
    /// Returns the present objects of a namespace, of the kinds that services are made of.
    func manifests(
        in namespace: String, of cluster: String
    ) async throws -> [KubernetesObject.ID: JSONValue]
    /// Returns the keys of its Secrets. Never their values.
    func secrets(in cluster: String) async throws -> Set<FoundSecret>
    /// Applies all of them in the given order.
    ///
    /// - Parameter overwriting: True to take over fields that another client has set. Otherwise an object with such a
    ///   field is refused.
    /// - Returns: The refused objects, each with its own reason.
    /// - Throws: `Failure(.unreachable)` when the API does not answer any more.
    func apply(
        _ objects: [RecoveryObject], in cluster: String, overwriting: Bool
    ) async throws -> [KubernetesObject.ID: String]
    /// Returns the progress of the Deployments and DaemonSets of a namespace.
    func rollouts(
        in namespace: String, of cluster: String
    ) async throws -> [KubernetesObject.ID: RolloutState]
    /// Returns the obstacles to Deployments, DaemonSets and Pods of a namespace, according to their pods and events.
    func obstacles(
        in namespace: String, of cluster: String
    ) async throws -> [KubernetesObject.ID: RolloutObstacle]
    /// Removes everything with the label of a recovery, and namespaces with that label if nothing else is in them.
    func remove(recovery: String, from cluster: String) async throws -> RecoveryRemoval
}

/// The label on every object that a recovery makes: its value is the recovery's id.
public enum RecoveryLabel {
    public static let name = "kecsctl.dev/recovery"
}

/// A problem that does not stop a recovery, but needs the user's attention.
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
    /// True when it has been deleted, and something delays the removal.
    public var isGoing: Bool

    public init(recovery: String?, isGoing: Bool) {
        self.recovery = recovery
        self.isGoing = isGoing
    }
}

/// A key of an existing Secret.
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
    /// Waiting does not help.
    case failed(available: Int64, why: String)
}

/// The reason why pods do not come up.
public struct RolloutObstacle: Hashable, Sendable {
    public enum Certainty: Hashable, Sendable {
        /// It may pass on its own.
        case none
        /// Once it has lasted a while, it does not pass without a change by the user.
        case lasting
        /// It does not pass without a change by the user.
        case certain
    }
    public var why: String
    public var certainty: Certainty

    public init(_ why: String, _ certainty: Certainty) {
        self.why = why
        self.certainty = certainty
    }
}

/// The objects that an undo removed, and those that it left.
public struct RecoveryRemoval: Hashable, Sendable {
    public var removed: [String]
    /// The recovery's namespaces with other things in them, and those things.
    public var kept: [String]

    public init(removed: [String] = [], kept: [String] = []) {
        self.removed = removed
        self.kept = kept
    }
}
