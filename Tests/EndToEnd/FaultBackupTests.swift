// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsRuntimes
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Backups when older ones are damaged, or were dated by a clock that was wrong.
@Suite struct FaultBackupTests {
    @Test func `a backup that has rotted does not stop the next one, which does not link to it`() async throws
    {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            // By a clock that is ahead everything has been unchanged for long.
            let clock = ManualClock(Moment(seconds: 1_900_000_000))
            for _ in 0..<2 { _ = try await backUp(root, clock) }
            let store = BackupStore(folder: root.appending("home/backups/dev"))
            let newest = try #require(try store.all().first)
            for part in newest.manifest?.parts ?? [] {
                let file = newest.folder.appending(part.file)
                var bytes = try file.contents()
                bytes[bytes.count / 2] ^= 0xFF
                try file.replaceContents(bytes)
            }
            let made = try #require(try await backUp(root, clock).backup)
            #expect(store.look(at: newest.id).state != .complete)
            let verify = try await kecsctl("backups", "verify", made.id.description, "--instance", "dev")
            #expect(verify.status == 0, "\(verify.errors)")
        }
    }

    @Test func `a backup that was just taken stays, although others are dated after it`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let clock = ManualClock(Moment(seconds: 1_900_000_000))
            for _ in 0..<6 {
                clock.advance(by: .seconds(3600))
                _ = try await backUp(root, clock)
            }
            let report = try await backUp(root, ManualClock(Moment(seconds: 1_800_000_000)))
            let taken = try #require(report.backup)
            #expect(!report.pruned.contains(taken.id))
            #expect(try FilePath(taken.path).isFolder)
        }
    }

    @Test func `the last backup of a second is the latest, whatever its reason`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let clock = ManualClock(Moment(seconds: 1_800_000_000))
            for reason in [BackupReason.stop, .manual, .beforeDestroy] {
                let made = try #require(try await backUp(root, clock, reason).backup)
                #expect(
                    try BackupStore(folder: root.appending("home/backups/dev")).latest()?.id == made.id)
            }
        }
    }

    private func backUp(
        _ root: FilePath, _ clock: ManualClock, _ reason: BackupReason = .manual
    ) async throws -> BackupReport {
        let machine = Machine(
            environment: [:],
            processes: SystemProcesses(environment: [:], cancellation: Cancellation()), clock: clock)
        let site = Site(
            machine: machine, home: Home(root.appending("home")),
            tool: Manifest.Tool(name: "kecsctl", version: "test"), threads: 1
        ) { try LocalRuntime($0, machine: machine) }
        let name = try #require(InstanceName("dev"))
        return try await TakeBackup(site: site).run(
            try site.instance(name), BackupRequest(reason: reason))
    }
}
