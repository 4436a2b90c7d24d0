// SPDX-License-Identifier: Apache-2.0
public import Kecs
import KecsStorage
public import KecsSystem
import SystemPackage

/// A k3d cluster of its own, with KECS's control plane in it. The data lies on this host and is bound into the node.
public struct K3dRuntime: Runtime {
    let instance: Instance
    let machine: Machine
    let dataFolder: FilePath
    let cluster: String
    let k3d: K3d
    let engine: K3dEngine
    let kubectl: Kubectl
    private let apiPort: Int
    private let adminPort: Int
    private let image: String
    private let k3sImage: String
    private let agents: Int
    private let keepsCluster: Bool
    private let healthURL: String?

    static let defaultImage = "ghcr.io/nandemo-ya/kecs:latest"
    /// What upstream KECS pins.
    static let defaultK3sImage = "rancher/k3s:v1.31.4-k3s1"
    /// For each of k3d's phases: it has no limit of its own, and a server that never gets ready holds it for ever.
    static let phase = Duration.seconds(120)
    /// A create with everything to be pulled.
    static let creation = Duration.seconds(600)

    /// - Throws: `Failure(.usage)` for settings that k3d cannot be given.
    public init(_ instance: Instance, machine: Machine) throws {
        self.instance = instance
        self.machine = machine
        dataFolder = try instance.dataFolder()
        cluster = "kecs-\(instance.name)"
        k3d = K3d(machine: machine, ownKubeconfig: instance.folder.kubeconfig)
        engine = K3dEngine(machine: machine, cluster: cluster)
        kubectl = Kubectl(machine: machine, kubeconfig: instance.folder.kubeconfig, cluster: cluster)
        apiPort = try instance.settings.number(.apiPort) ?? 5373
        adminPort = try instance.settings.number(.adminPort) ?? 5374
        image = try instance.settings.text(.image) ?? Self.defaultImage
        k3sImage = try instance.settings.text(.k3sImage) ?? Self.defaultK3sImage
        agents = try instance.settings.number(.agents) ?? 0
        keepsCluster = try instance.settings.flag(.keepClustersOnShutdown)
        switch try instance.settings.text(.healthUrl) {
        case "none": healthURL = nil
        case let url?: healthURL = url
        case nil: healthURL = "http://127.0.0.1:\(adminPort)/health"
        }
        for folder in [dataFolder, instance.folder.path] {
            // SRC:DST@FILTER: what docker and k3d split at these.
            guard folder.isAbsolute, !folder.string.contains(where: { ":@,".contains($0) }) else {
                throw Failure(
                    .usage, "the folder \(folder) of “\(instance.name)” cannot be bound into a cluster",
                    cause: "it must be an absolute path without “:”, “@” and “,”",
                    remedy: "kecsctl start \(instance.name) --data-dir /path/to/data")
            }
        }
    }

    public var runsSomething: Bool { true }
    public var makesItsDatabase: Bool { false }
    public var goesWhenStopped: Bool { !keepsCluster }

    public func endpoints() -> [Endpoint] {
        [
            Endpoint(name: "api", url: "http://127.0.0.1:\(apiPort)"),
            Endpoint(name: "admin", url: "http://127.0.0.1:\(adminPort)"),
        ]
    }

    public func parts() async throws -> [Part] { try instance.folderParts() }

    public func versions() async -> [String: String] {
        guard let version = try? await k3d.version() else { return [:] }
        return version
    }

    // MARK: State

    public func state() async -> RuntimeState {
        do {
            switch try await k3d.existence(of: cluster) {
            case .unknown(let why): return .unknown(why)
            case .absent: return .absent
            case .present(let found):
                if let other = try await foreignOwner() {
                    return .unknown("the cluster “\(cluster)” belongs to another instance (\(other))")
                }
                return switch found.condition {
                case .running: .running
                case .stopped: .stopped
                case .paused: .paused
                // Its server may be writing, so it is not stopped; nobody reaches it, so it is not running. `start`
                // puts it right, and a backup freezes it like any other.
                case .mixed, .halfMade: found.hasRunningServer ? .paused : .stopped
                }
            }
        } catch {
            let failure = Failure.describing(error)
            return .unknown(failure.cause ?? failure.message)
        }
    }

    /// The instance whose cluster this is, when it is not this one.
    private func foreignOwner() async throws -> String? {
        let owner = try await engine.findings().owner
        return owner == nil || owner == instance.config.id ? nil : owner
    }

    // MARK: Start

    /// - Parameter limit: From the moment that the cluster is there until the control plane answers; zero: do not wait.
    public func start(limit: Duration) async throws {
        try await locked {
            let isNew = try await bringUpCluster()
            try await waitForAPI(isNew: isNew, limit: max(limit, Self.phase))
            if instance.folder.clusterDraft.isPresent { try instance.folder.clusterDraft.remove() }
        }
        let controlPlane = ControlPlane(machine: machine, kubectl: kubectl, instance: "\(instance.name)")
        try await controlPlane.apply(try manifests())
        guard limit > .zero else { return }
        try await controlPlane.waitUntilAvailable(limit: limit)
        try await waitUntilHealthy(limit: limit)
    }

    private func manifests() throws -> ControlPlaneManifests {
        let ports = NodePort.pair(api: apiPort, admin: adminPort)
        guard let status = try FileStatus.of(dataFolder) else {
            throw FileError("look at", dataFolder, .noSuchFileOrDirectory)
        }
        return ControlPlaneManifests(
            image: image, dataFolder: dataFolder, owner: (status.owner, status.group), apiNodePort: ports.api,
            adminNodePort: ports.admin, instance: "\(instance.name)")
    }

    /// - Returns: Whether it was created now.
    private func bringUpCluster() async throws -> Bool {
        switch try await k3d.existence(of: cluster) {
        case .unknown(let why): throw unknown(why)
        case .absent:
            try await create()
            return true
        case .present(let found):
            if let other = try await foreignOwner() {
                throw Failure(
                    .busy, "the cluster “\(cluster)” belongs to another instance",
                    cause: "its nodes carry the label \(K3dCreate.ownerLabel)=\(other)",
                    remedy: "kecsctl list")
            }
            if case .halfMade(let why) = found.condition {
                try await rebuild(because: why)
                return true
            }
            guard found.binds(dataFolder.string) else {
                throw Failure(
                    .failed, "the cluster “\(cluster)” does not see the data of “\(instance.name)”",
                    cause: "its server has no volume \(dataFolder):\(dataFolder), and one cannot be added",
                    remedy: "kecsctl stop \(instance.name)")
            }
            switch found.condition {
            case .running, .halfMade: break
            case .paused: try await resume(found)
            case .stopped, .mixed: try await startCluster()
            }
            return false
        }
    }

    private func startCluster() async throws {
        let result = try await k3d.start(cluster, phase: Self.phase, limit: Self.phase * 3)
        guard result.succeeded else {
            throw failed("k3d could not start “\(cluster)”", result)
        }
    }

    private func create() async throws {
        try await refuseForeignNames()
        // What an interrupted create left would be re-used, and then kept for ever.
        try await removeRemains()
        let kubePort = try await K3dPorts(instance: instance, machine: machine).kubePort()
        for port in [apiPort, adminPort, kubePort] { try checkIsFree(port) }
        try dataFolder.createFolder()
        try instance.folder.objectStore.createFolder()
        let nodePorts = NodePort.pair(api: apiPort, admin: adminPort)
        let request = K3dCreate(
            cluster: cluster, image: k3sImage, agents: agents, kubePort: kubePort,
            folders: [dataFolder, instance.folder.objectStore],
            ports: [
                .init(host: apiPort, node: nodePorts.api), .init(host: adminPort, node: nodePorts.admin),
            ],
            instance: instance.config.id, phase: Self.phase)
        try JSONFile.write(
            ["cluster": cluster, "since": "\(machine.clock.now())"], to: instance.folder.clusterDraft)
        machine.progress.step("creating the cluster \(cluster)", total: nil)
        let result = try await k3d.create(request, limit: Self.creation)
        guard !result.succeeded else { return }
        // k3d has rolled back, or says so; see for ourselves, and take away what is left.
        let failure = failed("k3d could not create “\(cluster)”", result)
        if case .unknown(let why) = try await k3d.existence(of: cluster) { throw unknown(why) }
        try await deleteCluster()
        try instance.folder.clusterDraft.remove()
        throw failure
    }

    private func rebuild(because why: String) async throws {
        guard try await isOurs() else {
            throw Failure(
                .failed, "the cluster “\(cluster)” is half-made, and kecsctl did not make it",
                cause: why, remedy: "k3d cluster delete \(cluster)")
        }
        try await deleteCluster()
        try await create()
    }

    /// Made by this instance: its nodes say so, or nothing of it came so far as to have a node while we were making it.
    private func isOurs() async throws -> Bool {
        let findings = try await engine.findings()
        if let owner = findings.owner { return owner == instance.config.id }
        return instance.folder.clusterDraft.isPresent
    }

    private func refuseForeignNames() async throws {
        let foreign = engine.foreign(in: try await engine.findings())
        guard foreign.isEmpty else {
            throw Failure(
                .failed, "the cluster “\(cluster)” cannot be created beside things of its name",
                cause:
                    "\(foreign.joined(separator: ", ")) are not k3d's, and k3d would take them for its own",
                remedy: "docker ps -a --filter name=k3d-\(cluster)")
        }
    }

    /// Remains without a server: a tools container, a network, the image volume.
    private func removeRemains() async throws {
        if try await engine.findings().containers.isEmpty {
            _ = try await engine.removeLeftovers()
        } else {
            try await deleteCluster()
        }
    }

    private func checkIsFree(_ port: Int) throws {
        guard let number = UInt16(exactly: port), try !Ports.isFree(number) else { return }
        let holder = Ports.holder(of: number)
        throw Failure(
            .failed, "the port \(port) that “\(instance.name)” needs is taken",
            cause: holder.map { "process \($0.pid) listens on it: \($0.command)" },
            remedy: "kecsctl start \(instance.name) --api-port \(apiPort + 10) --admin-port \(adminPort + 10)"
        )
    }

    // MARK: Ready

    /// A cluster is there when every node runs and its API says that it is ready, whatever k3d said.
    private func waitForAPI(isNew: Bool, limit: Duration) async throws {
        machine.progress.step("waiting for the API of \(cluster)", total: nil)
        var last = "nobody answered"
        var hasKubeconfig = false
        let isReady = try await machine.clock.wait(upTo: limit, every: .seconds(1)) {
            try machine.cancellation.check()
            guard case .present(let found) = try await k3d.existence(of: cluster) else {
                last = "k3d does not list it"
                return false
            }
            guard found.condition == .running else {
                last = "\(found.condition)"
                return false
            }
            if !hasKubeconfig {
                guard let bytes = try await k3d.kubeconfig(of: cluster) else {
                    last = "it has no kubeconfig yet"
                    return false
                }
                try instance.folder.kubeconfig.replaceContents(bytes)
                hasKubeconfig = true
            }
            let answer = try await kubectl.readyz()
            last = answer.why
            return answer.isReady
        }
        guard !isReady else { return }
        // Never complete, so there is nothing in it: make it again. What was complete once is for the user to give up.
        if !isNew, instance.folder.clusterDraft.isPresent, try await isOurs() {
            try await rebuild(because: last)
            return try await waitForAPI(isNew: true, limit: limit)
        }
        throw Failure(
            .timeout, "the API of “\(cluster)” did not become ready within \(limit)", cause: last,
            remedy: "kecsctl doctor \(instance.name)")
    }

    private func waitUntilHealthy(limit: Duration) async throws {
        guard let healthURL else { return }
        machine.progress.step("waiting for the control plane", total: nil)
        var last = "nobody answered"
        let isHealthy = try await machine.clock.wait(upTo: limit, every: .milliseconds(500)) {
            try machine.cancellation.check()
            switch ControlPlaneHealth(asking: healthURL) {
            case .healthy: return true
            case .not(let why):
                last = why
                return false
            }
        }
        guard isHealthy else {
            throw Failure(
                .timeout, "the control plane of “\(instance.name)” did not become healthy within \(limit)",
                cause: "\(healthURL): \(last)", remedy: "kecsctl logs \(instance.name)")
        }
    }

    // MARK: Stop

    /// Stops the cluster and keeps it. One that was never complete is taken away: there is nothing in it.
    public func stop(limit: Duration) async throws {
        try await locked {
            switch try await k3d.existence(of: cluster) {
            case .unknown(let why): throw unknown(why)
            case .absent:
                if instance.folder.clusterDraft.isPresent {
                    try await removeRemains()
                    try instance.folder.clusterDraft.remove()
                }
            case .present(let found):
                if instance.folder.clusterDraft.isPresent, try await isOurs() {
                    try await deleteCluster()
                    try instance.folder.clusterDraft.remove()
                    return
                }
                if try await foreignOwner() != nil { return }
                guard found.condition != .stopped else { return }
                try await resume(found)
                // Docker gives each node 10 s, then kills it; the servers drain first.
                let result = try await k3d.stop(cluster, limit: max(limit, .seconds(60)))
                guard case .present(let after) = try await k3d.existence(of: cluster), !after.hasRunningServer
                else {
                    throw failed("k3d could not stop “\(cluster)”", result)
                }
            }
        }
    }

    /// Deletes the cluster. The data stays: it lies on this host.
    public func remove() async throws {
        try await locked {
            switch try await k3d.existence(of: cluster) {
            case .unknown(let why): throw unknown(why)
            case .absent: try await removeRemains()
            case .present:
                guard try await isOurs() else {
                    // Nobody asked us to make it, so nobody asks us to delete it.
                    return
                }
                try await deleteCluster()
            }
            for file in [instance.folder.kubeconfig, instance.folder.clusterDraft] where file.isPresent {
                try file.remove()
            }
        }
    }

    /// Until docker and k3d both say that nothing is left: a delete that could not reach docker exits 0 as well.
    private func deleteCluster() async throws {
        let result = try await k3d.delete(cluster, limit: .seconds(120))
        if case .unknown(let why) = try await k3d.existence(of: cluster) { throw unknown(why) }
        let findings = try await engine.findings()
        guard findings.containers.isEmpty else {
            throw Failure(
                .failed, "k3d could not delete “\(cluster)”",
                cause: result.succeeded
                    ? "it said nothing, and left \(findings.containers.map(\.name).joined(separator: ", "))"
                    : result.complaint,
                remedy: "k3d cluster delete \(cluster)")
        }
        _ = try await engine.removeLeftovers()
    }

    // MARK: Freeze

    public func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        guard case .present(let found) = try await k3d.existence(of: cluster) else {
            throw unknown("k3d does not list it")
        }
        let running = found.nodes.filter { $0.state.status == "running" && $0.role != "loadbalancer" }
        do {
            try await engine.pause(running.map(\.name))
            let value = try await body()
            try await thaw()
            return value
        } catch {
            try await thaw()
            throw error
        }
    }

    public func thaw() async throws {
        switch try await k3d.existence(of: cluster) {
        case .unknown(let why): throw unknown(why)
        case .absent: return
        case .present(let found): try await resume(found)
        }
    }

    private func resume(_ found: K3dCluster) async throws {
        try await engine.unpause(found.nodes.filter { $0.state.status == "paused" }.map(\.name))
    }

    // MARK: Words

    private func unknown(_ why: String) -> Failure {
        Failure(
            .unreachable, "it cannot be told whether the cluster “\(cluster)” exists", cause: why,
            remedy: "docker info")
    }

    private func failed(_ message: String, _ result: ProcessResult) -> Failure {
        Failure(
            result.end == .timedOut ? .timeout : .failed, message, cause: result.complaint,
            remedy: "kecsctl doctor \(instance.name)")
    }

    /// Two creates of one name destroy each other, from whatever home they come.
    private func locked<Value>(_ body: () async throws -> Value) async throws -> Value {
        try await K3dPorts.exclusively(cluster, machine: machine, body)
    }
}

extension K3dCluster {
    var hasRunningServer: Bool { nodes.contains { $0.role == "server" && $0.state.running } }
}
