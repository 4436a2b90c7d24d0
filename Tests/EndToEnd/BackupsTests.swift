// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// The verbs below `backups`, on instances as they are in trouble.
@Suite struct BackupsTests {
    @Test func `a broken configuration is no obstacle to pinning and removing backups`() async throws {
        try await withTemporaryFolder { root in
            let home = root.appending("home")
            let kecsctl = Kecsctl(home: home)
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            for _ in 0..<2 { #expect(try await kecsctl("backup", "dev").status == 0) }
            let ids = try home.appending("backups/dev").entries().map(\.string).sorted()
            try #require(ids.count == 2)
            try home.appending("instances/dev/config.json").replaceContents(Array("{".utf8))

            let pinned = try await kecsctl("backups", "pin", "dev/\(ids[1])")
            #expect(pinned.status == 0, "\(pinned.errors)")
            let refused = try await kecsctl("backups", "delete", "dev/\(ids[1])", "--yes")
            #expect(refused.status != 0)
            let deleted = try await kecsctl("backups", "delete", "dev/\(ids[0])", "--yes")
            #expect(deleted.status == 0, "\(deleted.errors)")
            #expect(try home.appending("backups/dev").entries().map(\.string) == [ids[1]])
        }
    }

    @Test func `prune's flags take the place of the settings, and the newest good backup stays`() async throws
    {
        try await withTemporaryFolder { root in
            let home = root.appending("home")
            let kecsctl = Kecsctl(home: home)
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            for setting in [["keep", "5"], ["keepDaily", "7"]] {
                let set = try await kecsctl.run(["config", "set"] + setting + ["--instance", "dev"])
                #expect(set.status == 0, "\(set.errors)")
            }
            func ids() throws -> [String] {
                try home.appending("backups/dev").entries().map(\.string).filter { $0.hasPrefix("2") }
                    .sorted()
            }
            for _ in 0..<3 { #expect(try await kecsctl("backup", "dev").status == 0) }
            #expect(try await kecsctl("backup", "dev", "--keep", "1").status == 0)
            #expect(try ids().count == 4, "a backup's own flags never remove what the settings keep")
            let newest = try #require(try ids().last)
            let plan = try await kecsctl("backups", "prune", "dev", "--keep", "1", "--dry-run")
            #expect(plan.output.contains("among the newest 1"), "\(plan.output)")
            #expect(try ids().count == 4)
            let pruned = try await kecsctl("backups", "prune", "dev", "--keep", "1")
            #expect(pruned.status == 0, "\(pruned.errors)")
            #expect(try ids() == [newest])
            // Rules of one kind alone still leave the newest.
            #expect(try await kecsctl("backup", "dev").status == 0)
            #expect(try await kecsctl("backups", "prune", "dev", "--keep-daily", "0").status == 0)
            #expect(try ids().count == 1)
        }
    }

    @Test func `nothing differs between a backup and the state that was not touched since`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            #expect(try await kecsctl("backup", "dev").status == 0)
            // Twice: the first look opens the database, which makes files beside it.
            for _ in 0..<2 {
                let answer = try await kecsctl("backups", "diff", "latest", "--instance", "dev", "-o", "json")
                #expect(answer.status == 0, "\(answer.errors)")
                #expect(!answer.output.contains("kecs.db-"), "\(answer.output)")
            }
            let list = try await kecsctl("db", "query", "dev", "SELECT count(*) FROM clusters")
            #expect(list.status == 0, "\(list.errors)")
        }
    }
}
