// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsBackups
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs

/// An instance whose runtime says whatever the test lets it say, over real folders.
struct InventoryScene: Sendable {
    let folder: FilePath
    var site: Site
    let name: InstanceName

    static func with(
        settings: [String: JSONValue] = [:], _ setup: @escaping @Sendable (FilePath) throws -> ServerSetup,
        _ body: (InventoryScene) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let machine = Machine(environment: ["HOME": folder.string], processes: ScriptedProcesses([]))
            let name = try InstanceName(checking: "app")
            let site = Site(
                machine: machine, home: Home(folder.appending("home")),
                tool: Manifest.Tool(name: "kecsctl", version: "0.1"), threads: 2
            ) { _ in SetupRuntime(setup: try setup(folder)) }
            let place = site.home.folder(of: name)
            try place.path.createFolder()
            var config = InstanceConfig(
                name: name, id: "id", createdAt: machine.clock.now(), runtime: .docker)
            config.settings = settings
            try config.write(to: place.config)
            try await body(InventoryScene(folder: folder, site: site, name: name))
        }
    }

    func inventory(_ search: DatabaseSearch = .look) async throws -> Inventory {
        try await site.inventory(of: try site.instance(name), databases: search)
    }

    func primary(_ search: DatabaseSearch = .look) async throws -> String {
        try await inventory(search).primary.text
    }
}

struct SetupRuntime: Runtime, RuntimeServer {
    var setup: ServerSetup
    func serverSetup() async throws -> ServerSetup { setup }
    func state() async -> RuntimeState { .stopped }
    func start(limit: Duration) async throws {}
    func stop(limit: Duration) async throws {}
    func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        try await body()
    }
    func thaw() async throws {}
    func parts() async throws -> [Part] { setup.parts.map(\.part) }
    func endpoints() -> [Endpoint] { setup.endpoints }
    var runsSomething: Bool { true }
}

extension PrimaryDatabase {
    /// In a word, for expectations.
    var text: String {
        switch self {
        case .found(let database, let reason): "\(database.name) \(database.engine) by \(reason.text)"
        case .ambiguous(let all): "ambiguous: " + all.map(\.name).sorted().joined(separator: ", ")
        case .missing(let part, let path, let reason): "missing: \(part)/\(printable(path)) by \(reason.text)"
        case .inContainer(let path, let reason): "in the container: \(path) by \(reason.text)"
        case .none: "none"
        case .unknown(let why): "unknown: \(why)"
        }
    }
}

extension PrimaryReason {
    var text: String {
        switch self {
        case .setting: "setting"
        case .variable(let name): name
        case .ownName: "name"
        case .onlyOne: "only one"
        }
    }
}

func makeDatabase(_ file: FilePath, rows: Int = 3) throws {
    try file.removingLastComponent().createFolder()
    let database = try SQLiteDatabase(file, .create)
    try database.execute("CREATE TABLE t (x)")
    for number in 0..<rows { try database.execute("INSERT INTO t VALUES (\(number))") }
}

/// One folder, mounted at `/app/data`, as the service of a compose project has it.
@Sendable private func bound(_ folder: FilePath) -> ServerSetup {
    bound(folder, [:])
}

private func bound(
    _ folder: FilePath, _ variables: [String: String], at inside: FilePath = "/app/data"
) -> ServerSetup {
    ServerSetup(
        parts: [
            InventoryPart(
                part: Part(name: "data", place: .folder(folder.appending("data"))), role: .data,
                pathInside: inside.string, presence: .missing)
        ], variables: variables, workingFolder: "/app",
        mounts: [ServerMount(source: .host(folder.appending("data")), inside: inside)])
}

struct PrimaryDatabaseTests {
    @Test(arguments: [
        ("sqlite:///app/data/db.sqlite", "data/db.sqlite sqlite by DATABASE_URL"),
        ("sqlite:///app/data/db.sqlite?mode=rwc", "data/db.sqlite sqlite by DATABASE_URL"),
        ("sqlite:////app/data/db.sqlite", "data/db.sqlite sqlite by DATABASE_URL"),
        ("sqlite://data/db.sqlite", "data/db.sqlite sqlite by DATABASE_URL"),
        ("sqlite:///data/db.sqlite", "data/db.sqlite sqlite by DATABASE_URL"),
        ("sqlite:data/db.sqlite", "data/db.sqlite sqlite by DATABASE_URL"),
        ("file:./data/db.sqlite", "data/db.sqlite sqlite by DATABASE_URL"),
        ("sqlite:///app/data/other.sqlite", "missing: data/other.sqlite by DATABASE_URL"),
        ("sqlite:///srv/db.sqlite", "in the container: /srv/db.sqlite by DATABASE_URL"),
        ("postgres://u@db/app", "ambiguous: data/db.sqlite, data/vector.db"),
        ("sqlite::memory:", "ambiguous: data/db.sqlite, data/vector.db"),
    ])
    func `the server's environment names it, mapped through the mounts`(
        url: String, expected: String
    )
        async throws
    {
        try await InventoryScene.with({ bound($0, ["DATABASE_URL": url]) }) { scene in
            try makeDatabase(scene.folder.appending("data/db.sqlite"))
            try makeDatabase(scene.folder.appending("data/vector.db"))
            #expect(try await scene.primary() == expected)
        }
    }

    @Test func `a path's variable names it, and one of a folder of vectors does not`() async throws {
        let variables = [
            "MIMIR_DATABASE_PATH": "/app/data/mimir.db", "MIMIR_VECTOR_DB_PATH": "/app/data/chromem.db",
        ]
        try await InventoryScene.with({ bound($0, variables) }) { scene in
            try makeDatabase(scene.folder.appending("data/mimir.db"))
            try makeDatabase(scene.folder.appending("data/other.db"))
            try scene.folder.appending("data/chromem.db").createFolder()
            #expect(try await scene.primary() == "data/mimir.db sqlite by MIMIR_DATABASE_PATH")
            // Without any look at the tree.
            #expect(try await scene.primary(.none) == "data/mimir.db sqlite by MIMIR_DATABASE_PATH")
        }
    }

    @Test func `the setting is stronger than the environment`() async throws {
        let settings: [String: JSONValue] = ["database": .string("data/vector.db")]
        try await InventoryScene.with(
            settings: settings, { bound($0, ["DATABASE_URL": "sqlite:///app/data/db.sqlite"]) }
        ) { scene in
            try makeDatabase(scene.folder.appending("data/db.sqlite"))
            #expect(try await scene.primary() == "missing: data/vector.db by setting")
            try makeDatabase(scene.folder.appending("data/vector.db"))
            #expect(try await scene.primary() == "data/vector.db sqlite by setting")
        }
    }

    @Test func `KECS's folder holds kecs.db, or the only database that is in it`() async throws {
        try await InventoryScene.with({ bound($0, ["KECS_DATA_DIR": "/app/data"]) }) { scene in
            try scene.folder.appending("data").createFolder()
            #expect(try await scene.primary() == "missing: data/kecs.db by KECS_DATA_DIR")
            try makeDatabase(scene.folder.appending("data/state.sqlite"))
            #expect(try await scene.primary() == "data/state.sqlite sqlite by only one")
            try makeDatabase(scene.folder.appending("data/kecs.db"))
            #expect(try await scene.primary() == "data/kecs.db sqlite by KECS_DATA_DIR")
        }
    }

    @Test func `copies that were left beside are no candidates`() async throws {
        try await InventoryScene.with(bound) { scene in
            for name in [
                "db.sqlite", "db.backup.1763550000.sqlite", "db.sqlite.rescued-20261128T220000.sqlite",
                "db.sqlite.bak",
            ] {
                try makeDatabase(scene.folder.appending("data").appending(name))
            }
            #expect(try await scene.primary() == "data/db.sqlite sqlite by only one")
            #expect(try await scene.inventory().databases.count == 4)
        }
    }

    @Test func `two that could be it are named, not chosen from`() async throws {
        try await InventoryScene.with(bound) { scene in
            try makeDatabase(scene.folder.appending("data/a/one.db"))
            try makeDatabase(scene.folder.appending("data/b/two.db"))
            #expect(try await scene.primary() == "ambiguous: data/a/one.db, data/b/two.db")
        }
    }

    @Test(arguments: [0, 100, 5000])
    func `what is left of the server's file is still its database`(bytes: Int) async throws {
        try await InventoryScene.with({ bound($0, ["DATABASE_URL": "sqlite:///app/data/db.sqlite"]) }) {
            scene in
            let file = scene.folder.appending("data/db.sqlite")
            try file.removingLastComponent().createFolder()
            try file.replaceContents([UInt8](repeating: 7, count: bytes))
            #expect(try await scene.primary() == "data/db.sqlite unknown by DATABASE_URL")
        }
    }
}

struct InventoryContentTests {
    @Test func `a file of noise with a write-ahead log beside is a database of an unknown engine`()
        async throws
    {
        try await InventoryScene.with(bound) { scene in
            let data = scene.folder.appending("data")
            try data.createFolder()
            // As SQLCipher leaves them: no byte of them means anything.
            try data.appending("secret.db").replaceContents([UInt8](repeating: 0xA7, count: 8192))
            try data.appending("secret.db-wal").replaceContents([UInt8](repeating: 0x5C, count: 4152))
            try data.appending("notes-journal").replaceContents(Array("dear diary".utf8))
            let inventory = try await scene.inventory()
            #expect(inventory.databases.map(\.name) == ["data/secret.db"])
            #expect(inventory.databases.map(\.engine) == [.unknown])
            #expect(inventory.databases.map(\.bytes) == [12_344])
            #expect(inventory.primary.text == "data/secret.db unknown by only one")
        }
    }

    @Test func `a database behind a link, and one in a folder behind a link, are found where they are`()
        async throws
    {
        try await InventoryScene.with(bound) { scene in
            let data = scene.folder.appending("data")
            try data.createFolder()
            try makeDatabase(scene.folder.appending("other/real.db"))
            try makeDatabase(scene.folder.appending("disk/deep/more.db"))
            #expect(data.appending("kecs.db").withPlatformString { symlink("../other/real.db", $0) } == 0)
            #expect(data.appending("more").withPlatformString { symlink("\(scene.folder)/disk", $0) } == 0)
            #expect(data.appending("around").withPlatformString { symlink("..", $0) } == 0)
            #expect(data.appending("nowhere").withPlatformString { symlink("/does/not/exist", $0) } == 0)
            let inventory = try await scene.inventory()
            #expect(inventory.databases.map(\.name) == ["data/kecs.db", "data/more/deep/more.db"])
            #expect(inventory.databases.first?.file == scene.folder.appending("other/real.db"))
            #expect(inventory.primary.text == "data/kecs.db sqlite by name")
        }
    }

    @Test func `folders that are databases, and DuckDB beside SQLite`() async throws {
        try await InventoryScene.with(bound) { scene in
            let data = scene.folder.appending("data")
            try data.appending("pg/global").createFolder()
            try data.appending("pg/global/pg_control").replaceContents([UInt8](repeating: 1, count: 8192))
            try data.appending("facts.duckdb").replaceContents(
                [UInt8](repeating: 0, count: 8) + Array("DUCK".utf8) + [UInt8](repeating: 0, count: 500))
            try makeDatabase(data.appending("app.db"))
            let inventory = try await scene.inventory()
            #expect(inventory.databases.map(\.name) == ["data/app.db", "data/facts.duckdb", "data/pg"])
            #expect(inventory.databases.map(\.engine) == [.sqlite, .duckdb, .folder("PostgreSQL")])
            #expect(inventory.databases.last?.bytes == 8192)
            #expect(inventory.primary.text == "data/app.db sqlite by only one")
        }
    }

    @Test func `a part that is gone, empty or closed is told as that`() async throws {
        let setup: @Sendable (FilePath) -> ServerSetup = { folder in
            ServerSetup(
                parts: ["full", "empty", "gone", "backups"].map {
                    let part = Part(name: $0, place: .folder(folder.appending($0)))
                    return InventoryPart(
                        part: part, role: PartRole(of: part, inside: nil), presence: .missing)
                })
        }
        try await InventoryScene.with(setup) { scene in
            try makeDatabase(scene.folder.appending("full/app.db"))
            try scene.folder.appending("empty").createFolder()
            try makeDatabase(scene.folder.appending("backups/x.sqlite"))
            let inventory = try await scene.inventory()
            #expect(inventory.parts.map(\.presence) == [.present, .empty, .missing, .present])
            #expect(inventory.parts.map(\.role) == [.data, .data, .data, .backups])
        }
    }

    @Test
    func `a part of nothing but dumps and archives is the user's own backups, one with a database is not`()
        async throws
    {
        let setup: @Sendable (FilePath) -> ServerSetup = { folder in
            ServerSetup(
                parts: ["a", "b", "c"].map {
                    let part = Part(name: $0, place: .folder(folder.appending($0)))
                    return InventoryPart(
                        part: part, role: PartRole(of: part, inside: nil), presence: .missing)
                })
        }
        try await InventoryScene.with(setup) { scene in
            for name in ["a/x/db.sql.gz", "a/db.tar", "b/dump.sql", "b/notes.txt", "c/dump.sql"] {
                let file = scene.folder.appending(FilePath(name).components)
                try file.removingLastComponent().createFolder()
                try file.replaceContents(Array("x".utf8))
            }
            try makeDatabase(scene.folder.appending("c/app.db"))
            #expect(try await scene.inventory().parts.map(\.role) == [.backups, .data, .data])
        }
    }
}
