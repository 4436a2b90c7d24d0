// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor

@Suite struct MachineCheckTests {
    private func mounts(_ line: String) -> Known<MountTable> {
        .known(MountTable(CheckScene.ext4 + line + "\n"))
    }

    @Test func `in container mode data in the container itself is an error`() async throws {
        try await CheckScene.with(settings: ["containerMode": true]) { scene in
            // The default is /data, which is no mount here.
            let finding = try await scene.finding(MountCheck())
            #expect(finding.severity == .error)
            #expect(finding.evidence["path"] == "/data")
            scene.surroundings.mounts = mounts("23 22 8:2 / /data rw - ext4 /dev/sdb1 rw")
            try await scene.expectNone(MountCheck())
        }
    }

    @Test func `mount points with blanks and mounts over mounts are understood`() {
        let table = MountTable(
            "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 8:2 / /a\\040b rw - xfs /dev/b rw\n3 1 8:3 / /a\\040b ro,noatime shared:2 - nfs4 host:/x rw\nrubbish\n"
        )
        #expect(table.mounts.count == 3)
        #expect(table.mount(of: "/a b/c")?.kind == "nfs4")
        #expect(table.mount(of: "/a b/c")?.isReadOnly == true)
        #expect(table.mount(of: "/a")?.kind == "ext4")
    }

    @Test(arguments: [
        ("nfs4", Severity.warning), ("cifs", .warning), ("9p", .warning), ("virtiofs", .warning),
        ("overlay", .info),
        ("tmpfs", .warning), ("vfat", .warning),
    ])
    func `file systems on which SQLite cannot rely`(kind: String, severity: Severity) async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(FileSystemKindCheck())
            scene.surroundings.mounts = mounts(
                "23 22 0:5 / \(scene.home.folder.resolved()) rw - \(kind) x rw")
            let finding = try await scene.finding(FileSystemKindCheck())
            #expect(finding.severity == severity)
            #expect(finding.evidence["fileSystem"] == .string(kind))
        }
    }

    @Test func `a read-only file system is an error`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(ReadOnlyMountCheck())
            scene.surroundings.mounts = mounts("23 22 0:5 / \(scene.home.folder.resolved()) ro - ext4 x rw")
            #expect(try await scene.finding(ReadOnlyMountCheck()).severity == .error)
        }
    }

    @Test func `90 per cent of a disk is not over 90 per cent, one byte more is`() {
        #expect(!FileSystemUse(used: 90, free: 10).isOver(percent: 90))
        #expect(FileSystemUse(used: 91, free: 9).isOver(percent: 90))
        #expect(
            !FileSystemUse(used: 9_000_000_000_000_000_000, free: 1_000_000_000_000_000_000).isOver(
                percent: 90))
        #expect(
            FileSystemUse(used: 9_000_000_000_000_000_001, free: 1_000_000_000_000_000_000).isOver(
                percent: 90))
        #expect(FileSystemUse(used: 900_001, free: 99_999).percentText == "90.1 %")
        #expect(!FileSystemUse(used: 0, free: 0).isOverInodes(percent: 90))
        #expect(FileSystemUse(used: 0, free: 0, usedInodes: 91, freeInodes: 9).isOverInodes(percent: 90))
    }

    /// Of 10 TB: a threshold in floating point, or in whole per cent, would be off by gigabytes here.
    @Test(arguments: [
        (UInt64(8_999_999_999_999), false), (9_000_000_000_000, false), (9_000_000_000_001, true),
    ])
    func `a disk is too full from one byte over 90 per cent, and out of inodes from one`(
        used: UInt64, isFound: Bool
    ) async throws {
        let free = 10_000_000_000_000 - used
        try await CheckScene.with { scene in
            scene.surroundings.use = { _ in FileSystemUse(used: used, free: free) }
            #expect(try await scene.findings(DiskCheck()).isEmpty != isFound)
            try await scene.expectNone(InodeCheck())
            scene.surroundings.use = { _ in
                FileSystemUse(used: 1, free: 9, usedInodes: used, freeInodes: free)
            }
            #expect(try await scene.findings(InodeCheck()).isEmpty != isFound)
            try await scene.expectNone(DiskCheck())
        }
    }

    @Test func `this disk and its inodes can be asked`() async throws {
        try await CheckScene.with { scene in
            let use = try FileSystemUse.at(scene.home.folder.appending("not").appending("there"))
            #expect(use.used + use.free > 0)
            _ = try await scene.findings(DiskCheck())
            _ = try await scene.findings(InodeCheck())
        }
    }

    @Test func `room for the next backup, to the byte`() async throws {
        try await CheckScene.with { scene in
            let needed = BackupRoomCheck.needed(
                source: try TreeFacts.of(scene.folder.data, cancellation: Cancellation()).bytes, last: nil)
            scene.site.machine.freeSpace = { _ in ByteCount(needed) }
            try await scene.expectNone(BackupRoomCheck())
            scene.site.machine.freeSpace = { _ in ByteCount(needed - 1) }
            _ = try await scene.finding(BackupRoomCheck())
        }
    }

    @Test func `growth is measured over the backups`() async throws {
        try await CheckScene.with { scene in
            for day in 0..<5 {
                try scene.addBackup(.seconds(day * 86_400), sourceBytes: Int64(1000 - 100 * day))
            }
            let growth = try #require(Growth(try scene.site.home.backupStore(of: scene.name).all()))
            #expect(abs(growth.bytesPerDay - 100) < 0.001)
            scene.site.machine.freeSpace = { _ in ByteCount(1500) }
            try await scene.expectNone(GrowthCheck())
            scene.site.machine.freeSpace = { _ in ByteCount(1350) }
            #expect(try await scene.finding(GrowthCheck()).message.hasSuffix("fills the disk in 13 days"))
        }
    }

    @Test func `two backups say nothing of growth, and what shrinks fills no disk`() {
        #expect(Growth(points: [(0, 1), (2, 3)]) == nil)
        #expect(Growth(points: [(0, 1), (0.2, 3), (0.4, 5)]) == nil)
        #expect(Growth(points: [(0, 5), (1, 3), (2, 1)])?.days(untilFull: ByteCount(10)) == nil)
    }

    @Test func `a local instance needs neither processors nor memory nor room`() async throws {
        try await CheckScene.with { scene in
            scene.surroundings.processors = 0.5
            scene.surroundings.memory = .known(1)
            scene.site.machine.freeSpace = { _ in ByteCount(1) }
            for check in [ProcessorsCheck(), MemoryCheck(), RoomCheck()] as [any Check] {
                try await scene.expectNone(check)
            }
        }
    }

    @Test func `this machine has processors and memory`() throws {
        #expect(Resources.processors() > 0)
        #expect(try Resources.memory().get() > 0)
    }

    @Test func `a state that cannot be told, and one that was left paused`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(StateCheck())
            try await scene.expectNone(FrozenCheck())
            scene.setState(.unknown("docker is down"))
            #expect(try await scene.finding(StateCheck()).message.contains("docker is down"))
            scene.setState(.paused)
            #expect(try await scene.finding(FrozenCheck()).severity == .error)
            try Journal(
                operation: "backup", startedAt: CheckScene.now, runsAfterwards: true, mayBeFrozen: true
            ).write(to: scene.folder.journal)
            try await scene.expectNone(FrozenCheck())
        }
    }

    @Test func `a server that does not answer is an error while it runs`() async throws {
        // Port 1 needs a right that no test server has.
        try await CheckScene.with(settings: ["healthUrl": "http://127.0.0.1:1/health"]) { scene in
            try await scene.expectNone(HealthCheck())
            scene.setState(.running)
            #expect(try await scene.finding(HealthCheck()).severity == .error)
        }
    }

    @Test func `a configuration that cannot be read is an error of that instance`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(ConfigCheck())
            try scene.addInstance("broken")
            let name = try #require(InstanceName("broken"))
            try scene.write(scene.site.home.folder(of: name).config, "{")
            #expect(try await scene.finding(ConfigCheck()).instance == "broken")
        }
    }

    @Test func `a setting that means nothing is an error that says where it stands`() async throws {
        try await CheckScene.with(settings: ["keep": "many"]) { scene in
            let finding = try await scene.finding(SettingsCheck())
            #expect(finding.evidence["setting"] == "keep")
        }
        try await CheckScene.with { scene in try await scene.expectNone(SettingsCheck()) }
    }

    @Test func `a data folder that is missing is an error`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(DataFolderCheck())
            try scene.folder.data.removeTree()
            #expect(try await scene.finding(DataFolderCheck()).severity == .error)
        }
    }

    @Test func `lines of the history that were cut off are counted`() async throws {
        try await CheckScene.with { scene in
            try scene.addHistory("backup", "done")
            try await scene.expectNone(HistoryCheck())
            let file = scene.site.home.history
            try file.replaceContents(try file.contents() + Array("{\"at\":".utf8))
            #expect(try await scene.finding(HistoryCheck()).evidence["lines"] == 1)
        }
    }

    @Test func `a half-made instance is told`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(StagingCheck())
            try scene.site.home.instances.appending(".x.creating").createFolder()
            _ = try await scene.finding(StagingCheck())
        }
    }

    @Test func `a backup of another version is told`() async throws {
        try await CheckScene.with { scene in
            try scene.addBackup(.seconds(60))
            try await scene.expectNone(VersionCheck())
            try scene.addBackup(.seconds(30), tool: "0.9.0")
            #expect(
                try await scene.finding(VersionCheck()).evidence["kecsctl"]
                    == ["backup": "0.9.0", "now": "1.0.0"])
        }
    }
}
