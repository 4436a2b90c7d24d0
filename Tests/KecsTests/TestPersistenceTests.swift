// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import KecsTesting
import Synchronization
import SystemPackage
import Testing

@testable import Kecs

@Suite struct TestPersistenceTests {
    /// Loses the database when it is stopped, if it is told so.
    private struct Forgetful: RebuildableRuntime {
        let database: FilePath
        let losesAt: String?
        var isRebuildable = true
        func state() async -> RuntimeState { .running }
        func start(limit: Duration) async throws {}
        func stop(limit: Duration) async throws { try lose("restart") }
        func rebuild(limit: Duration) async throws { try lose("rebuild") }
        func removeAndReturn(limit: Duration) async throws { try lose("down") }
        func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
            try await body()
        }
        func thaw() async throws {}
        func parts() async throws -> [Part] {
            [Part(name: "data", place: .folder(database.removingLastComponent()))]
        }
        var runsSomething: Bool { true }

        private func lose(_ step: String) throws {
            if step == losesAt {
                try SQLiteDatabase(database, .readWrite).execute("DELETE FROM \(TestPersistence.table)")
            }
        }
    }

    private func tables(_ file: FilePath) throws -> [String: Int64] {
        try SQLiteDatabase(file, .readWrite).tableRowCounts()
    }

    @Test func `what is kept is proved step by step, and nothing is left behind`() async throws {
        try await CheckScene.with { scene in
            let before = try tables(scene.database)
            scene.site.runtime = { [database = scene.database] _ in
                Forgetful(database: database, losesAt: nil)
            }
            let report = try await TestPersistence(site: scene.site).run(try scene.site.instance(scene.name))
            #expect(report.survived == ["restart", "rebuild", "down"])
            #expect(try tables(scene.database) == before)
            #expect(try !scene.folder.journal.isPresent)
        }
    }

    @Test(arguments: ["restart", "rebuild", "down"])
    func `a row that is lost on the way is found out, and the table still goes`(step: String) async throws {
        try await CheckScene.with { scene in
            let before = try tables(scene.database)
            scene.site.runtime = { [database = scene.database] _ in
                Forgetful(database: database, losesAt: step)
            }
            await #expect(throws: Failure.self) {
                try await TestPersistence(site: scene.site).run(try scene.site.instance(scene.name))
            }
            #expect(try tables(scene.database) == before)
        }
    }

    @Test func `an instance that cannot be made anew says so`() async throws {
        try await CheckScene.with { scene in
            let report = try await TestPersistence(site: scene.site).run(try scene.site.instance(scene.name))
            #expect(report.survived == ["restart"])
            #expect(report.skipped == ["rebuild", "down"])
        }
    }
}
