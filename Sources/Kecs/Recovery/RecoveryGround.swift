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
    func bringUp(_ cluster: String, limit: Duration) async throws
    /// What is not as it should be in a cluster that answers: nodes that are not ready, addresses that have moved.
    ///
    /// - Parameter limit: How long to wait for nodes that are on their way.
    func troubles(in cluster: String, limit: Duration) async throws -> [ClusterTrouble]
    /// What is in a cluster, of the kinds that a recovery makes.
    func objects(in cluster: String) async throws -> [KubernetesObject.ID: FoundObject]
    /// Which keys its Secrets have. Never their values.
    func secrets(in cluster: String) async throws -> Set<FoundSecret>
    /// Applies all of them in the order given.
    ///
    /// - Returns: Those that were refused, and why.
    /// - Throws: `Failure(.unreachable)` when the API does not answer any more.
    func apply(
        _ objects: [RecoveryObject], in cluster: String
    ) async throws -> [KubernetesObject.ID: String]
    /// How far the Deployments and DaemonSets of a namespace are.
    func rollouts(
        in namespace: String, of cluster: String
    ) async throws -> [KubernetesObject.ID: RolloutState]
    /// Removes what bears the label of a recovery, and namespaces with that label if nothing else is in them.
    func remove(recovery: String, from cluster: String) async throws -> [String]
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
    case failed(why: String)
}
