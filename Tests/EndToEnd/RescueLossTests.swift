// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// A rescue never says that nothing is lost where it cannot know.
@Suite struct RescueLossTests {
    @Test func `rows below a lost first page are counted against the backup, and are unknown without one`()
        async throws
    {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            let started = try await kecsctl("start", "dev", "--runtime", "local")
            try #require(started.status == 0, "\(started.errors)")
            let file = root.appending("home/instances/dev/data/kecs.db")
            try SQLiteDatabase(file, .readWrite).executeScript(
                """
                PRAGMA journal_mode=DELETE;
                CREATE TABLE small (n INTEGER PRIMARY KEY, t TEXT);
                CREATE TABLE big (n INTEGER PRIMARY KEY, t TEXT);
                INSERT INTO small WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < 50) SELECT x, 'small' || x FROM c;
                INSERT INTO big WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < 5000) SELECT x, printf('%0300d', x) FROM c;
                """)
            let whole = try file.contents()
            var pages: [Int64] = []
            var size: Int64 = 0
            do {
                let database = try SQLiteDatabase(file, .readOnly)
                pages = try database.query(
                    "SELECT rootpage FROM sqlite_master WHERE name IN ('small', 'big')"
                )
                .compactMap { $0[0].integer }
                size = try #require(try database.value("PRAGMA page_size")?.integer)
            }
            var bytes = whole
            for page in pages {
                let start = Int((page - 1) * size)
                for index in start..<start + Int(size) { bytes[index] = 0xff }
            }
            try file.replaceContents(bytes)
            func tables() async throws -> [String: JSONValue] {
                let answer = try await kecsctl("db", "rescue", "dev", "--dry-run", "-o", "json")
                try #require(answer.status == 0, "\(answer.errors)")
                let document = try JSONValue(parsing: answer.output)
                let list = (document["report"] ?? document)["tables"]?.array ?? []
                return Dictionary(list.map { ($0["table"]?.string ?? "", $0) }) { $1 }
            }
            let without = try await tables()
            #expect(without["small"]?["rowsLost"] == nil, "\(without)")
            #expect(try await kecsctl("db", "rescue", "dev", "--dry-run").output.contains("unknown"))
            try file.replaceContents(whole)
            #expect(try await kecsctl("backup", "dev").status == 0)
            try file.replaceContents(bytes)
            let with = try await tables()
            let small = try #require(with["small"])
            #expect(small["rowsInBackup"] == .integer(50))
            #expect(small["rowsLost"] == .integer(50 - (small["rowsAfter"]?.integer ?? 0)))
        }
    }

    @Test func `a log that cannot be merged is told, and what the file holds is rescued`() async throws {
        try await withTemporaryFolder { root in
            let copy = root.appending("copy.db")
            let live = root.appending("live.db")
            let script = root.appending("script")
            // As a crash leaves them: while the connection is open, nothing merges the log. Our own connections refuse to write
            // the schema.
            let text = """
                .dbconfig defensive off
                PRAGMA journal_mode=WAL;
                CREATE TABLE small (n INTEGER PRIMARY KEY, t TEXT);
                CREATE TABLE broken (n INTEGER PRIMARY KEY);
                INSERT INTO small VALUES (1, 'one'), (2, 'two');
                PRAGMA writable_schema=ON;
                UPDATE sqlite_schema SET sql = 'CREATE TABLE broken(' WHERE name = 'broken';
                PRAGMA wal_checkpoint(TRUNCATE);
                UPDATE small SET t = 'only in the log' WHERE n = 1;
                .shell cp \(live) \(copy)
                .shell cp \(live)-wal \(copy)-wal

                """
            try script.replaceContents(Array(text.utf8))
            #expect(system("sqlite3 \(live) < \(script)") == 0)
            try #require(try FileStatus.of(copy.beside("-wal"))?.size ?? 0 > 0)
            let kecsctl = Kecsctl(home: root.appending("home"))
            let answer = try await kecsctl("db", "rescue", "--database", copy.string)
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(answer.errors.contains("the write-ahead log"), "\(answer)")
            let rescued = try #require(
                try root.entries().map(\.string).first { $0.hasPrefix("copy.db.rescued-") })
            let rows = try SQLiteDatabase(root.appending(rescued), .readOnly).value(
                "SELECT count(*) FROM small")
            #expect(rows?.integer == 2)
        }
    }
}
