// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsBackups
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Copies on remotes: complete, read back and equal, or not there. With the real rclone.
@Suite(.serialized, .enabled(if: RemoteScene.hasRclone, RemoteScene.reason)) struct RemoteTests {
    @Test func `a backup is copied, listed, watched, and restored after the home is gone`() async throws {
        try await RemoteScene.with { scene in
            let id = try await scene.backUp()
            let planned = try await scene.must("backups", "copy", "--to", "usb", "--dry-run", "-o", "json")
            #expect(try planned.first()["result"] == "planned")
            #expect(try scene.place.entries().isEmpty)
            #expect(try await scene.kecsctl("check", "dev", "--remote", "usb").status == 20)
            let copied = try await scene.must("backups", "copy", "--to", "usb", "-o", "json")
            #expect(try copied.first()["result"] == "copied")
            #expect(try scene.expectWholeOrAbsent(id))
            #expect(try scene.folder.entries().count == 1)
            let again = try await scene.must("backups", "copy", "dev/\(id)", "--to", "usb", "-o", "json")
            #expect(try again.first()["result"] == "already")
            try await scene.must("check", "dev", "--remote", "usb")
            let status = try await scene.must("status", "dev", "-o", "json").first()
            #expect(status["copies"]?["usb"]?["id"]?.string == id)
            let list = try await scene.must("backups", "list", "dev", "-o", "json").first()
            #expect(list["copies"]?.array == ["usb"])
            let there = try await scene.must("backups", "list", "--remote", "usb", "-o", "json").first()
            #expect(there["state"] == "complete" && there["verifiedAt"] != nil)

            let other = try await scene.elsewhere()
            let dry = try await other.must("restore", "dev", "--from", "usb/latest", "--dry-run")
            #expect(dry.output.contains("would restore"), "\(dry.output)")
            try await other.must("restore", "dev", "--from", "usb/\(id.prefix(12))", "--yes")
            #expect(try other.rows(other.kecsctl.home) == 3)
            #expect(try !other.kecsctl.home.entries().contains { $0.string.contains("drill") })
            #expect(try await other.kecsctl("restore", "dev", "--from", "usb/2001").status == 10)
            #expect(try await other.kecsctl("restore", "dev", "--from", "nas/latest").status == 10)
        }
    }

    @Test func `a copy that failed leaves the backup, and ends with 3`() async throws {
        try await RemoteScene.with { scene in
            try await scene.must("remote", "add", "gone", scene.root.appending("nowhere").string)
            try await scene.must("config", "set", "copies", "usb,gone")
            let answer = try await scene.kecsctl("backup", "dev", "-o", "json")
            #expect(answer.status == 3, "\(answer.errors)")
            let report = try answer.first()
            #expect(report["copies"]?.array?.first?["remote"] == "usb")
            #expect(report["copyErrors"]?.array?.count == 1)
            let id = try #require(report["backup"]?["id"]?.string)
            #expect(try scene.expectWholeOrAbsent(id))
            #expect(try !scene.root.appending("nowhere").isPresent)
            #expect(report["backup"]?["good"] == .bool(true))
            // What a setting names and is not there any more keeps nobody from the backup.
            try await scene.must("remote", "remove", "gone")
            let forgotten = try await scene.kecsctl("backup", "dev", "-o", "json")
            #expect(forgotten.status == 3, "\(forgotten.errors)")
            #expect(try forgotten.first()["copyErrors"]?.array?.first?["status"] == 10)
            let unknown = try await scene.kecsctl("backup", "dev", "--copy-to", "nas")
            #expect(unknown.status == 10, "\(unknown.errors)")
            try await scene.must("backup", "dev", "--copy-to", "usb")
        }
    }

    @Test func `what somebody else wrote under the name is neither believed nor overwritten`() async throws {
        try await RemoteScene.with { scene in
            let id = try await scene.backUp()
            let theirs = scene.folder.appending(id)
            try theirs.createFolder()
            try theirs.appending("SHA256SUMS").replaceContents(Array("theirs\n".utf8))
            let answer = try await scene.kecsctl("backups", "copy", "--to", "usb")
            #expect(answer.status == 1 && answer.errors.contains("somebody else"), "\(answer.errors)")
            #expect(try theirs.appending("SHA256SUMS").contents() == Array("theirs\n".utf8))
            try theirs.removeTree()

            // A draft of the right sizes and of other bytes is not taken over.
            let draft = scene.folder.appending(".\(id).draft")
            try draft.createFolder()
            for name in try scene.store.appending(id).entries() {
                let bytes = try scene.store.appending(id).appending(name).contents()
                try draft.appending(name).replaceContents([UInt8](repeating: 7, count: bytes.count))
            }
            try await scene.must("backups", "copy", "--to", "usb")
            #expect(try scene.expectWholeOrAbsent(id))

            // Nor is a copy with a byte changed restored.
            let archive = theirs.appending("data.tar.gz")
            var bytes = try archive.contents()
            bytes[bytes.count / 2] ^= 1
            try archive.replaceContents(bytes)
            let restore = try await scene.kecsctl("restore", "dev", "--from", "usb/\(id)")
            #expect(restore.status == 13, "\(restore.errors)")
        }
    }

    @Test func `no secret is kept, and a name is one`() async throws {
        try await RemoteScene.with { scene in
            for address in [":sftp,host=nas,user=me,pass=hidden:", ":s3,secret_access_key=x:b", ""] {
                let answer = try await scene.kecsctl.run(["remote", "add", "nas", "--", address])
                #expect(answer.status == 64, "\(address): \(answer.errors)")
            }
            #expect(try await scene.kecsctl("remote", "add", "Bad/Name", "/x").status == 64)
            #expect(try await scene.kecsctl("remote", "add", "usb", "/elsewhere").status == 64)
            try await scene.must("remote", "test", "usb")
            #expect(try scene.place.entries().isEmpty)
            #expect(try await scene.must("remote", "list", "-o", "name").output == "usb\n")
            try await scene.must("remote", "remove", "usb")
            #expect(try await scene.kecsctl("remote", "test", "usb").status == 10)
        }
    }

    @Test func `a remote's retention removes only what this home wrote and found equal`() async throws {
        try await RemoteScene.with { scene in
            let first = try await scene.backUp("--copy-to", "usb")
            let second = try await scene.backUp("--copy-to", "usb")
            // Somebody else's: beside the copies, in one of them, and another home's backup of the same name.
            let letters = [
                scene.place.appending("letter.txt"), scene.folder.appending("letter.txt"),
                scene.folder.appending("\(first)/letter.txt"),
                scene.folder.appending("20200101T000000Z-manual/SHA256SUMS"),
            ]
            for letter in letters {
                try letter.removingLastComponent().createFolder()
                try letter.replaceContents(Array("theirs\n".utf8))
            }
            let other = try await scene.elsewhere()
            try await other.must("start", "dev", "--runtime", "local")
            let theirs = try await other.backUp("--copy-to", "usb")

            // The newest is damaged there: then the one before is the last good one, and stays.
            let archive = scene.folder.appending("\(second)/data.tar.gz")
            var bytes = try archive.contents()
            bytes[bytes.count / 2] ^= 1
            try archive.replaceContents(bytes)
            let verify = try await scene.kecsctl(
                "backups", "verify", "dev/\(second)", "--remote", "usb", "-o", "json")
            #expect(verify.status == 13, "\(verify.errors)")
            let newest = try await scene.must("status", "dev", "-o", "json").first()["copies"]?["usb"]?["id"]
            #expect(newest?.string == first)
            let unasked = try await scene.kecsctl("backups", "prune", "dev", "--remote", "usb")
            #expect(unasked.status == 64, "\(unasked.errors)")
            let prune = ["backups", "prune", "dev", "--remote", "usb", "--keep", "1"]
            func kept() async throws -> [String] {
                try await scene.must(prune + ["-o", "json"]).items().filter { $0["verdict"] == "keep" }
                    .compactMap { $0["id"]?.string }.sorted()
            }
            #expect(try await kept() == ["20200101T000000Z-manual", first, second, theirs].sorted())

            // Made whole again, it counts again.
            let repaired = try await scene.must(
                "backups", "copy", "dev/\(second)", "--to", "usb", "-o", "json")
            #expect(try repaired.first()["result"] == "copied")
            #expect(try scene.expectWholeOrAbsent(second))
            let dry = try await scene.must(prune + ["--dry-run", "-o", "json"]).items()
            #expect(dry.contains { $0["id"]?.string == first && $0["verdict"] == "delete" }, "\(dry)")
            #expect(try scene.expectWholeOrAbsent(first))
            #expect(try await kept() == ["20200101T000000Z-manual", second, theirs].sorted())
            #expect(try scene.folder.appending(first).entries().map(\.string) == ["letter.txt"])
            for letter in letters { #expect(try letter.contents() == Array("theirs\n".utf8), "\(letter)") }
            try await other.must("backups", "verify", "dev/\(theirs)", "--remote", "usb")
        }
    }

    @Test func `a removal that was cut off is finished, and is no copy meanwhile`() async throws {
        try await RemoteScene.with(settings: ["--keep", "1"]) { scene in
            let first = try await scene.backUp("--copy-to", "usb")
            let note = scene.store.appending("copies/usb.json")
            var text = String(decoding: try note.contents(), as: UTF8.self)
            text = text.replacing("\"verified\"", with: "\"removing\"")
            try note.replaceContents(Array(text.utf8))
            try scene.folder.appending("\(first)/SHA256SUMS").remove()
            #expect(try await scene.must("status", "dev", "-o", "json").first()["copies"] == nil)
            #expect(try await scene.kecsctl("restore", "dev", "--from", "usb/latest").status == 10)
            let second = try await scene.backUp("--copy-to", "usb")
            #expect(try scene.folder.entries().map(\.string) == [second])
        }
    }

    @Test(.enabled(if: geteuid() == 0, "only root can mount"))
    func `a full disk there is told, and nothing there is taken for a copy`() async throws {
        try await RemoteScene.with { scene in
            let small = scene.root.appending("small")
            try small.createFolder()
            try #require(mount("tmpfs", small.string, "tmpfs", 0, "size=1m") == 0)
            defer { umount2(small.string, Int32(MNT_DETACH)) }
            var random = SystemRandomNumberGenerator()
            try scene.kecsctl.home.appending("instances/dev/data/big").replaceContents(
                (0..<(3 << 20)).map { _ in UInt8.random(in: .min ... .max, using: &random) })
            try await scene.must("remote", "add", "small", small.string)
            let answer = try await scene.kecsctl("backup", "dev", "--copy-to", "small", "-o", "json")
            #expect(answer.status == 3, "\(answer.errors)")
            let report = try answer.first()
            #expect(report["copyErrors"]?.array?.first?["cause"]?.string?.contains("space") == true)
            #expect(report["backup"]?["good"] == .bool(true))
            let list = try await scene.must("backups", "list", "--remote", "small", "-o", "json").items()
            #expect(list.allSatisfy { $0["state"] == "incomplete" && $0["verifiedAt"] == nil }, "\(list)")
            #expect(try await scene.kecsctl("check", "dev", "--remote", "small").status == 20)
            #expect(try await scene.kecsctl("restore", "dev", "--from", "small/latest").status == 10)
        }
    }

    @Test func `Ctrl-C while it copies ends with 130, and the backup stands`() async throws {
        // At this rate it would take minutes.
        try await RemoteScene.with(settings: ["--bandwidth", "10k"]) { scene in
            var random = SystemRandomNumberGenerator()
            try scene.kecsctl.home.appending("instances/dev/data/big").replaceContents(
                (0..<(3 << 20)).map { _ in UInt8.random(in: .min ... .max, using: &random) })
            let pid = try scene.kecsctl.spawn(["backup", "dev", "--copy-to", "usb"])
            let hasBegun = try await SystemClock().wait(upTo: .seconds(300)) { try scene.folder.isFolder }
            #expect(hasBegun)
            kill(pid, SIGINT)
            var status: Int32 = 0
            waitpid(pid, &status, 0)
            #expect(status >> 8 == 130, "\(status)")
            let here = try await scene.must("backups", "list", "dev", "-o", "json").first()
            #expect(here["good"] == .bool(true))
            let there = try await scene.must("backups", "list", "--remote", "usb", "-o", "json").items()
            #expect(there.allSatisfy { $0["state"] == "incomplete" }, "\(there)")
            // Without the limit it is gone on with.
            try await scene.must("remote", "add", "usb", scene.place.string)
            try await scene.must("backups", "copy", "--to", "usb", "--wait-lock", "1m")
            #expect(try scene.expectWholeOrAbsent(try #require(here["id"]?.string)))
        }
    }

    @Test func `a folder that vanishes while a remote is listed does not make it an empty one`() async throws
    {
        try await RemoteScene.with { scene in
            var scene = scene
            let id = try await scene.backUp("--copy-to", "usb")
            // Of a folder that another process renamed meanwhile, rclone says what it says of a remote that is not there.
            let programs = scene.root.appending("bin")
            let once = scene.root.appending("once")
            try programs.createFolder()
            try programs.appending("rclone").replaceContents(
                Array(
                    """
                    #!/bin/sh
                    case "$*" in *lsjson*--recursive*) test ! -e \(once) || { rm \(once); exit 3; } ;; esac
                    exec /usr/bin/rclone "$@"

                    """.utf8), mode: 0o755)
            scene.kecsctl.environment["PATH"] = "\(programs):/usr/bin:/bin"
            try once.replaceContents([])
            let list = try await scene.must("backups", "list", "--remote", "usb", "-o", "json").items()
            #expect(try !once.isPresent)
            #expect(list.map { $0["id"]?.string } == [id], "\(list)")
        }
    }

    @Test func `without rclone the package is named, and the backup stands`() async throws {
        try await RemoteScene.with { scene in
            var scene = scene
            let programs = scene.root.appending("bin")
            try programs.createFolder()
            scene.kecsctl.environment["PATH"] = programs.string
            let test = try await scene.kecsctl("remote", "test", "usb")
            #expect(test.status == 14 && test.errors.contains("apt-get install rclone"), "\(test.errors)")
            let backup = try await scene.kecsctl("backup", "dev", "--copy-to", "usb", "-o", "json")
            #expect(backup.status == 3, "\(backup.errors)")
            #expect(try backup.first()["backup"]?["good"] == .bool(true))
        }
    }

    @Test func `who wants to know is told of a copy that failed, and of one that is overdue`() async throws {
        try await RemoteScene.with { scene in
            let told = scene.root.appending("told")
            let settings = scene.kecsctl.home.appending("kecsctl.json")
            var values = try JSONFile.read([String: JSONValue].self, from: settings)
            values["notify"] = [
                "command": [
                    "argv": ["/bin/sh", "-c", .string("cat >> \(told); echo >> \(told)")],
                    "on": ["copy.failed", "copy.overdue"],
                ]
            ]
            try JSONFile.write(values, to: settings)
            try await scene.must("config", "set", "copies", "usb")
            try scene.place.removeTree()
            #expect(try await scene.kecsctl("backup", "dev").status == 3)
            #expect(try await scene.kecsctl("check", "dev").status == 20)
            let notes = String(decoding: try told.contents(), as: UTF8.self)
            #expect(notes.contains("copy.failed") && notes.contains("copy.overdue"), "\(notes)")
            let doctor = try await scene.kecsctl("doctor", "dev", "--check", "copy.overdue")
            #expect(doctor.output.contains("no good backup was ever copied to “usb”"), "\(doctor.output)")
            let metrics = scene.root.appending("metrics")
            try await scene.must("metrics", "--textfile", metrics.string)
            let line = "kecsctl_copy_newest_timestamp_seconds{instance=\"dev\",remote=\"usb\"}"
            #expect(String(decoding: try metrics.contents(), as: UTF8.self).contains("\(line) 0"))

            try scene.place.createFolder()
            let id = try await scene.backUp()
            try await scene.must("check", "dev")
            try await scene.must("metrics", "--textfile", metrics.string)
            let seconds = try #require(BackupID(id)).createdAt.seconds
            #expect(String(decoding: try metrics.contents(), as: UTF8.self).contains("\(line) \(seconds)"))
        }
    }
}
