// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import KecsSystem
import SystemPackage
import Testing

@testable import kecsctl

/// The folder of the sources, where the generated files are committed.
let sourceRoot = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()

@Suite struct HelpTests {
    /// Every command with its path: "backups list".
    static let commands: [(path: [String], type: any ParsableCommand.Type)] = below([], Kecsctl.self)

    private static func below(
        _ path: [String], _ type: any ParsableCommand.Type
    ) -> [([String], any ParsableCommand.Type)] {
        [(path, type)] + type.configuration.subcommands.flatMap { below(path + [$0._commandName], $0) }
    }

    @Test func `every command's help starts with two examples and ends with its exit statuses`() throws {
        for (path, type) in Self.commands {
            let help = try #require((type as? any HelpedCommand.Type)?.help, "\(path)")
            #expect(help.examples.count >= 2, "\(path)")
            #expect(help.statuses.isSuperset(of: [0, 64]), "\(path)")
            let text = HelpPage.text(CommandPath(path), width: 80)
            #expect(text.hasPrefix("EXAMPLES:\n  \(help.examples[0].line)"), "\(path)")
            #expect(text.split(separator: "\n\n").last?.hasPrefix("EXIT STATUS:\n  0") == true, "\(path)")
        }
    }

    @Test func `every example can be parsed and is about its command`() throws {
        for (path, type) in Self.commands {
            for example in (type as? any HelpedCommand.Type)?.help.examples ?? [] {
                let words = try #require(ExampleWords.of(example.line), "\(example.line)")
                #expect(throws: Never.self, "\(example.line)") { try Kecsctl.parseAsRoot(words) }
                #expect(
                    Array(CommandPath(words).name.split(separator: " ").map(String.init).prefix(path.count))
                        == path)
            }
        }
    }

    @Test func `every status in a help page has a meaning`() {
        let known = Set(ExitStatus.meanings.map(\.status))
        for (_, type) in Self.commands {
            #expect((type as? any HelpedCommand.Type)?.help.statuses.isSubset(of: known) == true)
        }
    }

    @Test(arguments: [
        ("completions/kecsctl.bash", CompletionsCommand.Shell.bash), ("completions/_kecsctl", .zsh),
        ("completions/kecsctl.fish", .fish),
    ])
    func `the committed completions are current; make completions writes them`(
        file: String, shell: CompletionsCommand.Shell
    ) throws {
        let committed = String(decoding: try sourceRoot.appending(file).contents(), as: UTF8.self)
        #expect(committed == CompletionsCommand.script(shell))
    }

    @Test func `the committed man pages are current; make man writes them`() throws {
        let pages = try ManPages.all()
        let folder = sourceRoot.appending("man")
        #expect(try folder.entries().map(\.string) == pages.map(\.file).sorted())
        for page in pages {
            let committed = String(decoding: try folder.appending(page.file).contents(), as: UTF8.self)
            #expect(committed == page.text, "\(page.file)")
        }
    }
}

/// The words of the `kecsctl` call in a line of shell: quotes are removed, a redirection and what follows is left out.
enum ExampleWords {
    static func of(_ line: String) -> [String]? {
        var words: [String] = []
        var word: String?
        var quote: Character?
        for character in line {
            switch (character, quote) {
            case (let one, let open?) where one == open: quote = nil
            case (_, _?): word = (word ?? "") + String(character)
            case ("'", nil), ("\"", nil):
                quote = character
                word = word ?? ""
            case (" ", nil), (")", nil):
                if let done = word { words.append(done) }
                word = nil
            case ("(", nil): word = nil
            default: word = (word ?? "") + String(character)
            }
        }
        if let word { words.append(word) }
        guard let start = words.firstIndex(of: "kecsctl") else { return nil }
        return Array(words[(start + 1)...].prefix { $0 != ">" && $0 != "|" && $0 != "&&" })
    }
}
