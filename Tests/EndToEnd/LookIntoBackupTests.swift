// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsBackups
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// `backups ls`, `find` and `cat`: what they say of a backup is what a restore of it brings, and nothing is unpacked.
@Suite struct LookIntoBackupTests {
    private struct Scene {
        let root: FilePath
        let kecsctl: Kecsctl
        var data: FilePath { root.appending("home/instances/dev/data") }
        var store: FilePath { root.appending("home/backups/dev") }

        func newest() throws -> FilePath {
            store.appending(try #require(try store.entries().last))
        }

        /// The program's answer as bytes: what it writes may be anything.
        func bytes(_ arguments: String...) async throws -> (status: Int32, output: [UInt8], errors: String) {
            let file = root.appending("output")
            var call = ProcessCall(
                "/bin/sh", ["-c", "exec \"$@\" > \"$0\"", file.string, Kecsctl.program.string] + arguments)
            call.limit = .seconds(120)
            let result = try await SystemProcesses(
                environment: kecsctl.variables, cancellation: Cancellation()
            ).run(call)
            guard case .exited(let status) = result.end else { return (-1, [], result.errorText) }
            return (status, try file.contents(), result.errorText)
        }
    }

    /// An instance with a database, a sparse file, a hard link, a symlink and a name that is not text.
    private func scene(_ body: (Scene) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            let scene = Scene(root: root, kecsctl: Kecsctl(home: root.appending("home")))
            #expect(try await scene.kecsctl("start", "dev", "--runtime", "local").status == 0)
            let data = scene.data
            try data.appending("deep/er").createFolder()
            try data.appending("deep/er/bytes").replaceContents(
                (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
            try data.appending("deep/text").replaceContents(Array("words\n".utf8))
            _ = link(data.appending("deep/text").string, data.appending("second").string)
            _ = symlink("deep/text", data.appending("points").string)
            let sparse = open(data.appending("holes").string, O_WRONLY | O_CREAT, 0o600)
            try #require(sparse >= 0)
            _ = pwrite(sparse, "end", 3, 5_000_000)
            close(sparse)
            try FilePath(bytes: data.bytes + Array("/b".utf8) + [0xFF, 0x0A]).replaceContents([0, 1, 2])
            let database = try SQLiteDatabase(data.appending("app.sqlite"), .create)
            try database.executeScript(
                "PRAGMA journal_mode=WAL; CREATE TABLE t(x); INSERT INTO t VALUES(42);")
            let backup = try await scene.kecsctl("backup", "dev")
            try #require(backup.status == 0, "\(backup.errors)")
            try await body(scene)
        }
    }

    @Test func `every file of a backup comes out byte for byte, and nothing is left on the disk`()
        async throws
    {
        try await scene { scene in
            let before = try treeDigest(scene.root.appending("home"), leavingOut: ["lock"])
            let names = try scene.data.appending("deep/er/bytes").contents()
            for (path, expected) in [
                ("data/deep/er/bytes", names), ("data/deep/text", Array("words\n".utf8)),
                ("data/second", Array("words\n".utf8)), ("data/b\\xff\\n", [0, 1, 2]),
                ("data/holes", try scene.data.appending("holes").contents()),
                ("config/config.json", try scene.root.appending("home/instances/dev/config.json").contents()),
            ] {
                let answer = try await scene.bytes("backups", "cat", "latest", path)
                #expect(answer.status == 0 && answer.errors == "", "\(path): \(answer.errors)")
                #expect(answer.output == expected, "\(path)")
            }
            #expect(try treeDigest(scene.root.appending("home"), leavingOut: ["lock"]) == before)
        }
    }

    @Test func `a database comes out whole, with what was in its log`() async throws {
        try await scene { scene in
            let answer = try await scene.bytes("backups", "cat", "dev/latest", "data/app.sqlite")
            #expect(answer.status == 0, "\(answer.errors)")
            let file = scene.root.appending("copy.sqlite")
            try file.replaceContents(answer.output)
            let copy = try SQLiteDatabase(file, .readOnly)
            #expect(try copy.value("SELECT x FROM t")?.integer == 42)
            #expect(try copy.integrityProblems(quick: false, limit: 1) == [])
        }
    }

    @Test func `ls lists what tar lists, level by level and all below`() async throws {
        try await scene { scene in
            let archive = try scene.newest().appending("data.tar.gz")
            var call = ProcessCall("/bin/tar", ["--quoting-style=literal", "-tzf", archive.string])
            call.environment = ["LC_ALL": "C.UTF-8"]
            let tar = try await SystemProcesses(
                environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation()
            ).run(call)
            try #require(tar.succeeded)
            let all = try await scene.kecsctl("backups", "ls", "latest", "data", "-R", "-o", "name")
            // The one name that is no text is written out by us and as it is by tar.
            let ours = Set(all.output.split(separator: "\n").map(String.init).filter { !$0.contains("\\") })
            var theirs: Set<String> = []
            for line in tar.outputText.split(separator: "\n") {
                var name = line.drop { $0 == "." || $0 == "/" }
                if name.hasSuffix("/") { name = name.dropLast() }
                if !name.isEmpty, !name.contains("\u{FFFD}") { theirs.insert("data/" + name) }
            }
            #expect(ours == theirs)
            let level = try await scene.kecsctl("backups", "ls", "latest", "data/deep", "-o", "json").items()
            #expect(level.map { $0["path"]?.string } == ["data/deep/er", "data/deep/text"])
            #expect(level[0]["kind"] == "folder" && level[0]["bytes"] == .integer(300_000))
            let parts = try await scene.kecsctl("backups", "ls", "latest")
            #expect(parts.output.contains(" data/\n") && parts.output.contains(" config/\n"))
            let one = try await scene.kecsctl("backups", "ls", "latest", "data/points")
            #expect(
                one.output.split(separator: "\n").count == 2
                    && one.output.hasSuffix("data/points -> deep/text\n"))
        }
    }

    @Test func `find says which backups hold a file, its size and its time, and reads shared archives once`()
        async throws
    {
        try await scene { scene in
            let kecsctl = scene.kecsctl
            #expect(try await kecsctl("backup", "dev").status == 0)
            try scene.data.appending("deep/text").remove()
            #expect(try await kecsctl("backup", "dev").status == 0)
            let ids = try scene.store.entries().map(\.string)
            try #require(ids.count == 3)
            let found = try await kecsctl("backups", "find", "text", "-o", "json").items()
            #expect(Set(found.compactMap { $0["id"]?.string }) == Set(ids.prefix(2)))
            #expect(found.allSatisfy { $0["path"] == "data/deep/text" && $0["bytes"] == .integer(6) })
            #expect(found.allSatisfy { $0["modifiedAt"] != nil && $0["instance"] == "dev" })
            let names = try await kecsctl("backups", "find", "data/deep/*", "-o", "name")
            #expect(names.output.split(separator: "\n").count == 3)
            let last = try await kecsctl("backups", "find", "text", "--last", "1")
            #expect(last.status == 0 && last.output == "" && last.errors == "no backup has “text”\n")
            #expect(try await kecsctl("backups", "find", "text", "--instance", "nope").status == 10)
        }
    }

    @Test func `what is no file, or is not there, is said with what to do`() async throws {
        try await scene { scene in
            for (path, status, word) in [
                ("data/deep", Int32(64), "is a folder"), ("data/points", 64, "it points to “deep/text”"),
                ("data/nothing", 10, "has no “data/nothing”"), ("nopart/x", 10, "it has "),
                ("data/../config/config.json", 64, "“..”"),
            ] {
                let answer = try await scene.bytes("backups", "cat", "latest", path)
                #expect(answer.status == status && answer.output.isEmpty, "\(path): \(answer.errors)")
                #expect(answer.errors.contains(word) && answer.errors.contains("try:"), "\(answer.errors)")
            }
            #expect(try await scene.kecsctl("backups", "ls", "latest", "data/nothing").status == 10)
            #expect(try await scene.kecsctl("backups", "ls", "19990101").status == 10)
        }
    }

    @Test func `a reader that goes away ends it, and is no error`() async throws {
        try await scene { scene in
            let call = ProcessCall(
                "/bin/sh",
                ["-c", "\"$0\" backups cat latest data/holes | head -c 10 | wc -c", Kecsctl.program.string])
            let result = try await SystemProcesses(
                environment: scene.kecsctl.variables, cancellation: Cancellation()
            ).run(call)
            #expect(result.succeeded && result.errorText == "")
            #expect(result.outputText.contains("10"))
        }
    }

    @Test func `of a damaged file nothing is written, and lists say what they know`() async throws {
        try await scene { scene in
            let archive = try scene.newest().appending("data.tar.gz")
            let whole = try archive.contents()
            var bytes = whole
            // In the first block, which holds the file.
            bytes[2_000] ^= 1
            try archive.replaceContents(bytes)
            let cat = try await scene.bytes("backups", "cat", "latest", "data/deep/text")
            #expect(cat.status == 13 && cat.output.isEmpty, "\(cat.errors)")
            #expect(
                cat.errors.contains("is not written") && cat.errors.contains("data.tar.gz"), "\(cat.errors)")
            // The index is whole.
            for words in [["backups", "ls", "latest", "data"], ["backups", "find", "text"]] {
                let answer = try await scene.kecsctl.run(words)
                #expect(answer.status == 0 && answer.output.contains("data/deep"), "\(answer.errors)")
            }
            #expect(try await scene.kecsctl("backups", "verify", "latest", "--instance", "dev").status == 13)
            // Without it everything is read, and the damage found.
            bytes = whole
            bytes[bytes.count - 40] ^= 1
            try archive.replaceContents(bytes)
            let id = try #require(try scene.newest().lastComponent?.string)
            for words in [["backups", "ls", id, "data"], ["backups", "find", "*"]] {
                let answer = try await scene.kecsctl.run(words)
                #expect(answer.status == 13, "\(answer.errors)")
                #expect(answer.errors.contains("data.tar.gz: "), "\(answer.errors)")
                let document = try await scene.kecsctl.run(words + ["-o", "json"])
                #expect(document.status == 13 && document.output.contains("\"error\""), "\(document.output)")
            }
            // Cut to the half it is told as well, by its size.
            try archive.replaceContents(Array(bytes.prefix(bytes.count / 2)))
            let cut = try await scene.kecsctl("backups", "ls", id, "data")
            #expect(cut.status == 13 && cut.errors.contains("instead of"), "\(cut.errors)")
        }
    }

    @Test(arguments: [false, true])
    func `--path brings hard links, the folders above as they were, and names as they are printed`(
        segmented: Bool
    ) async throws {
        try await scene { scene in
            let objects = scene.root.appending("home/instances/dev/minio-data")
            try objects.appending("many/07").createFolder()
            // So that the folder's own entry is in another archive.
            for number in 0..<8 {
                try objects.appending("many/0\(number)").createFolder()
                try objects.appending("many/0\(number)/x").replaceContents(
                    (0..<400_000).map { UInt8(truncatingIfNeeded: $0 &* (number + 3) >> 3) })
            }
            try objects.appending("first").replaceContents(Array("shared\n".utf8))
            _ = link(objects.appending("first").string, objects.appending("many/07/hard").string)
            _ = link(objects.appending("first").string, objects.appending("many/07/too").string)
            try objects.appending("many/07/a\nb").replaceContents([1])
            try objects.appending("many").setMode(0o751)
            if segmented {
                try #require(
                    try await scene.kecsctl("config", "set", "segmentsFrom", "1MiB", "--instance", "dev")
                        .status
                        == 0)
            }
            try #require(try await scene.kecsctl("backup", "dev").status == 0)
            #expect(try scene.newest().appending("minio").isFolder == segmented)
            let id = try #require(try scene.newest().lastComponent?.string)
            var number = 0
            func out(_ path: String) async throws -> FilePath {
                number += 1
                let folder = scene.root.appending("out\(number)")
                let answer = try await scene.kecsctl(
                    "restore", "dev", "--from", id, "--path", path, "--into", folder.string)
                #expect(answer.status == 0, "\(path): \(answer.errors)")
                return folder.appending("minio")
            }
            for path in ["many/07/*", "minio/many/07", "minio-data/many/07/"] {
                let made = try await out(path)
                #expect(try FileStatus.of(made.appending("many"))?.mode == 0o751, "\(path)")
                let hard = made.appending("many/07/hard")
                #expect(try hard.contents() == Array("shared\n".utf8), "\(path)")
                #expect(
                    try FileStatus.of(hard)?.inode == FileStatus.of(made.appending("many/07/too"))?.inode,
                    "\(path)")
                #expect(try made.entries().map(\.string) == ["many"], "\(path)")
            }
            #expect(try await out("minio/many/07/a\\nb").appending("many/07/a\nb").contents() == [1])
            let none = try await scene.kecsctl(
                "restore", "dev", "--from", id, "--path", "nope", "--into", scene.root.appending("x").string)
            #expect(none.status == 10 && none.errors.contains("matches --path"), "\(none.errors)")
            #expect(try !scene.root.appending("x").isPresent)
            // In place, as well.
            try objects.appending("many/07/hard").remove()
            let back = try await scene.kecsctl(
                "restore", "dev", "--from", id, "--part", "minio", "--path", "many/07/hard", "-y")
            #expect(back.status == 0, "\(back.errors)")
            #expect(try objects.appending("many/07/hard").contents() == Array("shared\n".utf8))
            #expect(try FileStatus.of(objects.appending("many"))?.mode == 0o751)
        }
    }

    @Test func `an archive of another size than the manifest's is damage for diff as well`() async throws {
        try await scene { scene in
            let first = try scene.newest()
            try scene.data.appending("deep/text").replaceContents(Array("other words\n".utf8))
            try #require(try await scene.kecsctl("backup", "dev").status == 0)
            let second = try scene.newest()
            let ids = try [first, second].map { try #require($0.lastComponent?.string) }
            let equal = try await scene.kecsctl("backups", "diff", "dev/\(ids[0])", "dev/\(ids[1])")
            #expect(equal.output.contains("deep/text"), "\(equal.output)")
            try first.appending("data.tar.gz").replaceContents(second.appending("data.tar.gz").contents())
            let swapped = try await scene.kecsctl("backups", "diff", "dev/\(ids[0])", "dev/\(ids[1])")
            #expect(swapped.status == 13, "\(swapped.output)")
        }
    }

    @Test func `an archive made to do harm is refused as verify refuses it`() async throws {
        for script in [
            "echo x > x; tar cPf evil.tar --transform 's,^x,../../x,' x",
            "mkdir d; mkfifo d/pipe; tar cf evil.tar d",
            "echo one > text; tar cf evil.tar text; tar rf evil.tar text",
            "echo x > text; ln text y; tar cPf evil.tar --transform 's,^text,/etc/passwd,RSh' text y",
        ] {
            try await scene { scene in
                let workshop = scene.root.appending("workshop")
                try workshop.createFolder()
                var call = ProcessCall("/bin/sh", "-ec", script)
                call.folder = workshop
                let made = try await SystemProcesses(
                    environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation()
                ).run(call)
                try #require(made.succeeded, "\(made.errorText)")
                try plant(workshop.appending("evil.tar"), into: try scene.newest(), count: 2)
                let verify = try await scene.kecsctl("backups", "verify", "latest", "--instance", "dev")
                let id = try #require(try scene.newest().lastComponent?.string)
                let cat = try await scene.bytes("backups", "cat", id, "data/text")
                #expect(cat.status == 13 && cat.output.isEmpty, "\(script): \(cat.status) \(cat.errors)")
                if verify.status == 13 {
                    let list = try await scene.kecsctl("backups", "ls", id, "data")
                    #expect(list.status == 13, "\(script): \(list.errors)")
                }
            }
        }
    }

    /// Puts an archive in the place of the part “data” and makes manifest and sums agree with it.
    private func plant(_ tar: FilePath, into backup: FilePath, count: Int) throws {
        let file = backup.appending("manifest.json")
        var manifest = try Manifest.decode(try file.contents(), at: file)
        let index = try #require(manifest.parts.firstIndex { $0.name == "data" })
        let bytes = try tar.contents()
        try backup.appending(manifest.parts[index].file).replaceContents(bytes)
        manifest.parts[index].compression = .none
        manifest.parts[index].bytes = Int64(bytes.count)
        manifest.parts[index].sha256 = sha256(bytes)
        manifest.parts[index].entries = count
        manifest.parts[index].sourceBytes = 8
        let text = try JSONFile.encode(manifest)
        try file.replaceContents(text)
        var sums = "\(sha256(text))  manifest.json\n"
        for part in manifest.parts { sums += "\(part.sha256)  \(part.file)\n" }
        try backup.appending("SHA256SUMS").replaceContents(Array(sums.utf8))
    }

    @Test func `a large sparse file comes out in bounded memory`() async throws {
        try await scene { scene in
            let size = Rounds.count(ci: 300, full: 3_000) << 20
            try #require(truncate(scene.data.appending("large").string, 0) == 0 || errno == ENOENT)
            let large = open(scene.data.appending("large").string, O_WRONLY | O_CREAT, 0o600)
            try #require(large >= 0 && ftruncate(large, off_t(size)) == 0)
            close(large)
            #expect(try await scene.kecsctl("backup", "dev").status == 0)
            let result = try await scene.kecsctl.measured(["backups", "cat", "latest", "data/large"])
            #expect(result.status == 0)
            #expect(try FileStatus.of(result.output)?.size == Int64(size))
            #expect(result.peak < 128 << 20, "\(result.peak >> 20) MiB")
        }
    }
}
