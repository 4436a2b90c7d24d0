// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// An instance's folder, or that of its backups, behind a link; and what an export finds in its way.
@Suite(.serialized, .enabled(if: geteuid() == 0, "only root can act for two users"))
struct HomeOnAnotherDiskTests {
    private func moveAway(_ scene: HostileScene, _ name: String) throws -> FilePath {
        let disk = scene.root.appending("disk")
        if try !disk.isPresent { try disk.createFolder() }
        let there = disk.appending(name)
        let here = scene.home.appending(name).appending("dev")
        try here.rename(to: there)
        try #require(symlink(there.string, here.string) == 0)
        return there
    }

    @Test func `links of the home's owner are followed by every verb`() async throws {
        try await HostileScene.with { scene in
            #expect(try await scene.kecsctl("backup", "dev").status == 0)
            let backups = try moveAway(scene, "backups")
            let instance = try moveAway(scene, "instances")
            for arguments in [
                ["backup", "dev"], ["backup", "--all"], ["status", "dev"],
                ["restore", "dev", "--from", "latest"],
                ["undo", "dev"], ["backups", "verify", "latest", "--instance", "dev"],
            ] {
                let answer = try await scene.kecsctl.run(arguments)
                #expect(answer.status == 0, "\(arguments): \(answer.errors)")
            }
            let list = try await scene.kecsctl("backups", "list", "dev", "-o", "name")
            #expect(list.output.split(separator: "\n").count == 3, "\(list.output)")
            #expect(try await scene.kecsctl("list", "-o", "name").output.contains("dev"))
            let destroyed = try await scene.kecsctl("destroy", "dev", "--yes", "--delete-backups")
            #expect(destroyed.status == 0, "\(destroyed.errors)")
            #expect(try !instance.isPresent)
            #expect(try !backups.isPresent)
            #expect(try scene.home.appending("instances").entries().isEmpty)
        }
    }

    @Test func `a link of somebody else's is refused with its name`() async throws {
        try await HostileScene.with { scene in
            let instance = try moveAway(scene, "instances")
            let link = scene.home.appending("instances/dev")
            try #require(lchown(link.string, 65532, 65532) == 0)
            let answer = try await scene.kecsctl("backup", "dev")
            #expect(answer.status == 1, "\(answer.errors)")
            #expect(answer.errors.contains("\(link)"), "\(answer.errors)")
            try #require(lchown(link.string, 0, 0) == 0)
            try instance.setOwner((65532, 65532))
            let second = try await scene.kecsctl("backup", "dev")
            #expect(second.status == 1 && second.errors.contains("\(instance)"), "\(second.errors)")
        }
    }

    @Test func `an export removes nothing, and one that was killed is in nobody's way`() async throws {
        try await HostileScene.with { scene in
            #expect(try await scene.kecsctl("backup", "dev").status == 0)
            let forms = ["x.tar", "x.tar.gz", "x.sqlite", "x.sql", "x"]
            for form in forms {
                let draft = scene.root.appending("\(form).draft")
                try draft.replaceContents(Array("precious".utf8))
                let target = scene.root.appending(form).string
                let arguments =
                    form == "x.tar"
                    ? ["backups", "export", "latest", "--instance", "dev", "--file", target]
                    : ["migrate", "export", "dev", target]
                let answer = try await scene.kecsctl.run(arguments)
                #expect(answer.status == 0, "\(form): \(answer.errors)")
                #expect(try draft.contents() == Array("precious".utf8))
                #expect(try await scene.kecsctl.run(arguments).status == 64)
            }
            let dump = scene.root.appending("x.sql")
            let target = scene.root.appending("loaded.sqlite")
            for delay in [5, 20, 60] {
                _ = try await scene.kecsctl.killed(
                    after: .milliseconds(delay), ["db", "load", dump.string, "--into", target.string])
                // Whole or not there.
                if try target.isPresent {
                    #expect(try SQLiteDatabase(target, .readOnly).integrityProblems().isEmpty)
                    try target.remove()
                }
            }
            #expect(try await scene.kecsctl("db", "load", dump.string, "--into", target.string).status == 0)
        }
    }
}
