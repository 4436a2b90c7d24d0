// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsState
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// A state database whose writer was killed in a transaction: what was committed is read, by every command that reads, and
/// stays as the writer left it.
@Suite(.serialized, .enabled(if: geteuid() == 0, "only root can act for two users")) struct HotJournalTests {
    @Test(arguments: [
        ["state", "export", "dev"], ["recover", "dev", "--dry-run"],
        ["backups", "diff", "latest", "--instance", "dev"],
        ["restore", "dev", "--from", "latest", "--dry-run"],
    ])
    func `a command that reads does not fail because of it`(arguments: [String]) async throws {
        try await HostileScene.with { scene in
            let before = try await prepare(scene)
            let answer = try await scene.kecsctl.run(arguments)
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try treeDigest(scene.data) == before)
        }
    }

    @Test func `the doctor says that it is there, and its remedy takes it away`() async throws {
        try await HostileScene.with { scene in
            let before = try await prepare(scene)
            let answer = try await scene.kecsctl("doctor", "dev")
            #expect(answer.output.contains("kecs.db-journal holds a transaction"), "\(answer.output)")
            #expect(answer.output.contains("kecsctl db maintain dev"), "\(answer.output)")
            #expect(try treeDigest(scene.data) == before)
            let remedy = try await scene.kecsctl("db", "maintain", "dev")
            #expect(remedy.status == 0, "\(remedy.errors)")
            #expect(try await !scene.kecsctl("doctor", "dev").output.contains("kecs.db-journal"))
        }
    }

    /// - Returns: The digest of the data with KECS's schema, a backup that was made before, and a hot journal.
    private func prepare(_ scene: HostileScene) async throws -> String {
        try scene.database.remove()
        do {
            _ = try StateDatabase.create(scene.database, at: Moment(seconds: 0))
        }
        try scene.giveAway()
        let backup = try await scene.kecsctl("backup", "dev")
        try #require(backup.status == 0, "\(backup.errors)")
        try await scene.leaveHotJournal()
        try #require(try FilePath(scene.database.string + "-journal").isPresent)
        return try treeDigest(scene.data)
    }
}
