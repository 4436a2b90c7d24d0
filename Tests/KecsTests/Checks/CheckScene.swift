// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsBackups
import KecsState
import KecsSystem
import KecsTesting
import Synchronization
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor
@testable import KecsRuntimes

/// A home with one instance that is as well as can be, for checks to look at and for tests to spoil.
struct CheckScene: Sendable {
    let home: TemporaryHome
    let clock: ManualClock
    var site: Site
    let name: InstanceName
    var surroundings: Surroundings
    /// What docker and the programs around it are taken to say.
    var engine = EngineFacts.well()
    /// Crontabs, scripts and compose files that lie around.
    var project = ProjectFiles()
    /// Applied to what was gathered of each instance: for facts that this user cannot make on disk. Nil: it was not
    /// gathered in time.
    var change: @Sendable (InstanceFacts) throws -> InstanceFacts? = { $0 }

    static let now = Moment(seconds: 1_800_000_000)

    static func with(
        runtime: RuntimeKind = .local, settings: [String: JSONValue] = [:],
        environment: [String: String] = [:],
        _ body: (inout CheckScene) async throws -> Void
    ) async throws {
        try await TemporaryHome.with { home in
            let clock = ManualClock(now)
            let environment = home.environment.merging(environment) { _, new in new }
            let machine = Machine(
                environment: environment,
                processes: SystemProcesses(environment: environment, cancellation: Cancellation()),
                clock: clock)
            let name = try #require(InstanceName("dev"))
            let kecs = Home(home.kecs)
            let site = Site(
                machine: machine, home: kecs, tool: Manifest.Tool(name: "kecsctl", version: "1.0.0")
            ) { instance in
                StillRuntime(current: .stopped, instance: instance)
            }
            var scene = CheckScene(
                home: home, clock: clock, site: site, name: name,
                surroundings: Surroundings(mounts: .known(MountTable(ext4))))
            try scene.addInstance("dev", runtime: runtime, settings: settings)
            _ = try StateDatabase.create(scene.database, at: now)
            try await body(&scene)
        }
    }

    static let ext4 = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"

    var folder: InstanceFolder { site.home.folder(of: name) }
    var database: FilePath { folder.data.appending("kecs.db") }

    func addInstance(
        _ text: String, runtime: RuntimeKind = .local, settings: [String: JSONValue] = [:]
    ) throws {
        let name = try #require(InstanceName(text))
        let folder = site.home.folder(of: name)
        for place in [folder.path, folder.data, folder.objectStore, folder.logs] { try place.createFolder() }
        var config = InstanceConfig(
            name: name, id: "id-of-\(text)", createdAt: Self.now - .seconds(86_400), runtime: runtime)
        config.settings = settings
        try config.write(to: folder.config)
    }

    /// What a move that was cut off has left here, of an instance that is not here.
    func addArrival(_ text: String) throws -> FilePath {
        let place = ArrivalPlace(store: site.home.backupStore(of: try #require(InstanceName(text))))
        let record = ArrivalPlace.Record(instanceId: "x", from: "old.example", generation: 1)
        try place.folder.createFolder()
        try write(place.folder.appending(String(repeating: "a", count: 64)), "12345")
        try JSONFile.write(record, to: place.folder.appending("arrival.json"))
        return place.folder
    }

    /// Servers that live as long as the scene.
    private let servers = Servers()

    private final class Servers: Sendable {
        let all = Mutex<[TestServer]>([])
    }

    func keep(_ server: TestServer) { servers.all.withLock { $0.append(server) } }

    // MARK: Ask

    func facts(_ other: InstanceName? = nil) async throws -> InstanceFacts {
        let history = try History(site.home).read().records
        return await InstanceFacts.gather(
            try site.instance(other ?? name), site: site, history: history, cancellation: Cancellation())
    }

    func look() async throws -> Look {
        var around = surroundings
        around.history = .known(try History(site.home).read())
        var all: [InstanceFacts] = []
        for name in try site.instanceNames() where (try? site.instance(name)) != nil {
            if let facts = try change(try await facts(name)) { all.append(facts) }
        }
        return Look(
            site: site, facts: all.first { $0.name == name }, all: all, surroundings: around,
            cancellation: Cancellation())
    }

    func findings(_ check: any Check) async throws -> [Finding] { try await check.run(try await look()) }

    /// What the check of the registry with this id says of the scene as it is.
    func findings(ofCheck id: String) async throws -> [Finding] {
        let all = HostChecks.all + RuntimeChecks.all(engine: engine, project: project)
        return try await findings(try #require(all.first { $0.info.id == id }, "there is no check \(id)"))
    }

    func expectNone(_ check: any Check, at place: SourceLocation = #_sourceLocation) async throws {
        let all = try await findings(check)
        #expect(all.isEmpty, "\(all)", sourceLocation: place)
    }

    /// The check's only finding.
    func finding(_ check: any Check, at place: SourceLocation = #_sourceLocation) async throws -> Finding {
        let all = try await findings(check)
        #expect(all.count == 1, sourceLocation: place)
        return try #require(all.first, sourceLocation: place)
    }

    mutating func setState(_ state: RuntimeState) {
        site.runtime = { StillRuntime(current: state, instance: $0) }
    }

    /// A server that has the data folder at `/app/dev_assets` and keeps its database in `inside`.
    mutating func serve(at inside: FilePath) {
        site.runtime = { instance in
            let url = "sqlite://\(inside)/db.sqlite"
            return SetupRuntime(
                setup: ServerSetup(
                    parts: try instance.ownParts(dataInside: "/app/dev_assets"),
                    variables: ["DATABASE_URL": url],
                    mounts: [
                        ServerMount(source: .host(try instance.dataFolder()), inside: "/app/dev_assets")
                    ]))
        }
    }

    // MARK: Spoil

    func write(_ path: FilePath, _ text: String = "x", mode: CModeT = 0o600) throws {
        try path.removingLastComponent().createFolder()
        try path.replaceContents(Array(text.utf8), mode: mode)
    }

    /// A file of a size that takes no room.
    func sparse(_ path: FilePath, _ bytes: Int64) throws {
        try write(path, "")
        #expect(path.withPlatformString { truncate($0, off_t(bytes)) } == 0)
    }

    @discardableResult
    func addBackup(
        _ age: Duration, verified: Bool = true, degraded: Bool = false, sourceBytes: Int64 = 1000,
        reason: BackupReason = .manual, tool: String = "1.0.0", of other: InstanceName? = nil,
        runtime: Manifest.Runtime = .init(kind: "local"), recipients: [String]? = nil
    ) throws -> StoredBackup {
        let name = other ?? name
        let store = site.home.backupStore(of: name)
        let draft = try BackupDraft(in: store, reason: reason, at: Self.now - age)
        let archive = Array("archive".utf8)
        try draft.folder.appending("data.tar.gz").replaceContents(archive)
        let database = Manifest.Database(
            path: "kecs.db", engine: .sqlite, bytes: 1, pages: 1, tables: [:], sha256: sha256([]),
            userVersion: 1,
            identity: nil, sidecars: [])
        var part = Manifest.Part(
            name: "data", file: "data.tar.gz", root: .inInstance("data"), compression: .fast,
            bytes: Int64(archive.count),
            sourceBytes: sourceBytes, entries: 1, sha256: sha256(archive), consistency: .live,
            fingerprint: "",
            databases: [database], warnings: [])
        if let recipients {
            part.encryption = "age"
            part.recipients = recipients
        }
        return try draft.commit(
            Manifest(
                id: draft.id, instance: name.description, instanceId: "id-of-\(name)",
                tool: Manifest.Tool(name: "kecsctl", version: tool), runtime: runtime,
                degraded: degraded,
                schemaVersion: 1, labels: [:], verified: verified, parts: [part]))
    }

    func addHistory(
        _ command: String, _ outcome: String, status: Int32 = 0, age: Duration = .zero,
        extra: [String: JSONValue] = [:]
    ) throws {
        var result: [String: JSONValue] = [
            "instance": .string(name.description), "outcome": .string(outcome),
        ]
        result.merge(extra) { _, new in new }
        try History(site.home).append(
            JSONValue.object(result), command: command, status: status, at: Self.now - age)
    }
}

extension InstanceFacts {
    func with(tree: TreeFacts) -> InstanceFacts {
        var facts = self
        facts.tree = .known(tree)
        for index in facts.parts.indices where facts.parts[index].name == "data" {
            facts.parts[index].tree = .known(tree)
        }
        return facts
    }
}

/// A runtime that starts nothing and is in the state it was given.
struct StillRuntime: Runtime, RuntimeServer {
    var current: RuntimeState
    var urls: [Endpoint] = []
    var programs: [String: String] = [:]
    var instance: Instance?

    func serverSetup() async throws -> ServerSetup {
        guard let instance else { return ServerSetup(parts: []) }
        return ServerSetup(
            parts: try instance.ownParts(), variables: ["KECS_DATA_DIR": try instance.dataFolder().string],
            endpoints: urls)
    }
    func state() async -> RuntimeState { current }
    func start(limit: Duration) async throws {}
    func stop(limit: Duration) async throws {}
    func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        try await body()
    }
    func thaw() async throws {}
    func parts() async throws -> [Part] { [] }
    func endpoints() -> [Endpoint] { urls }
    func versions() async -> [String: String] { programs }
    var runsSomething: Bool { true }
}
