// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@Suite struct DamageTests {
    @Test func `one flipped bit in any file of a backup is found, named, and changes nothing live`()
        async throws
    {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let live = root.appending("home/instances/dev")
            try live.appending("minio-data/object").replaceContents(
                (0..<200_000).map { UInt8(truncatingIfNeeded: $0 * $0) })
            #expect(try await kecsctl("backup", "dev").status == 0)
            let id = try #require(
                try await kecsctl("backups", "list", "dev", "-o", "json").first()["id"]?.string)
            let folder = root.appending("home/backups/dev").appending(id)
            let before = try treeDigest(live, leavingOut: ["lock"])
            for name in try folder.entries() {
                let file = folder.appending(name)
                let good = try file.contents()
                for _ in 0..<Rounds.count(ci: 6, full: 60) {
                    var bad = good
                    bad[Int.random(in: 0..<bad.count)] ^= 1 << UInt8.random(in: 0..<8)
                    try file.replaceContents(bad)
                    let verify = try await kecsctl("backups", "verify", id, "--instance", "dev")
                    #expect(verify.status == 13, "\(name): \(verify.errors)")
                    let said = verify.errors + verify.output
                    // A sum that no longer fits may be blamed on either of the two files that disagree.
                    #expect(
                        said.contains(name.string)
                            || (name.string == "SHA256SUMS" && said.contains("manifest.json")))
                    let restore = try await kecsctl("restore", "dev", "--from", id)
                    #expect(restore.status == 13, "\(name): \(restore.errors)")
                    #expect(try treeDigest(live, leavingOut: ["lock"]) == before)
                }
                try file.replaceContents(good)
            }
            let verify = try await kecsctl("backups", "verify", id, "--instance", "dev")
            #expect(verify.status == 0, "\(verify.errors)")
        }
    }
}
