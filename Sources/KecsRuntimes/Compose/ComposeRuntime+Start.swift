// SPDX-License-Identifier: Apache-2.0
public import Kecs
import KecsSystem
import SystemPackage

/// What is started of a project, and in which order.
extension ComposeRuntime {
    /// Starts existing containers as they are, in the order that the project asks for. Neither a variable that this
    /// shell lacks nor a file that was changed meanwhile replaces a container. Only missing ones are made.
    public func start(limit: Duration) async throws {
        let all = try await containers()
        let isAgain = try Journal.isStartingAgain(instance.folder)
        let record = try ContainerRecord.current(instance.folder)
        for container in all where container.isPaused {
            // It is another's, or its owner had paused it before the present operation.
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

    func start(
        _ containers: [DockerContainer], of all: [DockerContainer], _ config: ComposeProject?, isAgain: Bool,
        _ limit: Duration
    ) async throws {
        let order = config.map { ComposeOrder($0) } ?? ComposeOrder(all)
        try await ComposeStart(
            docker: docker, machine: machine, instance: instance, order: order, limit: limit, isAgain: isAgain
        )
        .run(containers.filter { !$0.isUp }, of: all)
    }

    func bringUp(_ all: [DockerContainer], _ limit: Duration) async throws {
        let config: ComposeProject
        do {
            config = try await compose(for: all).config()
        } catch let failure as Failure where failure.kind == .usage && all.contains(where: isControlPlane) {
            // A missing or broken file is no obstacle to starting existing containers.
            return try await start(all, of: all, nil, isAgain: false, limit)
        }
        let profiles = profiles(inUse: all, config)
        let missing = config.active(profiles).filter { service in
            !all.contains { $0.serviceName == service.name }
        }
        try await remember(compose(for: all).given.files, profiles)
        if missing.isEmpty, all.contains(where: isControlPlane) {
            return try await start(all, of: all, config, isAgain: false, limit)
        }
        try await makeDataFolder(config)
        try await up(["--no-recreate"], all, profiles, limit)
    }

    public func makePlaces() async throws {
        let all = try await containers()
        guard !all.contains(where: isControlPlane) else { return }
        let compose = try await compose(for: all)
        let config = try await compose.config()
        try await makeDataFolder(config)
        var given = compose.given
        given.profiles = profiles(inUse: all, config)
        // Building, or fetching, an image takes its time.
        try await Compose(machine, given, project: name.run()).create(limit: .seconds(600))
    }

    /// Calls `up` with the present number of containers of each service: compose would remove those that its file does
    /// not name.
    func up(
        _ flags: [String], _ all: [DockerContainer], _ profiles: [String], _ limit: Duration
    ) async throws {
        let counts = Dictionary(grouping: all.filter { !$0.serviceName.isEmpty }, by: \.serviceName)
            .mapValues(\.count).filter { $0.value > 1 }
        let scale = counts.sorted { $0.key < $1.key }.flatMap { ["--scale", "\($0.key)=\($0.value)"] }
        var given = try await compose(for: all).given
        given.profiles = profiles
        try await Compose(machine, given, project: name.run()).up(
            flags + scale, limit: max(limit, .seconds(600)))
    }

    /// Remembers the files and profiles, so that they are known when the containers are gone.
    func remember(_ files: [FilePath], _ profiles: [String]) throws {
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

    /// Makes the data folder before docker would give it to root.
    func makeDataFolder(_ config: ComposeProject) async throws {
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
        // Services that depend on others are first.
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

    /// Returns the order in the file, or else the one that compose wrote on the containers.
    func order(_ all: [DockerContainer]) async -> ComposeOrder {
        let config = try? await compose(for: all).config()
        return config.map { ComposeOrder($0) } ?? ComposeOrder(all)
    }

    func hasPlugin() async throws -> Bool { try await Compose(machine, given, project: nil).hasPlugin() }
}
