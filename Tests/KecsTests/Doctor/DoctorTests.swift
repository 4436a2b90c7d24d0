// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsRuntimes
import KecsSystem
import KecsTesting
import Synchronization
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor

@Suite struct DoctorTests {
    private struct Fixed: Check {
        var info = CheckInfo("test.fixed", .machine, .warning, "all is well")
        var answer: @Sendable (Look) async throws -> [Finding]
        func run(_ look: Look) async throws -> [Finding] { try await answer(look) }
    }

    @Test func `there are more than sixty checks, each with an id of its own`() {
        let infos = (HostChecks.all + RuntimeChecks.all()).map(\.info)
        #expect(infos.count >= 60)
        #expect(Set(infos.map(\.id)).count == infos.count)
        #expect(infos.filter { $0.profile == "production" }.count == 14)
        for info in infos { #expect(!info.claim.isEmpty && !info.claim.hasSuffix(".")) }
    }

    @Test func `a check that passes is told as passed, one that throws as not to be told`() async throws {
        struct Odd: Error {}
        try await CheckScene.with { scene in
            let checks: [any Check] = [
                Fixed { _ in [] }, Fixed { _ in throw CannotTell("nobody knows") },
                Fixed { _ in throw Odd() },
                Fixed { _ in [Finding(.error, "bad")] },
            ]
            let report = try await Doctor(site: scene.site, checks: checks).run([scene.name])
            #expect(report.findings.map(\.severity) == [.error, .warning, .notLooked, .ok])
            #expect(report.summary == .init(ok: 1, info: 0, notLookedAt: 1, warning: 1, error: 1))
            #expect(report.findings[2].message == "not looked at: nobody knows")
            #expect(report.findings.last?.message == "all is well")
            #expect(report.fails(on: .error))
        }
    }

    @Test func `a check that hangs is left behind after its time`() async throws {
        try await CheckScene.with { scene in
            let isReleased = Shared()
            let hangs = Fixed { look in
                // Deaf to everything, as a call to a dead file server is.
                while !isReleased.flag.load(ordering: .relaxed) { usleep(10_000) }
                return []
            }
            let report = try await Doctor(site: scene.site, checks: [hangs], limit: .milliseconds(100)).run([]
            )
            // It came back although the check is still at it.
            isReleased.flag.store(true, ordering: .relaxed)
            #expect(report.findings.first?.message.hasPrefix("was not answered") == true)
        }
    }

    private final class Shared: Sendable {
        let flag = Atomic<Bool>(false)
    }

    @Test func `only what was asked for is asked`() async throws {
        try await CheckScene.with { scene in
            let doctor = Doctor(site: scene.site, checks: HostChecks.all)
            let report = try await doctor.run([scene.name], .init(ids: ["db.size", "lock."]))
            #expect(Set(report.findings.map(\.id)) == ["db.size", "lock.foreign", "lock.busy"])
            await #expect(throws: Failure.self) {
                try await doctor.run([scene.name], .init(ids: ["db.sise"]))
            }
            await #expect(throws: Failure.self) { try await doctor.run([scene.name], .init(profile: "prod")) }
        }
    }

    @Test func `repairs are planned, made once, and taken back`() async throws {
        try await CheckScene.with { scene in
            let doctor = Doctor(site: scene.site, checks: HostChecks.all)
            let selection = Doctor.Selection(ids: ["perm."])
            try scene.database.setMode(0o666)
            try scene.folder.data.setMode(0o777)
            let plan = RepairFindings.plan(try await doctor.run([scene.name], selection))
            #expect(plan.map(\.outcome) == [.planned, .planned])
            #expect(try FileStatus.of(scene.database)?.mode == 0o666)

            let repair = RepairFindings(site: scene.site, doctor: doctor)
            let lock = LockRequest(command: "test")
            let done = try await repair.run([scene.name], selection, lock: lock)
            #expect(done.map(\.outcome) == [.done, .done])
            #expect(try FileStatus.of(scene.database)?.mode == 0o664)
            #expect(try FileStatus.of(scene.folder.data)?.mode == 0o775)
            #expect(try await repair.run([scene.name], selection, lock: lock) == [])

            let undo = UndoRepairs(site: scene.site)
            #expect(try undo.last(scene.name) == CheckScene.now)
            #expect(try undo.run(scene.name).map(\.outcome) == [.done, .done])
            #expect(try FileStatus.of(scene.database)?.mode == 0o666)
            #expect(try undo.last(scene.name) == nil)
        }
    }

    @Test func `what was changed since by somebody else is not taken back`() async throws {
        try await CheckScene.with { scene in
            let doctor = Doctor(site: scene.site, checks: HostChecks.all)
            try scene.database.setMode(0o666)
            _ = try await RepairFindings(site: scene.site, doctor: doctor).run(
                [scene.name], .init(ids: ["perm.world-writable"]), lock: LockRequest(command: "test"))
            try scene.database.setMode(0o640)
            #expect(try UndoRepairs(site: scene.site).run(scene.name).map(\.outcome) == [.skipped])
            #expect(try FileStatus.of(scene.database)?.mode == 0o640)
        }
    }

    @Test func `a repair never follows a link`() async throws {
        try await CheckScene.with { scene in
            let target = scene.home.folder.appending("outside")
            try scene.write(target, "x", mode: 0o666)
            let link = scene.folder.data.appending("link")
            #expect(symlink(target.string, link.string) == 0)
            #expect(throws: RepairRefused.self) {
                try Repair.mode(PathText(link), from: 0o666, to: 0o600).apply()
            }
            #expect(try FileStatus.of(target)?.mode == 0o666)
        }
    }

    @Test func `a repair that another kecsctl's lock forbids is not made`() async throws {
        try await CheckScene.with { scene in
            try scene.database.setMode(0o666)
            let held = try await FileLock.acquire(
                scene.folder.lock, command: "other", clock: SystemClock(), cancellation: Cancellation())
            defer { held.unlock() }
            let doctor = Doctor(site: scene.site, checks: HostChecks.all)
            await #expect(throws: Failure.self) {
                try await RepairFindings(site: scene.site, doctor: doctor).run(
                    [scene.name], .init(ids: ["perm.world-writable"]), lock: LockRequest(command: "test"))
            }
            #expect(try FileStatus.of(scene.database)?.mode == 0o666)
        }
    }
}

/// What a check could not look at is no check that passed.
@Suite struct DoctorStrictTests {
    private struct Blind: Check {
        var info = CheckInfo("test.blind", .machine, .warning, "all is well")
        func run(_ look: Look) async throws -> [Finding] { throw CannotTell("nobody let it") }
    }

    @Test func `what was not looked at fails the checklist before production, and nothing else`() async throws
    {
        try await CheckScene.with { scene in
            let doctor = Doctor(site: scene.site, checks: [Blind()])
            let plain = try await doctor.run([scene.name])
            #expect(plain.summary.ok == 0)
            #expect(!plain.fails(on: .warning))
            let strict = try await doctor.run([scene.name], Doctor.Selection(profile: "production"))
            #expect(strict.fails(on: .error))
        }
    }
}
