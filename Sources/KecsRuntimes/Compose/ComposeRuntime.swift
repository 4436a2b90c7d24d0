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
    /// As the settings have them; what the containers were made from may say more.
    private let given: ComposeFiles
    private let project: String
    private let service: String?
    private let volumes: Volumes

    /// - Throws: `Failure(.usage)` without a compose file.
    public init(_ instance: Instance, machine: Machine) throws {
        self.instance = instance
        self.machine = machine
        given = try Self.given(instance, machine)
        if let file = given.files.first(where: { !$0.isAbsolute }) {
            throw Failure(
                .usage, "the compose file “\(file)” is a relative path",
                remedy: "kecsctl config show \(instance.name) --origin")
        }
        guard try instance.dataFolder().isAbsolute else {
            throw Failure(.usage, "the data folder of “\(instance.name)” is a relative path")
        }
        project =
            try instance.settings.text(.composeProject)
            ?? given.projectName(environment: machine.environment)
        service = try instance.settings.text(.composeService)
        docker = Docker(machine)
        volumes = Volumes(machine, helpersOf: instance, image: nil)
    }

    /// The settings, else what compose would use when it is called here.
    private static func given(_ instance: Instance, _ machine: Machine) throws -> ComposeFiles {
        let profiles = try instance.settings.text(.composeProfiles).map { ComposeFiles.names($0) }
        if let text = try instance.settings.text(.composeFile) {
            let files = ComposeFiles.list(text)
            // Until the instance is made, the variables and the project's `.env` say which profiles there are.
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
    private func compose(for all: [DockerContainer]) throws -> Compose {
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
        "its containers and volumes are those of the compose project “\(project)”, which is somebody's own"
    }

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
            let compose = Compose(machine, given, project: project)
            return ["docker": try await docker.version(), "compose": try await compose.version()]
        } catch {
            return [:]
        }
    }

    // MARK: First start

    public func prepare() async throws -> [SettingKey: JSONValue] {
        let all = try await containers()
        let compose = try compose(for: all)
        if let missing = try compose.given.files.first(where: { try !$0.isPresent }) {
            throw Failure(
                .usage, "there is no compose file \(missing)",
                remedy: "kecsctl start \(instance.name) --runtime compose --compose-file docker-compose.yml")
        }
        let config = try await compose.config()
        let control = try controlPlane(of: config)
        let profiles = profiles(inUse: all, config)
        for port in config.active(profiles).flatMap(\.ports) where !all.contains(where: \.isUp) {
            try DockerPorts.check(port.published, address: port.address, of: instance)
        }
        var found: [SettingKey: JSONValue] = [
            .composeProject: .string(config.name), .composeService: .string(control.name),
            .composeFile: .string(ComposeFiles.text(compose.given.files)),
        ]
        if !profiles.isEmpty { found[.composeProfiles] = .string(profiles.joined(separator: ",")) }
        for (key, target) in [(SettingKey.apiPort, DockerSpec.apiPort), (.adminPort, DockerSpec.adminPort)] {
            guard let port = control.ports.first(where: { $0.target == target }) else { continue }
            found[key] = .integer(Int64(port.published))
        }
        if let folder = dataFolder(control) { found[.dataDir] = .string(folder.string) }
        return found
    }

    /// The recorded ones, and one of each service that has a container and would not run without.
    private func profiles(inUse all: [DockerContainer], _ config: ComposeProject) -> [String] {
        var profiles = given.profiles
        for service in config.services where all.contains(where: { $0.serviceName == service.name }) {
            if let first = service.profiles.first, !service.profiles.contains(where: profiles.contains) {
                profiles.append(first)
            }
        }
        return profiles
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
                cause:
                    "\(ComposeFiles.text(given.files)) has \(names.isEmpty ? "no service" : names.joined(separator: ", "))",
                remedy:
                    "kecsctl start \(instance.name) --runtime compose --compose-file \(given.files.first ?? "FILE") --service \(names.first ?? "NAME")"
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
    func containers() async throws -> [DockerContainer] {
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

    /// What is there is started as it is, in the order that the project asks for: neither a variable that this shell has
    /// not, nor a file that was changed meanwhile makes another container of it. Only what is missing is made.
    public func start(limit: Duration) async throws {
        let all = try await containers()
        let isAgain = try Journal.isStartingAgain(instance.folder)
        let record = try ContainerRecord.current(instance.folder)
        for container in all where container.isPaused {
            // Another's, or one that its owner had paused before the operation under way.
            if !isAgain || record.ran.contains(container.id) { try await docker.unpause(container.id) }
        }
        let ran = isAgain ? all.filter { record.ran.contains($0.id) } : []
        if ran.contains(where: isControlPlane) {
            try await start(ran, of: all, try? await compose(for: all).config(), isAgain: true, limit)
        } else if !isAgain || !all.contains(where: isControlPlane) {
            try await bringUp(all, limit)
        } else {
            try await start(all, of: all, try? await compose(for: all).config(), isAgain: true, limit)
        }
        try await waitUntilHealthy(limit: limit)
        if isAgain { try await DockerFreeze(docker, instance).pauseAgain() }
        try ContainerRecord.forgetStopped(instance.folder)
    }

    private func start(
        _ containers: [DockerContainer], of all: [DockerContainer], _ config: ComposeProject?, isAgain: Bool,
        _ limit: Duration
    ) async throws {
        let order = config.map { ComposeOrder($0) } ?? ComposeOrder(all)
        try await ComposeStart(
            docker: docker, machine: machine, instance: instance, order: order, limit: limit, isAgain: isAgain
        )
        .run(containers.filter { !$0.isUp }, of: all)
    }

    private func bringUp(_ all: [DockerContainer], _ limit: Duration) async throws {
        let config: ComposeProject
        do {
            config = try await compose(for: all).config()
        } catch let failure as Failure where failure.kind == .usage && all.contains(where: isControlPlane) {
            // A file that is gone or broken keeps nobody from starting what there is.
            return try await start(all, of: all, nil, isAgain: false, limit)
        }
        let profiles = profiles(inUse: all, config)
        let missing = config.active(profiles).filter { service in
            !all.contains { $0.serviceName == service.name }
        }
        try remember(compose(for: all).given.files, profiles)
        if missing.isEmpty, all.contains(where: isControlPlane) {
            return try await start(all, of: all, config, isAgain: false, limit)
        }
        try await makeDataFolder(config)
        try await up(["--no-recreate"], all, profiles, limit)
    }

    public func makePlaces() async throws {
        let all = try await containers()
        guard !all.contains(where: isControlPlane) else { return }
        let compose = try compose(for: all)
        let config = try await compose.config()
        try await makeDataFolder(config)
        var given = compose.given
        given.profiles = profiles(inUse: all, config)
        // Building, or fetching, an image takes its time.
        try await Compose(machine, given, project: project).create(limit: .seconds(600))
    }

    /// With as many containers of each service as there are: compose would remove those that its file does not name.
    private func up(
        _ flags: [String], _ all: [DockerContainer], _ profiles: [String], _ limit: Duration
    ) async throws {
        let counts = Dictionary(grouping: all.filter { !$0.serviceName.isEmpty }, by: \.serviceName)
            .mapValues(\.count).filter { $0.value > 1 }
        let scale = counts.sorted { $0.key < $1.key }.flatMap { ["--scale", "\($0.key)=\($0.value)"] }
        var given = try compose(for: all).given
        given.profiles = profiles
        try await Compose(machine, given, project: project).up(
            flags + scale, limit: max(limit, .seconds(600)))
    }

    /// So that they are known when the containers are gone.
    private func remember(_ files: [FilePath], _ profiles: [String]) throws {
        guard try instance.folder.config.isPresent else { return }
        var config = try InstanceConfig.read(instance.folder.config)
        config.settings[SettingKey.composeFile.rawValue] = .string(ComposeFiles.text(files))
        if !profiles.isEmpty {
            config.settings[SettingKey.composeProfiles.rawValue] = .string(profiles.joined(separator: ","))
        }
        if try InstanceConfig.read(instance.folder.config) != config {
            try config.write(to: instance.folder.config)
        }
    }

    public func waitUntilHealthy(limit: Duration) async throws {
        let own = try await containers().filter(isControlPlane)
        guard !own.isEmpty else {
            throw Failure(.failed, "compose made no container of the service “\(service ?? "")”")
        }
        try await DockerHealth(docker, instance, machine, "127.0.0.1").wait(for: own.map(\.id), limit: limit)
    }

    /// Before docker would make it root's.
    private func makeDataFolder(_ config: ComposeProject) async throws {
        let control = try controlPlane(of: config)
        guard let folder = dataFolder(control), try !folder.isPresent else { return }
        let owner = try await owner(of: control)
        try folder.createFolder(mode: 0o755)
        if let owner { try folder.setOwner((owner.user, owner.group)) }
    }

    public func stop(limit: Duration) async throws {
        let all = try await containers()
        guard all.contains(where: \.isUp) else { return }
        if let loss = try await lossWhenStopped() { throw loss }
        // Who depends on others goes first.
        try await DockerFreeze(docker, instance).stop(
            await order(all).layers(all).reversed(), limit: DockerContainer.grace(within: limit))
    }

    public func lossWhenStopped() async throws -> Failure? {
        for container in try await containers() where container.isUp {
            let folder = DockerMounts.dataFolder(of: container.variables)
            guard let why = container.lossWhenStopped(dataFolder: folder) else { continue }
            return StopLoss(why: why).failure(of: instance, container: container.name)
        }
        return nil
    }

    /// As the file says, else as compose wrote it on the containers.
    func order(_ all: [DockerContainer]) async -> ComposeOrder {
        let config = try? await compose(for: all).config()
        return config.map { ComposeOrder($0) } ?? ComposeOrder(all)
    }

    func hasPlugin() async throws -> Bool { try await compose(for: []).hasPlugin() }

    // MARK: Anew

    public var isRebuildable: Bool { get throws { try given.files.allSatisfy { try $0.isPresent } } }

    /// Images of services with a `build` section are built first.
    public func rebuild(limit: Duration) async throws {
        let all = try await containers()
        let profiles = profiles(inUse: all, try await compose(for: all).config())
        try await up(["--build", "--force-recreate"], all, profiles, limit)
        try await waitUntilHealthy(limit: limit)
    }

    /// `down` without `-v`: the volumes stay.
    public func removeAndReturn(limit: Duration) async throws {
        let all = try await containers()
        let compose = try compose(for: all)
        let config = try await compose.config()
        var given = compose.given
        given.profiles = profiles(inUse: all, config)
        try await Compose(machine, given, project: project).down(limit: max(limit, .seconds(120)))
        try await makeDataFolder(config)
        try await up([], all, given.profiles, limit)
        try await waitUntilHealthy(limit: limit)
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

    public func otherContainers(using parts: [Part]) async throws -> OtherContainers {
        let own = Set(try await docker.containers(label: "\(ComposeLabel.project)=\(project)"))
        return try await ContainerUsers(docker: docker, instance: instance, own: own).run(parts)
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
        let config = try await compose(for: []).config()
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
        let config = try await compose(for: containers()).config()
        return try await owner(of: controlPlane(of: config)).map { ($0.user, $0.group) }
    }

    /// What was given, what the container or the file says, else the user of KECS's image; nil when it is not known.
    private func owner(of control: ComposeProject.Service) async throws -> DockerOwner? {
        if let given = try instance.settings.text(.owner) { return try DockerOwner(given) }
        if let container = try await containers().first(where: isControlPlane) {
            return try await docker.user(of: container).map { DockerOwner(user: $0.user, group: $0.group) }
        }
        let image = try await image(of: control)
        if let text = control.user ?? image?.user {
            let user = ContainerUser(text: text).resolved(passwd: nil, group: nil)
            return user.map { DockerOwner(user: $0.user, group: $0.group) }
        }
        return DockerContainer.isKECS(image: control.image ?? "") ? DockerSpec.defaultOwner : nil
    }

    private func image(of control: ComposeProject.Service) async throws -> DockerImage? {
        guard let name = control.image else { return nil }
        return try await docker.imageFacts(name)
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
        let config = try await compose(for: []).config()
        let control = try controlPlane(of: config)
        let active = config.dockerMounts(of: config.active(given.profiles))
        let image = try await image(of: control)
        let parts = try DockerMounts(active).inventory(of: instance, besides: [])
        let variables = (image?.variables ?? [:]).merging(control.environment) { _, own in own }
        let host = try await docker.host()
        return ServerSetup(
            parts: try await setup.located(parts, on: host), variables: variables,
            workingFolder: image.flatMap { $0.workingFolder.isEmpty ? nil : FilePath($0.workingFolder) },
            mounts: config.dockerMounts(of: [control]).compactMap(\.server),
            user: try await owner(of: control).map { ServerUser(user: $0.user, group: $0.group) },
            engineHost: host,
            isKECS: DockerContainer.isKECS(image: control.image ?? "")
                || variables.keys.contains { $0.hasPrefix("KECS_") })
    }

    /// What the containers really have, or before there are any, what the file says.
    public func parts() async throws -> [Part] {
        let all = try await containers()
        let mounts = try await mounts(all)
        var parts = try DockerMounts(mounts).parts(of: instance)
        if let label = try instance.settings.text(.volumeLabel) { parts = try await chosen(parts, by: label) }
        return try await volumes.located(parts)
    }

    private func mounts(_ all: [DockerContainer]) async throws -> [DockerContainer.Mount] {
        if !all.isEmpty { return all.flatMap(\.mounts) }
        let config = try await compose(for: []).config()
        return config.dockerMounts(of: config.active(given.profiles))
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
        let mounts = try await mounts(all)
        return try await volumes.holdState(DockerMounts(mounts).parts(of: instance))
    }

    public func folder(ofVolume name: String) async throws -> FilePath? { try await volumes.folder(of: name) }

    public func copyVolume(_ name: String, to tar: FilePath, limit: Duration) async throws {
        try await volumes.copy(name, to: tar, limit: limit)
    }

    public func makeReady(volume name: String) async throws {
        try await volumes.makeReady(name, as: try await description(ofVolume: name))
    }

    /// As compose itself would make it; nil for one that is not the project's, or while nobody knows the project.
    private func description(ofVolume name: String) async throws -> [String]? {
        guard try await docker.volume(name) == nil else { return nil }
        let compose = try compose(for: try await containers())
        guard try compose.given.files.allSatisfy({ try $0.isPresent }) else { return nil }
        guard
            let (key, volume) = try await compose.config().volumes.first(where: {
                $0.value.name == name && !$0.value.isExternal
            })
        else { return nil }
        var labels = volume.labels
        labels[ComposeLabel.project] = project
        labels[ComposeLabel.volume] = key
        labels[ComposeLabel.version] = try await compose.version()
        return (volume.driver.map { ["--driver", $0] } ?? [])
            + volume.options.sorted { $0.key < $1.key }.flatMap { ["--opt", "\($0.key)=\($0.value)"] }
            + labels.sorted { $0.key < $1.key }.flatMap { ["--label", "\($0.key)=\($0.value)"] }
    }

    public func room(inVolume name: String) async throws -> VolumeRoom { try await volumes.room(in: name) }

    public func fillVolume(_ name: String, from archive: FilePath) async throws {
        try await volumes.fill(name, from: archive)
    }
}
