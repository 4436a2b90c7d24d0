// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSQLite
import KecsSystem
import KecsTesting
import Synchronization
import SystemPackage
import Testing

/// What a server that was started after a restore has before it decides whether there was one.
struct SeeRestoredTests {
    /// What the server says of its database; `own` is the file on this host.
    enum View: String, CaseIterable, Sendable {
        case own, nobody, unknown, another, none
    }

    @Test(arguments: View.allCases)
    func `a restore that the server does not see is taken back`(view: View) async throws {
        try await withTemporaryFolder { folder in
            let data = folder.appending("data")
            let file = data.appending("app.db")
            try makeDatabase(file, rows: 3)
            let other = folder.appending("other.db")
            try makeDatabase(other, rows: 1)
            let runs = Running()
            let machine = Machine(
                environment: ["HOME": folder.string], processes: ScriptedProcesses([]))
            let name = try InstanceName(checking: "app")
            let site = Site(
                machine: machine, home: Home(folder.appending("home")),
                tool: Manifest.Tool(name: "kecsctl", version: "0.1"), threads: 2
            ) { _ in
                SeeingRuntime(
                    data: data,
                    running: runs,
                    view: {
                        switch view {
                        case .own: try SeenDatabase(of: file, named: "/app/data/app.db").map { .database($0) }
                        case .nobody: nil
                        case .unknown: .unknown("it has no shell")
                        case .another:
                            try SeenDatabase(of: other, named: "/app/data/app.db").map { .database($0) }
                        case .none: .nothing("/app/data/app.db")
                        }
                    })
            }
            let place = site.home.folder(of: name)
            try place.path.createFolder()
            try InstanceConfig(name: name, id: "id", createdAt: machine.clock.now(), runtime: .docker)
                .write(to: place.config)
            let instance = try site.instance(name)
            _ = try await TakeBackup(site: site).run(instance, BackupRequest())
            try SQLiteDatabase(file, .readWrite).execute("INSERT INTO t VALUES ('later')")

            func rows() throws -> Int64? { try SQLiteDatabase(file, .readOnly).tableRowCounts()["t"] }
            switch view {
            case .own, .nobody, .unknown:
                let report = try await RestoreBackup(site: site).run(instance, RestoreRequest(from: .latest))
                #expect(report.outcome == .done)
                #expect(report.notes.contains { $0.contains("it has no shell") } == (view == .unknown))
                #expect(try rows() == 3)
            case .another, .none:
                let failure = await #expect(throws: Failure.self) {
                    try await RestoreBackup(site: site).run(instance, RestoreRequest(from: .latest))
                }
                #expect(failure?.message.contains("does not see the restored data") == true)
                #expect(failure?.kind == .failed)
                #expect(try rows() == 4)
                #expect(try !place.journal.isPresent)
            }
            #expect(runs.value, "it ran before, and runs again")
        }
    }
}

private final class Running: Sendable {
    private let state = Mutex(true)
    var value: Bool {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// A container with one folder mounted at `/app/data`.
private struct SeeingRuntime: Runtime, RuntimeServer {
    let data: FilePath
    let running: Running
    let view: @Sendable () throws -> ServerView?

    func serverSetup() async throws -> ServerSetup {
        ServerSetup(
            parts: [
                InventoryPart(
                    part: Part(name: "data", place: .folder(data)), role: .data, pathInside: "/app/data",
                    presence: .present)
            ], variables: ["DATABASE_URL": "sqlite:///app/data/app.db"], workingFolder: "/app",
            mounts: [ServerMount(source: .host(data), inside: "/app/data")])
    }
    func parts() async throws -> [Part] { [Part(name: "data", place: .folder(data))] }
    func state() async -> RuntimeState { running.value ? .running : .stopped }
    func start(limit: Duration) async throws { running.value = true }
    func stop(limit: Duration) async throws { running.value = false }
    func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        try await body()
    }
    func thaw() async throws {}
    func serverDatabase(at path: FilePath) async throws -> ServerView? { try view() }
    func endpoints() -> [Endpoint] { [] }
    var runsSomething: Bool { true }
}
