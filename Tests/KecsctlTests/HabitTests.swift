// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import kecsctl

/// What users of docker, kubectl and restic type without thinking.
@Suite struct HabitTests {
    private let folder: TestFolder
    init() throws { folder = try TestFolder() }

    @Test func `ps and ls list, rm destroys, -A means all`() async throws {
        #expect(try await folder.kecsctl("start", "dev", "--runtime", "local").status == 0)
        let list = try await folder.kecsctl("list", "-o", "name")
        for words in [["ps"], ["ls"], ["ps", "-A"], ["list", "-A"], ["status", "-A"]] {
            let caught = try await folder.kecsctl(words + ["-oname"])
            #expect(caught.status == 0 && caught.output == list.output, "\(words): \(caught.errors)")
        }
        #expect(try await folder.kecsctl("backup", "-A", "-q").status == 0)
        #expect(try await folder.kecsctl("backups", "verify", "-A", "-q").status == 0)
        let asked = try await folder.kecsctl("rm", "dev")
        #expect(asked.status == 64 && asked.errors.contains("--yes"), "\(asked.errors)")
        #expect(try await folder.kecsctl("rm", "dev", "--yes").status == 0)
        #expect(try await folder.kecsctl("ps", "-o", "name").output == "")
    }

    @Test func `the environment does not narrow what -A means`() async throws {
        for name in ["a", "b"] { _ = try await folder.kecsctl("start", name, "--runtime", "local") }
        let caught = try await folder.kecsctl("ps", "-A", "-oname", environment: ["KECS_INSTANCE": "a"])
        #expect(caught.output == "a\nb\n")
    }

    @Test(
        arguments: [
            (["help", "nosuch"], "unknown command “nosuch”", nil),
            (["nosuch", "--help"], "unknown command “nosuch”", nil),
            (["--home", "/x", "help", "backp"], "unknown command “backp”", "“kecsctl backup”"),
            (["help", "backp"], "unknown command “backp”", "“kecsctl backup”"),
            (["help", "backups", "lst"], "unknown command “lst”", "“kecsctl backups list”"),
            (["backups", "finde", "-h"], "unknown command “finde”", "“kecsctl backups find”"),
        ] as [([String], String, String?)])
    func `help for a command that is not there is an error, with the nearest one`(
        words: [String], message: String, near: String?
    ) async throws {
        let caught = try await folder.kecsctl(words)
        #expect(caught.status == 64 && caught.output == "", "\(caught.output)")
        #expect(caught.errors.hasPrefix("kecsctl: error: \(message)\n"), "\(caught.errors)")
        #expect(caught.errors.contains("nearest") == (near != nil))
        if let near { #expect(caught.errors.contains("  because: the nearest is \(near)\n")) }
    }

    @Test(arguments: [
        ["help"], ["help", "backups"], ["help", "backups", "list"], ["backups", "list", "dev", "--help"],
        ["-h"],
        ["help", "ps"], ["rm", "-h"], ["--home", "/x", "help", "list"], ["-q", "help"],
        ["--home", "/x", "backups", "--help"],
    ])
    func `help for what is there is help`(words: [String]) async throws {
        let caught = try await folder.kecsctl(words)
        #expect(caught.status == 0 && caught.output.hasPrefix("EXAMPLES:\n"), "\(caught.errors)")
    }

    @Test func `a form that does not exist is named, glued or not`() async throws {
        for words in [["list", "-oxml"], ["list", "-o", "xml"]] {
            let caught = try await folder.kecsctl(words)
            #expect(caught.status == 64 && caught.errors.contains("xml"), "\(caught.errors)")
        }
    }
}
