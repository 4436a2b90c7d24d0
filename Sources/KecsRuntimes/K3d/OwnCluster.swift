// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// A k3d cluster that belongs to an instance: its own, which holds the control plane, or one that its rows name.
///
/// Its existence has three answers: yes, no, unknown. Unknown changes nothing.
struct OwnCluster: Sendable {
    let instance: Instance
    let machine: Machine
    let name: String
    let k3d: K3d
    let engine: K3dEngine
    let kubectl: Kubectl
    /// The file that exists while the cluster is created.
    let draft: FilePath
    let kubeconfig: FilePath
    /// The folders of this host that the control plane sees; none in a cluster that holds only services.
    var folders: [FilePath] = []
    /// Velero's store, mounted into every node.
    var store: K3dCreate.Mount?
    /// What k3s keeps, where that outlives the nodes; nil elsewhere.
    var k3sState: K3sState?
    var sharesMounts = false
    var ports: [K3dCreate.Port] = []
    var components: Set<Component> = []
    /// Traefik's ports, when it runs next to the control plane.
    var ingress: [Ingress] = []
    var image = OwnCluster.defaultImage
    var agents = 0
    /// The time of a recovery with a limit, which no wait here exceeds.
    var time: RecoveryTime?

    /// A port of this host that leads to Traefik: the setting that keeps it, and the first port to try.
    struct Ingress: Sendable {
        var key: SettingKey
        var scheme: String
        var node: Int
        var first: Int

        /// Upstream's ports.
        static let both = [
            Ingress(key: .httpPort, scheme: "http", node: ControlPlaneManifests.httpNodePort, first: 8080),
            Ingress(key: .httpsPort, scheme: "https", node: ControlPlaneManifests.httpsNodePort, first: 8443),
        ]
    }

    /// The image that upstream KECS pins.
    static let defaultImage = "rancher/k3s:v1.31.4-k3s1"
    /// The limit for each of k3d's phases. k3d has no limit of its own, and a server that never becomes ready would
    /// block it permanently.
    static let phase = Duration.seconds(120)
    /// The limit for a create that must pull everything.
    static let creation = Duration.seconds(600)

    init(_ instance: Instance, machine: Machine, named name: String) throws {
        guard Self.isName(name) else {
            throw Failure(
                .usage, "“\(name)” cannot be the name of a k3d cluster",
                cause: "it must have at most 32 lower-case letters, digits and hyphens")
        }
        self.instance = instance
        self.machine = machine
        self.name = name
        let isMain = name == "kecs-\(instance.name)"
        let place =
            isMain
            ? instance.folder.path
            : instance.folder.path.appending(InstanceFolder.clustersName).appending(name)
        kubeconfig = place.appending(InstanceFolder.kubeconfigName)
        draft = place.appending(InstanceFolder.clusterDraftName)
        k3d = K3d(machine: machine, ownKubeconfig: kubeconfig)
        engine = K3dEngine(machine, cluster: name)
        kubectl = Kubectl(machine: machine, kubeconfig: kubeconfig, cluster: name)
    }

    /// Returns true for a valid name. The rule is stricter than k3d's, which allows capitals and dots as well.
    static func isName(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        func isWord(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        guard let first = bytes.first, let last = bytes.last, bytes.count <= 32 else { return false }
        return isWord(first) && isWord(last) && bytes.allSatisfy { isWord($0) || $0 == UInt8(ascii: "-") }
    }

    func condition() async throws -> K3d.Existence { try await k3d.existence(of: name) }

    /// Returns the limit within the recovery's time. It is at least a second: k3d accepts no smaller one, and a wait of
    /// zero still checks once.
    func bounded(_ limit: Duration) -> Duration {
        time.map { max(.seconds(1), $0.limit(limit)) } ?? limit
    }

    /// Creates, starts, resumes or rebuilds it, and waits until its API is ready.
    ///
    /// - Parameter limit: The limit for the API, once the nodes run.
    func bringUp(limit: Duration) async throws {
        try kubeconfig.removingLastComponent().createFolder()
        try await locked {
            let isNew = try await bringUpNodes()
            try await waitForAPI(isNew: isNew, limit: bounded(max(limit, Self.phase)))
            try await NodeAddresses(self).record()
            if try draft.isPresent { try draft.remove() }
        }
    }

    /// Returns the instance that owns this cluster, when it is another one.
    func foreignOwner() async throws -> String? {
        let owner = try await engine.findings().owner
        return owner == nil || owner == instance.config.id ? nil : owner
    }

    // MARK: Ready

    /// Waits until every node runs and the API reports that it is ready, regardless of k3d's own report.
    func waitForAPI(isNew: Bool, limit: Duration) async throws {
        machine.progress.step("waiting for the API of \(name)", total: nil)
        var last = "nobody answered"
        var hasKubeconfig = false
        let isReady = try await machine.clock.wait(upTo: limit, every: .seconds(1)) {
            try machine.cancellation.check()
            guard case .present(let found) = try await k3d.existence(of: name) else {
                last = "k3d does not list it"
                return false
            }
            guard found.condition == .running else {
                last = "\(found.condition)"
                return false
            }
            if !hasKubeconfig {
                guard try await fetchKubeconfig() else {
                    last = "it has no kubeconfig yet"
                    return false
                }
                hasKubeconfig = true
            }
            let answer = try await kubectl.readyz()
            last = answer.why
            return answer.isReady
        }
        guard !isReady else { return }
        // The cluster was never complete, so it has no content: it is created again. Only the user may give up one that
        // was complete.
        if !isNew, try draft.isPresent, try await isOurs() {
            try await rebuild(because: last)
            return try await waitForAPI(isNew: true, limit: limit)
        }
        let moved = try await NodeAddresses(self).moved()
        throw Failure(
            .timeout, "the API of “\(name)” did not become ready within \(limit)",
            cause: ([last] + moved).joined(separator: "; "),
            remedy: moved.isEmpty ? "kecsctl doctor \(instance.name)" : restart)
    }

    // MARK: Words

    func unknown(_ why: String) -> Failure {
        Failure(
            .unreachable, "cannot determine whether the cluster “\(name)” exists", cause: why,
            remedy: "docker info")
    }

    func failed(_ message: String, _ result: ProcessResult) -> Failure {
        Failure(
            result.end == .timedOut ? .timeout : .failed, message, cause: result.firstComplaint,
            remedy: "kecsctl doctor \(instance.name)")
    }

    /// Runs `body` under the lock of the cluster's name: two creates of one name destroy each other, from any home.
    func locked<Value>(_ body: () async throws -> Value) async throws -> Value {
        try await K3dPorts.exclusively(name, machine: machine) {
            try await K3dSurvivors(machine: machine, cluster: name, instance: instance.config.id).settle()
            return try await body()
        }
    }

    /// The command that stops and starts the nodes: k3d then gives the cluster's DNS its names again.
    var restart: String {
        instance.config.runtime == .k3d && name == "kecs-\(instance.name)"
            ? "kecsctl restart \(instance.name)" : "k3d cluster stop \(name) && k3d cluster start \(name)"
    }
}

extension K3dCluster {
    var hasRunningServer: Bool { nodes.contains { $0.role == "server" && $0.state.running } }
}
