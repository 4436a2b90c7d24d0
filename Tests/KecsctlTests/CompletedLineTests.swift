// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import KecsSystem
import SystemPackage
import Testing

@testable import kecsctl

/// What is offered for a line that is being typed.
@Suite struct CompletedLineTests {
    private let folder: TestFolder
    private var home: FilePath { folder.path.appending("home") }

    init() async throws {
        folder = try TestFolder()
        for name in ["dev", "shop"] {
            #expect(try await folder.kecsctl("start", name, "--runtime", "local").status == 0)
        }
    }

    /// - Parameter line: What was typed, words apart by a blank; the cursor is at its end.
    private func asked(
        _ line: String, in shell: String = "bash", home: String? = nil
    ) async throws -> [String] {
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        let caught = try await folder.kecsctl(
            ["__complete", shell, "\(words.count - 1)", words.last ?? ""] + words,
            environment: home.map { ["KECS_HOME": $0] } ?? [:])
        #expect(caught.status == 0 && caught.errors.isEmpty, "\(line): \(caught.errors)")
        return caught.output.split(separator: "\n").map(String.init)
    }

    @Test(arguments: [
        ("kecsctl --home HOME stop ", ["words", "dev", "shop"]),
        ("kecsctl --home=HOME stop ", ["words", "dev", "shop"]),
        ("kecsctl stop --home HOME ", ["words", "dev", "shop"]),
        ("kecsctl -o json --home HOME -q stop s", ["words", "shop"]),
        ("kecsctl stop -n --home HOME dev ", ["words", "shop"]),
        ("kecsctl --home HOME backups show --instance d", ["words", "dev"]),
        ("kecsctl --home HOME doctor --instance=d", ["words", "--instance=dev"]),
        ("kecsctl --home HOME rest", ["words", "restart", "restore"]),
        ("kecsctl --home HOME backups l", ["words", "list", "ls", "label"]),
        ("kecsctl --home HOME help ba", ["words", "backup", "backups"]),
        ("kecsctl help backups di", ["words", "diff"]),
        ("kecsctl --ho", ["words", "--home"]), ("kecsctl --output j", ["words", "json"]),
        ("kecsctl --output=j", ["words", "--output=json"]), ("kecsctl -o t", ["words", "table"]),
        ("kecsctl --home ", ["folders"]), ("kecsctl --home=", ["folders"]),
        ("kecsctl start dev --compose-file ", ["files"]), ("kecsctl start dev --data-dir=x", ["files"]),
        ("kecsctl config set compression s", ["words", "small"]),
        ("kecsctl config profile p", ["words", "prod"]),
        ("kecsctl stop dev --dry-run --dry", ["words"]), ("kecsctl stop dev -n --dry", ["words"]),
        ("kecsctl stop -- --dry", ["words"]), ("kecsctl nothing ", ["words"]),
        ("kecsctl list dev ", ["words"]), ("kecsctl stop dev -n", ["words", "-n"]),
        ("kecsctl start dev --volume a:/a --vol", ["words", "--volume", "--volume-label"]),
    ])
    func `options of every command may stand anywhere`(line: String, expected: [String]) async throws {
        let line = line.replacing("HOME", with: home.string)
        let shown = try await asked(line, in: "zsh", home: "/nonexistent/home")
        // Descriptions are cut off.
        #expect(shown.map { String($0.prefix { $0 != ":" }) } == expected, "\(shown)")
    }

    @Test func `bash gets only what stands behind the sign, and its words with quotes are read`() async throws
    {
        func asked(_ index: Int, _ prefix: String, _ words: String...) async throws -> String {
            try await folder.kecsctl(["__complete", "bash", "\(index)", prefix] + words).output
        }
        #expect(try await asked(3, "", "kecsctl", "list", "--output", "=").hasPrefix("words\ntable\n"))
        #expect(try await asked(4, "js", "kecsctl", "list", "--output", "=", "js") == "words\njson\n")
        #expect(
            try await asked(5, "", "kecsctl", "--home", "=", "'\(home)'", "stop", "") == "words\ndev\nshop\n")
        #expect(
            try await asked(4, "", "kecsctl", "--home", "\"\(home)\"", "stop", "") == "words\ndev\nshop\n")
    }

    @Test func `a home in the user's own folder is found`() async throws {
        let caught = try await folder.kecsctl(
            ["__complete", "fish", "4", "", "kecsctl", "--home", "~/home", "stop", ""],
            environment: ["HOME": folder.path.string, "KECS_HOME": "/nonexistent/home"])
        #expect(caught.output == "words\ndev\nshop\n", "\(caught.output)")
    }

    @Test func `no command offers anything twice, and each option that it offers is its own`() async throws {
        for (path, type) in HelpTests.commands where type.configuration.subcommands.isEmpty {
            guard type.configuration.shouldDisplay else { continue }
            let command = path.joined(separator: " ")
            for word in ["", "--"] {
                let shown = try await asked("kecsctl \(command) \(word)")
                #expect(Set(shown).count == shown.count, "\(command): \(shown)")
                guard word == "--", let options = CommandPath(path).options else { continue }
                let offered = shown.dropFirst()
                #expect(offered.contains("--home") && offered.contains("--help"), "\(command): \(shown)")
                #expect(offered.allSatisfy { options[$0] != nil }, "\(command): \(shown)")
            }
        }
    }

    @Test func `two backups of one second are told apart by their instance`() async throws {
        let id = "20261101T000000Z-manual"
        for name in ["dev", "shop"] {
            try home.appending("backups/\(name)/\(id)").createFolder()
        }
        let shown = try await asked("kecsctl --home \(home) backups show ")
        #expect(Set(shown) == ["words", "latest", "dev/\(id)", "shop/\(id)"], "\(shown)")
    }

    @Test func `a question that cannot be understood offers nothing and fails nowhere`() async throws {
        for words in [["fish", "9", "", "kecsctl"], ["bash", "1", "", "kecsctl"]] {
            let caught = try await folder.kecsctl(["__complete"] + words)
            #expect(caught.status == 0 || caught.status == 64, "\(caught.errors)")
        }
    }
}
