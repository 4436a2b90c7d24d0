// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsBackups
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor

@Suite struct FileCheckTests {
    @Test func `a home that others can look into is closed by its repair`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(HomeModeCheck())
            try scene.site.home.path.setMode(0o755)
            let finding = try await scene.finding(HomeModeCheck())
            #expect(finding.severity == .warning)
            #expect(finding.repairs == [.mode(PathText(scene.site.home.path), from: 0o755, to: 0o700)])
        }
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give files away"))
    func `a home of another user is told`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(HomeOwnerCheck())
            try scene.site.home.path.setOwner((user: 1000, group: 1000))
            #expect(try await scene.finding(HomeOwnerCheck()).evidence["owner"] == 1000)
        }
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give files away"))
    func `in container mode the data must belong to 65532, and its owner is explained`() async throws {
        try await CheckScene.with(settings: ["containerMode": true]) { scene in
            var instance = try scene.site.instance(scene.name).config
            instance.settings["dataDir"] = .string(scene.folder.data.string)
            try instance.write(to: scene.folder.config)
            let finding = try await scene.finding(DataOwnerCheck())
            #expect(finding.severity == .error)
            #expect(finding.message.contains("belongs to 0:0, expected 65532:65532"))
            #expect(finding.evidence["foundIs"]?.string?.contains("root") == true)
            #expect(finding.evidence["expectedIs"]?.string?.contains("nonroot") == true)
            for repair in finding.repairs { try repair.apply() }
            try await scene.expectNone(DataOwnerCheck())
            #expect(try FileStatus.of(scene.database)?.owner == 65532)
        }
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give files away"))
    func `the owner that the instance names is the one expected`() async throws {
        try await CheckScene.with(runtime: .docker, settings: ["owner": "1001:1001"]) { scene in
            let finding = try await scene.finding(DataOwnerCheck())
            #expect(finding.evidence["expected"] == "1001:1001")
            #expect(finding.evidence["expectedIs"]?.string?.contains("appuser") == true)
        }
    }

    @Test func `owners are explained`() {
        #expect(ExpectedOwner.explain(501)?.contains("Mac") == true)
        #expect(ExpectedOwner.explain(12_345) == nil)
    }

    @Test func `files that everybody can write lose only that bit`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(WorldWritableCheck())
            try scene.database.setMode(0o666)
            let finding = try await scene.finding(WorldWritableCheck())
            #expect(finding.repairs == [.mode(PathText(scene.database.resolved()), from: 0o666, to: 0o664)])
        }
    }

    @Test func `credentials that others can read are told one by one`() async throws {
        try await CheckScene.with { scene in
            let secret = scene.folder.veleroConfig.appending("credentials")
            try scene.write(secret, "aws", mode: 0o600)
            try scene.write(scene.folder.veleroConfig.appending("backup-location.yaml"), mode: 0o644)
            try await scene.expectNone(SecretsCheck())
            try secret.setMode(0o640)
            #expect(
                try await scene.finding(SecretsCheck()).repairs == [
                    .mode(PathText(secret.resolved()), from: 0o640, to: 0o600)
                ])
        }
    }

    @Test func `backups that others can read are closed`() async throws {
        try await CheckScene.with { scene in
            let backup = try scene.addBackup(.seconds(60))
            try await scene.expectNone(BackupModeCheck())
            try backup.folder.setMode(0o755)
            #expect(
                try await scene.finding(BackupModeCheck()).repairs == [
                    .mode(PathText(backup.folder.resolved()), from: 0o755, to: 0o700)
                ])
        }
    }

    @Test
    func
        `a folder in which the server cannot create the database's sidecars is an error, however open the file is`()
        async throws
    {
        try await CheckScene.with { scene in
            try await scene.expectNone(DatabaseFolderCheck())
            try scene.database.setMode(0o666)
            try scene.folder.data.setMode(0o555)
            let finding = try await scene.finding(DatabaseFolderCheck())
            #expect(finding.severity == .error)
            #expect(
                finding.repairs == [.mode(PathText(scene.folder.data.resolved()), from: 0o555, to: 0o755)])
        }
    }

    @Test func `a database that its server cannot write is an error`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(DatabaseFileCheck())
            try scene.database.setMode(0o400)
            #expect(
                try await scene.finding(DatabaseFileCheck()).repairs == [
                    .mode(PathText(scene.database.resolved()), from: 0o400, to: 0o600)
                ])
        }
    }

    @Test func `chmod -R 755 is recognised by its traces`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(ExecutableDataCheck())
            try scene.database.setMode(0o755)
            #expect(try await scene.finding(ExecutableDataCheck()).repairs.count == 1)
        }
    }

    @Test func `what could not be listed keeps a backup from being whole`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(UnreadableDataCheck())
            let facts = try await scene.facts()
            var tree = TreeFacts()
            tree.unreadable = ["cannot list /x: Permission denied"]
            let broken = facts.with(tree: tree)
            let found = try UnreadableDataCheck().run(broken, try await scene.look())
            #expect(found.first?.message.contains("Permission denied") == true)
        }
    }

    @Test func `what no backup can hold is told`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(StrayFilesCheck())
            #expect(scene.folder.data.appending("pipe").withPlatformString { mkfifo($0, 0o600) } == 0)
            #expect(try await scene.finding(StrayFilesCheck()).message.contains("fifo"))
        }
    }
}
