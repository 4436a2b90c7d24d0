// SPDX-License-Identifier: Apache-2.0
public import Glibc
public import Kecs
public import KecsSystem
import SystemPackage

/// A server process on this host, or only data when no command is given.
public struct LocalRuntime: Runtime, RuntimeServer, RuntimeProvision, RuntimeEngine {
    private let instance: Instance
    private let machine: Machine
    private let command: String?
    private let dataFolder: FilePath
    private let apiPort: Int?
    private let adminPort: Int?
    private let healthURL: String?

    /// - Throws: `Failure(.usage)` for settings that make no sense together.
    public init(_ instance: Instance, machine: Machine) throws {
        self.instance = instance
        self.machine = machine
        command = try instance.settings.text(.command)
        dataFolder = try instance.dataFolder()
        apiPort = try instance.settings.number(.apiPort)
        adminPort = try instance.settings.number(.adminPort)
        if let command {
            do {
                _ = try ShellWords(command)
            } catch {
                throw Failure(
                    .usage, "the command of “\(instance.name)” cannot be run", cause: "\(error)",
                    remedy: instance.whereSettingsComeFrom)
            }
        }
        switch try instance.settings.text(.healthUrl) {
        case "none": healthURL = nil
        case let url?: healthURL = url
        case nil: healthURL = adminPort.map { "http://127.0.0.1:\($0)/health" }
        }
    }

    public var runsSomething: Bool { command != nil }
    public var choosesPorts: Bool { runsSomething }
    /// True with a command: a server finds or makes its database, of any engine. Without one the data is KECS's.
    public var makesItsDatabase: Bool { command != nil }

    public func endpoints() -> [Endpoint] {
        guard runsSomething else { return [] }
        return [("api", apiPort), ("admin", adminPort)].compactMap { name, port in
            port.map { Endpoint(name: name, url: "http://127.0.0.1:\($0)") }
        }
    }

    public func parts() async throws -> [Part] { try instance.folderParts() }

    /// Returns the setup: a server of this host sees this host's paths. Only its process knows its environment.
    public func serverSetup() async throws -> ServerSetup {
        var setup = ServerSetup(
            parts: try instance.ownParts(), variables: ["KECS_DATA_DIR": dataFolder.string],
            workingFolder: dataFolder, endpoints: endpoints())
        guard let identity = try server(), identity.isAlive, let facts = try identity.facts() else {
            return setup
        }
        setup.user = ServerUser(user: facts.user, group: facts.group)
        if let variables = facts.environment { setup.variables.merge(variables) { _, new in new } }
        return setup
    }

    // MARK: State

    /// `server.json`. Written before the server is started, with a token that the server's environment carries, and
    /// again with its identity. So a server is found even when kecsctl was killed in between.
    struct Record: Codable, Hashable {
        var token: String
        var identity: ProcessIdentity?
        var command: String
        var startedAt: Moment
    }

    static let tokenVariable = "KECSCTL_SERVER_TOKEN"

    public func state() async -> RuntimeState {
        do {
            guard let identity = try server() else { return .stopped }
            switch identity.life {
            case .gone: return .stopped
            case .unknown(let why): return .unknown(why)
            case .running: return try ServerProcess.isFrozen(identity) ? .paused : .running
            }
        } catch {
            return .unknown("\(error)")
        }
    }

    public func ownProcesses() async throws -> Set<pid_t> {
        guard try instance.folder.server.isPresent else { return [] }
        let record = try JSONFile.read(Record.self, from: instance.folder.server)
        return try ServerProcess.processes(
            of: try server(), carrying: Self.tokenVariable, value: record.token)
    }

    /// Returns the containers of others that use the parts. A folder of this host may be mounted into another user's
    /// container. Without an engine there are no containers.
    public func otherContainers(using parts: [Part]) async throws -> OtherContainers {
        guard DockerEndpoint.isThere(machine) else { return OtherContainers() }
        do {
            return try await ContainerUsers(docker: Docker(machine), instance: instance).run(parts)
        } catch let failure as Failure where failure.kind == .unreachable {
            return OtherContainers(unseen: "the docker engine could not be asked for its containers")
        }
    }

    private func server() throws -> ProcessIdentity? {
        guard try instance.folder.server.isPresent else { return nil }
        let record = try JSONFile.read(Record.self, from: instance.folder.server)
        if let identity = record.identity { return identity }
        return try ProcessIdentity.find(variable: Self.tokenVariable, value: record.token)
    }

    // MARK: Start and stop

    public func start(limit: Duration) async throws {
        guard let command else { return }
        switch await state() {
        case .running: break
        case .paused: try await thaw()
        case .unknown(let why):
            throw Failure.unknownState(of: instance, why)
        case .absent, .stopped: try await spawn(command)
        }
        try await waitUntilHealthy(limit: limit)
    }

    private func spawn(_ command: String) async throws {
        for port in [apiPort, adminPort].compactMap({ $0 }) { try checkIsFree(port) }
        try instance.folder.logs.createFolder()
        var record = Record(
            token: hex(machine.random(16)), identity: nil, command: command, startedAt: machine.clock.now())
        var environment = machine.environment
        environment[Self.tokenVariable] = record.token
        // It must outlive any process that may have started this kecsctl.
        environment[Orphans.variable] = nil
        environment["KECS_INSTANCE"] = instance.name.description
        environment["KECS_DATA_DIR"] = dataFolder.string
        environment["KECSCTL_API_PORT"] = apiPort.map { "\($0)" }
        environment["KECSCTL_ADMIN_PORT"] = adminPort.map { "\($0)" }
        let server: ServerProcess
        do {
            server = try ServerProcess(
                command: command, folder: dataFolder, log: instance.folder.serverLog, environment: environment
            )
        } catch {
            throw Failure(.usage, "the command of “\(instance.name)” cannot be run", cause: "\(error)")
        }
        try JSONFile.write(record, to: instance.folder.server)
        do {
            record.identity = try await server.start()
        } catch {
            try instance.folder.server.remove()
            let failure = Failure.describing(error)
            throw Failure(
                .failed, "the server of “\(instance.name)” could not be started",
                cause: failure.cause ?? failure.message,
                remedy: "kecsctl start \(instance.name) --command \"/path/to/server\"")
        }
        try JSONFile.write(record, to: instance.folder.server)
    }

    private func checkIsFree(_ port: Int) throws {
        guard let number = UInt16(exactly: port), try !Ports.isFree(number) else { return }
        let holder = Ports.holder(of: number)
        throw Failure(
            .failed, "the port \(port) that “\(instance.name)” needs is taken",
            cause: holder.map { "process \($0.pid) listens on it: \($0.command)" },
            remedy: "kecsctl start \(instance.name) \(Remedy.otherPorts(than: Int(port)))")
    }

    public func waitUntilHealthy(limit: Duration) async throws {
        guard limit > .zero else { return }
        guard let healthURL else { return try await watchFirstMoments(limit) }
        var last = "nobody answered"
        let isHealthy = try await machine.clock.wait(upTo: limit) {
            try machine.cancellation.check()
            guard try server()?.isAlive == true else { throw try endedByItself() }
            do {
                let answer = try HTTPProbe.get(healthURL)
                last = "it answered with the status \(answer.status)"
                return (200..<300).contains(answer.status)
            } catch {
                last = "\(error)"
                return false
            }
        }
        guard isHealthy else {
            throw Failure(
                .timeout, "the server of “\(instance.name)” did not become healthy within \(limit)",
                cause: "\(healthURL): \(last)",
                remedy: "kecsctl start \(instance.name) --health-url none")
        }
    }

    /// Watches whether a server without an address stays, as nothing else of it can be seen. Most servers find within
    /// half a second an obstacle to their start, such as a lock file or a taken port.
    private func watchFirstMoments(_ limit: Duration) async throws {
        let hasEnded = try await machine.clock.wait(
            upTo: min(limit, .milliseconds(500)), every: .milliseconds(20)
        ) {
            try machine.cancellation.check()
            return try server()?.isAlive != true
        }
        if hasEnded { throw try endedByItself() }
    }

    private func endedByItself() throws -> Failure {
        Failure(
            .failed, "the server of “\(instance.name)” exited on its own", cause: try lastWords(),
            remedy: "kecsctl logs \(instance.name)")
    }

    /// The end of the log, for an error's cause.
    private func lastWords() throws -> String {
        let lines = try LogTail(instance.folder.serverLog).last(5)
        return lines.isEmpty ? "its log is empty" : "its last words: " + lines.joined(separator: " | ")
    }

    public func stop(limit: Duration) async throws {
        guard let identity = try server() else {
            if try instance.folder.server.isPresent { try instance.folder.server.remove() }
            return
        }
        do {
            _ = try await ServerProcess.stop(identity, grace: limit, clock: machine.clock)
        } catch let error as ServerProcess.StopFailure {
            switch error {
            case .unknown(let why):
                throw Failure(.unreachable, "the server of “\(instance.name)” cannot be stopped", cause: why)
            case .notPermitted(let process):
                throw Failure(
                    .failed, "the server of “\(instance.name)” belongs to another user",
                    cause: "process \(process.pid)", remedy: "sudo kecsctl stop \(instance.name)")
            case .survived(let process):
                throw Failure(
                    .failed, "the server of “\(instance.name)” survived SIGKILL",
                    cause: "process \(process.pid) hangs in the kernel")
            }
        }
        if try instance.folder.server.isPresent { try instance.folder.server.remove() }
    }

    // MARK: Freeze

    public func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        guard let identity = try server(), identity.isAlive else { return try await body() }
        do {
            try await ServerProcess.freeze(identity, clock: machine.clock)
            let value = try await body()
            try ServerProcess.thaw(identity)
            return value
        } catch {
            try ServerProcess.thaw(identity)
            throw error
        }
    }

    public func thaw() async throws {
        guard let identity = try server(), identity.isAlive else { return }
        try ServerProcess.thaw(identity)
    }
}
