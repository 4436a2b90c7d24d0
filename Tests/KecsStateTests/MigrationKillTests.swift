// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsState
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@Suite struct MigrationKillTests {
    private static func content(_ file: FilePath) throws -> DatabaseContent {
        try SQLiteDatabase(file, .readWrite).content { $0 != "kecsctl_migrations" && $0 != "kecsctl_meta" }
    }

    private static func migrate(_ file: FilePath) throws {
        try _ = MigrationHistoryTests.migrate(SQLiteDatabase(file, .readWrite))
    }

    /// Old or new, never between; and the next run finishes.
    @Test(arguments: [false, true])
    func `killed at a random moment, the database is the old one or the new one`(wal: Bool) async throws {
        try await withTemporaryFolder { folder in
            let old = folder.appending("old.db")
            do {
                let database = try MigrationHistoryTests.database(old, of: 20_250_531)
                if wal { try database.execute("PRAGMA journal_mode = WAL") }
                try MigrationHistoryTests.fill(database, with: "c_mixed_edge_cases")
            }
            let new = folder.appending("new.db")
            try old.copyContents(to: new)
            let start = ContinuousClock.now
            try Self.migrate(new)
            let whole = Int((ContinuousClock.now - start) / .microseconds(1))
            let before = try Self.content(old)
            let after = try Self.content(new)
            #expect(before != after)

            var seen = (old: 0, new: 0)
            var seed = CampaignSeed("MigrationKillTests")
            let rounds = Rounds.count(ci: 12, full: 50)
            for round in 0..<rounds {
                let file = folder.appending("\(round).db")
                try old.copyContents(to: file)
                let path = file.string
                let delay = Int.random(in: 0...whole * 5 / 4, using: &seed)
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [path = path as String, delay = delay as Int] in
                    // The moment counts from here, not from the start of the process.
                    try Threads.start(name: "killer") {
                        usleep(UInt32(delay))
                        kill(getpid(), SIGKILL)
                    }
                    _ = try MigrationHistoryTests.migrate(SQLiteDatabase(FilePath(path), .readWrite))
                    kill(getpid(), SIGKILL)
                }
                let found = try Self.content(file)
                if found == before {
                    seen.old += 1
                    #expect(
                        try UpstreamHistory.status(of: SQLiteDatabase(file, .readWrite)).plan.ledger.applied
                            .count == 1)
                } else {
                    seen.new += 1
                    #expect(found == after)
                }
                try Self.migrate(file)
                #expect(try Self.content(file) == after)
                #expect(try SQLiteDatabase(file, .readWrite).integrityProblems() == [])
            }
            #expect(seen.old + seen.new == rounds)
            #expect(seen.old > 0)
        }
    }
}
