// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import Kecs
public import KecsSystem
import SystemPackage

/// A k3d cluster of its own, with KECS's control plane in it. The data lies on this host and is mounted into the node.
public struct K3dRuntime: Runtime, RuntimeVolumes, RuntimeServer, RuntimeProvision, RuntimeEngine {
    let instance: Instance
    let machine: Machine
    private let dataFolder: FilePath
    let cluster: OwnCluster
    private let apiPort: Int
    private let adminPort: Int
    private let image: String
    private let keepsCluster: Bool
    private let healthURL: String?
    private let ingress: [Endpoint]
    /// Nil: nothing of it stands in the cluster.
    let velero: VeleroSetup?

    static let defaultImage = "ghcr.io/nandemo-ya/kecs:latest"

    /// - Throws: `Failure(.usage)` for settings that k3d does not accept.
    public init(_ instance: Instance, machine: Machine) throws {
        self.instance = instance
        self.machine = machine
        dataFolder = try instance.dataFolder()
        apiPort = try instance.settings.number(.apiPort) ?? 5373
        adminPort = try instance.settings.number(.adminPort) ?? 5374
        image = try instance.settings.text(.image) ?? Self.defaultImage
        keepsCluster = try instance.settings.flag(.keepClustersOnShutdown)
        switch try instance.settings.text(.healthUrl) {
        case "none": healthURL = nil
        case let url?: healthURL = url
        case nil: healthURL = "http://127.0.0.1:\(adminPort)/health"
        }
        velero = try VeleroSetup.of(instance)
        let cluster = try OwnCluster(main: instance, machine: machine)
        ingress = try cluster.ingress.compactMap { entry in
            try instance.settings.number(entry.key).map {
                Endpoint(name: entry.scheme, url: "\(entry.scheme)://127.0.0.1:\($0)")
            }
        }
        self.cluster = cluster
    }

    public var runsSomething: Bool { true }
    public var choosesPorts: Bool { true }
    public var goesWhenStopped: Bool { !keepsCluster }

    public func endpoints() -> [Endpoint] {
        [
            Endpoint(name: "api", url: "http://127.0.0.1:\(apiPort)"),
            Endpoint(name: "admin", url: "http://127.0.0.1:\(adminPort)"),
        ] + ingress
    }

    public func parts() async throws -> [Part] {
        try instance.folderParts() + (try await cluster.k3sState?.parts() ?? [])
    }

    public func serverSetup() async throws -> ServerSetup {
        let inside = ControlPlaneManifests.dataFolder
        let owner = try FileStatus.following(dataFolder)
        let state = try await cluster.k3sState?.inventory() ?? []
        return ServerSetup(
            parts: try instance.ownParts(dataInside: inside) + state, variables: ["KECS_DATA_DIR": inside],
            mounts: [ServerMount(source: .host(dataFolder), inside: FilePath(inside))],
            user: owner.map { ServerUser(user: $0.owner, group: $0.group) }, endpoints: endpoints(),
            isKECS: true)
    }

    /// Returns the ties. A cluster that was only stopped is kept with its content.
    public func nameTies() async throws -> NameTies {
        switch try await cluster.condition() {
        case .absent:
            try await cluster.k3sState?.parts().isEmpty == false
                ? .fixed("the state of its k3s has the name of its node, \(cluster.k3sState?.node ?? "")")
                : .free
        case .unknown(let why): .fixed(why)
        case .present: .fixed("the cluster “\(cluster.name)” exists, and k3d cannot rename a cluster")
        }
    }

    public func versions() async -> [String: String] {
        var versions: [String: String] = [:]
        do { versions = try await cluster.k3d.version() } catch { versions = [:] }
        if let state = cluster.k3sState { versions[K3sState.imageKey] = state.image }
        return versions
    }

    public func state() async -> RuntimeState {
        do {
            switch try await cluster.condition() {
            case .unknown(let why): return .unknown(why)
            case .absent: return .absent
            case .present(let found):
                if let other = try await cluster.foreignOwner() {
                    return .unknown("the cluster “\(cluster.name)” belongs to another instance (\(other))")
                }
                return switch found.condition {
                // Its nodes run; the server decides the state.
                case .running: await outage() == nil ? .running : .paused
                case .stopped: .stopped
                case .paused: .paused
                // Its server may be writing, so it is not stopped; it cannot be reached, so it is not running. `start`
                // repairs it, and a backup freezes it like any other.
                case .mixed, .halfMade: found.hasRunningServer ? .paused : .stopped
                }
            }
        } catch {
            let failure = Failure.describing(error)
            return .unknown(failure.cause ?? failure.message)
        }
    }

    /// Returns the reason why the control plane does not serve although its cluster runs. A control plane that is
    /// starting is not an outage.
    public func outage() async -> String? {
        if let healthURL, ControlPlaneHealth(asking: healthURL) == .healthy { return nil }
        do {
            guard case .present(let found) = try await cluster.condition(), found.condition == .running else {
                return nil
            }
            let kubectl = try await reachable()
            let why = try await ControlPlane(
                machine: machine, kubectl: kubectl, instance: "\(instance.name)"
            ).missing()
            return why.map { "its cluster runs and its control plane does not: \($0)" }
        } catch {
            let failure = Failure.describing(error)
            return failure.message + (failure.cause.map { ": \($0)" } ?? "")
        }
    }

    /// Returns true when docker took the cluster down: nodes that ended with the engine, or that it found ended at its
    /// start. The rule is the same as for docker's own containers.
    public func wasTakenDown() async throws -> Bool {
        guard case .present(let found) = try await cluster.condition(), found.condition == .stopped else {
            return false
        }
        let servers = found.nodes.filter { $0.role == "server" }.map(\.name)
        for container in try await cluster.engine.docker.inspect(servers) {
            if try await cluster.engine.docker.endedAtItsStart(container) { return true }
        }
        return false
    }

    /// Checks for the programs before anything of a new instance is made: without them the instance could not be
    /// started.
    public func prepare() async throws -> [SettingKey: JSONValue] {
        for program in ["k3d", "kubectl", "docker"] where !isOnPath(program) {
            throw Failure(
                .unreachable, "“\(instance.name)” cannot run in a cluster of its own: \(program) is missing",
                cause: "“\(program)” is not on PATH", remedy: "command -v \(program)")
        }
        try checkDataIsWritable()
        return [:]
    }

    /// Refuses data that the control plane cannot write. Its pod writes as the owner of the data folder, so the files
    /// there must be writable for that owner.
    private func checkDataIsWritable() throws {
        // A pod that runs as root may write everything.
        guard let folder = try FileStatus.of(dataFolder), folder.owner != 0 else { return }
        // PostgreSQL's folder belongs to its own user, and hidden files are helpers.
        for name in try dataFolder.entries() where name.string != "postgres" && !name.string.hasPrefix(".") {
            let path = dataFolder.appending(name)
            guard let status = try FileStatus.of(path), [.file, .folder].contains(status.kind) else {
                continue
            }
            let rights: UInt32 = status.kind == .folder ? 0o7 : 0o6
            let shift: UInt32 = status.owner == folder.owner ? 6 : status.group == folder.group ? 3 : 0
            guard (UInt32(status.mode) >> shift) & rights != rights else { continue }
            throw Failure(
                .failed, "the control plane of “\(instance.name)” could not write its data in a cluster",
                cause:
                    "its pod runs as \(folder.owner):\(folder.group), to whom \(dataFolder) belongs; \(path) belongs to \(status.owner):\(status.group) with the mode \(String(status.mode, radix: 8))",
                remedy: ShellWords.quote([
                    "chown", "-R", "\(folder.owner):\(folder.group)", dataFolder.string,
                ]))
        }
    }

    /// Returns true when the shell would find the program. An entry of PATH that is not a readable folder has no
    /// programs.
    private func isOnPath(_ program: String) -> Bool {
        (machine.environment["PATH"] ?? "").split(separator: ":").contains {
            paths_access(FilePath(String($0)).appending(program).string, X_OK) == 0
        }
    }

    // MARK: Start

    /// - Parameter limit: The time from the moment that the cluster exists until the control plane answers; zero does
    ///   not wait.
    public func start(limit: Duration) async throws {
        try await cluster.bringUp(limit: limit)
        try await bringUpControlPlane(limit: limit)
        guard limit > .zero else { return }
        try await waitUntilHealthy(limit: limit)
    }

    /// Applies the control plane in a cluster that is up, and waits until it is available.
    func bringUpControlPlane(limit: Duration) async throws {
        let controlPlane = ControlPlane(
            machine: machine, kubectl: cluster.kubectl, instance: "\(instance.name)")
        try await controlPlane.apply(try manifests())
        guard limit > .zero else { return }
        try await controlPlane.waitUntilAvailable(limit: limit)
        for deployment in cluster.components.compactMap(\.deployment).sorted() {
            try await controlPlane.waitUntilAvailable(deployment, limit: limit)
        }
    }

    private func manifests() throws -> ControlPlaneManifests {
        let ports = NodePort.pair(api: apiPort, admin: adminPort)
        guard let status = try FileStatus.of(dataFolder) else {
            throw FileError("look at", dataFolder, .noSuchFileOrDirectory)
        }
        let owner = (status.owner, status.group)
        return ControlPlaneManifests(
            image: image, dataFolder: dataFolder, owner: owner, apiNodePort: ports.api,
            adminNodePort: ports.admin, instance: "\(instance.name)",
            node: "k3d-\(cluster.name)-server-0", components: cluster.components,
            postgresOwner: cluster.components.contains(.postgres)
                ? try ControlPlaneManifests.preparePostgres(in: dataFolder, owner: owner) : nil)
    }

    public func waitUntilHealthy(limit: Duration) async throws {
        guard let healthURL else { return }
        machine.progress.step("waiting for the control plane", total: nil)
        var last = ControlPlaneHealth.not("nobody answered")
        let isHealthy = try await machine.clock.wait(upTo: limit, every: .milliseconds(500)) {
            try machine.cancellation.check()
            last = ControlPlaneHealth(asking: healthURL)
            return last == .healthy
        }
        guard isHealthy else { throw last.failure(of: instance, at: healthURL, after: limit) }
    }

    // MARK: Stop and freeze

    public func stop(limit: Duration) async throws { try await cluster.stop(limit: limit) }
    public func remove() async throws { try await cluster.remove() }
    public func thaw() async throws { try await cluster.thaw() }
    /// Leaves the instance. A cluster that is kept when the instance stops is kept here too.
    public func leave() async throws { if goesWhenStopped { try await remove() } }

    public func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        try await cluster.whileFrozen(body)
    }
}
