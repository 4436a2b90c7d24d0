// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsBackups
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// `latest` beside the backups, for scripts that know nothing of kecsctl.
@Suite struct LatestLinkTests {
    private struct Scene {
        let kecsctl: Kecsctl
        let store: FilePath
        var link: FilePath { store.appending("latest") }

        func target() throws -> String? {
            try link.isPresent ? String(decoding: link.linkTarget(), as: UTF8.self) : nil
        }

        func ids() throws -> [String] {
            try store.entries().map(\.string).filter { BackupID($0) != nil }.sorted()
        }
    }

    private func scene(_ body: (Scene) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            let home = root.appending("home")
            let scene = Scene(kecsctl: Kecsctl(home: home), store: home.appending("backups/dev"))
            try #require(try await scene.kecsctl("start", "dev", "--runtime", "local").status == 0)
            try await body(scene)
        }
    }

    @Test func `the link leads to the newest good backup, whatever becomes of the others`() async throws {
        try await scene { scene in
            #expect(try await scene.kecsctl("backup", "dev").status == 0)
            #expect(try scene.target() == nil)
            let first = try await scene.kecsctl("backup", "dev", "--latest-link")
            #expect(first.status == 0, "\(first.errors)")
            #expect(try scene.target() == scene.ids().last)
            #expect(try FileStatus.following(scene.link)?.kind == .folder)
            // It is kept without being asked for again.
            #expect(try await scene.kecsctl("backup", "dev").status == 0)
            #expect(try scene.ids().count == 3)
            #expect(try scene.target() == scene.ids().last)
            // A damaged one is not the one to take.
            let newest = try #require(try scene.ids().last)
            let archive = scene.store.appending(newest).appending("data.tar.gz")
            var bytes = try archive.contents()
            bytes[bytes.count / 2] ^= 0xFF
            try archive.replaceContents(bytes)
            #expect(try await scene.kecsctl("backups", "verify", newest).status == 13)
            #expect(try scene.target() == scene.ids()[1])
            #expect(try await scene.kecsctl("backups", "delete", scene.ids()[1], "--yes").status == 0)
            #expect(try scene.target() == scene.ids()[0])
            let listed = try await scene.kecsctl("backups", "list", "dev", "-o", "name")
            #expect(!listed.output.contains("latest"))
            let last = try await scene.kecsctl("backups", "delete", scene.ids()[0], "--yes", "--force")
            #expect(last.status == 0, "\(last.errors)")
            #expect(try scene.target() == nil)
        }
    }

    @Test func `what somebody else called latest is left alone, and said`() async throws {
        try await scene { scene in
            #expect(try await scene.kecsctl("backup", "dev").status == 0)
            try scene.link.replaceContents(Array("mine".utf8))
            #expect(try await scene.kecsctl("backup", "dev").status == 0)
            let refused = try await scene.kecsctl("backup", "dev", "--latest-link")
            #expect(refused.status == 3, "\(refused)")
            #expect(refused.errors.contains("is not made by kecsctl"), "\(refused.errors)")
            #expect(try scene.link.contents() == Array("mine".utf8))
        }
    }
}
