// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Starts a server of an instance's kind on the restored data, in a home of its own, with a name, an id and ports that
/// no other instance has. Stops it afterwards.
struct DrillServer: Sendable {
    let site: Site
    private let source: Instance

    private static let homeName = "home"

    /// Prepares the server.
    ///
    /// - Throws: `Failure(.usage)` for an instance of which no second one can run.
    init(site: Site, name: InstanceName) throws {
        self.site = site
        source = try site.instance(name)
        let runtime = try site.runtime(source)
        guard source.config.runtime.canBeRehearsed else {
            throw Self.refuse(
                name,
                "a drill starts \(RuntimeKind.allCases.filter(\.canBeRehearsed).list) instances only, and it is "
                    + source.config.runtime.rawValue)
        }
        guard runtime.runsSomething else {
            throw Self.refuse(name, "it has no command, so that there is no server to be started")
        }
        if let obstacle = runtime.provision.obstacleToCloning() { throw Self.refuse(name, obstacle) }
        if source.config.runtime.runsOnHost { try Self.checkCommand(source, site) }
    }

    private static func refuse(_ name: InstanceName, _ why: String) -> Failure {
        Failure(
            .usage, "no second “\(name)” can be started", cause: why, remedy: "kecsctl backups drill \(name)")
    }

    /// Runs the server.
    ///
    /// - Parameter parts: The folder with the restored parts; those that the server uses leave it.
    /// - Returns: The server's problem, as a clause; nil when it became healthy.
    func run(
        on parts: FilePath, in folder: FilePath
    ) async throws -> (server: DrillReport.Server, problem: String?) {
        let inside = Self.inside(folder, site)
        let name = try InstanceName(checking: "drill-\(hex(site.machine.random(4)))")
        let config = try config(named: name, inside)
        try inside.create(config, named: name)
        let place = inside.home.folder(of: name)
        for (part, target) in [("data", place.data), (Part.objectStore, place.objectStore)] {
            let restored = parts.appending(part)
            guard try restored.isFolder else { continue }
            try target.removeTree()
            try restored.renameWithoutReplacing(to: target)
        }
        let instance = try inside.instance(name)
        let runtime = try inside.runtime(instance)
        site.machine.progress.step("starting a server on it", total: nil)
        _ = try await runtime.provision.prepare()
        var server = DrillReport.Server(endpoints: await runtime.server.endpoints())
        let began = site.machine.clock.elapsed()
        do {
            try await runtime.start(limit: try source.startLimit())
            server.healthySeconds = (site.machine.clock.elapsed() - began).inSeconds
        } catch let failure as Failure where [.failed, .timeout].contains(failure.kind) {
            try site.machine.cancellation.check()
            try await Self.end(runtime)
            return (server, failure.message + (failure.cause.map { ": \($0)" } ?? ""))
        }
        try await Self.end(runtime)
        return (server, nil)
    }

    /// Stops the servers in a drill's folder, also those of a killed drill.
    static func end(in folder: FilePath, _ site: Site) async throws {
        let inside = inside(folder, site)
        for name in try inside.instanceNames() {
            guard let instance = try inside.soundInstance(name) else { continue }
            try await end(try inside.runtime(instance))
        }
    }

    private static func end(_ runtime: any Runtime) async throws {
        try await runtime.stop(limit: .seconds(10))
        try await runtime.provision.remove()
    }

    /// Returns the site of the drill: no variable of this process and no settings of the real home reach into it.
    private static func inside(_ folder: FilePath, _ site: Site) -> Site {
        var machine = site.machine
        machine.environment = machine.environment.filter { ["HOME", "PATH", "TMPDIR"].contains($0.key) }
        var inside = site
        inside.machine = machine
        inside.home = Home(folder.appending(homeName))
        return inside
    }

    // MARK: The configuration

    /// Returns the effective configuration of the source, without its identity and its places.
    private func config(named name: InstanceName, _ inside: Site) throws -> InstanceConfig {
        let clone = CloneInstance(site: site)
        var config = try clone.config(of: source, named: name, in: inside.home)
        let moved = MovedFolder(from: source.folder.path, to: inside.home.folder(of: name).path)
        for key in [SettingKey.command, .healthUrl, .image, .owner, .address, .startLimit, .dockerHost]
        where config.settings[key.rawValue] == nil {
            config.settings[key.rawValue] = try source.settings.setting(key).value.map(moved.value)
        }
        _ = try clone.choosePorts(&config, of: source, try site.runtime(source), CloneRequest())
        return config
    }

    /// Refuses a command that names the data or a port of the real instance: it would start the real one.
    private static func checkCommand(_ source: Instance, _ site: Site) throws {
        guard let given = try source.settings.text(.command) else { return }
        // Paths in the instance's own folder are replaced by those in the drill's.
        let command = MovedFolder(from: source.folder.path, to: "/").text(given)
        let data = try source.dataFolder()
        for path in [data, data.resolved(), source.folder.path, site.home.path]
        where command.contains(path.string) {
            throw refuse(source.name, "its command names \(path), which is its own")
        }
        let numbers = Set(command.split { !$0.isNumber }.map(String.init))
        for key in SettingKey.ports {
            guard let port = try source.settings.number(key), numbers.contains("\(port)") else { continue }
            throw refuse(
                source.name,
                "its command names the port \(port), which is its own; KECSCTL_API_PORT and KECSCTL_ADMIN_PORT are in "
                    + "the command's environment")
        }
    }
}
