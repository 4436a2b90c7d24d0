// SPDX-License-Identifier: Apache-2.0
import KecsState
import KecsStorage
import KecsSystem
import SystemPackage

/// A runtime whose processes can be made anew, or taken away and brought back, without their data.
public protocol RebuildableRuntime: Runtime {
    /// Makes the instance's containers anew from what they are made of; they run afterwards.
    func rebuild(limit: Duration) async throws
    /// Takes the containers away, volumes excepted, and brings them back.
    func removeAndReturn(limit: Duration) async throws
}

/// What `test persistence` proved.
public struct PersistenceReport: OperationReport {
    public static let kind = "PersistenceReport"
    public var outcome: Outcome
    /// What the data outlived: `restart`, `rebuild`, `down`.
    public var survived: [String]
    /// What does not apply: a local server cannot be made anew.
    public var skipped: [String]
    public var durationSeconds: Double
}

/// The persistence guide's eight steps: write, read, restart, read, rebuild, read, down and up, read. Leaves nothing behind.
public struct TestPersistence: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    static let table = "kecsctl_persistence_test"

    /// To be called under the instance's lock.
    public func run(
        _ instance: Instance, limit: Duration = .seconds(120), dryRun: Bool = false
    ) async throws -> PersistenceReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let runtime = try site.runtime(instance)
        let before = await runtime.state()
        if case .unknown(let why) = before {
            throw Failure(
                .unreachable, "it cannot be told whether “\(instance.name)” is running", cause: why,
                remedy: "kecsctl status \(instance.name)")
        }
        if dryRun {
            return PersistenceReport(outcome: .planned, survived: [], skipped: [], durationSeconds: 0)
        }
        let probe = Probe(database: try instance.databaseFile(), token: hex(site.machine.random(16)))
        var survived: [String] = []
        var skipped: [String] = []
        try probe.write()
        do {
            try probe.expect(after: "writing it")
            try await restart(runtime, instance, wasRunning: before == .running, limit)
            try probe.expect(after: "a restart")
            survived.append("restart")
            if let runtime = runtime as? any RebuildableRuntime, before == .running {
                try await runtime.rebuild(limit: limit)
                try probe.expect(after: "a rebuild")
                survived.append("rebuild")
                try await runtime.removeAndReturn(limit: limit)
                try probe.expect(after: "down and up")
                survived.append("down")
            } else {
                skipped = ["rebuild", "down"]
            }
        } catch {
            try? probe.remove()
            throw error
        }
        try probe.remove()
        return PersistenceReport(
            outcome: .done, survived: survived, skipped: skipped,
            durationSeconds: (clock.elapsed() - began).inSeconds)
    }

    /// An instance that was stopped is started for the test, and stopped again.
    private func restart(
        _ runtime: any Runtime, _ instance: Instance, wasRunning: Bool, _ limit: Duration
    ) async throws {
        guard runtime.runsSomething else { return }
        // Whatever kills this run: what ran before runs afterwards.
        try Journal(
            operation: "test persistence", startedAt: site.machine.clock.now(), runsAfterwards: wasRunning
        )
        .write(to: instance.folder.journal)
        if wasRunning { try await runtime.stop(limit: limit) }
        try await runtime.start(limit: limit)
        if !wasRunning { try await runtime.stop(limit: limit) }
        try Journal.close(instance.folder.journal)
    }

    /// A row with a random mark in a table of its own, which goes with it.
    private struct Probe {
        let database: FilePath
        let token: String

        func write() throws {
            guard try DatabaseFacts(database).kind == .sqlite else {
                throw Failure(
                    .failed, "\(database) is no SQLite database, so nothing can be written into it for a test"
                )
            }
            let connection = try SQLiteDatabase(database, .readWrite)
            // One that a killed test left says nothing.
            try connection.transaction {
                try connection.execute("DROP TABLE IF EXISTS \(TestPersistence.table)")
                try connection.execute("CREATE TABLE \(TestPersistence.table) (token TEXT NOT NULL)")
                try connection.execute("INSERT INTO \(TestPersistence.table) VALUES (?)", .text(token))
            }
        }

        func expect(after step: String) throws {
            let found: String?
            do {
                found = try SQLiteDatabase(database, .readWrite).value(
                    "SELECT token FROM \(TestPersistence.table)")?.text
            } catch let error as SQLiteError where !error.isBusy {
                throw Failure(.damaged, "what was written is not there after \(step)", cause: "\(error)")
            }
            guard found == token else {
                throw Failure(
                    .damaged, "what was written is not there after \(step)",
                    cause: found == nil ? "the row is gone" : "another row is there")
            }
        }

        func remove() throws {
            try SQLiteDatabase(database, .readWrite).execute("DROP TABLE IF EXISTS \(TestPersistence.table)")
        }
    }
}
