// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor

@Suite struct BackupCheckTests {
    @Test func `an instance without a backup that can be restored`() async throws {
        try await CheckScene.with { scene in
            #expect(try await scene.finding(NoBackupCheck()).message.contains("never been backed up"))
            try scene.addBackup(.seconds(60), verified: false)
            #expect(try await scene.finding(NoBackupCheck()).severity == .warning)
            try scene.addBackup(.seconds(30))
            try await scene.expectNone(NoBackupCheck())
        }
    }

    @Test(arguments: [(26 * 3600, false), (26 * 3600 + 1, true)])
    func `a backup is old from one second over 26 hours`(age: Int, isOld: Bool) async throws {
        try await CheckScene.with { scene in
            try scene.addBackup(.seconds(age))
            #expect(try await scene.findings(OldBackupCheck()).isEmpty != isOld)
            #expect(
                try CheckAge(site: scene.site).run(scene.name, limit: Thresholds.backupAge).isFresh != isOld)
        }
    }

    @Test func `a backup of a degraded instance makes nothing young`() async throws {
        try await CheckScene.with { scene in
            try scene.addBackup(.seconds(100 * 3600))
            try scene.addBackup(.seconds(60), degraded: true)
            #expect(try await scene.finding(OldBackupCheck()).evidence["ageSeconds"] == 360_000)
        }
    }

    @Test func `the newest backup must have been verified`() async throws {
        try await CheckScene.with { scene in
            try scene.addBackup(.seconds(60))
            try await scene.expectNone(UnverifiedBackupCheck())
            let backup = try scene.addBackup(.seconds(30), verified: false)
            #expect(
                try await scene.finding(UnverifiedBackupCheck()).remedy
                    == "kecsctl backups verify dev/\(backup.id)")
        }
    }

    @Test func `a damaged backup is an error that names the file`() async throws {
        try await CheckScene.with { scene in
            let backup = try scene.addBackup(.seconds(60))
            try await scene.expectNone(DamagedBackupCheck())
            try backup.folder.appending("data.tar.gz").remove()
            #expect(try await scene.finding(DamagedBackupCheck()).evidence["file"] == "data.tar.gz")
        }
    }

    @Test func `a draft is told unless somebody is at work`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(IncompleteBackupCheck())
            _ = try BackupDraft(
                in: scene.site.home.backupStore(of: scene.name), reason: .manual, at: CheckScene.now)
            _ = try await scene.finding(IncompleteBackupCheck())
            let holder = FileLock.Holder(
                process: try ProcessIdentity.current(), command: "x", since: CheckScene.now)
            try scene.folder.lock.replaceContents(try JSONFile.encode(holder))
            try await scene.expectNone(IncompleteBackupCheck())
        }
    }

    @Test func `backups that fail are counted since the last good one`() async throws {
        try await CheckScene.with { scene in
            try scene.addHistory("backup", "failed", status: 16)
            try scene.addHistory("backup", "done")
            try await scene.expectNone(FailingBackupCheck())
            for _ in 0..<2 {
                try scene.addHistory(
                    "backup", "failed", status: 16,
                    extra: ["error": ["message": "no room", "remedy": "kecsctl backups prune dev"]])
            }
            let finding = try await scene.finding(FailingBackupCheck())
            #expect(finding.evidence["failures"] == 2)
            #expect(finding.message.contains("no room"))
            #expect(finding.remedy == "kecsctl backups prune dev")
        }
    }

    @Test(arguments: [(Int64(500_001), false), (500_000, false), (499_999, true)])
    func `a backup has shrunk when it is under half of the one before`(
        bytes: Int64, isFound: Bool
    ) async throws {
        try await CheckScene.with { scene in
            try scene.addBackup(.seconds(60), sourceBytes: 1_000_000)
            try scene.addBackup(.seconds(30), sourceBytes: bytes)
            #expect(try await scene.findings(ShrunkBackupCheck()).isEmpty != isFound)
        }
    }

    @Test func `a backup that nobody has read for 35 days is told`() async throws {
        try await CheckScene.with { scene in
            let backup = try scene.addBackup(.seconds(35 * 86_400 + 1))
            _ = try await scene.finding(VerificationAgeCheck())
            try scene.site.home.backupStore(of: scene.name).mark(backup.id) {
                $0.verification = .init(at: CheckScene.now - .seconds(35 * 86_400))
            }
            try await scene.expectNone(VerificationAgeCheck())
        }
    }

    @Test func `a backup from the future means that a clock was set back`() async throws {
        try await CheckScene.with { scene in
            try scene.addBackup(.seconds(-60))
            try await scene.expectNone(FutureBackupCheck())
            try scene.addBackup(.seconds(-61))
            _ = try await scene.finding(FutureBackupCheck())
        }
    }

    @Test func `a drill is asked for every 35 days`() async throws {
        try await CheckScene.with { scene in
            #expect(try await scene.finding(DrillCheck()).severity == .info)
            try scene.addHistory("restore", "done", age: .seconds(35 * 86_400))
            try await scene.expectNone(DrillCheck())
            scene.clock.advance(by: .seconds(1))
            _ = try await scene.finding(DrillCheck())
        }
    }

    @Test func `a key counts as tried when it has decrypted a backup`() async throws {
        try await CheckScene.with { scene in
            let store = scene.site.home.backupStore(of: scene.name)
            try scene.addBackup(.seconds(100))
            try await scene.expectNone(UntriedKeyCheck())
            let first = try scene.addBackup(.seconds(90), recipients: [])
            _ = try await scene.finding(UntriedKeyCheck())
            try scene.addHistory("restore", "done", age: .seconds(95))
            _ = try await scene.finding(UntriedKeyCheck())
            try store.mark(first.id) { $0.drill = .init(at: CheckScene.now, passed: false, why: "no key") }
            try scene.addBackup(.seconds(80), recipients: [])
            _ = try await scene.finding(UntriedKeyCheck())
            try scene.addHistory("restore", "done", age: .seconds(70))
            try await scene.expectNone(UntriedKeyCheck())
            // Another key is another one.
            try scene.addBackup(.seconds(60), recipients: ["age1a"])
            _ = try await scene.finding(UntriedKeyCheck())
        }
    }

    @Test func `a copy elsewhere is asked for until there is one`() async throws {
        try await CheckScene.with { scene in
            _ = try await scene.finding(RemoteCheck())
            try scene.addHistory("backups export", "done", extra: ["isOnAnotherFileSystem": false])
            _ = try await scene.finding(RemoteCheck())
            try scene.addHistory("backups export", "done", extra: ["isOnAnotherFileSystem": true])
            try await scene.expectNone(RemoteCheck())
        }
    }

    @Test func `backups beside the data go with the disk`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(SameDeviceCheck())
            try scene.addBackup(.seconds(60))
            _ = try await scene.finding(SameDeviceCheck())
        }
    }

    @Test func `a schedule is found in crontabs, in the scripts they call, and in units`() async throws {
        try await CheckScene.with { scene in
            _ = try await scene.finding(ScheduleCheck())
            func with(_ change: (inout Surroundings) -> Void) -> CheckScene {
                var copy = scene
                change(&copy.surroundings)
                return copy
            }
            let line = "0 2 * * * /usr/bin/kecsctl backup --all --quiet"
            try await with { $0.crontabs = [.init(path: "crontab -l", text: line)] }.expectNone(
                ScheduleCheck())
            try await with { $0.scripts = [.init(path: "/x.sh", text: "#!/bin/sh\nkecsctl backup dev")] }
                .expectNone(ScheduleCheck())
            try await with { $0.units = [.init(path: "/u", text: "ExecStart=/usr/bin/kecsctl backup dev\n")] }
                .expectNone(ScheduleCheck())
            for other in [
                "#" + line, "0 2 * * * kecsctl backup other", "0 2 * * * kecsctl backups verify --all",
                "0 2 * * * kecsctl backup --all --home /elsewhere",
            ] {
                _ = try await with { $0.crontabs = [.init(path: "crontab -l", text: other)] }.finding(
                    ScheduleCheck())
            }
        }
    }

    @Test func `a schedule that calls what is not there is an error`() async throws {
        try await CheckScene.with { scene in
            scene.surroundings.crontabs = [.init(path: "crontab -l", text: "0 2 * * * kecsctl backup dev")]
            try await scene.expectNone(BrokenScheduleCheck())
            scene.surroundings.crontabs = [
                .init(path: "crontab -l", text: "\n0 2 * * * /gone/kecsctl backup dev")
            ]
            #expect(
                try await scene.finding(BrokenScheduleCheck()).message.contains("line 2 calls /gone/kecsctl"))
        }
    }

    @Test func `an operation that was cut off is an error, one that is under way is not`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(UnfinishedCheck())
            try Journal(operation: "restore", startedAt: CheckScene.now, runsAfterwards: true).write(
                to: scene.folder.journal)
            #expect(try await scene.finding(UnfinishedCheck()).severity == .error)
            let holder = FileLock.Holder(
                process: try ProcessIdentity.current(), command: "x", since: CheckScene.now)
            try scene.folder.lock.replaceContents(try JSONFile.encode(holder))
            #expect(try await scene.finding(UnfinishedCheck()).severity == .info)
        }
    }

    @Test func `a degraded instance is an error, for check too`() async throws {
        try await CheckScene.with { scene in
            try scene.addBackup(.seconds(60))
            try await scene.expectNone(DegradedCheck())
            #expect(try CheckAge(site: scene.site).run(scene.name, limit: Thresholds.backupAge).isFresh)
            var config = try scene.site.instance(scene.name).config
            config.degraded = .init(since: CheckScene.now, why: "the restore failed")
            try config.write(to: scene.folder.config)
            #expect(try await scene.finding(DegradedCheck()).message.contains("the restore failed"))
            #expect(try !CheckAge(site: scene.site).run(scene.name, limit: Thresholds.backupAge).isFresh)
        }
    }

    @Test func `what a restore replaced is told after a week`() async throws {
        try await CheckScene.with { scene in
            try scene.write(scene.folder.previous.appending("r").appending("old"), "12345")
            // The folder's own time is the machine's; the test's clock is moved to it.
            let changed = try #require(try FileStatus.of(scene.folder.previous)).modified
            scene.clock.set(changed + .seconds(7 * 86_400))
            try await scene.expectNone(PreviousCheck())
            scene.clock.advance(by: .seconds(1))
            #expect(try await scene.finding(PreviousCheck()).evidence["bytes"] == 5)
        }
    }
}
