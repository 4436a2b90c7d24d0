// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import KecsSystem
import SystemPackage
import Testing

@testable import kecsctl

/// The commands in this process, from their words to what they print.
@Suite struct CommandTests {
    private let folder: TestFolder
    private var home: FilePath { folder.path.appending("home") }

    init() throws { folder = try TestFolder() }

    private func json(_ caught: Caught) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: Data(caught.output.utf8))
    }

    @Test func `a first start, a backup and its list`() async throws {
        let start = try await folder.kecsctl("start", "dev", "--runtime", "local")
        #expect(start.status == 0 && start.errors == "")
        #expect(start.output == "dev: created, stopped, no command\n")
        let backup = try await folder.kecsctl("backup", "-o", "json")
        #expect(backup.status == 0 && backup.errors == "")
        let result = try #require(try json(backup)["results"]?.array?.first)
        #expect(result["outcome"] == .string("done"))
        let summary = try #require(result["backup"])
        guard case .string(let id) = summary["id"] else {
            Issue.record("the backup has no id")
            return
        }
        let list = try await folder.kecsctl("backups", "list", "-o", "name")
        #expect(list.output == id + "\n")
        // The same by a prefix, with and without its instance.
        for text in [String(id.prefix(8)), "dev/" + id.prefix(8), "latest"] {
            let show = try await folder.kecsctl("backups", "show", text, "-o", "name")
            #expect(show.output == id + "\n", "\(text)")
        }
    }

    @Test func `backups of two instances in the same second are told apart`() async throws {
        for name in ["a", "b"] {
            #expect(try await folder.kecsctl("start", name, "--runtime", "local").status == 0)
            #expect(try await folder.kecsctl("backup", name).status == 0)
        }
        let both = try await folder.kecsctl("backups", "show", "20")
        #expect(both.status == 64)
        #expect(
            both.errors.contains("“20” fits 2 backups") && both.errors.contains("a/20")
                && both.errors.contains("b/20"))
        #expect(try await folder.kecsctl("backups", "show", "20", "--instance", "a").status == 0)
        let latest = try await folder.kecsctl("backups", "show", "latest")
        #expect(latest.status == 64 && latest.errors.contains("there are: a, b"))
    }

    @Test func `an instance that does not exist is 10 wherever it is named`() async throws {
        for words in [
            ["backup", "nope"], ["stop", "nope"], ["restart", "nope"], ["status", "nope"], ["logs", "nope"],
            ["destroy", "nope", "--yes"], ["restore", "nope", "--from", "latest"], ["undo", "nope"],
            ["backups", "list", "nope"], ["backups", "prune", "nope"], ["config", "show", "nope"],
            ["backups", "show", "latest", "--instance", "nope"],
        ] {
            let caught = try await folder.kecsctl(words)
            #expect(caught.status == 10, "\(words): \(caught.errors)")
            #expect(
                caught.errors.contains("“nope”") && caught.errors.contains("\n  try:     kecsctl "),
                "\(words)")
        }
        // Looking for something makes nothing.
        #expect(try home.entries() == [])
    }

    @Test func `an empty home is no error for those who ask for all`() async throws {
        for words in [
            ["list"], ["status"], ["backup", "--all", "--quiet"], ["backups", "verify", "--all", "--quiet"],
        ] {
            let caught = try await folder.kecsctl(words)
            #expect(caught.status == 0 && caught.output == "", "\(words)")
        }
    }

    @Test func `a broken instance is a row, never an error of the list`() async throws {
        try home.appending("instances/broken").createFolder()
        try home.appending("instances/broken/config.json").replaceContents(Array("{".utf8))
        let caught = try await folder.kecsctl("list", "-o", "json")
        #expect(caught.status == 0)
        let item = try #require(try json(caught)["items"]?.array?.first)
        #expect(item["name"] == .string("broken") && item["state"] == .string("unknown"))
        #expect(item["problems"]?.array?.isEmpty == false)
    }

    @Test func `one damaged backup makes verify 13, with its file named on standard error even when quiet`()
        async throws
    {
        #expect(try await folder.kecsctl("start", "dev", "--runtime", "local").status == 0)
        #expect(try await folder.kecsctl("backup", "--quiet").output == "")
        let store = home.appending("backups/dev")
        let archive = store.appending(try store.entries()[0]).appending("config.tar.gz")
        var bytes = try archive.contents()
        bytes[bytes.count / 2] ^= 1
        try archive.replaceContents(bytes)
        let caught = try await folder.kecsctl("backups", "verify", "--all", "--quiet")
        #expect(caught.status == 13 && caught.output == "")
        #expect(caught.errors.contains("config.tar.gz"))
    }

    @Test func `settings are shown with their origin, and a bad one names its variable`() async throws {
        #expect(try await folder.kecsctl("config", "set", "keep", "14").status == 0)
        let shown = try await folder.kecsctl(
            "config", "show", "--origin", environment: ["KECSCTL_COMPRESSION": "small"])
        #expect(shown.output.contains("\nkeep                    14 "))
        #expect(shown.output.contains("small") && shown.output.contains("env KECSCTL_COMPRESSION"))
        let bad = try await folder.kecsctl(
            "config", "show", environment: ["KECS_AUTO_RECOVER_STATE": "maybe"])
        #expect(bad.status == 64 && bad.errors.contains("KECS_AUTO_RECOVER_STATE"))
        #expect(try await folder.kecsctl("config", "set", "keep", "many").status == 64)
    }

    @Test func `a dry run changes nothing`() async throws {
        #expect(try await folder.kecsctl("start", "dev", "--runtime", "local", "--dry-run").status == 0)
        #expect(try home.entries() == [])
        #expect(try await folder.kecsctl("start", "dev", "--runtime", "local").status == 0)
        let plan = try await folder.kecsctl("backup", "dev", "-n")
        #expect(plan.status == 0 && plan.output.hasPrefix("dev: would back up\n  data: "))
        #expect(try !home.appending("backups").isPresent)
    }

    @Test func `the environment may name the instance, but not to destroy it`() async throws {
        for name in ["a", "b"] { _ = try await folder.kecsctl("start", name, "--runtime", "local") }
        let variable = ["KECS_INSTANCE": "b"]
        #expect(try await folder.kecsctl("backup", "-o", "name", environment: variable).status == 0)
        #expect(try home.appending("backups/b").isPresent && !home.appending("backups/a").isPresent)
        #expect(try await folder.kecsctl("destroy", "--yes", environment: variable).status == 64)
        #expect(try await folder.kecsctl("backup").status == 64)
    }
}
