// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Backups of an instance whose state is gone or half gone: kept and told, and never counted.
@Suite struct LackingBackupTests {
    private struct Scene {
        let root: FilePath
        let kecsctl: Kecsctl
        let data: FilePath

        func ids() async throws -> [String] {
            try await kecsctl("backups", "list", "dev", "-o", "name").output.split(separator: "\n").map(
                String.init)
        }

        func latest() async throws -> String? {
            try await kecsctl("backups", "show", "latest", "--instance", "dev", "-o", "json").first()["id"]?
                .string
        }

        func backUp(
            _ more: String..., sourceLocation: SourceLocation = #_sourceLocation
        ) async throws -> String {
            let answer = try await kecsctl.run(["backup", "dev", "-o", "json"] + more)
            #expect(answer.status == 0, "\(answer.errors)", sourceLocation: sourceLocation)
            return try #require(try answer.first()["backup"]?["id"]?.string)
        }

        func rows() throws -> Int64? {
            try SQLiteDatabase(data.appending("kecs.db"), .readOnly).value("SELECT count(*) FROM kept")?
                .integer
        }
    }

    /// An instance of which only the data lies elsewhere, with 289 rows of the user's.
    private func withScene(_ body: (Scene) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            let data = root.appending("mnt/data")
            try data.createFolder()
            let start = try await kecsctl(
                "start", "dev", "--runtime", "local", "--data-dir", data.string)
            #expect(start.status == 0, "\(start.errors)")
            do {
                let database = try SQLiteDatabase(data.appending("kecs.db"), .readWrite)
                try database.execute("CREATE TABLE kept (id INTEGER PRIMARY KEY)")
                try database.transaction {
                    for _ in 0..<289 { try database.execute("INSERT INTO kept DEFAULT VALUES") }
                }
            }
            try await body(Scene(root: root, kecsctl: kecsctl, data: data))
        }
    }

    enum Loss: String, CaseIterable {
        case removed = "rm -f D/kecs.db*"
        case cut = "rm -f D/kecs.db-*; : > D/kecs.db"
        case folderGone = "rm -rf D"
        /// What is left of a folder whose mount is gone.
        case mountGone = "mv D gone; mkdir D"
        case madeAnew = "rm -f D/kecs.db*; printf 'other' > D/notes"
        case withoutTables = "rm -f D/kecs.db*; cp empty.db D/kecs.db"
        case noDatabase = "rm -f D/kecs.db*; head -c 8192 /dev/zero > D/kecs.db"
        /// What a server does that finds no database.
        case refilled =
            "rm -f D/kecs.db*; sqlite3 D/kecs.db 'CREATE TABLE kept (id INTEGER PRIMARY KEY); INSERT INTO kept VALUES (1)'"
        case dangling = "mv D/kecs.db gone.db; rm -f D/kecs.db-*; ln -s nowhere D/kecs.db"
    }

    @Test(arguments: Loss.allCases)
    func `backups of lost state never count, however many there are`(loss: Loss) async throws {
        try await withScene { scene in
            let good = try await scene.backUp()
            let fresh = try SQLiteDatabase(scene.root.appending("empty.db"), .create)
            try fresh.execute("CREATE TABLE t (a)")
            try fresh.execute("DROP TABLE t")
            try shell("D='\(scene.data)'; " + loss.rawValue.replacing("D", with: "$D"), in: scene.root)
            for _ in 0..<7 {
                let answer = try await scene.kecsctl("backup", "dev", "--quiet")
                #expect(answer.status == 3, "\(answer.errors)")
                #expect(answer.output.isEmpty)
                #expect(answer.errors.contains("lacks data"), "\(answer.errors)")
                #expect(answer.errors.contains(good), "\(answer.errors)")
            }
            let list = try await scene.kecsctl("backups", "list", "dev", "-o", "json").items()
            #expect(
                list.filter { $0["state"] == "lacking" && $0["good"] == .bool(false) }.count == list.count - 1
            )
            #expect(list.first?["lacks"]?.array?.first?["part"] == "data")
            #expect(list.last?["id"]?.string == good)
            #expect(list.last?["good"] == .bool(true))
            #expect(try await scene.latest() == good)
            let check = try await scene.kecsctl("check", "dev", "-o", "json").first()
            #expect(check["newest"]?.string == good)
            let pruned = try await scene.kecsctl("backups", "prune", "dev", "--keep", "1")
            #expect(pruned.status == 0, "\(pruned.errors)")
            #expect(try await scene.ids().contains(good))
            let back = try await scene.kecsctl("restore", "dev", "--from", "latest")
            #expect(back.status == 0, "\(back.errors)")
            #expect(try scene.rows() == 289)
            _ = try await scene.backUp()
        }
    }

    private func shell(_ script: String, in folder: FilePath) throws {
        try #require(system("cd '\(folder)' && { \(script); }") == 0)
    }

    @Test func `a dry run says what would be lacking, and writes nothing`() async throws {
        try await withScene { scene in
            let good = try await scene.backUp()
            try shell("rm -f '\(scene.data)'/kecs.db*", in: scene.root)
            let answer = try await scene.kecsctl("backup", "dev", "--dry-run")
            #expect(answer.status == 3)
            #expect(answer.errors.contains("data is empty; \(good) has"), "\(answer.errors)")
            #expect(try await scene.ids() == [good])
        }
    }

    @Test func `an accepted loss is the new baseline, and only a real one can be accepted`() async throws {
        try await withScene { scene in
            let other = scene.data.appending("old.db")
            try SQLiteDatabase(other, .create).execute("CREATE TABLE t (a)")
            let before = try await scene.backUp()
            try shell("rm -f '\(other)'*", in: scene.root)
            let wrong = try await scene.kecsctl("backup", "dev", "--accept-loss", "data/kecs.db")
            #expect(wrong.status == 64)
            #expect(wrong.errors.contains("data/old.db"), "\(wrong.errors)")
            #expect(try await scene.ids() == [before])
            let accepted = try await scene.backUp("--accept-loss", "data/old.db")
            #expect(try await scene.latest() == accepted)
            let next = try await scene.backUp()
            #expect(try await scene.latest() == next)
            #expect(try await scene.ids().contains(before))
        }
    }

    @Test func `stop refuses after a lacking backup, and goes on with --force`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            let start = try await kecsctl(
                "start", "dev", "--runtime", "local", "--command", "sleep 1000", "--health-url", "none")
            #expect(start.status == 0, "\(start.errors)")
            // A server makes its own database.
            let data = root.appending("home/instances/dev/data")
            try SQLiteDatabase(data.appending("kecs.db"), .create).execute("CREATE TABLE t (a)")
            try data.appending("notes").replaceContents(Array("kept".utf8))
            #expect(try await kecsctl("backup", "dev").status == 0)
            try shell("rm -f home/instances/dev/data/kecs.db*", in: root)
            let refused = try await kecsctl("stop", "dev")
            #expect(refused.status == 3)
            #expect(refused.errors.contains("was not stopped"), "\(refused.errors)")
            #expect(refused.errors.contains("data/kecs.db"), "\(refused.errors)")
            #expect(try await kecsctl("status", "dev", "-o", "json").first()["state"] == "running")
            let destroyed = try await kecsctl("destroy", "dev", "--yes")
            #expect(destroyed.status == 3)
            _ = try await kecsctl("stop", "dev", "--force")
            #expect(try await kecsctl("status", "dev", "-o", "json").first()["state"] == "stopped")
        }
    }

    @Test func `backups of one part never push out the last one of another`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let scene = Scene(
                root: root, kecsctl: kecsctl, data: root.appending("home/instances/dev/data"))
            try shell(
                "mkdir -p home/instances/dev/minio-data; echo x >home/instances/dev/minio-data/o", in: root)
            let whole = try await scene.backUp()
            for _ in 0..<6 { _ = try await scene.backUp("--part", "minio") }
            #expect(try await scene.ids().contains(whole))
            #expect(try await scene.ids().count == 6)
            #expect(try await scene.latest() == whole)
            let refused = try await kecsctl("backups", "delete", "dev/\(whole)", "--yes")
            #expect(refused.status == 64)
            #expect(refused.errors.contains("that holds config, data"), "\(refused.errors)")
        }
    }

    @Test func `the database behind a link that leads out is in the backup`() async throws {
        try await withScene { scene in
            try shell(
                "mkdir other; mv '\(scene.data)/kecs.db' other/real.db; rm -f '\(scene.data)'/kecs.db-*; "
                    + "chmod 640 other/real.db; ln -s ../../other/real.db '\(scene.data)/kecs.db'",
                in: scene.root)
            let id = try await scene.backUp()
            let shown = try await scene.kecsctl("backups", "show", id, "--instance", "dev", "-o", "json")
                .first()
            let data = try #require(shown["parts"]?.array?.first { $0["name"] == "data" })
            #expect(data["databases"]?.array?.first?["tables"]?["kept"] == .integer(289))
            let target = scene.root.appending("out")
            let restored = try await scene.kecsctl("restore", "dev", "--from", id, "--into", target.string)
            #expect(restored.status == 0, "\(restored.errors)")
            let copy = target.appending("data/kecs.db")
            #expect(try FileStatus.of(copy)?.kind == .file)
            #expect(try FileStatus.of(copy)?.mode == 0o640)
            #expect(try SQLiteDatabase(copy, .readOnly).value("SELECT count(*) FROM kept")?.integer == 289)
            // Another backup of the same is as good.
            _ = try await scene.backUp()
        }
    }

    @Test func `a folder behind a link that leads out makes the backup a lacking one until it is accepted`()
        async throws
    {
        try await withScene { scene in
            try shell("mkdir disk; echo 1 >disk/blob; ln -s ../../disk '\(scene.data)/blobs'", in: scene.root)
            let answer = try await scene.kecsctl("backup", "dev")
            #expect(answer.status == 3)
            #expect(answer.errors.contains("data/blobs is a link to"), "\(answer.errors)")
            _ = try await scene.backUp("--accept-loss", "data/blobs")
            _ = try await scene.backUp()
        }
    }

    @Test func `an emptied database is told, and ends with 3 where that is asked for`() async throws {
        try await withScene { scene in
            _ = try await scene.backUp()
            for table in try SQLiteDatabase(scene.data.appending("kecs.db"), .readOnly).tableRowCounts().keys
            {
                let database = try SQLiteDatabase(scene.data.appending("kecs.db"), .readWrite)
                try database.execute("DELETE FROM \"\(table)\"")
            }
            let strict = try await scene.kecsctl("backup", "dev", "--strict")
            #expect(strict.status == 3)
            #expect(strict.errors.contains("every table of data/kecs.db is empty"), "\(strict.errors)")
            let list = try await scene.kecsctl("backups", "list", "dev", "-o", "json").items()
            #expect(list.first?["good"] == .bool(true))
        }
    }

    /// Only where mode, owner and attributes are told apart from the content can one of them be noticed alone.
    @Test func `an unchanged database with another mode is archived anew`() async throws {
        try await withScene { scene in
            let first = try await archive(try later(scene, 1))
            let second = try await archive(try later(scene, 2))
            #expect(first?.inode == second?.inode, "an unchanged part is linked")
            try shell("chmod 600 '\(scene.data)/kecs.db'; chmod 604 '\(scene.data)/kecs.db'", in: scene.root)
            let third = try await archive(try later(scene, 3))
            #expect(third?.inode != second?.inode)
            let target = scene.root.appending("out")
            let restored = try await scene.kecsctl(
                "restore", "dev", "--from", "latest", "--into", target.string)
            #expect(restored.status == 0, "\(restored.errors)")
            #expect(try FileStatus.of(target.appending("data/kecs.db"))?.mode == 0o604)
        }
    }

    private func later(_ scene: Scene, _ hour: Int) throws -> Kecsctl {
        var later = scene.kecsctl
        later.environment = try FakeTime.environment("+\(hour)h")
        return later
    }

    /// - Returns: The archive of the part `data`.
    private func archive(_ kecsctl: Kecsctl) async throws -> FileStatus? {
        let answer = try await kecsctl("backup", "dev", "-o", "json")
        #expect(answer.status == 0, "\(answer.errors)")
        let path = try #require(try answer.first()["backup"]?["path"]?.string)
        return try FileStatus.of(FilePath(path).appending("data.tar.gz"))
    }

    // MARK: Clocks

    @Test func `a backup from the future is told, and is not the newest for ten years`() async throws {
        try await withScene { scene in
            var ahead = scene.kecsctl
            ahead.environment = try FakeTime.environment("@2036-01-01 00:00:00")
            let future = try await ahead("backup", "dev", "-o", "name").output.split(separator: "\n")
            #expect(future.first?.hasPrefix("20360101T") == true)
            let check = try await scene.kecsctl("check", "dev")
            #expect(check.status == 20)
            #expect(check.output.contains("is in the future"), "\(check.output)")
            let real = try await scene.backUp()
            #expect(try await scene.kecsctl("check", "dev").status == 0)
            #expect(try await scene.latest() == real)
            let status = try await scene.kecsctl("status", "dev", "-o", "json").first()
            #expect(
                status["problems"]?.array?.contains { $0.string?.contains("is in the future") == true }
                    == true)
            let pruned = try await scene.kecsctl("backups", "prune", "dev", "--keep", "1")
            #expect(pruned.status == 0)
            #expect(try await scene.ids() == [real])
        }
    }

    @Test func `a backup by hand follows the policy of the instance`() async throws {
        try await withScene { scene in
            #expect(
                try await scene.kecsctl("config", "set", "keepDaily", "7", "--instance", "dev").status == 0)
            for hour in [0, 12].flatMap({ half in (1...12).map { $0 * 24 + half } }).sorted() {
                let answer = try await later(scene, hour)("backup", "dev")
                #expect(answer.status == 0, "\(answer.errors)")
            }
            let ids = try await scene.ids()
            #expect(Set(ids.map { $0.prefix(8) }).count == 7)
            let byHand = try await later(scene, 13 * 24)("backup", "dev", "--keep", "1")
            #expect(byHand.status == 0, "\(byHand.errors)")
            let after = try await scene.ids()
            #expect(Set(after.map { $0.prefix(8) }).count == 7)
        }
    }
}

/// libfaketime, for what takes days.
enum FakeTime {
    /// - Parameter time: As libfaketime takes it: `+3h`, `@2036-01-01 00:00:00`.
    static func environment(_ time: String) throws -> [String: String] {
        for folder in try FilePath("/usr/lib").entries() {
            let folder = FilePath("/usr/lib").appending(folder)
            let library = folder.appending("faketime/libfaketimeMT.so.1")
            guard try folder.isFolder, try library.isPresent else { continue }
            return [
                "LD_PRELOAD": library.string, "FAKETIME": time, "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "NO_FAKE_STAT": "1", "TZ": "UTC",
            ]
        }
        try Test.cancel("libfaketime is not installed (Debian package libfaketime)")
    }
}
