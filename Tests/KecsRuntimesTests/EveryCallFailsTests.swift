// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsBackups
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes
@testable import standin

/// Each call that each verb makes of docker fails: once, or from then on. Afterwards docker is well again, and one command
/// that changes the instance has the service running, or says why not.
///
/// All calls with `KECSCTL_FAULTS=full`, else every twelfth, beginning with one that the seed chooses.
@Suite(.serialized) struct EveryCallFailsTests {
    enum Verb: String, CaseIterable, Sendable {
        case start, stop, restart, undo, destroy
        case liveBackup, frozenBackup, stoppedBackup
        case restore, testPersistence

        /// Whether it found the service running.
        var beginsRunning: Bool { self != .start }
        /// Whether the service is down when it succeeded.
        var endsDown: Bool { self == .stop || self == .destroy }
    }

    @Test(arguments: Verb.allCases, [true, false])
    func `whichever call fails, the service runs after the next command`(
        verb: Verb, isOnce: Bool
    ) async throws {
        let image = World.Image(
            id: "sha256:" + String(repeating: "1", count: 64), tags: ["kecs:1"],
            programs: ["stat", "head", "sh"])
        try await StandInWorld.with(World(images: [image])) { here in
            do {
                try await campaign(here, verb, isOnce: isOnce)
            } catch {
                try? end(here)
                throw error
            }
            try end(here)
        }
    }

    private func campaign(_ here: StandInWorld, _ verb: Verb, isOnce: Bool) async throws {
        var seed = CampaignSeed("EveryCallFailsTests.\(verb)")
        let step = Rounds.count(ci: 12, full: 1)
        var call = Int.random(in: 0..<step, using: &seed)
        var struck = 0
        while call < 200 {
            let context = "\(verb), \(isOnce ? "only" : "from") call \(call) on"
            try await prepare(here, verb)
            try here.change {
                $0.faults = [
                    Fault(
                        call: "docker", kind: "fail", after: call, times: isOnce ? 1 : nil,
                        says: "it is broken")
                ]
            }
            let failure = await run(verb, here)
            let fault = try here.world().faults.first
            try here.change { $0.faults = [] }
            guard isOnce ? fault == nil : fault?.after == 0 else { break }
            struck += 1
            try await judge(here, verb, failure, context)
            call += step
        }
        #expect(struck > 0, "\(verb): no call failed")
    }

    // MARK: Before

    /// An instance that runs, or for `start` does not, with a backup, and for `undo` a restore.
    private func prepare(_ here: StandInWorld, _ verb: Verb) async throws {
        let instance = try here.dockerInstance()
        let name = instance.name
        let site = here.site
        if try !instance.folder.data.isPresent {
            try instance.folder.data.createFolder()
            try SQLiteDatabase(try instance.databaseFile(), .create).execute("CREATE TABLE rows (n INTEGER)")
        }
        _ = try await StartInstance(site: site).run(
            name, StartRequest(restore: .none, limit: .seconds(60)), lock: Self.lock)
        if try instance.backups.latest() == nil {
            _ = try await site.locked(name, Self.lock) { instance in
                try await TakeBackup(site: site).run(instance, BackupRequest())
            }
        }
        if verb == .undo {
            _ = try await site.locked(name, Self.lock) { instance in
                try await RestoreBackup(site: site).run(
                    instance, RestoreRequest(from: .latest, parts: ["data"]))
            }
        }
        if !verb.beginsRunning {
            _ = try await site.locked(name, Self.lock, duty: .leave) { instance in
                try await StopInstance(site: site).run(instance, StopRequest(backup: false))
            }
        }
    }

    private static let lock = LockRequest(command: "test")

    // MARK: The verb

    /// - Returns: How it failed; nil when it did not.
    private func run(_ verb: Verb, _ here: StandInWorld) async -> Failure? {
        let site = here.site
        do {
            let name = try here.dockerInstance().name
            func locked(
                _ duty: DutyHandling = .before, consistency: String? = nil,
                _ body: (Instance) async throws -> Void
            ) async throws {
                var flags: [SettingKey: String] = [:]
                flags[.consistency] = consistency
                try await site.locked(name, Self.lock, flags: flags, duty: duty, body)
            }
            func backup(_ consistency: String) async throws {
                var problem: Failure?
                try await locked(consistency: consistency) { instance in
                    problem = try await TakeBackup(site: site).run(instance, BackupRequest()).startError
                }
                if let problem { throw problem }
            }
            switch verb {
            case .start:
                _ = try await StartInstance(site: site).run(
                    name, StartRequest(restore: .none, limit: .seconds(60)), lock: Self.lock)
            case .stop:
                try await locked(.leave) { _ = try await StopInstance(site: site).run($0, StopRequest()) }
            case .restart:
                try await locked(.leave) {
                    _ = try await RestartInstance(site: site).run($0, limit: .seconds(60))
                }
            case .destroy:
                try await locked(.leave) {
                    _ = try await DestroyInstance(site: site).run(
                        $0, deleteBackups: false, force: false, dryRun: false)
                }
            case .liveBackup: try await backup("live")
            case .frozenBackup: try await backup("frozen")
            case .stoppedBackup: try await backup("stopped")
            case .restore:
                try await locked(.after) {
                    let report = try await RestoreBackup(site: site).run(
                        $0, RestoreRequest(from: .latest, parts: ["data"]))
                    if let error = report.startError { throw error }
                }
            case .undo:
                try await locked(.after) {
                    if let error = try await UndoRestore(site: site).run($0).startError { throw error }
                }
            case .testPersistence:
                try await locked { _ = try await TestPersistence(site: site).run($0) }
            }
            return nil
        } catch {
            return Failure.describing(error)
        }
    }

    // MARK: After

    private func judge(
        _ here: StandInWorld, _ verb: Verb, _ failure: Failure?, _ context: String
    ) async throws {
        let site = here.site
        // Destroyed.
        guard try here.home.kecs.appending("instances").appending("dev").appending("config.json").isPresent
        else {
            return
        }
        let instance = try here.dockerInstance()
        if let failure {
            #expect(!failure.message.contains("unforeseen"), "\(context): \(failure)")
            #expect(
                try !instance.folder.journal.isPresent,
                "\(context): a failure that was carried to its end closes the journal: \(failure)")
        }
        // What a schedule would do next.
        var told: [String] = []
        if verb.endsDown, failure == nil {
            let runtime = try site.runtime(instance)
            let state = await runtime.state()
            #expect(state != .running, "\(context)")
            return
        }
        _ = try await site.locked(instance.name, Self.lock, told: { told.append($0.text) }) { instance in
            try await TakeBackup(site: site).run(instance, BackupRequest())
        }
        let runtime = try site.runtime(instance)
        let state = await runtime.state()
        // A start that was refused for a reason that its user was told need not be tried again; docker's word is none.
        #expect(
            state == .running, "\(context): \(state), failed with \(failure?.sentence ?? "-"), told \(told)")
        #expect(try !instance.folder.duty.isPresent, "\(context): \(told)")
        #expect(try !instance.folder.journal.isPresent, "\(context)")
        #expect(try here.world().containers.map(\.name) == ["kecs-dev"], "\(context)")
    }

    private func end(_ here: StandInWorld) throws {
        try here.change { world in
            for index in world.containers.indices { world.containers[index].status = "exited" }
        }
    }
}
