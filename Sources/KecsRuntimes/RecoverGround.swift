// SPDX-License-Identifier: Apache-2.0
public import Kecs
public import KecsState
import KecsStorage
public import KecsSystem
import SystemPackage

/// Where a recovery takes place in earnest: k3d for the clusters, kubectl for what is in them.
public struct RecoverGround: RecoveryGround {
    private let instance: Instance
    private let machine: Machine

    public init(_ instance: Instance, machine: Machine) {
        self.instance = instance
        self.machine = machine
    }

    public func clusters() async throws -> [String: K3dClusterState] {
        let k3d = K3d(machine: machine, ownKubeconfig: instance.folder.kubeconfig)
        return Dictionary(try await k3d.clusters().map { ($0.name, $0.condition.state) }) { first, _ in first
        }
    }

    public func bringUp(_ cluster: String, limit: Duration) async throws {
        try await ownCluster(cluster).bringUp(limit: limit)
    }

    /// The instance's own cluster has its data and its ports; others hold services only.
    private func ownCluster(_ name: String) throws -> OwnCluster {
        if name == "kecs-\(instance.name)", instance.config.runtime == .k3d {
            return try OwnCluster(main: instance, machine: machine)
        }
        return try OwnCluster(instance, machine: machine, named: name)
    }

    private func kubectl(_ cluster: String) async throws -> Kubectl {
        let cluster = try ownCluster(cluster)
        // Of a cluster that runs and that we have not brought up ourselves: when a plan is only shown.
        if try !cluster.kubeconfig.isPresent { _ = try await cluster.fetchKubeconfig() }
        return cluster.kubectl
    }

    public func troubles(in cluster: String, limit: Duration) async throws -> [ClusterTrouble] {
        try await ownCluster(cluster).troubles(limit: limit)
    }

    public func objects(in cluster: String) async throws -> [KubernetesObject.ID: FoundObject] {
        try await kubectl(cluster).inventory(mark: RecoveryLabel.name)
    }

    public func secrets(in cluster: String) async throws -> Set<FoundSecret> {
        try await kubectl(cluster).secrets()
    }

    public func apply(
        _ objects: [RecoveryObject], in cluster: String
    ) async throws -> [KubernetesObject.ID: String] {
        let kubectl = try await kubectl(cluster)
        let (applied, complaint) = try await kubectl.apply(objects.map(\.manifest))
        guard let complaint else { return [:] }
        // Refused, or nobody there to refuse it?
        let (isReady, why) = try await kubectl.readyz()
        guard isReady else {
            throw Failure(
                .unreachable, "the API of “\(cluster)” does not answer any more", cause: why,
                remedy: "kecsctl recover \(instance.name) --resume")
        }
        // Names are unique within one call: it is about one namespace.
        var refused: [KubernetesObject.ID: String] = [:]
        for object in objects where !applied.contains(Kubectl.word(for: object)) {
            refused[object.id] = complaint
        }
        return refused
    }

    public func rollouts(
        in namespace: String, of cluster: String
    ) async throws -> [KubernetesObject.ID: RolloutState] {
        let found = try await kubectl(cluster)
            .get(["deployments.apps", "daemonsets.apps"], namespace: namespace)
        var states: [KubernetesObject.ID: RolloutState] = [:]
        for object in found {
            guard let kind = object["kind"]?.string, let name = object["metadata"]?["name"]?.string else {
                continue
            }
            let status = object["status"]
            let available = status?["availableReplicas"]?.integer ?? status?["numberAvailable"]?.integer ?? 0
            states[KubernetesObject.ID(kind, namespace, name)] =
                switch Rollout(of: object) {
                case .complete: .complete(available: available)
                case .waiting(let why): .waiting(available: available, why: why)
                case .failed(let why): .failed(why: why)
                }
        }
        return states
    }

    public func remove(recovery: String, from cluster: String) async throws -> [String] {
        let kubectl = try await kubectl(cluster)
        let label = "\(RecoveryLabel.name)=\(recovery)"
        var removed = try await kubectl.delete(
            ["deployments.apps", "daemonsets.apps", "services", "pods"], label: label, limit: .seconds(120))
        // A namespace takes everything in it along: only those go that hold nothing of anybody else.
        let left = try await kubectl.inventory(mark: RecoveryLabel.name)
        for (id, found) in left where id.kind == "Namespace" && found.recovery == recovery {
            guard !left.contains(where: { $0.key.namespace == id.name && !$0.value.isGoing }),
                try await kubectl.isBare(namespace: id.name)
            else { continue }
            removed += try await kubectl.deleteNamespace(id.name, limit: .seconds(120))
        }
        return removed.sorted()
    }
}

extension K3dCluster.Condition {
    fileprivate var state: K3dClusterState {
        switch self {
        case .running: .running
        case .stopped: .stopped
        case .paused: .broken("it is frozen")
        case .halfMade(let why), .mixed(let why): .broken(why)
        }
    }
}

extension OwnCluster {
    /// - Returns: False while the cluster has none.
    func fetchKubeconfig() async throws -> Bool {
        guard let bytes = try await k3d.kubeconfig(of: name) else { return false }
        try kubeconfig.removingLastComponent().createFolder()
        try kubeconfig.replaceContents(bytes)
        return true
    }
}
