// SPDX-License-Identifier: Apache-2.0
public import Kecs
public import KecsState
public import KecsSystem
import SystemPackage

/// The real ground of a recovery: k3d for the clusters, kubectl for their objects.
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

    public func bringUp(_ cluster: String, _ time: RecoveryTime) async throws {
        var own = try ownCluster(cluster)
        own.time = time
        try await own.bringUp(limit: time.limit())
    }

    public func ownedClusters() async throws -> [String: K3dClusterState] {
        let folder = instance.folder.path.appending(InstanceFolder.clustersName)
        // Each cluster that is brought up has a folder here. Without such a folder, k3d is not needed.
        guard try folder.isFolder else { return [:] }
        let names = try folder.entries().map(\.string).filter(OwnCluster.isName)
        guard !names.isEmpty else { return [:] }
        let there = try await clusters()
        var owned: [String: K3dClusterState] = [:]
        for name in names where !holdsControlPlane(name) {
            guard let state = there[name], try await ownCluster(name).isOurs() else { continue }
            owned[name] = state
        }
        return owned
    }

    public func stop(cluster: String, limit: Duration) async throws {
        try await ownCluster(cluster).stop(limit: limit)
    }

    public func delete(cluster: String) async throws { try await ownCluster(cluster).remove() }

    public func holdsControlPlane(_ cluster: String) -> Bool {
        instance.config.runtime == .k3d && cluster == "kecs-\(instance.name)"
    }

    public func missingControlPlane(in cluster: String) async throws -> String? {
        guard holdsControlPlane(cluster) else { return nil }
        return try await ControlPlane(
            machine: machine, kubectl: kubectl(cluster), instance: "\(instance.name)"
        ).missing()
    }

    public func bringUpControlPlane(in cluster: String, _ time: RecoveryTime) async throws {
        try await K3dRuntime(instance, machine: machine).bringUpControlPlane(limit: time.limit())
    }

    /// Returns a cluster. The instance's own has its data and its ports; others hold services only.
    private func ownCluster(_ name: String) throws -> OwnCluster {
        if name == "kecs-\(instance.name)", instance.config.runtime == .k3d {
            return try OwnCluster(main: instance, machine: machine)
        }
        return try OwnCluster(instance, machine: machine, named: name)
    }

    private func kubectl(_ cluster: String) async throws -> Kubectl {
        let cluster = try ownCluster(cluster)
        // The cluster runs, but this run has not brought it up: the plan is only shown.
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

    public func manifests(
        in namespace: String, of cluster: String
    ) async throws -> [KubernetesObject.ID: JSONValue] {
        let found = try await kubectl(cluster).get(
            ["deployments.apps", "daemonsets.apps", "services"], namespace: namespace)
        return Dictionary(
            found.compactMap { object in
                guard let kind = object["kind"]?.string, let name = object["metadata"]?["name"]?.string else {
                    return nil
                }
                return (KubernetesObject.ID(kind, namespace, name), object)
            }
        ) { first, _ in first }
    }

    public func apply(
        _ objects: [RecoveryObject], in cluster: String, overwriting: Bool
    ) async throws -> [KubernetesObject.ID: String] {
        let kubectl = try await kubectl(cluster)
        let (applied, complaint) = try await kubectl.apply(objects.map(\.manifest), forced: overwriting)
        guard let complaint else { return [:] }
        // Either the API refused the objects, or it does not answer.
        let (isReady, why) = try await kubectl.readyz()
        guard isReady else {
            throw Failure(
                .unreachable, "the API of “\(cluster)” does not answer any more", cause: why,
                remedy: "kecsctl recover \(instance.name) --resume")
        }
        // Names are unique within one call, because it is about one namespace. kubectl's message about many objects at
        // once does not always name the right one, so each object is applied alone.
        var refused: [KubernetesObject.ID: String] = [:]
        let left = objects.filter { !applied.contains(Kubectl.word(for: $0)) }
        guard left.count > 1 else {
            for object in left { refused[object.id] = complaint }
            return refused
        }
        for object in left {
            if refused.count >= Self.singleQuestions {
                refused[object.id] = complaint
                continue
            }
            try machine.cancellation.check()
            let (_, why) = try await kubectl.apply([object.manifest], forced: overwriting)
            if let why { refused[object.id] = why }
        }
        return refused
    }

    /// The number of refused objects that are applied alone; more than that have one reason.
    private static let singleQuestions = 50

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
                case .failed(let why): .failed(available: available, why: why)
                }
        }
        return states
    }

    public func obstacles(
        in namespace: String, of cluster: String
    ) async throws -> [KubernetesObject.ID: RolloutObstacle] {
        try await KubectlObstacles(kubectl(cluster), namespace: namespace).byWorkload()
    }

    public func remove(recovery: String, from cluster: String) async throws -> RecoveryRemoval {
        let kubectl = try await kubectl(cluster)
        let label = "\(RecoveryLabel.name)=\(recovery)"
        var removal = RecoveryRemoval()
        removal.removed = try await kubectl.delete(
            ["deployments.apps", "daemonsets.apps", "services", "pods"], label: label, limit: .seconds(120))
        // Deleting a namespace deletes everything in it, so a namespace with foreign objects stays.
        let left = try await kubectl.inventory(mark: RecoveryLabel.name)
        for (id, found) in left.sorted(by: { $0.key < $1.key })
        where id.kind == "Namespace" && found.recovery == recovery {
            var foreign: [String] = []
            // The addresses of a deleted Service disappear a moment after it.
            _ = try await machine.clock.wait(upTo: .seconds(10), every: .seconds(1)) {
                try machine.cancellation.check()
                foreign = try await kubectl.foreignObjects(in: id.name)
                return !foreign.contains { $0.hasPrefix("Endpoint") }
            }
            guard foreign.isEmpty else {
                let shown = foreign.prefix(10).joined(separator: ", ")
                let rest = foreign.count > 10 ? " and \(foreign.count - 10) more" : ""
                removal.kept.append("the namespace \(id.name) stays: it holds \(shown)\(rest)")
                continue
            }
            removal.removed += try await kubectl.deleteNamespace(id.name, limit: .seconds(120))
        }
        removal.removed.sort()
        return removal
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
    /// Fetches the kubeconfig.
    ///
    /// - Returns: False while the cluster has none.
    func fetchKubeconfig() async throws -> Bool {
        guard let bytes = try await k3d.kubeconfig(of: name) else { return false }
        try kubeconfig.removingLastComponent().createFolder()
        try kubeconfig.replaceContents(bytes)
        return true
    }
}
