// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// The command that the words of a command line name. Needed before they are parsed (global flags in front of the
/// command, help) and when they cannot be parsed (errors).
struct CommandPath {
    /// The commands from `Kecsctl` down.
    private(set) var commands: [any ParsableCommand.Type] = [Kecsctl.self]
    /// Options before the last command name, with their values.
    private(set) var optionsBefore: [String] = []
    /// What stands behind the last command name.
    private(set) var rest: [String]
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

    /// The name without the program's own: "backups list"; "" for the program alone.
    var name: String { commands.dropFirst().map { $0._commandName }.joined(separator: " ") }
    var isRoot: Bool { commands.count == 1 }
    var command: any ParsableCommand.Type { commands.last ?? Kecsctl.self }
    var helpRequest: CommandPath? { asksForHelp ? self : nil }

    var subcommands: [any ParsableCommand.Type] { command.configuration.subcommands }

    /// The word in the place of a command's name that is none.
    var unknownCommand: String? {
        guard !subcommands.isEmpty, rest.first != "--" else { return nil }
        var index = 0
        while index < rest.count, rest[index].hasPrefix("-") {
            index += Self.withValue.contains(rest[index]) ? 2 : 1
        }
        return index < rest.count ? rest[index] : nil
    }

    /// The first option before the command's name that not every command has.
    var optionBeforeCommand: String? {
        let flags: Set = [
            "-q", "--quiet", "-v", "-vv", "--verbose", "-n", "--dry-run", "-y", "--yes", "--no-color",
            "--version",
        ]
        let glued = Self.withValue.filter { $0.hasPrefix("--") }.map { $0 + "=" } + ["-o"]
        return rest.prefix { $0.hasPrefix("-") }.first { word in
            !flags.contains(word) && !Self.withValue.contains(word) && !glued.contains { word.hasPrefix($0) }
        }
    }

    /// The subcommands that help lists, with their aliases.
    var subcommandNames: [String] {
        subcommands.filter { $0.configuration.shouldDisplay }.flatMap { $0.names }
    }

    /// The options of the command and whether they take a value; nil for a command that only holds others.
    var options: [String: Bool]? {
        guard subcommands.isEmpty else { return nil }
        // What the parser tells of itself is its own text: one that cannot be read leaves the parser's message.
        guard let info = try? ToolInfo.of(command) else { return nil }
        var options: [String: Bool] = ["-h": false, "--help": false, "--version": false]
        for argument in info.arguments ?? [] where argument.kind != .positional {
            for name in argument.names ?? [] { options[name.text] = argument.kind == .option }
        }
        return options
    }

    /// Options of every command that take the next word as their value.
    static let withValue: Set = [
        "--home", "-o", "--output", "--log-format", "--timeout", "--wait-lock", "--instance",
        "--passphrase-file",
    ]

    /// Returns true for the parser's own requests and those of the completion scripts, which stay as they are.
    static func isForTheParser(_ words: [String]) -> Bool {
        guard let first = words.first else { return false }
        return first.hasPrefix("---") || first.hasPrefix("--generate") || first == "help"
    }

    /// Moves the global flags behind the command: `kecsctl --home D backups -o json list dev` →
    /// `backups list --home D -o json dev`. Every command has them, so they may precede its name too.
    static func globalsBehindCommand(_ words: [String]) -> [String] {
        let words = questionFirst(helpFirst(separated(words)))
        guard !words.isEmpty, !isForTheParser(words) else { return words }
        let path = CommandPath(words)
        guard !path.isRoot, !path.asksForHelp, !path.optionsBefore.isEmpty else { return words }
        return path.name.split(separator: " ").map(String.init) + path.optionsBefore + path.rest
    }

    /// How many of the words are options of every command, with their values, before anything else.
    static func leadingOptions(_ words: [String]) -> Int {
        var index = 0
        while index < words.count, words[index].hasPrefix("-"), !words[index].hasPrefix("---"),
            words[index] != "--"
        {
            index += withValue.contains(words[index]) ? 2 : 1
        }
        return min(index, words.count)
    }

    /// `--home D ---completion list -- NAME INDEX CURSOR kecsctl list …` → `---completion list -- NAME INDEX+2 CURSOR kecsctl
    /// --home D list …`: the question of a completion script, about a line that has these options.
    private static func questionFirst(_ words: [String]) -> [String] {
        let count = leadingOptions(words)
        guard count > 0, count < words.count, words[count] == "---completion",
            let end = words[count...].firstIndex(of: "--"), words.count > end + 4,
            let index = Int(words[end + 2])
        else { return words }
        return words[count..<(end + 2)] + ["\(index + count)", words[end + 3], words[end + 4]]
            + words[..<count] + words[(end + 5)...]
    }

    /// `--home D help list` → `help --home D list`: where the verb stands first, it is known.
    private static func helpFirst(_ words: [String]) -> [String] {
        let index = leadingOptions(words)
        guard index > 0, index < words.count, words[index] == "help" else { return words }
        return ["help"] + words[..<index] + words[(index + 1)...]
    }

    /// Separates `-ojson` into `-o json`: the parser accepts a letter's value only apart.
    private static func separated(_ words: [String]) -> [String] {
        let end = words.firstIndex(of: "--") ?? words.endIndex
        return words[..<end].flatMap { word -> [String] in
            let value = String(word.dropFirst(2))
            return word.hasPrefix("-o") && OutputFormat(rawValue: value) != nil ? ["-o", value] : [word]
        } + words[end...]
    }

    /// Returns true when the words, without the program's own name, are a command line that this program accepts: every
    /// remedy must be one.
    static func accepts(_ words: [String]) -> Bool {
        let words = globalsBehindCommand(words)
        guard UsageProblem.emptyWord(words) == nil else { return false }
        let path = CommandPath(words)
        if path.helpRequest != nil { return path.unknownCommand == nil }
        do {
            return try Kecsctl.parseAsRoot(words) is any SessionCommand
        } catch { return false }
    }

    /// Returns the value of an option in words that have not been parsed: `-o json`, `-ojson`, `--output=json`.
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
