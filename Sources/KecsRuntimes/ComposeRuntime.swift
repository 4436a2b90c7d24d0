// SPDX-License-Identifier: Apache-2.0
public import Kecs
public import KecsStorage
public import KecsSystem
public import SystemPackage

/// A compose project of somebody's own: started by compose, everything else by the containers' labels, so that a file
/// that can no longer be read keeps nobody from stopping or backing up what runs.
public struct ComposeRuntime: RebuildableRuntime {
    private let instance: Instance
    private let machine: Machine
    private let docker: Docker
    private let compose: Compose
    private let file: FilePath
    private let project: String
    private let service: String?
    private let volumes: Volumes

    /// - Throws: `Failure(.usage)` without a compose file.
    public init(_ instance: Instance, machine: Machine) throws {
        self.instance = instance
        self.machine = machine
        guard let text = try instance.settings.text(.composeFile) else {
            throw Failure(
                .usage, "no compose file is given for “\(instance.name)”",
                remedy: "kecsctl start \(instance.name) --runtime compose --compose-file docker-compose.yml")
        }
        file = FilePath(text)
        guard file.isAbsolute else {
            throw Failure(
                .usage, "the compose file “\(file)” is a relative path",
                remedy: "kecsctl config set composeFile /absolute/path --instance \(instance.name)")
        }
        guard try instance.dataFolder().isAbsolute else {
            throw Failure(.usage, "the data folder of “\(instance.name)” is a relative path")
        }
        project =
            try instance.settings.text(.composeProject)
            ?? Compose.projectName(of: file, environment: machine.environment)
        service = try instance.settings.text(.composeService)
        docker = Docker(machine)
        compose = Compose(machine, file: file, project: project)
        volumes = Volumes(machine, helpersOf: instance, image: nil)
    }

    public var runsSomething: Bool { true }
    public var makesItsDatabase: Bool { true }
    public var choosesPorts: Bool { false }

    /// Of the control plane's container; before there is one, of its service.
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
            return ["docker": try await docker.version(), "compose": try await compose.version()]
        } catch {
            return [:]
        }
    }

    // MARK: First start

    public func prepare() async throws -> [SettingKey: JSONValue] {
        guard file.isPresent else {
            throw Failure(
                .usage, "there is no compose file \(file)",
                remedy: "kecsctl start \(instance.name) --runtime compose --compose-file docker-compose.yml")
        }
        let config = try await compose.config()
        let control = try controlPlane(of: config)
        let running = try await containers().filter(\.isUp)
        for port in config.services.flatMap(\.ports) where running.isEmpty {
            try DockerPorts.check(port.published, address: port.address, of: instance)
        }
        var found: [SettingKey: JSONValue] = [
            .composeProject: .string(config.name), .composeService: .string(control.name),
        ]
        for (key, target) in [(SettingKey.apiPort, DockerSpec.apiPort), (.adminPort, DockerSpec.adminPort)] {
            guard let port = control.ports.first(where: { $0.target == target }) else { continue }
            found[key] = .integer(Int64(port.published))
        }
        if let folder = dataFolder(control) { found[.dataDir] = .string(folder.string) }
        return found
    }

    private func controlPlane(of config: ComposeProject) throws(Failure) -> ComposeProject.Service {
        let names = config.services.map(\.name)
        let wanted = service ?? (names.count == 1 ? names[0] : "kecs")
        guard let found = config.services.first(where: { $0.name == wanted }) else {
            throw Failure(
                .usage,
                service == nil
                    ? "it is not clear which service is the control plane"
                    : "the compose file has no service “\(wanted)”",
                cause: "\(file) has \(names.isEmpty ? "no service" : names.joined(separator: ", "))",
                remedy:
                    "kecsctl start \(instance.name) --runtime compose --compose-file \(file) --service \(names.first ?? "NAME")"
            )
        }
        return found
    }

    /// Where the control plane's data lies on this host; nil when it is in a volume.
    private func dataFolder(_ service: ComposeProject.Service) -> FilePath? {
        let inside = DockerMounts.dataFolder(of: service.environment)
        for mount in service.mounts where inside == mount.target || inside.hasPrefix(mount.target + "/") {
            guard case .folder(let folder) = mount.source else { continue }
            return folder.appending(
                FilePath(String(inside.dropFirst(mount.target.count).drop { $0 == "/" })).components)
        }
        return nil
    }

    // MARK: State

    /// All of the project, whatever the file says now; those of `compose run` do not count.
    private func containers() async throws -> [DockerContainer] {
        let ids = try await docker.containers(label: "\(ComposeLabel.project)=\(project)")
        return try await docker.inspect(ids).filter { $0.labels[ComposeLabel.oneOff] != "True" }
    }

    private func isControlPlane(_ container: DockerContainer) -> Bool {
        service == nil || container.labels[ComposeLabel.service] == service
    }

    /// The control plane's. While another container of the project is up, something may still write: then it is
    /// "paused", whose start starts the rest and whose stop stops all.
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

    // MARK: Start and stop

    public func start(limit: Duration) async throws {
        for container in try await containers() where container.isPaused {
            try await docker.unpause(container.id)
        }
        let stopped = try await containers().filter { !$0.isUp }
        if try Journal.isStartingAgain(instance.folder),
            try await containers().contains(where: isControlPlane)
        {
            for container in await stopOrder(stopped).reversed() { try await docker.start(container.id) }
        } else {
            try await makeDataFolder()
            try await compose.up(limit: max(limit, .seconds(600)))
        }
        try await waitUntilHealthy(limit)
    }

    private func waitUntilHealthy(_ limit: Duration) async throws {
        let own = try await containers().filter(isControlPlane)
        guard !own.isEmpty else {
            throw Failure(.failed, "compose made no container of the service “\(service ?? "")”")
        }
        try await DockerHealth(docker, instance, machine, "127.0.0.1").wait(for: own.map(\.id), limit: limit)
    }

    /// Before docker would make it root's.
    private func makeDataFolder() async throws {
        let config = try await compose.config()
        let control = try controlPlane(of: config)
        guard let folder = dataFolder(control), !folder.isPresent else { return }
        let owner = try await owner(of: control)
        try folder.createFolder(mode: 0o755)
        if let owner { try folder.setOwner((owner.user, owner.group)) }
    }

    public func stop(limit: Duration) async throws {
        let all = try await containers()
        guard all.contains(where: \.isUp) else { return }
        try await DockerFreeze(docker, instance).stop(await stopOrder(all), limit: limit)
    }

    /// Who depends on others goes first. Without a file that can be read, in the order of their creation reversed.
    private func stopOrder(_ all: [DockerContainer]) async -> [DockerContainer] {
        guard let order = try? await compose.config().startOrder else { return all }
        func place(_ container: DockerContainer) -> Int {
            order.firstIndex(of: container.labels[ComposeLabel.service] ?? "") ?? order.count
        }
        return all.sorted { place($0) > place($1) }
    }

    // MARK: Anew

    public var isRebuildable: Bool { file.isPresent }

    /// Images of services with a `build` section are built first.
    public func rebuild(limit: Duration) async throws {
        try await compose.up(["--build", "--force-recreate"], limit: max(limit, .seconds(600)))
        try await waitUntilHealthy(limit)
    }

    /// `down` without `-v`: the volumes stay.
    public func removeAndReturn(limit: Duration) async throws {
        try await compose.down(limit: max(limit, .seconds(120)))
        try await start(limit: limit)
    }

    /// The project is not ours to remove.
    public func remove() async throws { try await volumes.removeHelpers() }

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

    // MARK: Data

    public func statePlace() async throws -> Part.Place? {
        if let container = try await containers().first(where: isControlPlane) {
            return try await DockerMounts.statePlace(of: container, instance, volumes)
        }
        let config = try await compose.config()
        let control = try controlPlane(of: config)
        if let folder = dataFolder(control) { return .folder(folder) }
        let inside = DockerMounts.dataFolder(of: control.environment)
        guard let mount = config.dockerMounts(of: [control]).first(where: { $0.destination == inside }),
            let name = mount.name
        else { throw DockerMounts.noMount(inside, of: control.name, instance) }
        // Nobody has started the project yet, so the volume may not be there.
        let exists = try await docker.volume(name) != nil
        return .volume(name, at: exists ? try await volumes.folder(of: name) : nil)
    }

    /// Whom the service runs as; the same that a new data folder is given to.
    public func dataOwner() async throws -> (user: UInt32, group: UInt32)? {
        try await owner(of: controlPlane(of: try await compose.config())).map { ($0.user, $0.group) }
    }

    /// What was given, what the container or the file says, else the user of KECS's image; nil when it is not known.
    private func owner(of control: ComposeProject.Service) async throws -> DockerOwner? {
        if let given = try instance.settings.text(.owner) { return try DockerOwner(given) }
        if let container = try await containers().first(where: isControlPlane) {
            return try await docker.user(of: container).map { DockerOwner(user: $0.user, group: $0.group) }
        }
        let image = try await control.image.map { try await docker.imageFacts($0) } ?? nil
        if let text = control.user ?? image?.user {
            let user = ContainerUser(text: text).resolved(passwd: nil, group: nil)
            return user.map { DockerOwner(user: $0.user, group: $0.group) }
        }
        return DockerContainer.isKECS(image: control.image ?? "") ? DockerSpec.defaultOwner : nil
    }

    public func serverSetup() async throws -> ServerSetup {
        let setup = DockerSetup(docker: docker, instance: instance, volumes: volumes)
        let all = try await containers()
        if let container = all.first(where: isControlPlane) {
            var found = try await setup.run(
                container, all: all.flatMap(\.mounts), ownParts: nil, isKECS: container.isKECS)
            let chosen = Set(try await parts().map(\.name))
            // A label chooses among the volumes.
            if try instance.settings.text(.volumeLabel) != nil {
                found.parts.removeAll { part in
                    if case .volume = part.part.place { !chosen.contains(part.part.name) } else { false }
                }
            }
            return found
        }
        let config = try await compose.config()
        let control = try controlPlane(of: config)
        let image = try await control.image.map { try await docker.imageFacts($0) } ?? nil
        let parts = try DockerMounts(config.dockerMounts()).inventory(of: instance, besides: [])
        let variables = (image?.variables ?? [:]).merging(control.environment) { _, own in own }
        return ServerSetup(
            parts: try await setup.located(parts), variables: variables,
            workingFolder: image.flatMap { $0.workingFolder.isEmpty ? nil : FilePath($0.workingFolder) },
            mounts: config.dockerMounts(of: [control]).compactMap(\.server),
            user: try await owner(of: control).map { ServerUser(user: $0.user, group: $0.group) },
            engineHost: try await docker.host(),
            isKECS: DockerContainer.isKECS(image: control.image ?? "")
                || variables.keys.contains { $0.hasPrefix("KECS_") })
    }

    /// What the containers really have, or before there are any, what the file says.
    public func parts() async throws -> [Part] {
        let all = try await containers()
        let mounts = all.isEmpty ? try await compose.config().dockerMounts() : all.flatMap(\.mounts)
        var parts = try DockerMounts(mounts).parts(of: instance)
        if let label = try instance.settings.text(.volumeLabel) { parts = try await chosen(parts, by: label) }
        return try await volumes.located(parts)
    }

    /// Folders, and the volumes with the label.
    private func chosen(_ parts: [Part], by label: String) async throws -> [Part] {
        let pair = label.split(separator: "=", maxSplits: 1).map(String.init)
        var chosen: [Part] = []
        for part in parts {
            guard case .volume(let name, _) = part.place else {
                chosen.append(part)
                continue
            }
            let labels = try await docker.volume(name)?.labels ?? [:]
            if let key = pair.first, let value = labels[key], pair.count == 1 || value == pair[1] {
                chosen.append(part)
            }
        }
        return chosen
    }

    public func holdsState() async throws -> Bool? {
        let all = try await containers()
        let mounts = all.isEmpty ? try await compose.config().dockerMounts() : all.flatMap(\.mounts)
        return try await volumes.holdState(DockerMounts(mounts).parts(of: instance))
    }

    public func folder(ofVolume name: String) async throws -> FilePath? { try await volumes.folder(of: name) }

    public func copyVolume(_ name: String, to tar: FilePath, limit: Duration) async throws {
        try await volumes.copy(name, to: tar, limit: limit)
    }

    public func makeReady(volume name: String) async throws { try await volumes.makeReady(name) }

    public func room(inVolume name: String) async throws -> VolumeRoom { try await volumes.room(in: name) }

    public func fillVolume(_ name: String, from archive: FilePath) async throws {
        try await volumes.fill(name, from: archive)
    }
}
