// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Moving to another machine: what is where afterwards, and after every cut.
@Suite(.serialized) struct MoveTests {
    @Test func `an instance runs there, stands here, and is not started here by mistake`() async throws {
        try await MoveScene.with { scene in
            let before = try treeDigest(scene.here.appending("data"))
            let dry = try await scene.must(["move", "dev"] + scene.other + ["--dry-run"])
            #expect(dry.output.contains("would move") && dry.output.contains("run there"), "\(dry.output)")
            #expect(try !scene.there.home.isPresent)
            #expect(try !scene.kecsctl.home.appending("backups/dev").isPresent)

            let report = try await scene.must(["move", "dev"] + scene.other + ["-o", "json"]).first()
            #expect(report["outcome"] == "done" && report["state"] == "running", "\(report)")
            #expect(try await scene.state(scene.there) == "running")
            #expect(try await scene.state(scene.kecsctl) == "stopped")
            #expect(try scene.rows(scene.landed) == 3)
            #expect(
                try scene.landed.appending("data/noise").contents()
                    == scene.here.appending("data/noise").contents())
            #expect(try treeDigest(scene.here.appending("data")) == before)
            // The same instance, with the ports that were asked for.
            let config = try JSONFile.read(JSONValue.self, from: scene.landed.appending("config.json"))
            let old = try JSONFile.read(JSONValue.self, from: scene.here.appending("config.json"))
            #expect(config["id"] == old["id"] && config["settings"]?["apiPort"] == 21891)
            // Nothing of the way is left, and the backups are backups there.
            #expect(try !scene.arriving.isPresent)
            #expect(try scene.landed.entries().allSatisfy { $0.string != ".previous" })
            #expect(try await scene.there("backups", "verify", "--all").status == 0)

            let refused = try await scene.kecsctl("start", "dev")
            #expect(refused.status == 11 && refused.errors.contains("has moved to"), "\(refused.errors)")
            #expect(
                try await scene.must(["status", "dev"]).output.contains("moved to:     \(scene.address)"))
            let again = try await scene.must(["move", "dev"] + scene.other)
            #expect(again.output.contains("already"), "\(again.output)")
            let forced = try await scene.must(["start", "dev", "--force"])
            #expect(forced.errors.contains("two copies of it exist"), "\(forced.errors)")
            #expect(try await scene.state(scene.kecsctl) == "running")
            // It is another one now: what is there is not overwritten.
            let over = try await scene.kecsctl.run(["move", "dev"] + scene.other)
            #expect(over.status == 64 && over.errors.contains("is here already"), "\(over.errors)")
        }
    }

    @Test func `what was written until the stop here is there`() async throws {
        try await MoveScene.with(command: MoveScene.writer) { scene in
            let report = try await scene.must(["move", "dev"] + scene.other + ["-o", "json"]).first()
            #expect(report["lastBackup"]?.string != nil && report["lastBackup"] != report["backup"])
            let written = try #require(try scene.rows(scene.here, "w.db", "t"))
            #expect(written > 0)
            #expect(try scene.rows(scene.landed, "w.db", "t") == written)
        }
    }

    @Test func `a move that is cut twice goes on where it was`() async throws {
        try await MoveScene.with { scene in
            var stored: Int64 = 0
            for _ in 0..<2 {
                try scene.next("receive", "cut 1000000")
                #expect(try await scene.kecsctl.run(["move", "dev"] + scene.other).status == 128 + SIGKILL)
                let now = try scene.arriving.entries().filter { $0.string.utf8.count == 64 }
                    .reduce(Int64(0)) { $0 + (try FileStatus.of(scene.arriving.appending($1))?.size ?? 0) }
                #expect(now > stored && now < 4_000_000)
                stored = now
                #expect(try await scene.state(scene.kecsctl) == "running")
                #expect(try await scene.there("list", "-o", "json").items().isEmpty)
                let status = try await scene.must(["status", "dev"])
                #expect(status.output.contains("is not finished"), "\(status.output)")
            }
            let report = try await scene.must(["move", "dev"] + scene.other + ["-o", "json"]).first()
            guard case .integer(let sent)? = report["sentBytes"] else {
                Issue.record("\(report)")
                return
            }
            // The first backup's rest, and the second one without the noise, unless that was archived again with it.
            #expect(report["resumed"] == true && sent < 2 * 4_100_000 - stored, "\(sent) after \(stored)")
            #expect(try scene.rows(scene.landed) == 3)
            #expect(try await scene.state(scene.there) == "running")
        }
    }

    @Test func `what came damaged is sent again`() async throws {
        try await MoveScene.with { scene in
            try scene.next("receive", "cut 1000000")
            _ = try await scene.kecsctl.run(["move", "dev"] + scene.other)
            let large = try scene.arriving.entries().filter {
                try $0.string.utf8.count == 64
                    && (FileStatus.of(scene.arriving.appending($0))?.size ?? 0) > 100_000
            }
            let part = try #require(large.first)
            var bytes = try scene.arriving.appending(part).contents()
            bytes[50_000] ^= 1
            try scene.arriving.appending(part).replaceContents(bytes)
            try await scene.must(["move", "dev"] + scene.other)
            #expect(try scene.rows(scene.landed) == 3)
            #expect(try await scene.there("backups", "verify", "--all").status == 0)
        }
    }

    @Test func `when the last part cannot be sent it runs here again, and the next try finishes`()
        async throws
    {
        try await MoveScene.with(command: MoveScene.writer) { scene in
            // The first landing goes well, the second one not.
            try scene.next("land", "later")
            let failed = try await scene.kecsctl.run(["move", "dev"] + scene.other)
            #expect(failed.status == 14 && failed.errors.contains("runs here again"), "\(failed.errors)")
            #expect(try await scene.state(scene.kecsctl) == "running")
            try await scene.must(["move", "dev"] + scene.other)
            #expect(try await scene.state(scene.kecsctl) == "stopped")
            #expect(try scene.rows(scene.landed, "w.db", "t") == scene.rows(scene.here, "w.db", "t"))
        }
    }

    /// The other end has heard that the move is done and has forgotten it, and this end does not know.
    @Test func `killed before the answer to its last word, the next run finishes and sends nothing`()
        async throws
    {
        try await MoveScene.with { scene in
            try scene.next("end", "cut 1000000")
            let killed = try await scene.kecsctl.run(["move", "dev"] + scene.other)
            #expect(killed.status == 128 + SIGKILL)
            #expect(try !scene.arriving.isPresent)
            // What has happened there since stays.
            try SQLiteDatabase(scene.landed.appending("data/kecs.db"), .readWrite)
                .execute("INSERT INTO kept VALUES (4)")
            let end = try await scene.must(["move", "dev"] + scene.other + ["-o", "json"]).first()
            #expect(end["outcome"] == "done" && end["resumed"] == true, "\(end)")
            #expect(try scene.rows(scene.landed) == 4)
            #expect(try await scene.state(scene.there) == "running")
            #expect(try await scene.state(scene.kecsctl) == "stopped")
            let again = try await scene.kecsctl.run(["move", "dev"] + scene.other + ["-o", "json"])
            #expect(try again.first()["outcome"] == "already", "\(again.output)")
        }
    }

    @Test func `killed at many moments it is always whole somewhere, and can be finished`() async throws {
        try await MoveScene.with { scene in
            var finished = false
            for round in 0..<Rounds.count(ci: 8, full: 40) where !finished {
                finished = try await !scene.kecsctl.killed(
                    after: .milliseconds(150 + 350 * round), ["move", "dev"] + scene.other)
                #expect(try scene.rows(scene.here) == 3)
            }
            let end = try await scene.must(["move", "dev"] + scene.other)
            #expect(end.errors.isEmpty || !end.errors.contains("error"), "\(end.errors)")
            #expect(try scene.rows(scene.landed) == 3)
            #expect(try await scene.state(scene.there) == "running")
            #expect(try await scene.state(scene.kecsctl) == "stopped")
            #expect(try !scene.arriving.isPresent)
        }
    }

    @Test func `what is in the way there is said before anything is sent`() async throws {
        try await MoveScene.with { scene in
            func refused(_ status: Int32, _ words: [String], _ text: String) async throws {
                let answer = try await scene.kecsctl.run(["move", "dev"] + words)
                #expect(answer.status == status && answer.errors.contains(text), "\(answer.errors)")
                #expect(try !scene.arriving.isPresent)
                #expect(try !scene.kecsctl.home.appending("backups/dev").isPresent)
                #expect(try await scene.state(scene.kecsctl) == "running")
            }
            let program = ["--program", scene.program]
            try scene.next("look", "fail")
            try await refused(14, scene.other, "Connection refused")
            try await refused(14, [scene.address], "no kecsctl on there.example")
            try await refused(64, ["there.example"] + program, "no address of another machine")
            let server = try TestServer(.hangs)
            try await refused(
                1, [scene.address] + program + ["--api-port", "\(server.port)", "--admin-port", "21892"],
                "the port \(server.port) that “dev” needs is taken")
            let old = scene.root.appending("bin/newer")
            try old.replaceContents(
                Array(
                    "#!/bin/sh\nsed 's/\"tool\" : \"[^\"]*\"/\"tool\" : \"99.0.0\"/' | \(scene.program) \"$@\"\n"
                        .utf8), mode: 0o755)
            try await refused(
                64, [scene.address, "--program", old.string] + MoveScene.otherPorts, "is older")
            let there = Kecsctl(home: scene.there.home)
            #expect(
                try await there("start", "dev", "--runtime", "local", "--api-port", "21895").status == 0)
            try await refused(64, scene.other, "already an instance “dev”")
        }
    }

    @Test func `an encrypted instance is not moved to where its key is not, and nothing is sent`()
        async throws
    {
        try await MoveScene.with { scene in
            let key = scene.root.appending("key")
            try key.replaceContents(Array("correct horse\n".utf8), mode: 0o600)
            try await scene.must(["config", "set", "encrypt", "gpg"])
            try await scene.must(["config", "set", "passphraseFile", key.string])
            try scene.there.home.createFolder()
            func expectRefused() async throws {
                for more in [["--dry-run"], []] {
                    let answer = try await scene.kecsctl.run(["move", "dev"] + scene.other + more)
                    #expect(answer.status == 12, "\(answer.output)\(answer.errors)")
                    #expect(answer.errors.contains("the key that decrypts its backups is not there"))
                    #expect(answer.errors.contains("config set passphraseFile"), "\(answer.errors)")
                    #expect(try !scene.arriving.isPresent)
                    #expect(try !scene.kecsctl.home.appending("backups/dev").isPresent)
                    #expect(try await scene.state(scene.kecsctl) == "running")
                }
            }
            try await expectRefused()
            let wrong = scene.root.appending("wrong")
            try wrong.replaceContents(Array("battery staple\n".utf8), mode: 0o600)
            #expect(try await scene.there("config", "set", "passphraseFile", wrong.string).status == 0)
            try await expectRefused()
            #expect(try await scene.there("config", "set", "passphraseFile", key.string).status == 0)
            try await scene.must(["move", "dev"] + scene.other)
            #expect(try scene.rows(scene.landed) == 3)
            #expect(try await scene.state(scene.there) == "running")
        }
    }

    @Test func `it can move back`() async throws {
        try await MoveScene.with { scene in
            try await scene.must(["move", "dev"] + scene.other)
            try SQLiteDatabase(scene.landed.appending("data/kecs.db"), .readWrite)
                .executeScript("INSERT INTO kept VALUES (4)")
            let back = Kecsctl(home: scene.there.home, environment: scene.kecsctl.environment)
            let answer = try await back.run(
                [
                    "move", "dev", "ssh://here.example\(scene.kecsctl.home)", "--program",
                    Kecsctl.program.string,
                ]
                    + MoveScene.ports)
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try scene.rows(scene.here) == 4)
            #expect(try await scene.state(scene.kecsctl) == "running")
            #expect(try await scene.state(scene.there) == "stopped")
        }
    }

    @Test func `a clone on another machine is an instance of its own, also after a cut`() async throws {
        try await MoveScene.with { scene in
            let words = [
                "clone", "dev", "try", "--to", scene.address, "--program", scene.program, "-o",
                "json",
            ]
            try scene.next("receive", "cut 1000000")
            #expect(try await scene.kecsctl.run(words).status == 128 + SIGKILL)
            let report = try await scene.must(words).first()
            #expect(report["host"] == "there.example" && report["ports"]?["apiPort"] != nil, "\(report)")
            guard case .integer(let sent)? = report["sentBytes"] else {
                Issue.record("\(report)")
                return
            }
            #expect(sent < 3_600_000, "\(sent)")
            let clone = scene.there.home.appending("instances/try")
            #expect(try scene.rows(clone) == 3)
            let config = try JSONFile.read(JSONValue.self, from: clone.appending("config.json"))
            let old = try JSONFile.read(JSONValue.self, from: scene.here.appending("config.json"))
            #expect(config["id"] != old["id"] && config["name"] == "try")
            #expect(config["settings"]?["apiPort"] != old["settings"]?["apiPort"])
            #expect(try await scene.state(scene.kecsctl) == "running")
            #expect(try await scene.there("status", "try", "-o", "json").first()["state"] == "stopped")
            #expect(try !scene.there.home.appending("backups/try").isPresent)
            let twice = try await scene.kecsctl.run(words)
            #expect(twice.status == 64, "\(twice.errors)")
        }
    }
}
