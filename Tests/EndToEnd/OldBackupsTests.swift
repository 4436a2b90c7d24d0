// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Backups of 0.1.0, which called good what had lost its database.
@Suite struct OldBackupsTests {
    @Test func `old backups count as what their content shows`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            let fixture = FilePath(#filePath).removingLastComponent().removingLastComponent()
                .appending("Fixtures/backups-0.1.0/dev")
            let store = root.appending("home/backups/dev")
            for id in try fixture.entries() {
                try store.appending(id).createFolder()
                for file in try fixture.appending(id).entries() {
                    try store.appending(id).appending(file).replaceContents(
                        fixture.appending(id).appending(file).contents())
                }
            }
            let list = try await kecsctl("backups", "list", "dev", "-o", "json").items()
            #expect(
                list.map { $0["id"]?.string } == [
                    "20261128T224759Z-manual", "20261128T224758Z-manual", "20261128T224757Z-manual",
                    "20261128T224755Z-manual",
                ])
            #expect(list.map { $0["state"]?.string } == ["complete", "lacking", "lacking", "complete"])
            #expect(list.map { $0["good"] } == [.bool(true), .bool(false), .bool(false), .bool(true)])
            #expect(list[1]["lacks"]?.array?.first?["part"] == "data")
            let latest = try await kecsctl("backups", "show", "dev/latest", "-o", "json").first()
            #expect(latest["id"] == "20261128T224755Z-manual")

            // The instance comes back from that one, and goes on behind them.
            let restored = try await kecsctl("restore", "dev", "--from", "latest")
            #expect(restored.status == 0, "\(restored.errors)")
            #expect(try root.appending("home/instances/dev/data/kecs.db").isPresent)
            let pruned = try await kecsctl("backups", "prune", "dev", "--keep", "1")
            #expect(pruned.status == 0, "\(pruned.errors)")
            let kept = try await kecsctl("backups", "list", "dev", "-o", "name").output
            #expect(kept.contains("20261128T224755Z-manual"))
            let next = try await kecsctl("backup", "dev", "-o", "json").first()
            #expect(next["backup"]?["sequence"] == .integer(1))
            #expect(next["backup"]?["good"] == .bool(true))
        }
    }
}
