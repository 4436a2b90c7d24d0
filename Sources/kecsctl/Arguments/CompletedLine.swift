// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import KecsSystem

/// A command line that is being typed, and what the shell is to offer for the word at the cursor. All that the completion
/// scripts know is how to ask: `kecsctl __complete SHELL INDEX PREFIX WORD…`.
struct CompletedLine {
    static let verb = "__complete"

    /// What the shell is to do. The first line of the answer; those after it are what it offers.
    private enum Answer {
        case words([Offer])
        case files
        case folders
    }

    private let shell: CompletionsCommand.Shell
    /// All of the line but the word at the cursor; the program first.
    private var before: [String]
    private let after: [String]
    /// The word at the cursor, up to the cursor.
    private var current: String

    /// - Returns: Nil for any other command line than such a question.
    init?(_ words: [String], environment: [String: String]) {
        let count = CommandPath.leadingOptions(words)
        guard words.count > count, words[count] == Self.verb else { return nil }
        let question = words.dropFirst(count + 1)
        guard question.count > 3, let shell = CompletionsCommand.Shell(rawValue: question[count + 1]),
            let index = Int(question[count + 2])
        else { return nil }
        let line = question.dropFirst(3).map { Self.plain($0, in: shell, environment) }
        guard (1..<max(line.count, 2)).contains(index) else { return nil }
        self.shell = shell
        current = Self.plain(question[count + 3], in: shell, environment)
        before = [line[0]] + words[..<count] + line[1..<min(index, line.count)]
        after = Array(line.dropFirst(index + 1))
        if shell == .bash { joinAtEquals() }
    }

    /// Without its quotes, which bash leaves to us, and with the home folder that `~` stands for.
    private static func plain(
        _ word: String, in shell: CompletionsCommand.Shell, _ environment: [String: String]
    ) -> String {
        if let home = environment["HOME"] {
            for start in ["~/", "--home=~/"] where word.hasPrefix(start) {
                return word.replacing("~/", with: home + "/", maxReplacements: 1)
            }
        }
        guard shell == .bash, let words = try? ShellWords(word).words, words.count == 1 else { return word }
        return words[0]
    }

    /// Bash takes `--home=/x` apart: `--home`, `=`, `/x`.
    private mutating func joinAtEquals() {
        var joined: [String] = []
        var words = before[...]
        while let word = words.popFirst() {
            if word == "=", let option = joined.last, option.hasPrefix("--") {
                joined[joined.count - 1] = option + "=" + (words.popFirst() ?? "")
            } else {
                joined.append(word)
            }
        }
        if before.last == "=", let option = joined.last, option.hasSuffix("=") {
            joined.removeLast()
            current = option + current
        } else if current == "=", let option = joined.last, option.hasPrefix("--") {
            joined.removeLast()
            current = option + "="
        }
        before = joined
    }

    // MARK: Answer

    func answer() -> String {
        switch offers() {
        case .files: return "files\n"
        case .folders: return "folders\n"
        case .words(let offers):
            var named: Set<String> = []
            let lines = offers.filter { named.insert($0.value).inserted }.map { $0.line(for: shell) + "\n" }
            return "words\n" + lines.joined()
        }
    }

    private func offers() -> Answer {
        let typed = Array(before.dropFirst())
        let leading = CommandPath.leadingOptions(typed)
        let isHelp = typed.dropFirst(leading).first == "help"
        let path = CommandPath(isHelp ? Array(typed.dropFirst(leading + 1)) : typed)
        let arguments = Self.arguments(of: path)
        var expecting: ToolInfo.Argument?
        var positionals = 0
        var isEnded = false
        for word in path.rest {
            if expecting != nil {
                expecting = nil
            } else if isEnded || !word.hasPrefix("-") {
                positionals += 1
            } else if word == "--" {
                isEnded = true
            } else {
                expecting = arguments.first { $0.kind == .option && $0.isNamed(word) }
            }
        }
        if let expecting { return values(of: expecting, expecting.mainName ?? "", path, current) }
        if !isEnded, current.hasPrefix("--"), let equals = current.firstIndex(of: "=") {
            let name = String(current[..<equals])
            guard let option = arguments.first(where: { $0.kind == .option && $0.isNamed(name) }) else {
                return .words([])
            }
            let answer = values(of: option, name, path, String(current[current.index(after: equals)...]))
            // Bash replaces only what stands behind the sign.
            guard case .words(let offers) = answer, shell != .bash else { return answer }
            return .words(offers.map { Offer("\(name)=\($0.value)", $0.description) })
        }
        if !isEnded, current.hasPrefix("-") { return .words(options(arguments, of: path, isHelp: isHelp)) }
        if !path.subcommands.isEmpty {
            return .words(positionals == 0 ? subcommands(of: path, isHelp: isHelp) : [])
        }
        let all = arguments.filter { $0.kind == .positional }
        guard !isHelp, let last = all.last else { return .words([]) }
        let index = min(positionals, all.count - 1)
        guard positionals < all.count || last.isRepeating else { return .words([]) }
        return values(of: all[index], "positional@\(index)", path, current)
    }

    /// Of a command that only holds others: those of every command.
    private static func arguments(of path: CommandPath) -> [ToolInfo.Argument] {
        let type: any ParsableCommand.Type = path.subcommands.isEmpty ? path.command : VersionCommand.self
        // The parser tells of itself; if it could not, nothing would be offered.
        return (try? ToolInfo.of(type))?.arguments ?? []
    }

    private func subcommands(of path: CommandPath, isHelp: Bool) -> [Offer] {
        let help = path.isRoot && !isHelp ? [Offer("help", "Show the help of a command.")] : []
        return
            (path.subcommands.filter { $0.configuration.shouldDisplay }
            .map { Offer($0._commandName, $0.configuration.abstract) } + help)
            .filter { $0.value.hasPrefix(current) }
    }

    /// Each by one name only, and none that stands on the line already unless it may be given again.
    private func options(_ arguments: [ToolInfo.Argument], of path: CommandPath, isHelp: Bool) -> [Offer] {
        guard !isHelp else { return [] }
        let given = (before + after).map { $0.split(separator: "=").first.map(String.init) ?? $0 }
        var offers = arguments.filter { argument in
            argument.kind != .positional && argument.shouldDisplay
                && (argument.isRepeating || !given.contains(where: argument.isNamed))
        }
        .compactMap { argument -> Offer? in
            // A short name that is complete is left as it is.
            let name = argument.isNamed(current) ? current : argument.mainName
            return name.map { Offer($0, argument.abstract) }
        }
        if !given.contains("--help"), !given.contains("-h") {
            offers.append(Offer("--help", "Show the help of this command."))
        }
        return offers.filter { $0.value.hasPrefix(current) }
    }

    private func values(
        of argument: ToolInfo.Argument, _ name: String, _ path: CommandPath, _ prefix: String
    ) -> Answer {
        let kind = argument.completionKind
        if kind?.file != nil { return .files }
        if kind?.directory != nil { return .folders }
        if kind?.custom != nil { return .words(asked(name, path, prefix)) }
        let words = kind?.list?.values ?? argument.allValueStrings ?? []
        return .words(words.filter { $0.hasPrefix(prefix) }.map { Offer($0) })
    }

    /// What the argument's own function says, which only the parser can call.
    private func asked(_ name: String, _ path: CommandPath, _ prefix: String) -> [Offer] {
        let line = [before[0], path.name] + path.optionsBefore + path.rest
        let command = path.name.split(separator: " ").map(String.init)
        return Offer.$keepsDescriptions.withValue(true) {
            do {
                _ = try Kecsctl.parseAsRoot(
                    ["---completion"] + command + ["--", name, "\(line.count)", "\(prefix.utf8.count)"]
                        + line + [prefix] + after)
                return []
            } catch {
                guard Kecsctl.exitCode(for: error).isSuccess else { return [] }
                return Kecsctl.fullMessage(for: error).split(separator: "\n").map(Offer.init(handedOn:))
            }
        }
    }
}

extension ToolInfo.Argument {
    fileprivate func isNamed(_ word: String) -> Bool { (names ?? []).contains { $0.text == word } }
}
