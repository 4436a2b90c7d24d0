// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs

@Suite struct TestMountsTests {
    /// A server to which `shown` is mounted at `/data`, whatever the setup says.
    private struct Server: Runtime, RuntimeServer, RuntimeVolumes {
        let mounts: [ServerMount]
        let shown: FilePath
        var current = RuntimeState.running
        var host = EngineHost.thisMachine

        func state() async -> RuntimeState { current }
        func start(limit: Duration) async throws {}
        func stop(limit: Duration) async throws {}
        func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
            try await body()
        }
        func thaw() async throws {}
        func parts() async throws -> [Part] { [] }
        func endpoints() -> [Endpoint] { [] }
        var runsSomething: Bool { true }
        func serverSetup() async throws -> ServerSetup {
            ServerSetup(parts: [], mounts: mounts, engineHost: host)
        }
        func folder(ofVolume name: String) async throws -> FilePath? { nil }
        func serverDatabase(at path: FilePath) async throws -> ServerView? {
            let rest = path.components.dropFirst()
            let file = rest.isEmpty ? shown : shown.appending(rest)
            return try SeenDatabase(of: file, named: path.string).map { .database($0) }
                ?? .nothing(path.string)
        }
    }

    private func report(
        _ scene: CheckScene, shown: FilePath, source: ServerMount.Source? = nil,
        state: RuntimeState = .running, host: EngineHost = .thisMachine, dryRun: Bool = false
    ) async throws -> MountReport {
        var site = scene.site
        let mounts = [ServerMount(source: source ?? .host(scene.folder.data), inside: "/data")]
        site.runtime = { _ in Server(mounts: mounts, shown: shown, current: state, host: host) }
        return try await TestMounts(site: site).run(try site.instance(scene.name), dryRun: dryRun)
    }

    @Test func `a file that is made here is there for the server, and goes again`() async throws {
        try await CheckScene.with { scene in
            let before = try scene.folder.data.entries().map(\.string).sorted()
            let report = try await report(scene, shown: scene.folder.data)
            #expect(report.mounts.map(\.result) == [.same])
            #expect(report.outcome == .done && report.failure == nil)
            #expect(try scene.folder.data.entries().map(\.string).sorted() == before)
        }
    }

    @Test func `a server that has another folder there is found out`() async throws {
        try await CheckScene.with { scene in
            let report = try await report(scene, shown: scene.folder.logs)
            #expect(report.mounts.map(\.result) == [.different])
            #expect(report.outcome == .failed)
            #expect(report.failure?.kind == .damaged)
            #expect(report.failure?.cause?.contains("is not there for the server") == true)
        }
    }

    @Test func `a file that was replaced since it was mounted is another one`() async throws {
        try await CheckScene.with { scene in
            let file = scene.home.kecs.appending("app.conf")
            let old = scene.home.kecs.appending("old.conf")
            try scene.write(file)
            try scene.write(old)
            #expect(try await report(scene, shown: file, source: .host(file)).mounts.map(\.result) == [.same])
            let replaced = try await report(scene, shown: old, source: .host(file))
            #expect(replaced.mounts.first?.why?.contains("was replaced since") == true)
        }
    }

    @Test func `what cannot be seen from here is said to be untested`() async throws {
        try await CheckScene.with { scene in
            for report in [
                try await report(scene, shown: scene.folder.data, source: .volume("repos")),
                try await report(scene, shown: scene.folder.data, host: .another),
            ] {
                #expect(report.mounts.map(\.result) == [.unknown])
                #expect(report.outcome == .partial && report.warnings.count == 1)
            }
        }
    }

    @Test func `a plan touches nothing, and what does not run cannot be asked`() async throws {
        try await CheckScene.with { scene in
            let plan = try await report(scene, shown: scene.folder.logs, dryRun: true)
            #expect(plan.outcome == .planned && plan.mounts.map(\.result) == [.planned])
            let failure = await #expect(throws: Failure.self) {
                _ = try await report(scene, shown: scene.folder.data, state: .stopped)
            }
            #expect(failure?.remedy == "kecsctl start dev")
        }
    }
}
