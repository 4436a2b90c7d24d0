// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs

/// The problem with a command line, described better than by the parser. The parser stops at the first unexpected
/// thing, which is rarely the mistyped word.
struct UsageProblem {
    var message: String
    var cause: String?

    /// Returns the problem of the first empty word. No name is empty: taken as the beginning of a name it would fit
    /// everything.
    static func emptyWord(_ words: [String]) -> UsageProblem? {
        for (index, word) in words.enumerated() {
            if word == "--" { continue }
            if word.hasPrefix("--"), word.firstIndex(of: "=").map(word.index(after:)) == word.endIndex {
                return UsageProblem(message: "the value of \(word.dropLast()) is empty")
            }
            guard word.isEmpty else { continue }
            let before = index > 0 ? words[index - 1] : ""
            return UsageProblem(
                message: before.hasPrefix("-") ? "the value of \(before) is empty" : "an argument is empty")
        }
        return nil
    }

    /// Returns the problem of an unknown word where a command is expected.
    static func unknownCommand(_ path: CommandPath) -> UsageProblem? {
        guard let word = path.unknownCommand else { return nil }
        if let option = path.optionBeforeCommand {
            return UsageProblem(
                message: "\(option) stands before the command",
                cause: "only options that every command has may stand there")
        }
        let near = NearestWord.of(word, among: path.subcommandNames)
        let whole = [path.name, near].compactMap(\.self).filter { !$0.isEmpty }.joined(separator: " ")
        return UsageProblem(
            message: "unknown command “\(word)”", cause: near.map { _ in "the nearest is “kecsctl \(whole)”" }
        )
    }

    /// Returns the problem of an unknown option, or of a negative number as the value of a known one.
    static func option(_ words: [String], of path: CommandPath) -> UsageProblem? {
        guard let known = path.options else { return nil }
        var rest = words.prefix { $0 != "--" }[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("-"), word != "-" else { continue }
            let name = word.hasPrefix("--") ? String(word.prefix { $0 != "=" }) : String(word.prefix(2))
            guard let takesValue = known[name] else {
                let near = NearestWord.of(name, among: known.keys.filter { $0.hasPrefix("--") })
                return UsageProblem(
                    message: "“\(path.name)” has no option \(name)",
                    cause: near.map { "the nearest is \($0)" })
            }
            guard takesValue, word == name, let value = rest.first else { continue }
            if Int(value).map({ $0 < 0 }) == true {
                return UsageProblem(message: "“\(value)” is no value for \(name)", cause: "it is negative")
            }
            rest.removeFirst()
        }
        return nil
    }
}
