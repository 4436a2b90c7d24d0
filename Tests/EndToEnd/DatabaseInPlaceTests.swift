// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Databases in WAL mode with an empty log are archived where they lie.
@Suite struct DatabaseInPlaceTests {
    private static let rows = 20_000

    private func withInstance(_ body: (Kecsctl, _ database: FilePath) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            try #require(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let database = root.appending("home/instances/dev/data/orders.db")
            let made = try SQLiteDatabase(database, .create)
            try made.executeScript(
                """
                PRAGMA journal_mode = WAL;
                CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT);
                WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < \(Self.rows))
                INSERT INTO t SELECT i, hex(randomblob(50)) FROM n;
                CREATE INDEX texts ON t(text);
                PRAGMA wal_checkpoint(TRUNCATE);
                """)
            _ = consume made
            try await body(kecsctl, database)
        }
    }

    private func restored(_ kecsctl: Kecsctl, _ database: FilePath) async throws -> [UInt8] {
        try database.replaceContents([1])
        let answer = try await kecsctl("restore", "dev", "--from", "latest")
        #expect(answer.status == 0, "\(answer.errors)")
        return try database.contents()
    }

    @Test func `one that nobody writes comes back byte for byte, and has no sidecars`() async throws {
        try await withInstance { kecsctl, database in
            let before = try database.contents()
            let names = try database.removingLastComponent().entries()
            let answer = try await kecsctl("backup", "dev", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try database.removingLastComponent().entries() == names)
            #expect(try database.contents() == before)
            let parts = try answer.first()["backup"]?["parts"]?.array ?? []
            let records = parts.flatMap { $0["databases"]?.array ?? [] }
            let record = try #require(records.first { $0["path"] == "orders.db" }, "\(parts)")
            #expect(record["sha256"]?.string == sha256(before))
            #expect(record["bytes"]?.integer == Int64(before.count))
            #expect(record["tables"]?["t"]?.integer == Int64(Self.rows))
            #expect(try await restored(kecsctl, database) == before)
        }
    }

    @Test func `one in a part of many archives comes back byte for byte`() async throws {
        try await withInstance { kecsctl, database in
            try #require(try await kecsctl("config", "set", "segmentsFrom", "1MiB").status == 0)
            let before = try database.contents()
            #expect(try await kecsctl("backup", "dev").status == 0)
            let file = database.removingLastComponent().appending("more.txt")
            try file.replaceContents(Array("more".utf8))
            #expect(try await kecsctl("backup", "dev").status == 0)
            #expect(try await restored(kecsctl, database) == before)
            #expect(try file.contents() == Array("more".utf8))
        }
    }

    @Test func `one that is touched all the time is copied`() async throws {
        try await withInstance { kecsctl, database in
            let isOver = Cancellation()
            let toucher = try Threads.joinable(name: "touch") {
                while isOver.reason == nil {
                    // Its times change, but it is neither opened nor closed.
                    _ = database.withPlatformString { utimensat(AT_FDCWD, $0, nil, 0) }
                    usleep(1000)
                }
            }
            let answer = try await kecsctl("backup", "dev", "-o", "json")
            isOver.cancel(.interrupt)
            toucher.join()
            #expect(answer.status == 0, "\(answer.errors)")
            let parts = try answer.first()["backup"]?["parts"]?.array ?? []
            let record = parts.flatMap { $0["databases"]?.array ?? [] }.first { $0["path"] == "orders.db" }
            #expect(record?["tables"]?["t"]?.integer == Int64(Self.rows))
            // SQLite's own copy differs in the counters of its first page.
            #expect(record?["sha256"]?.string != sha256(try database.contents()))
            _ = try await restored(kecsctl, database)
            let copy = try SQLiteDatabase(database, .readOnly)
            #expect(try copy.integrityProblems() == [])
            #expect(try copy.value("SELECT count(*) FROM t")?.integer == Int64(Self.rows))
        }
    }

    @Test func `a damaged one ends the backup, and nothing of it stays`() async throws {
        try await withInstance { kecsctl, database in
            var bytes = try database.contents()
            for index in (40 * 4096)..<(41 * 4096) { bytes[index] = 0x5a }
            try database.replaceContents(bytes)
            let answer = try await kecsctl("backup", "dev")
            #expect(answer.status == 13, "\(answer.output)\(answer.errors)")
            #expect(answer.errors.contains("data/orders.db"), "\(answer.errors)")
            #expect(answer.errors.contains("kecsctl db rescue"), "\(answer.errors)")
            let backups = try kecsctl.home.appending("backups/dev").entries()
            #expect(backups.filter { !$0.string.hasPrefix(".") } == [])
            #expect(try database.contents() == bytes)
        }
    }
}
