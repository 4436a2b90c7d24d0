// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import KecsSystem
import Testing

@testable import kecsctl

/// What a command line that is wrong is told, and in which form.
@Suite struct UsageTests {
    private let folder: TestFolder
    init() throws { folder = try TestFolder() }

    @Test(arguments: [
        (["backp"], "unknown command “backp”", "“kecsctl backup”"),
        (["backups", "lst"], "unknown command “lst”", "“kecsctl backups list”"),
        (["-o", "json", "--quiet", "doctr"], "unknown command “doctr”", "“kecsctl doctor”"),
        (["backup", "dev", "--keeep", "3"], "“backup” has no option --keeep", "--keep"),
        (["restore", "dev", "--dri", "--from", "latest"], "“restore” has no option --dri", "--dry-run"),
    ])
    func `a mistyped command or option is named, with the nearest one`(
        words: [String], message: String, near: String
    ) async throws {
        let caught = try await folder.kecsctl(words)
        #expect(caught.status == 64)
        #expect(
            caught.errors.hasPrefix("kecsctl: error: \(message)\n  because: the nearest is \(near)\n"),
            "\(caught.errors)")
    }

    @Test(arguments: [["undo", "--all"], ["status", "dev", "--wait-lock", "5m"], ["frobnicate"]])
    func `nothing is suggested for what resembles nothing`(words: [String]) async throws {
        let caught = try await folder.kecsctl(words)
        #expect(caught.status == 64 && !caught.errors.contains("nearest"), "\(caught.errors)")
    }

    @Test func `an option of one command is not taken for a command in front of it`() async throws {
        let caught = try await folder.kecsctl("--keep", "3", "backup", "dev")
        #expect(caught.status == 64)
        #expect(caught.errors.hasPrefix("kecsctl: error: --keep stands before the command\n"))
    }

    @Test(arguments: [
        ["restore", "dev", "--from", ""], ["restore", "dev", "--from="], ["backups", "show", ""],
        ["backups", "delete", "", "--yes"], ["backups", "verify", ""], ["backups", "diff", "latest", ""],
        ["start", "dev", "--restore", ""], ["doctor", "--check", ""],
    ])
    func `an empty word means nothing, and never everything`(words: [String]) async throws {
        #expect(try await folder.kecsctl("start", "dev", "--runtime", "local").status == 0)
        #expect(try await folder.kecsctl("backup", "dev").status == 0)
        let caught = try await folder.kecsctl(words)
        #expect(caught.status == 64 && caught.errors.contains("empty"), "\(caught.errors)")
    }

    @Test(arguments: ["--keep", "--keep-daily", "--keep-weekly", "--keep-monthly"])
    func `a negative number of backups is named`(option: String) async throws {
        for words in [[option, "-1"], ["\(option)=-1"]] {
            let caught = try await folder.kecsctl(["backups", "prune", "dev"] + words)
            #expect(caught.status == 64)
            #expect(caught.errors.contains("“-1” is no value for \(option)"), "\(caught.errors)")
        }
    }

    @Test func `keeping no backup is refused wherever it can be said`() async throws {
        #expect(try await folder.kecsctl("start", "dev", "--runtime", "local").status == 0)
        #expect(try await folder.kecsctl("backup", "dev").status == 0)
        for words in [
            ["backups", "prune", "dev", "--keep", "0"], ["backup", "dev", "--keep", "0"],
            ["config", "set", "keep", "0"], ["schedule", "install", "dev", "--keep", "0", "--dry-run"],
        ] {
            let caught = try await folder.kecsctl(words)
            #expect(caught.status == 64 && caught.errors.contains("from 1 to"), "\(words): \(caught.errors)")
        }
        let variable = try await folder.kecsctl("backup", "dev", environment: ["KECSCTL_KEEP": "0"])
        #expect(variable.status == 64 && variable.errors.contains("KECSCTL_KEEP"))
    }

    @Test(arguments: [
        ["list"], ["backup", "dev"], ["backups", "list"], ["config", "show"], ["doctor", "dev"],
        ["backups", "prune", "dev"],
    ])
    func `the options of every command stand before it or behind it`(words: [String]) async throws {
        #expect(try await folder.kecsctl("start", "dev", "--runtime", "local").status == 0)
        let behind = try await folder.kecsctl(words + ["-o", "name", "-q"])
        let before = try await folder.kecsctl(["-o", "name", "-q"] + words)
        #expect(behind.status == before.status && behind.status != 64)
        let middle = try await folder.kecsctl([words[0], "--output=name", "--quiet"] + words.dropFirst())
        #expect(middle.status == behind.status)
    }

    @Test(arguments: [
        (["doctor", "nope"], 10), (["backups", "prune", "nope"], 10), (["config", "set", "keep", "x"], 64),
        (["config", "set", "kep", "3"], 64), (["db", "query", "dev", "selct"], 1), (["destroy", "dev"], 64),
        (["backup", "dev", "--keeep"], 64), (["backp"], 64), (["backups", "show", "19990101"], 10),
        (["db", "query", "nope", "select 1"], 10), (["status", "nope"], 10), (["logs", "dev"], 64),
        (["db", "dump", "dev"], 64), (["state", "export", "dev"], 64), (["metrics"], 64),
        (["completions", "bash"], 64), (["render", "compose", "dev"], 64),
        (["db", "check", "--database", "/nonexistent"], 10), (["--home", "", "list"], 64),
    ])
    func `a failure is one document, wherever the form is asked for`(
        words: [String], status: Int
    ) async throws {
        #expect(try await folder.kecsctl("start", "dev", "--runtime", "local").status == 0)
        for line in [words + ["-o", "json"], ["--output=json"] + words, words + ["-ojson"]] {
            let caught = try await folder.kecsctl(line)
            #expect(caught.status == Int32(status), "\(line): \(caught.errors)")
            let document = try JSONDecoder().decode(JSONValue.self, from: Data(caught.output.utf8))
            #expect(document["apiVersion"] == "kecsctl/v1" && document["kind"]?.string != nil, "\(line)")
            let error = document["error"] ?? document["results"]?.array?.first?["error"]
            #expect(error?["status"]?.integer == Int64(status), "\(line)")
        }
    }
}
