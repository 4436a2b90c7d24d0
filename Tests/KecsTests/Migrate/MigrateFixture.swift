// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSQLite
import KecsState
import KecsSystem
import KecsTesting
import SystemPackage

/// An instance that is only data, in a home of its own.
struct MigrateFixture {
    let folder: FilePath
    let site: Site
    let name: InstanceName
    let tools: FakeTools

    static func with<Result>(_ body: (MigrateFixture) async throws -> Result) async throws -> Result {
        try await withTemporaryFolder { folder in
            let tools = try FakeTools(in: folder.appending("tools"))
            let environment = ["HOME": folder.string, "PATH": tools.path]
            let cancellation = Cancellation()
            let machine = Machine(
                environment: environment,
                processes: SystemProcesses(environment: environment, cancellation: cancellation),
                cancellation: cancellation)
            let site = Site(
                machine: machine, home: Home(folder.appending("home")),
                tool: Manifest.Tool(name: "kecsctl", version: "0.1"), threads: 2
            ) { OnlyData(instance: $0) }
            let name = try InstanceName(checking: "dev")
            let place = site.home.folder(of: name)
            try place.data.createFolder()
            try InstanceConfig(
                name: name, id: "11111111-2222-4333-8444-555555555555", createdAt: machine.clock.now(),
                runtime: .local
            ).write(to: place.config)
            return try await body(MigrateFixture(folder: folder, site: site, name: name, tools: tools))
        }
    }

    var instance: Instance { get throws { try site.instance(name) } }
    var database: FilePath { site.home.folder(of: name).data.appending("kecs.db") }

    /// The control plane's database as it was in summer 2025, with a sample state.
    func makeOldDatabase(version: Int64 = 20_250_531) throws {
        let database = try SQLiteDatabase(self.database, .create)
        for migration in UpstreamHistory.migrations where migration.version <= version {
            for statement in splitSQL(migration.up.sql) { try database.execute(statement.sql) }
        }
        try database.execute("DROP TABLE IF EXISTS kecsctl_import_rejects")
        try database.execute(
            """
            INSERT INTO clusters (id, arn, name, status, created_at, updated_at)
            VALUES ('1', 'arn:c', 'default', 'ACTIVE', '2025-06-01T00:00:00.000000Z', '2025-06-01T00:00:00.000000Z')
            """)
    }

    func content() throws -> DatabaseContent { try SQLiteDatabase(database, .readWrite).content() }

    static var samples: FilePath {
        FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
            .appending("Fixtures").appending("kecs")
    }

    func makeNewestDatabase(_ sample: String) throws {
        let database = try StateDatabase.create(self.database, at: Moment(seconds: 0)).database
        let sql = try Self.samples.appending("\(sample).sql").contents()
        try database.executeScript(String(decoding: sql, as: UTF8.self))
    }
}

/// Nothing runs.
struct OnlyData: Runtime {
    let instance: Instance

    func state() async -> RuntimeState { .stopped }
    func start(limit: Duration) async throws {}
    func stop(limit: Duration) async throws {}
    func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        try await body()
    }
    func thaw() async throws {}
    func parts() async throws -> [Part] { try instance.folderParts() }
    var runsSomething: Bool { false }
}
