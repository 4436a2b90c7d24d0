// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Files that are written for somebody are there whole, or not at all.
@Suite(
    .serialized,
    .enabled(if: (try? FilePath("/usr/bin/strace").isPresent) == true, "strace is not installed"))
struct KilledExportTests {
    private static let rows: Int64 = 60_000

    @Test(arguments: ["migrate export", "db load"])
    func `what was killed as soon as it began to write leaves no half file, and is in nobody's way`(
        command: String
    ) async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let database = root.appending("home/instances/dev/data/kecs.db")
            do {
                try SQLiteDatabase(database, .readWrite).executeScript(
                    """
                    CREATE TABLE large(a INTEGER PRIMARY KEY, b TEXT);
                    WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < \(Self.rows))
                    INSERT INTO large SELECT x, hex(randomblob(200)) FROM n;
                    """)
            }
            let dump = root.appending("x.sql")
            if command == "db load" {
                #expect(try await kecsctl("migrate", "export", "dev", dump.string).status == 0)
            }
            let folder = root.appending("exports")
            try folder.createFolder()
            let target = folder.appending("x.sqlite")
            let words =
                command == "db load"
                ? ["db", "load", dump.string, "--into", target.string]
                : ["migrate", "export", "dev", target.string]
            for page in [100, 1_000, 3_000] {
                // Under whatever name it writes: at a page of the new database.
                #expect(try await kecsctl.killed(at: "pwrite64", number: page, words))
                if try target.isPresent {
                    let copy = try SQLiteDatabase(target, .readOnly)
                    #expect(try copy.value("SELECT count(*) FROM large")?.integer == Self.rows)
                    try target.remove()
                }
                for name in try folder.entries() { try folder.appending(name).removeTree() }
            }
            // Killed once more, and with what is left in place.
            #expect(try await kecsctl.killed(at: "pwrite64", number: 2_000, words))
            if try !target.isPresent {
                let answer = try await kecsctl.run(words)
                #expect(answer.status == 0, "\(answer.errors)")
            }
            let copy = try SQLiteDatabase(target, .readOnly)
            #expect(try copy.value("SELECT count(*) FROM large")?.integer == Self.rows)
        }
    }
}
