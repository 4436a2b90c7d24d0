// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsBackups
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor

/// One byte below a limit, at it, and one byte above: only the last is too much.
private func limits(_ limit: Int64) -> [(Int64, Bool)] {
    [(limit - 1, false), (limit, false), (limit + 1, true)]
}

@Suite struct DatabaseCheckTests {
    @Test func `a database is told by its first bytes`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(DatabaseKindCheck())
            try scene.write(scene.database, "")
            #expect(try await scene.finding(DatabaseKindCheck()).message.contains("is empty"))
            try scene.write(scene.database, "12345678DUCK and more")
            #expect(try await scene.finding(DatabaseKindCheck()).severity == .info)
            try scene.write(scene.database, "a text")
            #expect(try await scene.finding(DatabaseKindCheck()).severity == .error)
        }
    }

    @Test func `a state that is gone is an error only when a backup holds one`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(DatabaseMissingCheck())
            try scene.database.remove()
            try await scene.expectNone(DatabaseMissingCheck())
            let backup = try scene.addBackup(.seconds(60))
            #expect(
                try await scene.finding(DatabaseMissingCheck()).remedy
                    == "kecsctl restore dev --from \(backup.id)")
        }
    }

    @Test(arguments: limits(1 << 30))
    func `a database is too large from one byte over 1 GiB`(bytes: Int64, isFound: Bool) async throws {
        try await CheckScene.with { scene in
            try scene.sparse(scene.folder.data.appending("mimir.db"), bytes)
            #expect(try await scene.findings(DatabaseSizeCheck()).isEmpty != isFound)
        }
    }

    @Test(arguments: limits(10 << 30))
    func `data is too large from one byte over 10 GiB`(bytes: Int64, isFound: Bool) async throws {
        try await CheckScene.with { scene in
            try scene.fillData(bytes)
            #expect(try await scene.findings(DataSizeCheck()).isEmpty != isFound)
        }
    }

    @Test(arguments: limits(64 << 20))
    func `a write-ahead log is too large from one byte over 64 MiB`(bytes: Int64, isFound: Bool) async throws
    {
        try await CheckScene.with { scene in
            try scene.sparse(FilePath(scene.database.string + "-wal"), bytes)
            #expect(try await scene.findings(WriteAheadLogCheck()).isEmpty != isFound)
        }
    }

    @Test
    func `a database that is not in WAL mode is told, and its repair is offered while nobody has it open`()
        async throws
    {
        try await CheckScene.with { scene in
            try await scene.expectNone(JournalModeCheck())
            try SQLiteDatabase(scene.database, .readWrite).execute("PRAGMA journal_mode = delete")
            let repairs = try await scene.finding(JournalModeCheck()).repairs
            #expect(repairs.count == 1)
            scene.setState(.running)
            #expect(try await scene.finding(JournalModeCheck()).repairs == [])
            try repairs[0].apply()
            try await scene.expectNone(JournalModeCheck())
        }
    }

    @Test func `free pages count when they are many and large`() {
        let page: Int64 = 4096
        #expect(!FreePagesCheck.isWasteful(free: 4096, of: 8192, pageSize: page))
        #expect(FreePagesCheck.isWasteful(free: 4097, of: 8192, pageSize: page))
        #expect(!FreePagesCheck.isWasteful(free: 5000, of: 20_000, pageSize: page))
        #expect(FreePagesCheck.isWasteful(free: 5001, of: 20_000, pageSize: page))
    }

    @Test func `a database with much free room is told`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(FreePagesCheck())
            do {
                let database = try SQLiteDatabase(scene.database, .readWrite)
                try database.execute("CREATE TABLE big (x)")
                try database.execute("INSERT INTO big VALUES (zeroblob(20000000))")
                try database.execute("DROP TABLE big")
            }
            #expect(try await scene.finding(FreePagesCheck()).severity == .info)
        }
    }

    @Test func `a damaged page is an error`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(IntegrityCheck())
            let file = scene.database.withPlatformString { open($0, O_WRONLY | O_CLOEXEC) }
            let rubbish = [UInt8](repeating: 0xAB, count: 4096)
            #expect(pwrite(file, rubbish, 4096, 4096) == 4096)
            close(file)
            let finding = try await scene.finding(IntegrityCheck())
            #expect(finding.severity == .error)
            #expect(finding.remedy == "kecsctl db rescue dev")
        }
    }

    @Test func `a row that refers to nothing is a warning`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(ForeignKeysCheck())
            do {
                let database = try SQLiteDatabase(scene.database, .readWrite)
                try database.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
                try database.execute("CREATE TABLE child (parent REFERENCES parent(id))")
                try database.execute("INSERT INTO child VALUES (7)")
            }
            #expect(try await scene.finding(ForeignKeysCheck()).evidence["table"] == "child")
        }
    }

    @Test func `a schema of a later kecsctl, and one that was changed by hand`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(SchemaVersionCheck())
            try await scene.expectNone(SchemaDriftCheck())
            try SQLiteDatabase(scene.database, .readWrite).execute(
                "ALTER TABLE clusters ADD COLUMN mine TEXT")
            _ = try await scene.finding(SchemaDriftCheck())
            try SQLiteDatabase(scene.database, .readWrite).execute("PRAGMA user_version = 99")
            #expect(try await scene.finding(SchemaVersionCheck()).severity == .error)
        }
    }

    @Test func `sidecars of another database are told`() async throws {
        try await CheckScene.with { scene in
            try await scene.expectNone(SidecarsCheck())
            try scene.write(FilePath(scene.database.string + ".wal"))
            #expect(try await scene.finding(SidecarsCheck()).message.contains("kecs.db.wal"))
        }
    }

    @Test func `a closed database is read without leaving anything beside it`() async throws {
        try await CheckScene.with { scene in
            let before = try scene.folder.data.entries()
            for check in [IntegrityCheck(), ForeignKeysCheck(), FreePagesCheck()] as [any Check] {
                try await scene.expectNone(check)
            }
            #expect(try scene.folder.data.entries() == before)
        }
    }

    @Test func `a database that was not closed cannot be told, and is left alone`() async throws {
        try await CheckScene.with { scene in
            try scene.write(FilePath(scene.database.string + "-wal"), "wal")
            await #expect(throws: CannotTell.self) { try await scene.findings(IntegrityCheck()) }
        }
    }
}
