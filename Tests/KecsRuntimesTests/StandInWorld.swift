// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsBackups
import KecsSQLite
@testable import Kecs
import KecsRuntimes
import KecsState
import KecsSystem
import KecsTesting
import Synchronization
import SystemPackage
import Testing

@testable import standin

/// A home on a machine whose k3d, kubectl and docker are stand-ins in one world.
struct StandInWorld {
    let home: TemporaryHome
    let folder: FilePath
    let cancellation = Cancellation()

    /// - Parameter expectsUnexpected: Whether the test makes calls that no recording answers, on purpose.
    static func with(
        _ world: World = World(), expectsUnexpected: Bool = false,
        at place: SourceLocation = #_sourceLocation,
        _ body: (StandInWorld) async throws -> Void
    ) async throws {
        try await TemporaryHome.with { home in
            let folder = home.folder.appending("world")
            try folder.createFolder()
            let here = StandInWorld(home: home, folder: folder)
            try here.install(world)
            try await body(here)
            let unexpected = try here.world().unexpected
            #expect(unexpected.isEmpty != expectsUnexpected, "\(unexpected)", sourceLocation: place)
        }
    }

    private func install(_ world: World) throws {
        let program = FilePath(bytes: try FilePath("/proc/self/exe").linkTarget()).removingLastComponent()
            .appending("standin")
        try world.write(to: folder)
        try home.tools.addStandIns(program, world: folder)
    }

    var machine: Machine {
        Machine(
            environment: environment,
            processes: SystemProcesses(
                environment: environment, cancellation: cancellation, grace: .milliseconds(500)),
            cancellation: cancellation)
    }

    var environment: [String: String] {
        var environment = home.environment
        environment["TMPDIR"] = home.folder.string
        // What would change k3d's mind if it came through.
        environment["K3D_IMAGE"] = "evil"
        environment["LOG_LEVEL"] = "debug"
        environment["KUBECONFIG"] = usersKubeconfig.string
        return environment
    }

    var usersKubeconfig: FilePath { home.folder.appending("users-kubeconfig") }

    // MARK: The world

    func world() throws -> World { try World.read(from: folder) }

    func change(_ body: (inout World) -> Void) throws {
        var world = try world()
        body(&world)
        try world.write(to: folder)
    }

    /// Every call so far, as one line each.
    func calls() throws -> [String] { try home.tools.calls().map { $0.joined(separator: " ") } }

    /// Those that change something.
    func changes() throws -> [String] {
        let verbs = ["create", "start", "stop", "delete", "apply", "rm", "pause", "unpause"]
        return try home.tools.calls().filter { call in call.contains(where: verbs.contains) }
            .map { $0.prefix(4).joined(separator: " ") }
    }

    // MARK: Instances

    /// An instance with ports that nothing of the tests listens on, and no health check: nobody serves it.
    func instance(
        _ name: String = "dev", _ settings: [SettingKey: String] = [:]
    ) throws -> Instance {
        let name = try InstanceName(checking: name)
        let folder = InstanceFolder(path: home.kecs.appending("instances").appending(name.description))
        try folder.path.createFolder()
        if try !folder.config.isPresent {
            var config = InstanceConfig(
                name: name, id: "id-of-\(name)", createdAt: Moment(seconds: 1), runtime: .k3d)
            config.settings = ["healthUrl": "none"]
            let start = try Self.freePorts()
            config.settings["apiPort"] = .integer(Int64(start))
            config.settings["adminPort"] = .integer(Int64(start + 1))
            try config.write(to: folder.config)
        }
        let config = try InstanceConfig.read(folder.config)
        var resolved = Settings(flags: settings, environment: [:])
        resolved.instance = (config.settings, folder.config)
        return Instance(
            name: name, folder: folder, config: config, settings: resolved,
            backups: BackupStore(folder: home.kecs.appending("backups").appending(name.description)))
    }

    /// An instance whose database is one of the samples: its clusters are named by the rows.
    func instance(holding sample: String, named name: String = "dev") throws -> Instance {
        let instance = try instance(name)
        try instance.folder.data.createFolder()
        if try !(try instance.databaseFile()).isPresent {
            let fixtures = FilePath(#filePath).removingLastComponent().removingLastComponent()
                .appending("Fixtures/kecs")
            let state = try StateDatabase.create(try instance.databaseFile(), at: Moment(seconds: 0))
            let sql = try fixtures.appending("\(sample).sql").contents()
            try state.database.executeScript(String(decoding: sql, as: UTF8.self))
        }
        return instance
    }

    /// The built program in this world.
    var kecsctl: Kecsctl { Kecsctl(home: home.kecs, environment: environment) }

    /// Deployments and DaemonSets of a cluster, with their replicas.
    func workloads(_ cluster: String) throws -> [String: Int64] {
        var found: [String: Int64] = [:]
        for (key, object) in try world().objects[cluster] ?? [:]
        where key.hasPrefix("deployment/") || key.hasPrefix("daemonset/") {
            found[object["metadata"]?["name"]?.string ?? ""] = object["spec"]?["replicas"]?.integer ?? -1
        }
        return found
    }

    /// An instance in a container, on ports that were free a moment ago.
    func dockerInstance(
        _ name: String = "dev", _ settings: [SettingKey: String] = [:]
    ) throws -> Instance {
        var instance = try instance(name, settings)
        guard instance.config.runtime != .docker else { return instance }
        instance.config.runtime = .docker
        let port = try Self.freePorts()
        instance.config.settings = [
            "image": "kecs:1", "apiPort": .integer(Int64(port)), "adminPort": .integer(Int64(port + 1)),
            "owner": .string("\(Machine.userID):\(Machine.groupID)"),
        ]
        try instance.config.write(to: instance.folder.config)
        return try self.instance(name, settings)
    }

    /// With whichever runtime each instance has, as the program wires them.
    var site: Site {
        let machine = machine
        let home = Home(self.home.kecs)
        return Site(machine: machine, home: home, tool: Manifest.Tool(name: "kecsctl", version: "0")) {
            instance in
            if instance.config.runtime == .docker { return try DockerRuntime(instance, machine: machine) }
            return try K3dRuntime(instance, machine: machine)
        }
    }

    /// What every command that changes an instance does before its own work.
    func care(for instance: Instance) async throws -> [String] {
        var told: [String] = []
        try await site.locked(instance.name, LockRequest(command: "test"), told: { told.append($0.text) }) {
            _ in
        }
        return told
    }

    private static let portsGiven = Mutex(0)

    /// Two ports below those that the kernel gives away, no world's of this process twice: some suites' stand-ins listen,
    /// and suites run side by side.
    private static func freePorts() throws -> Int {
        while true {
            let given = portsGiven.withLock { count in
                count += 2
                return count
            }
            let start = 20_000 + Int(getpid() % 4) * 3_000 + given % 3_000
            if try Ports.isFree(UInt16(start)), try Ports.isFree(UInt16(start + 1)) { return start }
        }
    }

    func runtime(_ instance: Instance) throws -> K3dRuntime { try K3dRuntime(instance, machine: machine) }
}

extension World.Container {
    var label: String? { labels["k3d.cluster"] }
}
