// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsState
import KecsSystem
import SystemPackage

/// A runtime whose processes can be recreated, or removed and brought back, without their data.
public protocol RebuildableRuntime: Runtime {
    /// False for containers that another program created, and that only it can recreate.
    var isRebuildable: Bool { get throws }
    /// Recreates the instance's containers from their definition; they run afterwards.
    func rebuild(limit: Duration) async throws
    /// Removes the containers, but not the volumes, and brings them back.
    func removeAndReturn(limit: Duration) async throws
}

/// The results of `test persistence`.
public struct PersistenceReport: OperationReport {
    public static let kind = "PersistenceReport"
    public var outcome: Outcome
    /// The steps that the data survived: `restart`, `rebuild`, `down`.
    public var survived: [String]
    /// The steps that do not apply: a local server cannot be recreated, and an instance that is only data cannot be
    /// restarted.
    public var skipped: [String]
    /// The reason why kecsctl could not determine whether the server has the very file that was written; nil when it
    /// could.
    public var unseen: String?
    public var durationSeconds: Double
}

/// Performs the persistence guide's eight steps: write, read, restart, read, rebuild, read, down and up, read. Leaves
/// nothing behind.
public struct TestPersistence: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    static let table = "kecsctl_persistence_test"

    /// Performs the test. Call it under the instance's lock.
    public func run(
        _ instance: Instance, limit: Duration = .seconds(120), dryRun: Bool = false
    ) async throws -> PersistenceReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let runtime = try site.runtime(instance)
        let before = await runtime.state()
        if case .unknown(let why) = before { throw Failure.unknownState(of: instance, why) }
        if dryRun {
            return PersistenceReport(outcome: .planned, survived: [], skipped: [], durationSeconds: 0)
        }
        let chosen = try await site.database(of: instance)
        let database = try sqliteFile(chosen, of: instance)
        let probe = Probe(
            database: database, inside: chosen.inventory.pathInside(of: chosen.database),
            token: hex(site.machine.random(16)))
        let wasRunning = before.mayWrite
        var steps = Steps(runtime: runtime, probe: probe)
        let journal = Journal(
            operation: "test persistence", startedAt: clock.now(), runsAfterwards: wasRunning,
            mayBeStopped: wasRunning)
        try probe.write()
        do {
            try probe.expect(after: "writing it")
            if runtime.runsSomething {
                // Even if this run is killed, an instance that ran before runs afterwards.
                try journal.write(to: instance.folder.journal)
                try await steps.run(wasRunning: wasRunning, limit)
                // The test started an instance that was stopped.
                if !wasRunning { try await runtime.stop(limit: limit) }
                try Journal.close(instance.folder.journal)
            } else {
                steps.skipped = ["restart", "rebuild", "down"]
            }
        } catch {
            let first =
                runtime.runsSomething
                ? await TakeBack(site: site, instance: instance).run(
                    journal, restart: wasRunning, after: error)
                : error
            try? probe.remove()
            throw first
        }
        try probe.remove()
        return PersistenceReport(
            outcome: .done, survived: steps.survived, skipped: steps.skipped, unseen: steps.unseen,
            durationSeconds: (clock.elapsed() - began).inSeconds)
    }

    /// Steps 3 to 8 of the guide, as far as the runtime supports them.
    private struct Steps {
        let runtime: any Runtime
        let probe: Probe
        var survived: [String] = []
        var skipped: [String] = []
        var unseen: String?

        mutating func run(wasRunning: Bool, _ limit: Duration) async throws {
            if wasRunning { try await runtime.stop(limit: limit) }
            try await runtime.start(limit: limit)
            try await passed("restart", "a restart")
            guard let runtime = runtime as? any RebuildableRuntime, try runtime.isRebuildable else {
                skipped = ["rebuild", "down"]
                return
            }
            try await runtime.rebuild(limit: limit)
            try await passed("rebuild", "a rebuild")
            try await runtime.removeAndReturn(limit: limit)
            try await passed("down", "down and up")
        }

        private mutating func passed(_ name: String, _ step: String) async throws {
            try probe.expect(after: step)
            try await expectServerSees(after: step)
            survived.append(name)
        }

        /// Expects the server to see the row. The row is in a file of this host: the server must have that very file.
        private mutating func expectServerSees(after step: String) async throws {
            let why: String
            guard let inside = probe.inside else {
                unseen = "nothing that is mounted into it leads to \(probe.database)"
                return
            }
            switch try await runtime.server.serverDatabase(at: inside) {
            case nil: return
            case .unknown(let reason):
                unseen = reason
                return
            case .nothing(let path): why = "the server sees no \(path)"
            case .database(let seen):
                guard let host = try SeenDatabase(of: probe.database), !seen.isSame(as: host) else { return }
                why = "the server's \(seen.path) is another file than \(probe.database)"
            }
            throw Failure(
                .damaged, "what was written is not what the server has after \(step)", cause: why,
                remedy: "kecsctl status --deep")
        }
    }

    /// A row with a random mark in a table of its own, which is removed with it.
    private struct Probe {
        let database: FilePath
        /// The path at which the server sees the database.
        let inside: FilePath?
        let token: String

        func write() throws {
            guard try DatabaseEngine.isSQLite(database) else {
                throw Failure(
                    .failed, "\(database) is no SQLite database, so nothing can be written into it for a test"
                )
            }
            let connection = try SQLiteDatabase(database, .readWrite)
            // A leftover row of a killed test proves nothing.
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
                    cause: found == nil ? "the row is gone" : "it has another row")
            }
        }

        func remove() throws {
            try SQLiteDatabase(database, .readWrite).execute("DROP TABLE IF EXISTS \(TestPersistence.table)")
        }
    }
}
