// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// Which command the words of a command line name: needed before they are parsed (global flags in front of the
/// command, help) and when they cannot be parsed (errors).
struct CommandPath {
    /// From `Kecsctl` down.
    private(set) var commands: [any ParsableCommand.Type] = [Kecsctl.self]
    /// Options before the last command name, with their values.
    private var optionsBefore: [String] = []
    /// What stands behind the last command name.
    private var rest: [String]
    private let asksForHelp: Bool

    init(_ words: [String]) {
        let isHelpVerb = words.first == "help"
        let words = isHelpVerb ? Array(words.dropFirst()) : words
        let options = words.prefix { $0 != "--" }
        asksForHelp = isHelpVerb || options.contains("-h") || options.contains("--help")
        rest = words
        var pending: [String] = []
        var index = 0
        while index < words.count, !subcommands.isEmpty {
            let word = words[index]
            if word == "--" { break }
            if word.hasPrefix("-") {
                let count = Self.withValue.contains(word) ? 2 : 1
                pending += words[index..<min(words.count, index + count)]
                index += count
                continue
            }
            guard let next = subcommands.first(where: { $0.names.contains(word) }) else { break }
            commands.append(next)
            optionsBefore += pending
            pending = []
            index += 1
            rest = Array(words[index...])
        }
    }

    /// Without the program's own name: "backups list"; "" for the program alone.
    var name: String { commands.dropFirst().map { $0._commandName }.joined(separator: " ") }
    var isRoot: Bool { commands.count == 1 }
    var command: any ParsableCommand.Type { commands.last ?? Kecsctl.self }
    var helpRequest: CommandPath? { asksForHelp ? self : nil }

    private var subcommands: [any ParsableCommand.Type] { command.configuration.subcommands }

    /// Options of every command that take the next word as their value.
    static let withValue: Set = [
        "--home", "-o", "--output", "--log-format", "--timeout", "--wait-lock", "--instance",
        "--passphrase-file",
    ]

    /// `kecsctl --home D backups -o json list dev` → `backups list --home D -o json dev`: every command has the
    /// global flags, so they may stand in front of its name too.
    static func globalsBehindCommand(_ words: [String]) -> [String] {
        // The parser's own questions, and those of the completion scripts, stay as they are.
        guard let first = words.first, !first.hasPrefix("---"), !first.hasPrefix("--generate"),
            first != "help"
        else {
            return words
        }
        let path = CommandPath(words)
        guard !path.isRoot, !path.asksForHelp, !path.optionsBefore.isEmpty else { return words }
        return path.name.split(separator: " ").map(String.init) + path.optionsBefore + path.rest
    }

    /// The value of an option in words that nobody has parsed: `-o json`, `-ojson`, `--output=json`.
    static func value(of names: [String], in words: [String]) -> String? {
        for (word, next) in zip(words, words.dropFirst() + [""]) {
            if word == "--" { return nil }
            for name in names {
                if word == name { return next }
                let glue = name.hasPrefix("--") ? name + "=" : name
                if word.hasPrefix(glue), !word.hasPrefix("--") || glue.hasSuffix("=") {
                    return String(word.dropFirst(glue.count))
                }
            }
        }
        return nil
    }
}

extension ParsableCommand {
    fileprivate static var names: [String] { [_commandName] + configuration.aliases }
}
