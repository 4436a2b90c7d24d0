// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// The guides' recipes that lose data when run, done right.
@Suite(.serialized) struct RecipeTests {
    private func scene(_ root: FilePath) async throws -> (Kecsctl, FilePath) {
        let kecsctl = Kecsctl(home: root.appending("home"))
        #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
        return (kecsctl, root.appending("home/instances/dev/data"))
    }

    private func rows(_ file: FilePath) throws -> Int64? {
        try SQLiteDatabase(file, .readOnly).value("SELECT count(*) FROM t")?.integer
    }

    private func insert(_ count: Int, into database: SQLiteDatabase) throws {
        try database.execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, body TEXT)")
        try database.transaction {
            for _ in 0..<count { try database.execute("INSERT INTO t (body) VALUES (hex(randomblob(20)))") }
        }
    }

    @Test func `R1: rows that are only in the write-ahead log are in the backup`() async throws {
        try await withTemporaryFolder { root in
            let (kecsctl, data) = try await scene(root)
            let database = try SQLiteDatabase(data.appending("kecs.db"), .readWrite)
            _ = try database.query("PRAGMA wal_autocheckpoint = 0")
            try insert(1000, into: database)
            #expect(try data.appending("kecs.db-wal").isPresent)
            let answer = try await kecsctl("backup", "dev", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            let parts = try answer.first()["backup"]?["parts"]?.array ?? []
            let tables = parts.compactMap { $0["databases"]?.array?.first?["tables"] }.first
            #expect(tables?["t"] == .integer(1000))
            withExtendedLifetime(database) {}
        }
    }

    @Test func `R2: a stale write-ahead log of the replaced database does not leak into the restored one`()
        async throws
    {
        try await withTemporaryFolder { root in
            let (kecsctl, data) = try await scene(root)
            let file = data.appending("kecs.db")
            do { try insert(1000, into: try SQLiteDatabase(file, .readWrite)) }
            #expect(try await kecsctl("backup", "dev").status == 0)
            // A writer that was killed: its log lies beside the database with rows that are not in it.
            let wal = data.appending("kecs.db-wal")
            let saved = root.appending("wal")
            do {
                let database = try SQLiteDatabase(file, .readWrite)
                _ = try database.query("PRAGMA wal_autocheckpoint = 0")
                try insert(334, into: database)
                try wal.copyContents(to: saved)
            }
            if try wal.isPresent { try wal.remove() }
            try saved.copyContents(to: wal)
            let answer = try await kecsctl("restore", "dev", "--from", "latest")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try !wal.isPresent)
            #expect(try rows(file) == 1000)
            #expect(try SQLiteDatabase(file, .readOnly).integrityProblems() == [])
            // Also when only the database comes back, into a folder that stays.
            if try wal.isPresent { try wal.remove() }
            try saved.copyContents(to: wal)
            let single = try await kecsctl("restore", "dev", "--from", "latest", "--path", "data/kecs.db")
            #expect(single.status == 0, "\(single.errors)")
            #expect(try rows(file) == 1000)
        }
    }

    @Test func `R3: a database file, an SQL dump and an archive are told apart by content`() async throws {
        try await withTemporaryFolder { root in
            let (kecsctl, data) = try await scene(root)
            let other = root.appending("backup_20251119.txt")
            do { try insert(7, into: try SQLiteDatabase(other, .create)) }
            let bare = try await kecsctl("restore", "dev", "--from", other.string)
            #expect(bare.status == 0, "\(bare.errors)")
            #expect(try rows(data.appending("kecs.db")) == 7)
            let dump = root.appending("dump.sqlite")
            try dump.replaceContents(
                Array(
                    "BEGIN TRANSACTION;\nCREATE TABLE t(id INTEGER);\nINSERT INTO t VALUES(1),(2);\nCOMMIT;\n"
                        .utf8))
            let sql = try await kecsctl("restore", "dev", "--from", dump.string)
            #expect(sql.status == 0, "\(sql.errors)")
            #expect(try rows(data.appending("kecs.db")) == 2)
            let text = root.appending("notes.sql")
            try text.replaceContents(Array("these are only words".utf8))
            let refused = try await kecsctl("restore", "dev", "--from", text.string)
            #expect([13, 64].contains(refused.status), "\(refused.errors)")
            #expect(try rows(data.appending("kecs.db")) == 2)
            #expect(try await kecsctl("undo", "dev").status == 0)
            #expect(try rows(data.appending("kecs.db")) == 7)
        }
    }

    @Test func `R9: an archive that is cut off destroys nothing`() async throws {
        try await withTemporaryFolder { root in
            let (kecsctl, data) = try await scene(root)
            do { try insert(5, into: try SQLiteDatabase(data.appending("kecs.db"), .readWrite)) }
            let archive = root.appending("kecs-backup-20240124-120000.tar.gz")
            try await tar("czf", archive, "-C", root.appending("home/instances/dev"), "data")
            let whole = try archive.contents()
            try archive.replaceContents(Array(whole.prefix(whole.count / 2)))
            let before = try treeDigest(data)
            let answer = try await kecsctl("restore", "dev", "--from", archive.string)
            #expect(answer.status == 13, "\(answer.errors)")
            #expect(try treeDigest(data) == before)
        }
    }

    @Test(arguments: ["kecs-data", ".", "data"])
    func `R12: either layout of the guides comes back in the right place`(top: String) async throws {
        try await withTemporaryFolder { root in
            let (kecsctl, data) = try await scene(root)
            let made = root.appending("made").appending(top == "." ? "x" : top)
            try made.createFolder()
            do { try insert(11, into: try SQLiteDatabase(made.appending("kecs.db"), .create)) }
            try made.appending("extra.txt").replaceContents(Array("extra".utf8))
            try made.appending(".lock").replaceContents([])
            let archive = root.appending("export.bin")
            if top == "." {
                try await tar("czf", archive, "-C", made, ".")
            } else {
                try await tar("czf", archive, "-C", root.appending("made"), FilePath(top))
            }
            let answer = try await kecsctl("restore", "dev", "--from", archive.string)
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try rows(data.appending("kecs.db")) == 11)
            #expect(try data.appending("extra.txt").contents() == Array("extra".utf8))
            #expect(try !data.appending(".lock").isPresent)
        }
    }

    private func tar(_ arguments: any CustomStringConvertible...) async throws {
        let call = ProcessCall("tar", arguments.map { "\($0)" })
        let result = try await SystemProcesses(
            environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation()
        ).run(call)
        #expect(result.succeeded, "\(result.errorText)")
    }
}
