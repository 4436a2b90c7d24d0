// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Databases that somebody else can write, or that come from elsewhere.
@Suite(.serialized, .enabled(if: geteuid() == 0, "only root can act for two users"))
struct ForeignDatabaseTests {
    @Test(arguments: [
        ["backup", "dev"], ["migrate", "status", "dev"], ["db", "check", "dev"], ["db", "dump", "dev"],
        ["state", "export", "dev"], ["doctor", "dev"], ["db", "rescue", "dev"], ["db", "maintain", "dev"],
    ])
    func `a journal that names a file elsewhere deletes nothing, whatever the command`(
        arguments: [String]
    ) async throws {
        try await HostileScene.with { scene in
            let victim = scene.outside.appending("secret")
            try plantJournal(beside: scene.database, naming: victim)
            let before = try scene.outsideDigest()
            let answer = try await scene.kecsctl.run(arguments)
            #expect(try scene.outsideDigest() == before)
            if arguments.first != "doctor" {
                #expect(answer.status == 13, "\(answer.errors)")
                #expect(answer.errors.contains("\(victim)"), "\(answer.errors)")
            }
        }
    }

    @Test(arguments: [["restore", "dev", "--from"], ["migrate", "import"]])
    func `the same in an archive is refused before anything is touched`(command: [String]) async throws {
        try await HostileScene.with { scene in
            let victim = scene.outside.appending("secret")
            let folder = scene.root.appending("workshop")
            try folder.createFolder()
            try scene.makeDatabase(folder.appending("kecs.db"))
            try plantJournal(beside: folder.appending("kecs.db"), naming: victim)
            let archive = scene.root.appending("evil.tar.gz")
            _ = try writeArchive(
                of: TreeSource(root: folder), to: archive, compression: .fast, threads: 1,
                cancellation: Cancellation(), progress: SilentProgress())
            let before = try scene.outsideDigest()
            let live = try treeDigest(scene.data)
            let end = command[0] == "migrate" ? ["dev"] : []
            let answer = try await scene.kecsctl.run(command + [archive.string] + end)
            #expect(try scene.outsideDigest() == before)
            #expect(try treeDigest(scene.data) == live)
            #expect(answer.status == 13, "\(answer.errors)")
        }
    }

    @Test func `SQLite cannot attach, and follows no link at the database's name`() throws {
        try withTemporaryFolder { root in
            let other = root.appending("other.db")
            try SQLiteDatabase(other, .create).executeScript("CREATE TABLE t(a); INSERT INTO t VALUES (1)")
            let mine = root.appending("mine.db")
            let database = try SQLiteDatabase(mine, .create)
            #expect(throws: SQLiteError.self) { try database.execute("ATTACH '\(other)' AS x") }
            #expect(throws: SQLiteError.self) { try database.execute("VACUUM INTO '\(root)/new.db'") }
            #expect(try !root.appending("new.db").isPresent)
            try database.execute("CREATE TABLE t(a)")
            try database.execute("VACUUM")
            // A link of another user's in another user's folder.
            let folder = root.appending("theirs")
            try folder.createFolder()
            let link = folder.appending("link.db")
            try #require(symlink(other.string, link.string) == 0)
            try #require(lchown(link.string, 65532, 65532) == 0)
            try folder.setOwner((65532, 65532))
            #expect(throws: SQLiteError.self) { try SQLiteDatabase(link, .readOnly) }
            #expect(throws: FileError.self) { try link.contents() }
        }
    }

    @Test func `what a killed writer left is read in a private copy, and stays as it is`() async throws {
        try await HostileScene.with { scene in
            #expect(try await scene.kecsctl("backup", "dev").status == 0)
            try await scene.leaveHotJournal()
            let journal = FilePath(scene.database.string + "-journal")
            #expect(try journal.isPresent)
            let before = try treeDigest(scene.data)
            for arguments in [
                ["backup", "dev"], ["backups", "diff", "latest", "--instance", "dev"],
                ["db", "check", "dev"],
                ["restore", "dev", "--from", "latest", "--dry-run"], ["db", "dump", "dev"],
            ] {
                let answer = try await scene.kecsctl.run(arguments)
                #expect(answer.status == 0, "\(arguments): \(answer.errors)")
                #expect(try treeDigest(scene.data) == before, "\(arguments)")
            }
            // All its checks at once.
            #expect(try await scene.kecsctl("doctor", "dev").status >= 0)
            #expect(try treeDigest(scene.data) == before, "doctor")
        }
    }

    @Test(arguments: ["cut", "longer", "overwritten"])
    func `a state database that is damaged is still the database`(how: String) async throws {
        try await HostileScene.with { scene in
            #expect(try await scene.kecsctl("backup", "dev").status == 0)
            let size = try #require(try FileStatus.of(scene.database)).size
            switch how {
            case "cut": try #require(truncate(scene.database.string, off_t(size - 1000)) == 0)
            case "longer": try #require(truncate(scene.database.string, off_t(size + 1)) == 0)
            default:
                let file = open(scene.database.string, O_WRONLY)
                let noise = [UInt8](repeating: 0x5A, count: 100)
                try #require(pwrite(file, noise, noise.count, 0) == noise.count)
                close(file)
            }
            let answer = try await scene.kecsctl("backup", "dev")
            // A byte behind the last page is nothing to SQLite; it is a database, captured as one.
            if how == "longer" {
                #expect(answer.status == 0, "\(answer.errors)")
                #expect(
                    try await scene.kecsctl("backups", "show", "latest", "--instance", "dev").output.contains(
                        "kecs.db"))
            } else {
                #expect([3, 13].contains(answer.status), "\(answer.status) \(answer.errors)")
            }
        }
    }

    @Test func `a row that is larger than the memory is dumped piece by piece`() async throws {
        try await HostileScene.with { scene in
            let file = scene.root.appending("large.sqlite")
            let database = try SQLiteDatabase(file, .create)
            try database.executeScript("CREATE TABLE t(a, b TEXT, c INT)")
            try database.execute("INSERT INTO t VALUES (x'00ff', 'small', 1)")
            try database.execute("INSERT INTO t VALUES (zeroblob(100000000), 'it''s' || char(10), 2)")
            try database.execute(
                "INSERT INTO t VALUES (NULL, replace(hex(zeroblob(10000000)), '0', 'a' || char(10)), 3)")
            let result = try await scene.kecsctl.measured(["db", "dump", "--database", file.string])
            #expect(result.status == 0)
            // The blob alone has 100 MB, and twice as many digits.
            #expect(result.peak < 128 << 20, "\(result.peak >> 20) MiB")
            let again = scene.root.appending("again.sqlite")
            _ = try loadSQLDump(result.output, into: again, cancellation: Cancellation())
            let sums = "SELECT c, length(a), length(b), typeof(a), substr(b, 1, 20) FROM t ORDER BY c"
            #expect(
                try SQLiteDatabase(again, .readOnly).query(sums).map(\.values)
                    == database.query(sums).map(\.values))
        }
    }
}

extension HostileScene {
    /// A transaction of a process that is killed when a part of it has reached the file.
    func leaveHotJournal() async throws {
        let script = """
            PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN;
            CREATE TABLE big(a);
            WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 3000)
            INSERT INTO big SELECT hex(randomblob(200)) FROM n;
            .shell kill -9 $PPID
            """
        let input = root.appending("writer.sql")
        try input.replaceContents(Array((script + "\n").utf8))
        var call = ProcessCall(
            "/bin/sh", "-c", "sqlite3 \"$1\" < \"$2\"", "sh", database.string, input.string)
        call.limit = .seconds(60)
        _ = try await SystemProcesses(environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation())
            .run(call)
        try giveAway()
    }
}
