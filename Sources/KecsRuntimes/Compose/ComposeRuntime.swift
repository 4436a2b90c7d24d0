// SPDX-License-Identifier: Apache-2.0
public import Kecs
public import KecsSystem
public import SystemPackage

/// A compose project that kecsctl did not make. compose starts it. Everything else uses the containers' labels, so that
/// a file which can no longer be read is no obstacle to stopping or backing up the running containers.
public struct ComposeRuntime:
    RebuildableRuntime, RuntimeVolumes, RuntimeServer, RuntimeProvision, RuntimeEngine
{
    let instance: Instance
    let machine: Machine
    let docker: Docker
    /// As the settings have them; what the containers were made from may say more.
    let given: ComposeFiles
    let name: ComposeName
    let service: String?
    let volumes: Volumes

    /// - Throws: `Failure(.usage)` without a compose file.
    public init(_ instance: Instance, machine: Machine) throws {
        self.instance = instance
        self.machine = machine
        given = try Self.given(instance, machine)
        if let file = given.files.first(where: { !$0.isAbsolute }) {
            throw Failure(
                .usage, "the compose file “\(file)” is a relative path",
                remedy: instance.whereSettingsComeFrom)
        }
        guard try instance.dataFolder().isAbsolute else {
            throw Failure(.usage, "the data folder of “\(instance.name)” is a relative path")
        }
        name = try ComposeName(instance, machine, given)
        service = try instance.settings.text(.composeService)
        docker = Docker(machine)
        volumes = Volumes(machine, helpersOf: instance, image: nil)
    }

    /// Returns the definition in the settings, or else the one that compose would use when it is called here.
    static func given(_ instance: Instance, _ machine: Machine) throws -> ComposeFiles {
        let profiles = try instance.settings.text(.composeProfiles).map { ComposeFiles.names($0) }
        if let text = try instance.settings.text(.composeFile) {
            let files = ComposeFiles.list(text)
            // Until the instance is made, the variables and the project's `.env` give the profiles.
            let usual =
                try profiles ?? (try instance.folder.config.isPresent ? [] : usualProfiles(files, machine))
            return ComposeFiles(files: files, profiles: usual)
        }
        let here = try Home.absolute(".", environment: machine.environment)
        guard var found = try ComposeFiles(in: here, environment: machine.environment) else {
            throw Failure(
                .usage, "no compose file is given for “\(instance.name)”",
                cause: "this folder, and those above it, have no compose.yaml and no docker-compose.yml",
                remedy: "kecsctl start \(instance.name) --runtime compose --compose-file docker-compose.yml")
        }
        if let profiles { found.profiles = profiles }
        return found
    }

    private static func usualProfiles(_ files: [FilePath], _ machine: Machine) throws -> [String] {
        let name = "COMPOSE_PROFILES"
        let dotenv = files.first.map { $0.removingLastComponent().appending(".env") }
        let text =
            try machine.environment[name] ?? dotenv.flatMap { try ComposeFiles.variables(in: $0)[name] }
        return ComposeFiles.names(text ?? "")
    }

    /// The containers' own files where they go further than the settings: override files, profiles that are in use.
    func compose(for all: [DockerContainer]) async throws -> Compose {
        let project = try await name.run()
        guard var made = ComposeFiles(all), try made.holds(given.files) else {
            return Compose(machine, given, project: project)
        }
        made.profiles = given.profiles
        return Compose(machine, made, project: project)
    }

    public var runsSomething: Bool { true }
    public var makesItsDatabase: Bool { true }
    public var choosesPorts: Bool { false }

    public func obstacleToCloning() -> String? {
        "its containers and volumes are those of the compose project “\(name.known ?? given.folderName)”, which is somebody's own"
    }

    /// Returns the endpoints of the control plane's container, or of its service before there is one.
    public func endpoints() async -> [Endpoint] {
        do {
            if let own = try await containers().first(where: isControlPlane) {
                return own.endpoints(isKECS: own.isKECS)
            }
        } catch {
            return []
        }
        return []
    }

    public func versions() async -> [String: String] {
        do {
            let compose = Compose(machine, given, project: nil)
            return ["docker": try await docker.version(), "compose": try await compose.version()]
        } catch {
            return [:]
        }
    }

    // MARK: State

    /// Returns all containers of the project, regardless of the present file. Those of `compose run` do not count.
    func containers() async throws -> [DockerContainer] {
        let ids = try await docker.containers(label: "\(ComposeLabel.project)=\(name.run())")
        return try await docker.inspect(ids).filter { $0.labels[ComposeLabel.oneOff] != "True" }
    }

    func isControlPlane(_ container: DockerContainer) -> Bool {
        service == nil || container.labels[ComposeLabel.service] == service
    }

    /// Returns the control plane's state. While another container of the project is up, something may still write. The
    /// state is then "paused": a start starts the rest, and a stop stops all.
    public func state() async -> RuntimeState {
        do {
            let all = try await containers()
            let own = all.filter(isControlPlane)
            let states = own.map(\.runtimeState)
            if let unknown = states.first(where: { if case .unknown = $0 { true } else { false } }) {
                return unknown
            }
            if states.contains(.running) { return all.contains(where: \.isPaused) ? .paused : .running }
            if states.contains(.paused) || all.contains(where: \.isUp) { return .paused }
            return own.isEmpty ? .absent : .stopped
        } catch {
            let failure = Failure.describing(error)
            return .unknown(failure.message + (failure.cause.map { ": \($0)" } ?? ""))
        }
    }

    // MARK: Anew

    public var isRebuildable: Bool { get throws { try given.files.allSatisfy { try $0.isPresent } } }

    /// Rebuilds the project. Images of services with a `build` section are built first.
    public func rebuild(limit: Duration) async throws {
        let all = try await containers()
        let profiles = profiles(inUse: all, try await compose(for: all).config())
        try await up(["--build", "--force-recreate"], all, profiles, limit)
        try await waitUntilHealthy(limit: limit)
    }

    /// Runs `down` without `-v`: the volumes stay.
    public func removeAndReturn(limit: Duration) async throws {
        let all = try await containers()
        let compose = try await compose(for: all)
        let config = try await compose.config()
        var given = compose.given
        given.profiles = profiles(inUse: all, config)
        try await Compose(machine, given, project: name.run()).down(limit: max(limit, .seconds(120)))
        try await makeDataFolder(config)
        try await up([], all, given.profiles, limit)
        try await waitUntilHealthy(limit: limit)
    }

    /// Removes only our helpers: the project was not made by kecsctl.
    public func remove() async throws { try await volumes.removeHelpers() }

    /// The recorded ones, and one of each service that has a container and would not run without.
    func profiles(inUse all: [DockerContainer], _ config: ComposeProject) -> [String] {
        var profiles = given.profiles
        for service in config.services where all.contains(where: { $0.serviceName == service.name }) {
            if let first = service.profiles.first, !service.profiles.contains(where: profiles.contains) {
                profiles.append(first)
            }
        }
        return profiles
    }

    // MARK: Freeze

    public func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        let writers = try await containers().filter { $0.mounts.contains { $0.isWritable && $0.holdsState } }
        return try await DockerFreeze(docker, instance).whilePaused(writers, body)
    }

    public func thaw() async throws {
        try await volumes.removeHelpers()
        try await DockerFreeze(docker, instance).settle(try await containers())
    }

    // MARK: Looking in

    public func serverDatabase(at path: FilePath) async throws -> ServerView? {
        guard
            let container = try await containers()
                .first(where: { isControlPlane($0) && $0.state.status == "running" })
        else { return nil }
        return try await docker.file(path.string, in: container)
    }

    public func otherContainers(using parts: [Part]) async throws -> OtherContainers {
        let own = Set(try await docker.containers(label: "\(ComposeLabel.project)=\(name.run())"))
        return try await ContainerUsers(docker: docker, instance: instance, own: own).run(parts)
    }

    public func containerIDs() async throws -> Set<String> { Set(try await containers().map(\.id)) }

    /// Of the control plane; `docker compose logs` shows the others.
    public func log(_ request: LogRequest, to sink: LogSink) async throws -> Bool {
        guard let container = try await containers().first(where: isControlPlane) else {
            throw Failure(
                .notFound, "the service “\(service ?? "")” has no container",
                remedy: "kecsctl start \(instance.name)")
        }
        try await docker.log(container.id, request, to: sink)
        return true
    }

    public func wasTakenDown() async throws -> Bool {
        for container in try await containers() where try await docker.endedAtItsStart(container) {
            return true
        }
        return false
    }
}
