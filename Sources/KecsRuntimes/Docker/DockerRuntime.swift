// SPDX-License-Identifier: Apache-2.0
public import Kecs
public import KecsSystem
public import SystemPackage

/// A container: made here from an image, or another one's that was adopted.
public struct DockerRuntime: Runtime, RuntimeVolumes, RuntimeServer, RuntimeProvision, RuntimeEngine {
    let instance: Instance
    let machine: Machine
    let docker: Docker
    let spec: DockerSpec
    let volumes: Volumes

    /// - Throws: `Failure(.usage)` for settings that no container can be made of.
    public init(_ instance: Instance, machine: Machine) throws {
        self.instance = instance
        self.machine = machine
        docker = Docker(machine)
        spec = try DockerSpec(instance)
        volumes = Volumes(machine, helpersOf: instance, image: try instance.settings.text(.image))
    }

    public var runsSomething: Bool { true }
    public var makesItsDatabase: Bool { true }
    public var choosesPorts: Bool { !spec.isAdopted }

    /// Returns the endpoints that the container publishes; before ours exists, those that it will publish.
    public func endpoints() async -> [Endpoint] {
        do {
            if let container = try await find() { return container.endpoints(isKECS: container.isKECS) }
        } catch {
            return []
        }
        guard !spec.isAdopted else { return [] }
        let host = spec.address == "0.0.0.0" ? "127.0.0.1" : spec.address
        return [("api", spec.apiPort), ("admin", spec.adminPort)].compactMap { name, port in
            port.map { Endpoint(name: name, url: "http://\(host.contains(":") ? "[\(host)]" : host):\($0)") }
        }
    }

    public func versions() async -> [String: String] {
        do { return ["docker": try await docker.version()] } catch { return [:] }
    }

    // MARK: State

    public func state() async -> RuntimeState {
        do {
            guard let container = try await find() else { return .absent }
            return container.runtimeState
        } catch {
            let failure = Failure.describing(error)
            return .unknown(failure.message + (failure.cause.map { ": \($0)" } ?? ""))
        }
    }

    /// Finds the instance's container. The name finds one that was recreated by hand; our labels, or the id of an
    /// adopted one, find one that was renamed.
    func find() async throws -> DockerContainer? {
        let all = try await docker.containers()
        if let named = all.first(where: { $0.name == spec.container }) {
            guard named.instanceID.isEmpty || named.instanceID == instance.config.id || spec.isAdopted else {
                throw Failure(
                    .busy, "the container “\(named.name)” belongs to another instance “\(named.instance)”",
                    cause: "its label \(DockerLabel.id) is \(named.instanceID), not \(instance.config.id)",
                    remedy: "docker container rename \(named.name) \(named.name)-other")
            }
            return try await docker.container(named.id)
        }
        let ours = all.filter {
            $0.instanceID == instance.config.id && !$0.instanceID.isEmpty && $0.name != previousName
        }
        guard ours.count <= 1 else {
            throw Failure(
                .failed, "“\(instance.name)” has \(ours.count) containers",
                cause: ours.map(\.name).joined(separator: ", "),
                remedy: "docker container rm \(ours.last?.name ?? "")")
        }
        guard let only = ours.first else {
            if spec.isAdopted, let id = try instance.settings.text(.containerId),
                let renamed = all.first(where: { $0.id == id })
            {
                return try await docker.container(renamed.id)
            }
            // A kecsctl was killed while it was replacing it.
            guard let previous = all.first(where: { $0.name == previousName }),
                previous.instanceID == instance.config.id
            else { return nil }
            return try await docker.container(previous.id)
        }
        return try await docker.container(only.id)
    }

    /// The container's name while it is replaced.
    ///
    /// With a dot, which no instance's name has: “kecs-dev-previous” is the container of an instance “dev-previous”.
    var previousName: String { "\(spec.container).previous" }

    // MARK: Start and stop

    public func start(limit: Duration) async throws {
        try await dropPrevious()
        var id: String
        let isAgain = try Journal.isStartingAgain(instance.folder)
        if let container = try await find() {
            id = container.id
            try remember(container)
            switch container.state.status {
            case "running", "restarting": break
            case "paused": try await docker.unpause(id)
            case "removing":
                throw Failure(
                    .failed, "the container “\(container.name)” is being removed",
                    remedy: "kecsctl start \(instance.name)")
            default:
                if !isAgain { id = try await refresh(container) }
                try await startContainer(id)
            }
        } else {
            guard !spec.isAdopted else { throw noContainer() }
            try await checkImage()
            id = try await create()
            do {
                try await startContainer(id)
            } catch {
                // It was made a moment ago and never ran.
                try await docker.removeWithVolumes(id)
                throw error
            }
        }
        try await waitUntilHealthy(of: id, limit)
        if isAgain { try await DockerFreeze(docker, instance).pauseAgain() }
        try ContainerRecord.forgetStopped(instance.folder)
    }

    public func waitUntilHealthy(limit: Duration) async throws {
        guard let container = try await find() else { throw noContainer() }
        try await waitUntilHealthy(of: container.id, limit)
    }

    private func waitUntilHealthy(of id: String, _ limit: Duration) async throws {
        try await DockerHealth(docker, instance, machine, spec.address).wait(for: [id], limit: limit)
    }

    /// Remembers the container's id, so that it is found after a rename.
    private func remember(_ container: DockerContainer) throws {
        guard spec.isAdopted, try instance.settings.text(.containerId) != container.id,
            try instance.folder.config.isPresent
        else { return }
        var config = try InstanceConfig.read(instance.folder.config)
        config.settings[SettingKey.containerId.rawValue] = .string(container.id)
        try config.write(to: instance.folder.config)
    }

    private func startContainer(_ id: String) async throws {
        guard let container = try await docker.container(id) else { throw noContainer() }
        for binding in container.ports.values.flatMap({ $0 }) {
            guard let port = UInt16(binding.port) else { continue }
            try DockerPorts.check(port, address: binding.address, of: instance)
        }
        try await docker.start(id)
    }

    func noContainer() -> Failure {
        Failure(
            .notFound, "there is no container “\(spec.container)”",
            cause:
                "kecsctl did not make it and cannot recreate it; if it was renamed, run "
                + "“kecsctl config set container NAME --instance \(instance.name)”",
            remedy: "docker ps --all        (or: kecsctl restore \(instance.name) --from latest --into "
                + "\(instance.name).restored)")
    }

    public func stop(limit: Duration) async throws {
        guard let container = try await find(), container.isUp else { return }
        if let loss = loss(whenStopped: container) {
            throw loss.failure(of: instance, container: container.name)
        }
        try remember(container)
        try await DockerFreeze(docker, instance).stop(
            [[container]], limit: spec.isAdopted ? DockerContainer.grace(within: limit) : limit)
    }

    private func loss(whenStopped container: DockerContainer) -> StopLoss? {
        container.lossWhenStopped(dataFolder: DockerMounts.dataFolder(of: container.variables))
            .map { StopLoss(why: $0) }
    }

    public func lossWhenStopped() async throws -> Failure? {
        guard let container = try await find(), container.isUp else { return nil }
        return loss(whenStopped: container)?.failure(of: instance, container: container.name)
    }

    /// Removes only the container that we made; the data folder and the volumes stay.
    public func remove() async throws {
        try await volumes.removeHelpers()
        if try instance.folder.containers.isPresent { try instance.folder.containers.remove() }
        for container in try await docker.containers() where container.instanceID == instance.config.id {
            try await docker.remove(container.id)
        }
    }

    /// Returns the ties by name. The folders and volumes that hold the data are not removed with a container.
    public func nameTies() async throws -> NameTies {
        guard !spec.isAdopted else { return .free }
        let own = try await docker.containers().filter { $0.instanceID == instance.config.id }
        guard let first = own.first else { return .free }
        if let container = try await docker.container(first.id),
            let loss = loss(whenStopped: container)
        {
            return .fixed(loss.why)
        }
        return .made(own.map { "the container \($0.name)" })
    }

    public func obstacleToCloning() -> String? {
        if spec.isAdopted {
            return "the container “\(spec.container)” was not made by kecsctl, which cannot make a second one"
        }
        return spec.volumes.isEmpty
            ? nil : "two containers would share \(spec.volumes.map(\.source).joined(separator: ", "))"
    }

    // MARK: Freeze

    public func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        guard let container = try await find() else { return try await body() }
        return try await DockerFreeze(docker, instance).whilePaused([container], body)
    }

    public func thaw() async throws {
        try await volumes.removeHelpers()
        guard let container = try await find() else { return }
        try await DockerFreeze(docker, instance).settle([container])
    }

    // MARK: Looking in

    public func serverDatabase(at path: FilePath) async throws -> ServerView? {
        guard let container = try await find(), container.state.status == "running" else { return nil }
        return try await docker.file(path.string, in: container)
    }

    public func containerIDs() async throws -> Set<String> { Set(try await find().map { [$0.id] } ?? []) }

    public func otherContainers(using parts: [Part]) async throws -> OtherContainers {
        let own = try await find().map { [$0.id] } ?? []
        return try await ContainerUsers(docker: docker, instance: instance, own: Set(own)).run(parts)
    }

    public func log(_ request: LogRequest, to sink: LogSink) async throws -> Bool {
        guard let container = try await find() else { throw noContainer() }
        try await docker.log(container.id, request, to: sink)
        return true
    }

    public func wasTakenDown() async throws -> Bool {
        guard let container = try await find() else { return false }
        return try await docker.endedAtItsStart(container)
    }
}

extension DockerContainer {
    var runtimeState: RuntimeState {
        switch state.status {
        case "running", "restarting": .running
        case "paused": .paused
        case "created", "exited", "dead": .stopped
        default: .unknown("the container “\(name)” is \(state.status)")
        }
    }
}
