// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@Suite struct RenameTests {
    /// An instance with a backup, and a restore of it that can be undone.
    private func scene(_ root: FilePath) async throws -> Kecsctl {
        let kecsctl = Kecsctl(home: root.appending("home"))
        #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
        let data = root.appending("home/instances/dev/data")
        try data.appending("note").replaceContents(Array("first".utf8))
        #expect(try await kecsctl("backup", "dev").status == 0)
        try data.appending("note").replaceContents(Array("second".utf8))
        #expect(try await kecsctl("restore", "dev", "--from", "latest").status == 0)
        return kecsctl
    }

    private func text(_ file: FilePath) throws -> String {
        String(decoding: try file.contents(), as: UTF8.self)
    }

    @Test func `everything goes with the name, and what was restored before can be undone after`()
        async throws
    {
        try await withTemporaryFolder { root in
            let kecsctl = try await scene(root)
            let before = try InstanceFile(root, "dev")
            let answer = try await kecsctl("rename", "dev", "shop", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            let report = try answer.first()
            #expect(report["outcome"] == "done" && report["to"] == "shop" && report["backups"] == 1)
            let after = try InstanceFile(root, "shop")
            #expect(after.id == before.id && after.name == "shop")
            #expect(try await kecsctl("list", "-o", "name").output == "shop\n")
            #expect(try root.appending("home/instances").entries().map(\.string) == ["shop"])
            #expect(try root.appending("home/backups").entries().map(\.string) == ["shop"])
            #expect(try !root.appending("home/rename.json").isPresent)
            #expect(try await kecsctl("start", "dev", "--dry-run").status == 0)
            #expect(try await kecsctl("status", "dev").status == 10)

            let note = root.appending("home/instances/shop/data/note")
            #expect(try text(note) == "first")
            let undo = try await kecsctl("undo", "shop")
            #expect(undo.status == 0, "\(undo.errors)")
            #expect(try text(note) == "second")
            let restore = try await kecsctl("restore", "shop", "--from", "latest")
            #expect(restore.status == 0, "\(restore.errors)")
            #expect(try text(note) == "first")
            // The next backup counts the ones before as its own.
            let backup = try await kecsctl("backup", "shop", "-o", "json")
            #expect(backup.status == 0, "\(backup.errors)")
            #expect(try backup.first()["backup"]?["instance"] == "shop")
        }
    }

    @Test func `a name that somebody has, or whose backups are there, is refused and nothing is touched`()
        async throws
    {
        try await withTemporaryFolder { root in
            let kecsctl = try await scene(root)
            #expect(try await kecsctl("start", "old", "--runtime", "local").status == 0)
            #expect(try await kecsctl("backup", "old").status == 0)
            let taken = try await kecsctl("rename", "dev", "old")
            #expect(taken.status == 64 && taken.errors.contains("there is already an instance “old”"))
            #expect(try await kecsctl("destroy", "old", "--yes").status == 0)
            let before = try treeDigest(root, leavingOut: ["lock", "history.jsonl"])
            let former = try await kecsctl("rename", "dev", "old")
            #expect(former.status == 64 && former.errors.contains("backups of a former “old”"))
            #expect(try await kecsctl("rename", "dev", "No Name").status == 64)
            #expect(try treeDigest(root, leavingOut: ["lock", "history.jsonl"]) == before)
        }
    }

    @Test func `what runs, and what somebody has open, is not renamed`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            let start = try await kecsctl(
                "start", "dev", "--runtime", "local", "--command", "sleep 600", "--health-url", "none")
            #expect(start.status == 0, "\(start.errors)")
            let running = try await kecsctl("rename", "dev", "shop")
            #expect(running.status == 11 && running.errors.contains("kecsctl stop dev"), "\(running.errors)")
            #expect(try await kecsctl("stop", "dev").status == 0)
            let file = root.appending("home/instances/dev/data/kecs.db")
            try file.removingLastComponent().createFolder()
            try file.replaceContents([])
            try await HoldingProcess.with("exec 3<'\(file)'", in: root) { _ in
                let held = try await kecsctl("rename", "dev", "shop")
                #expect(held.status == 11, "\(held.errors)")
            }
            let free = try await kecsctl("rename", "dev", "shop")
            #expect(free.status == 0, "\(free.errors)")
        }
    }

    @Test func `settings that name the old folder name the new one`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = try await scene(root)
            let old = root.appending("home/instances/dev")
            for (key, value) in [
                ("command", "\(old)/bin/server --data=\(old) --other \(old)-2/x"), ("dataDir", "\(old)/data"),
            ] {
                let set = try await kecsctl("config", "set", key, value, "--instance", "dev")
                #expect(set.status == 0, "\(set.errors)")
            }
            #expect(try await kecsctl("rename", "dev", "shop").status == 0)
            let new = root.appending("home/instances/shop")
            let settings = try InstanceFile(root, "shop").settings
            #expect(settings["dataDir"] == .string("\(new)/data"))
            #expect(settings["command"] == .string("\(new)/bin/server --data=\(new) --other \(old)-2/x"))
        }
    }

    @Test func `its lines in the crontab are renamed, and no others`() async throws {
        try await withTemporaryFolder { root in
            var kecsctl = try await scene(root)
            let tools = root.appending("tools")
            try tools.createFolder()
            let table = root.appending("table")
            try table.replaceContents(Array("1 1 * * * mine # kecsctl:other\n".utf8))
            try tools.appending("crontab").replaceContents(
                Array("#!/bin/sh\nif [ \"$1\" = -l ]; then cat '\(table)'; else cat >'\(table)'; fi\n".utf8),
                mode: 0o755)
            kecsctl.environment["PATH"] = "\(tools):/usr/sbin:/usr/bin:/sbin:/bin"
            kecsctl.environment["HOME"] = root.string
            let install = try await kecsctl(
                "schedule", "install", "dev", "--cron", "--at", "02:05", "--boot")
            #expect(install.status == 0, "\(install.errors)")
            let answer = try await kecsctl("rename", "dev", "shop", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try answer.first()["schedule"]?.array?.count == 2)
            let lines = try text(table).split(separator: "\n").map(String.init)
            #expect(lines.count == 3)
            #expect(lines.contains("1 1 * * * mine # kecsctl:other"))
            #expect(
                lines.contains { $0.contains(" backup shop --scheduled ") && $0.hasSuffix("# kecsctl:shop") })
            #expect(lines.contains { $0.contains(" start shop --home ") && $0.hasPrefix("@reboot ") })
            #expect(try !text(table).contains("dev --"))
        }
    }

    @Test func `a killed rename is whole after the next command, under one name`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = try await scene(root)
            var seed = CampaignSeed("RenameTests")
            // A slow machine takes longer: from its beginning to just behind its end.
            let length = try await ContinuousClock().measure {
                _ = try await kecsctl("rename", "dev", "shop")
            }
            // How long one takes changes with what else runs: the kills follow it.
            var most = Int(
                length.components.seconds * 1000 + length.components.attoseconds / 1_000_000_000_000_000)
            var name = "shop"
            var killed = 0
            var renamed = 0
            var isUndone = false
            for round in 0..<Rounds.count(ci: 16, full: 300) {
                let other = name == "dev" ? "shop" : "dev"
                if try await kecsctl.killed(
                    after: .milliseconds(Int.random(in: most / 3...most * 5 / 4, using: &seed)),
                    ["rename", name, other])
                {
                    killed += 1
                } else {
                    most = max(4, most * 3 / 4)
                }
                // Looking is enough.
                let list = try await kecsctl("list", "-o", "name")
                let now = list.output.split(separator: "\n").map(String.init)
                #expect(now == [name] || now == [other], "round \(round): \(list.output) \(list.errors)")
                guard let one = now.first else { return }
                if one != name { renamed += 1 } else { most = most * 5 / 4 + 1 }
                name = one
                #expect(
                    try root.appending("home/backups").entries().map(\.string) == [name], "round \(round)")
                #expect(try !root.appending("home/rename.json").isPresent)
                #expect(try InstanceFile(root, name).name == name)
                // There and back, what is kept for it has the name too.
                let undone = try await kecsctl.run(
                    ["undo", name, round % 2 == 0 ? "--dry-run" : "-q"] + (isUndone ? ["--redo"] : []))
                #expect(undone.status == 0, "round \(round): \(undone.errors)")
                if round % 2 == 1 { isUndone.toggle() }
            }
            #expect(killed > 0 && renamed > 0)
            print("rename: killed \(killed) times, renamed \(renamed) times")
        }
    }

    /// Each state that a kill can leave, made by hand: the moments are too short to be hit by chance.
    @Test(arguments: ["recorded", "backups moved", "both moved"])
    func `a rename that was cut off is finished by the next command`(at step: String) async throws {
        try await withTemporaryFolder { root in
            let kecsctl = try await scene(root)
            let home = root.appending("home")
            try home.appending("rename.json").replaceContents(
                Array(
                    #"{"version":1,"from":"dev","to":"shop","startedAt":"2026-01-02T03:04:05Z"}"#.utf8))
            if step != "recorded" {
                try home.appending("backups/dev").rename(to: home.appending("backups/shop"))
            }
            if step == "both moved" {
                try home.appending("instances/dev").rename(to: home.appending("instances/shop"))
            }
            // A dry run changes nothing.
            let before = try treeDigest(home, leavingOut: ["lock"])
            _ = try await kecsctl("backup", "--all", "--dry-run")
            #expect(try treeDigest(home, leavingOut: ["lock"]) == before)
            let list = try await kecsctl("backups", "list", "shop", "-o", "json")
            #expect(list.status == 0, "\(list.errors)")
            #expect(try list.items().count == 1)
            #expect(list.errors.contains("finished the renaming of “dev” to “shop”"), "\(list.errors)")
            let undo = try await kecsctl("undo", "shop")
            #expect(undo.status == 0, "\(undo.errors)")
            #expect(try text(home.appending("instances/shop/data/note")) == "second")
            #expect(try !home.appending("rename.json").isPresent)
        }
    }

    @Test func `a rename is taken back when the new name was given to something else meanwhile`() async throws
    {
        try await withTemporaryFolder { root in
            let kecsctl = try await scene(root)
            let home = root.appending("home")
            try home.appending("rename.json").replaceContents(
                Array(
                    #"{"version":1,"from":"dev","to":"shop","startedAt":"2026-01-02T03:04:05Z"}"#.utf8))
            try home.appending("backups/dev").rename(to: home.appending("backups/shop"))
            try home.appending("instances/shop").createFolder()
            let list = try await kecsctl("backups", "list", "dev", "-o", "json")
            #expect(list.status == 0 && list.errors.contains("took back the renaming"), "\(list.errors)")
            #expect(try list.items().count == 1)
            #expect(try !home.appending("rename.json").isPresent)
        }
    }
}

/// What `config.json` says.
struct InstanceFile {
    var name: String?
    var id: String?
    var settings: [String: JSONValue] = [:]

    init(_ root: FilePath, _ instance: String) throws {
        let file = root.appending("home/instances").appending(instance).appending("config.json")
        let value = try JSONFile.read(JSONValue.self, from: file)
        name = value["name"]?.string
        id = value["id"]?.string
        if case .object(let settings)? = value["settings"] { self.settings = settings }
    }
}
