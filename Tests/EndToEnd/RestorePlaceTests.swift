// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// What comes from a foreign file goes where the server reads it, or nowhere.
@Suite struct RestorePlaceTests {
    private struct Scene {
        let root: FilePath
        let kecsctl: Kecsctl
        var instance: FilePath { root.appending("home/instances/dev") }
        var data: FilePath { instance.appending("data") }

        func must(
            _ words: String..., at place: SourceLocation = #_sourceLocation
        ) async throws -> Kecsctl.Answer {
            let answer = try await kecsctl.run(words)
            try #require(answer.status == 0, "\(words): \(answer.errors)", sourceLocation: place)
            return answer
        }
    }

    private func with(_ body: (Scene) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            try await body(Scene(root: root, kecsctl: Kecsctl(home: root.appending("home"))))
        }
    }

    /// A database with so many rows.
    private func make(_ file: FilePath, rows: Int) throws {
        let database = try SQLiteDatabase(file, .create)
        try database.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)")
        for number in 0..<rows {
            try database.execute("INSERT INTO note (text) VALUES (?)", .text("\(number)"))
        }
        try database.execute("PRAGMA journal_mode = DELETE")
    }

    private func rows(_ file: FilePath) throws -> Int64? {
        try SQLiteDatabase(file, .readOnly).value("SELECT count(*) FROM note")?.integer
    }

    private func tar(_ file: FilePath, in folder: FilePath, _ what: String...) async throws {
        let result = try await SystemProcesses(
            environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation()
        )
        .run(ProcessCall("tar", ["-czf", file.string, "-C", folder.string] + what))
        try #require(result.succeeded, "\(result.errorText)")
    }

    /// A folder of somebody's own, as `--data-dir`, whose database has another name than KECS's.
    private func startOnOwnFolder(_ scene: Scene, rows: Int) async throws -> FilePath {
        let folder = scene.root.appending("dev_assets")
        try folder.createFolder()
        try make(folder.appending("db.sqlite"), rows: rows)
        _ = try await scene.must("start", "dev", "--runtime", "local", "--data-dir", folder.string)
        return folder
    }

    @Test func `no second database is planted beside one of another name`() async throws {
        try await with { scene in
            let folder = try await startOnOwnFolder(scene, rows: 3)
            #expect(try folder.entries().map(\.string) == ["db.sqlite"])
            _ = try await scene.must("stop", "dev", "--no-backup")
            _ = try await scene.must("start", "dev")
            #expect(try folder.entries().map(\.string) == ["db.sqlite"])
            #expect(
                try await scene.must("db", "query", "dev", "SELECT count(*) FROM note").output.contains("3"))
        }
    }

    @Test func `where a server makes its own database none is planted`() async throws {
        try await with { scene in
            let server =
                "sh -c 'test ! -e kecs.db || exit 9; echo mine >server.duckdb; trap \"exit 0\" TERM; while :; do sleep 0.05; done'"
            _ = try await scene.must(
                "start", "dev", "--runtime", "local", "--command", server, "--health-url", "none")
            #expect(try !scene.data.appending("kecs.db").isPresent)
            _ = try await scene.must("stop", "dev", "--no-backup")
        }
    }

    @Test(arguments: ["sqlite", "sql", "import", "rescue"])
    func `a database replaces the one that the server uses, and its sidecars go with the old one`(
        form: String
    ) async throws {
        try await with { scene in
            let folder = try await startOnOwnFolder(scene, rows: 3)
            let database = folder.appending("db.sqlite")
            // What tools of the trade leave beside, and what only is called like a database.
            try make(folder.appending("db.backup.1763550000.sqlite"), rows: 1)
            try folder.appending("chromem.db").createFolder()
            try folder.appending("chromem.db/collection").replaceContents([1])
            let other = scene.root.appending("other.sqlite")
            try make(other, rows: 7)
            // A log that belongs to the old one.
            do {
                let writer = try SQLiteDatabase(database, .readWrite)
                _ = try writer.query("PRAGMA journal_mode = WAL")
                try writer.execute("INSERT INTO note (text) VALUES ('in the log')")
                for suffix in ["-wal", "-shm"] {
                    try FilePath("\(database)\(suffix)").copyContents(
                        to: FilePath("\(database)\(suffix).kept")
                    ) {}
                }
            }
            for suffix in ["-wal", "-shm"] {
                let file = FilePath("\(database)\(suffix)")
                if try file.isPresent { try file.remove() }
                try FilePath("\(file).kept").rename(to: file)
            }
            switch form {
            case "sqlite": _ = try await scene.must("restore", "dev", "--from", other.string)
            case "sql":
                let dump = scene.root.appending("dump.sql")
                try dump.replaceContents(
                    Array("CREATE TABLE note (id INTEGER, text TEXT);\n".utf8)
                        + (0..<7).flatMap { Array("INSERT INTO note VALUES (\($0), 'x');\n".utf8) })
                _ = try await scene.must("restore", "dev", "--from", dump.string)
            case "import": _ = try await scene.must("migrate", "import", other.string, "dev")
            default:
                let inode = try #require(try FileStatus.of(database)).inode
                _ = try await scene.must("db", "rescue", "dev", "--accept")
                #expect(try #require(try FileStatus.of(database)).inode != inode)
                #expect(try rows(database) == 4)
                return
            }
            #expect(try !FilePath("\(database)-wal").isPresent)
            #expect(try rows(database) == 7)
            #expect(try !folder.appending("kecs.db").isPresent)
            #expect(try !scene.data.appending("kecs.db").isPresent)
            #expect(try folder.appending("chromem.db/collection").isPresent)
            _ = try await scene.must("undo", "dev")
            #expect(try rows(database) == 4)
        }
    }

    @Test func `which of two databases is meant is asked for, and can be said`() async throws {
        try await with { scene in
            let folder = try await startOnOwnFolder(scene, rows: 3)
            try make(folder.appending("vector.sqlite"), rows: 1)
            let other = scene.root.appending("other.sqlite")
            try make(other, rows: 7)
            let before = try treeDigest(folder)
            let unclear = try await scene.kecsctl("restore", "dev", "--from", other.string)
            #expect(unclear.status == 64, "\(unclear.errors)")
            #expect(unclear.errors.contains("data/db.sqlite"), "\(unclear.errors)")
            #expect(unclear.errors.contains("data/vector.sqlite"), "\(unclear.errors)")
            #expect(try treeDigest(folder) == before)
            _ = try await scene.must(
                "restore", "dev", "--from", other.string, "--database", "data/vector.sqlite")
            #expect(try rows(folder.appending("vector.sqlite")) == 7)
            #expect(try rows(folder.appending("db.sqlite")) == 3)
        }
    }

    @Test
    func `an archive without the database that is there now is refused, and its top folder is left alone`()
        async throws
    {
        try await with { scene in
            let folder = try await startOnOwnFolder(scene, rows: 3)
            let elsewhere = scene.root.appending("elsewhere")
            try elsewhere.appending("repos/one").createFolder()
            try elsewhere.appending("repos/one/file").replaceContents([1])
            let archive = scene.root.appending("repos_backup.tar.gz")
            try await tar(archive, in: elsewhere, "repos")
            let before = try treeDigest(folder)
            let refused = try await scene.kecsctl("restore", "dev", "--from", archive.string)
            #expect(refused.status == 64, "\(refused.errors)")
            #expect(refused.errors.contains("data/db.sqlite"), "\(refused.errors)")
            #expect(try treeDigest(folder) == before)
            // Who wants it has it as it is, with its folder.
            _ = try await scene.must("restore", "dev", "--from", archive.string, "--force")
            #expect(try folder.appending("repos/one/file").isPresent)
            _ = try await scene.must("undo", "dev")
            #expect(try rows(folder.appending("db.sqlite")) == 3)
        }
    }

    @Test func `an archive of the part itself is taken with or without its top folder`() async throws {
        try await with { scene in
            let folder = try await startOnOwnFolder(scene, rows: 3)
            let elsewhere = scene.root.appending("elsewhere")
            try elsewhere.appending("dev_assets/sub").createFolder()
            try make(elsewhere.appending("dev_assets/db.sqlite"), rows: 9)
            for (name, what, place) in [
                ("with.tar.gz", "dev_assets", elsewhere),
                ("bare.tar.gz", ".", elsewhere.appending("dev_assets")),
            ] {
                let archive = scene.root.appending(name)
                try await tar(archive, in: place, what)
                _ = try await scene.must("restore", "dev", "--from", archive.string)
                #expect(try rows(folder.appending("db.sqlite")) == 9, "\(name)")
                #expect(try folder.appending("sub").isFolder)
                #expect(try !folder.appending("dev_assets").isPresent)
                _ = try await scene.must("undo", "dev")
                #expect(try rows(folder.appending("db.sqlite")) == 3, "\(name)")
            }
        }
    }

    @Test(.enabled(if: geteuid() == 0, "needs root to give folders away"))
    func `owner and mode of a part's own folder come back, also of an empty one`() async throws {
        try await with { scene in
            _ = try await scene.must("start", "dev", "--runtime", "local")
            let objects = scene.instance.appending("minio-data")
            try objects.createFolder()
            for folder in [scene.data, objects] {
                try folder.setMode(0o750)
                try folder.setOwner((65532, 20))
            }
            _ = try await scene.must("backup", "dev")
            try objects.removeTree()
            try scene.data.setMode(0o700)
            try scene.data.setOwner((0, 0))
            _ = try await scene.must("restore", "dev", "--from", "latest")
            for folder in [scene.data, objects] {
                let status = try #require(try FileStatus.of(folder))
                #expect(status.mode == 0o750 && status.owner == 65532 && status.group == 20, "\(folder)")
            }
            // An archive that says nothing of its own folder changes nothing about it.
            let elsewhere = scene.root.appending("elsewhere")
            try elsewhere.createFolder()
            try make(elsewhere.appending("kecs.db"), rows: 2)
            let archive = scene.root.appending("files.tar.gz")
            try await tar(archive, in: elsewhere, "kecs.db")
            _ = try await scene.must("restore", "dev", "--from", archive.string)
            let status = try #require(try FileStatus.of(scene.data))
            #expect(status.mode == 0o750 && status.owner == 65532 && status.group == 20)
            #expect(try rows(scene.data.appending("kecs.db")) == 2)
        }
    }
}
