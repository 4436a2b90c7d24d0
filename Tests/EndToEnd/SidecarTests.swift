// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// A database that is not SQLite keeps its newest rows in a log beside it.
@Suite struct SidecarTests {
    @Test func `an unchanged database with a changed log beside is archived again`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            try #require(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let data = root.appending("home/instances/dev/data")
            let file = data.appending("kecs.duckdb")
            let log = data.appending("kecs.duckdb.wal")
            try file.replaceContents(
                [UInt8](repeating: 0, count: 8) + Array("DUCK".utf8) + [UInt8](repeating: 1, count: 100_000))
            try log.replaceContents(Array("one".utf8))
            // What was written less than two seconds ago may be written again with the same time stamp.
            func settle() async throws { try await SystemClock().sleep(for: .milliseconds(2100)) }
            try await settle()
            func backup() async throws -> (id: String, digest: String) {
                let report = try await kecsctl("backup", "dev", "-o", "json").first()
                let parts = try #require(report["backup"]?["parts"]?.array)
                let part = try #require(parts.first { $0["name"]?.string == "data" })
                return (
                    try #require(report["backup"]?["id"]?.string), try #require(part["sha256"]?.string)
                )
            }
            let first = try await backup()
            let same = try await backup()
            #expect(try archive(root, same.id).inode == archive(root, first.id).inode, "it is not linked")
            // Only the log is written, with as many bytes as before.
            try log.replaceContents(Array("two".utf8))
            try await settle()
            let second = try await backup()
            #expect(first.digest != second.digest)
            #expect(try archive(root, second.id).inode != archive(root, first.id).inode)
            for (id, text) in [(first.id, "one"), (second.id, "two")] {
                try #require(try await kecsctl("restore", "dev", "--from", id).status == 0)
                #expect(String(decoding: try log.contents(), as: UTF8.self) == text)
            }
        }
    }

    /// SQLite truncates the log whenever the last process closes the database, also one that only read.
    @Test func `an empty log that is truncated again is no change`() async throws {
        try await withTemporaryFolder { root in
            var kecsctl = Kecsctl(home: root.appending("home"))
            try #require(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let log = root.appending("home/instances/dev/data/kecs.db-wal")
            try log.replaceContents([])
            // Of an hour from now everything is old enough to be compared.
            kecsctl.environment = try FakeTime.environment("+1h")
            try #require(try await kecsctl("backup", "dev").status == 0)
            for (content, isUnchanged) in [([UInt8](), true), ([1], false)] {
                try log.replaceContents(content)
                let plan = try await kecsctl("backup", "dev", "--dry-run", "-o", "json").first()
                let parts = plan["plan"]?.array ?? []
                let data = try #require(parts.first { $0["name"] == "data" }, "\(plan)")
                #expect(data["unchanged"] == .bool(isUnchanged), "\(data)")
            }
        }
    }

    private func archive(_ root: FilePath, _ id: String) throws -> FileStatus {
        try #require(try FileStatus.of(root.appending("home/backups/dev/\(id)/data.tar.gz")))
    }
}
