// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// A server that keeps its database locked for itself for as long as it runs.
@Suite(.enabled(if: access("/usr/bin/python3", X_OK) == 0, "no python3"))
struct LockedDatabaseTests {
    @Test func `the remedy of a locked database works, and stop needs none`() async throws {
        try await withTemporaryFolder { root in
            let program = root.appending("server.py")
            try program.replaceContents(
                Array(
                    """
                    import os, sqlite3, time
                    db = sqlite3.connect(os.environ["KECS_DATA_DIR"] + "/kecs.db", isolation_level=None)
                    db.execute("PRAGMA locking_mode=EXCLUSIVE")
                    db.execute("CREATE TABLE IF NOT EXISTS ticks (n)")
                    for _ in range(30000):
                        db.execute("INSERT INTO ticks VALUES (1)")
                        time.sleep(0.01)
                    """.utf8))
            let kecsctl = Kecsctl(home: root.appending("home"))
            let started = try await kecsctl(
                "start", "dev", "--runtime", "local", "--command", "python3 \(program)", "--health-url",
                "none")
            #expect(started.status == 0, "\(started.errors)")
            let log = root.appending("home/instances/dev/data/kecs.db")
            #expect(try await SystemClock().wait(upTo: .seconds(60)) { try log.isPresent && busy(log) })
            let live = try await kecsctl("backup", "dev")
            #expect(live.status == 11, "\(live.errors)")
            #expect(
                live.errors.contains("try:     kecsctl backup dev --consistency stopped"), "\(live.errors)")
            #expect(
                live.errors.contains(
                    /; process [0-9]+ \(python3 .*server.py\) has it locked/), "\(live.errors)")
            let maintain = try await kecsctl("db", "maintain", "dev")
            #expect(maintain.status == 11 && maintain.errors.contains(" has it locked"), "\(maintain.errors)")
            #expect(try await kecsctl("backup", "dev", "--consistency", "stopped").status == 0)
            #expect(try await kecsctl("status", "dev", "-o", "json").first()["state"] == "running")
            #expect(try await SystemClock().wait(upTo: .seconds(60)) { try busy(log) })
            let stop = try await kecsctl("stop", "dev")
            #expect(stop.status == 0, "\(stop.errors)")
            #expect(try await kecsctl("status", "dev", "-o", "json").first()["state"] == "stopped")
            #expect(
                try await kecsctl("backups", "list", "dev", "-o", "name").output.split(separator: "\n").count
                    == 2)
        }
    }

    private func busy(_ file: FilePath) throws -> Bool {
        do {
            _ = try SQLiteDatabase(file, .readOnly, busyTimeout: .zero).value(
                "SELECT count(*) FROM sqlite_schema")
            return false
        } catch let error as SQLiteError {
            return error.isBusy
        }
    }
}
