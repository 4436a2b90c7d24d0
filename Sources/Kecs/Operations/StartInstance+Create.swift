// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem

/// The first start: the instance is made.
extension StartInstance {
    /// Creates the instance under the home's lock, so that two instances that are created at once do not choose the
    /// same ports.
    func create(_ name: InstanceName, _ request: StartRequest, _ lock: LockRequest) async throws {
        let found = try await prepare(name, request)
        try site.home.instances.createFolder()
        let homeLock = try await FileLock.acquire(
            site.home.lock, command: lock.command, wait: max(lock.wait ?? .zero, .seconds(30)),
            clock: site.machine.clock, cancellation: site.machine.cancellation)
        defer { homeLock.unlock() }
        Remains(home: site.home).sweep()
        guard try !site.home.folder(of: name).path.isFolder else { return }
        let settings = try site.settings(flags: request.settings)
        guard let kind = RuntimeKind(rawValue: try settings.text(.runtime) ?? "") else {
            throw Failure(.usage, "no runtime is given", remedy: "kecsctl start \(name) --runtime local")
        }
        var config = InstanceConfig(
            name: name, id: site.newUUID(), createdAt: site.machine.clock.now(), runtime: kind)
        // There is a backup of an instance of this name, which is gone: the same instance returns.
        if request.restore != .none, let manifest = try site.home.backupStore(of: name).latest()?.manifest {
            config.id = manifest.instanceId
        }
        config.settings = try site.chosen(request.settings, for: name)
        try config.fixPlace(site.machine.environment)
        for (key, value) in found { config.settings[key.rawValue] = value }
        let new = try site.instance(name, config: config, flags: request.settings)
        try site.check(dataFolder: new.dataFolder(), for: name)
        try await SharedServer(site: site).checkNew(new)
        if !request.force, try new.dataFolder().isPresent { _ = try await checkHolders(new, request) }
        if try site.runtime(try site.instance(name, config: config, flags: request.settings)).provision
            .choosesPorts
        {
            let ports = try ChoosePorts(site: site).run(for: kind)
            for (key, port) in [(SettingKey.apiPort, ports.api), (.adminPort, ports.admin)]
            where config.settings[key.rawValue] == nil {
                config.settings[key.rawValue] = .integer(Int64(port))
            }
        }
        // The runtime must be able to run it, before anything is made.
        _ = try site.runtime(try site.instance(name, config: config, flags: request.settings))
        try site.create(config, named: name)
    }

    /// Prepares the creation before the lock: an image may have to be pulled, which takes time.
    func prepare(
        _ name: InstanceName, _ request: StartRequest
    ) async throws -> [SettingKey: JSONValue] {
        guard
            let kind = RuntimeKind(rawValue: try site.settings(flags: request.settings).text(.runtime) ?? "")
        else { return [:] }
        var config = InstanceConfig(name: name, id: "", createdAt: site.machine.clock.now(), runtime: kind)
        config.settings = try site.chosen(request.settings, for: name)
        try config.fixPlace(site.machine.environment)
        let candidate = try site.instance(name, config: config, flags: request.settings)
        for note in try await LoadImages(site: site).run(candidate) {
            site.log(note)
        }
        return try await site.runtime(candidate).provision.prepare()
    }

    /// What was given now holds from now on.
    func remember(_ request: StartRequest, in instance: Instance) throws -> Instance {
        var config = instance.config
        if let kind = request.settings[.runtime], kind != config.runtime.rawValue {
            throw Failure(
                .usage, "“\(instance.name)” runs with the runtime \(config.runtime.rawValue), not \(kind)",
                remedy: "kecsctl start \(instance.name)")
        }
        let chosen = try site.chosen(request.settings, for: instance.name)
        if let moved = chosen[SettingKey.dataDir.rawValue],
            moved != config.settings[SettingKey.dataDir.rawValue],
            try !StateOf.isEmpty(try site.instance(instance.name).dataFolder())
        {
            let now = try site.instance(instance.name).dataFolder()
            throw Failure(
                .usage, "the data of “\(instance.name)” lies elsewhere already",
                cause: "it is in \(now); another --data-dir would leave it behind",
                remedy: "kecsctl start \(instance.name)")
        }
        config.settings.merge(chosen) { _, new in new }
        if config != instance.config { try config.write(to: instance.folder.config) }
        return try site.instance(instance.name, flags: request.settings)
    }
}
