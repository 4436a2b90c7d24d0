// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Files that are written for somebody are there whole, or not at all.
@Suite(.serialized) struct KilledExportTests {
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
            var hits = 0
            for _ in 1...3 {
                // Under whatever name it begins to write.
                if try await kecsctl.killed(when: { try folder.hasContent }, words) { hits += 1 }
                if try target.isPresent {
                    let copy = try SQLiteDatabase(target, .readOnly)
                    #expect(try copy.value("SELECT count(*) FROM large")?.integer == Self.rows)
                    try target.remove()
                }
                for name in try folder.entries() { try folder.appending(name).removeTree() }
            }
            #expect(hits > 0)
            // Killed once more, and with what is left in place.
            _ = try await kecsctl.killed(when: { try folder.hasContent }, words)
            if try !target.isPresent {
                let answer = try await kecsctl.run(words)
                #expect(answer.status == 0, "\(answer.errors)")
            }
            let copy = try SQLiteDatabase(target, .readOnly)
            #expect(try copy.value("SELECT count(*) FROM large")?.integer == Self.rows)
        }
    }
}

extension FilePath {
    /// Whether a file in this folder has begun to grow.
    fileprivate var hasContent: Bool {
        get throws {
            for name in try entries() {
                if let status = try FileStatus.of(appending(name)), status.size > 100_000 { return true }
            }
            return false
        }
    }
}

extension Kecsctl {
    /// Starts it, and kills it with SIGKILL at the first moment at which `condition` holds.
    ///
    /// - Returns: Whether it was killed, and not finished before.
    func killed(when condition: () throws -> Bool, _ arguments: [String]) async throws -> Bool {
        let pid = try spawn(arguments)
        var status: Int32 = 0
        while waitpid(pid, &status, WNOHANG) == 0 {
            if (try? condition()) == true {
                kill(pid, SIGKILL)
                waitpid(pid, &status, 0)
                break
            }
            try await Task.sleep(for: .milliseconds(2))
        }
        return status & 0x7F == SIGKILL
    }
}
