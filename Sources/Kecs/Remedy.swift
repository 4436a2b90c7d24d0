// SPDX-License-Identifier: Apache-2.0
import KecsSystem
public import SystemPackage

/// Writes the remedy of a failure for the command that failed.
///
/// An operation says `kecsctl backups prune dev`, and the user pastes it into a shell. A home that was given by
/// `--home` would be lost there, and the line would work on another home's instance of the same name. `sudo` changes
/// HOME and drops KECS_HOME, so that the home is always named after it.
public enum Remedy {
    public struct Invocation: Sendable {
        var home: FilePath
        var isNamed: Bool
        var words: [String]

        /// - Parameters:
        ///   - isNamed: True when `--home` was given.
        ///   - words: The command line without the program's name.
        public init(home: FilePath, isNamed: Bool, words: [String] = []) {
            self.home = home
            self.isNamed = isNamed
            self.words = words
        }
    }

    /// The invocation of the running command; nil in a library that no command called.
    @TaskLocal public static var invocation: Invocation?

    /// Returns the running command with these additional options; nil when there is none.
    static func again(with options: String...) -> String? {
        guard let words = invocation?.words, !words.isEmpty else { return nil }
        let end = words.firstIndex(of: "--") ?? words.endIndex
        return "kecsctl " + ShellWords.quote(Array(words[..<end]) + options + Array(words[end...]))
    }

    /// Returns two valid ports, for a pair of which one is taken.
    public static func otherPorts(than port: Int) -> String {
        let first = port <= 65_500 ? port + 10 : port - 110
        return "--api-port \(first) --admin-port \(first + 1)"
    }

    /// Returns the line in a form that can be pasted. Lines of other programs stay as they are.
    public static func line(_ text: String) -> String {
        guard let invocation, !text.contains("--home"), !text.contains("--help") else { return text }
        let home = ShellWords.quote(["--home", invocation.home.string])
        var result: [Substring] = []
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        for (index, word) in words.enumerated() {
            result.append(word)
            guard word == "kecsctl" else { continue }
            let before = index == 0 ? nil : words[index - 1]
            let isSuperuser = before == "sudo"
            // “… (or: kecsctl start dev)”, “… or now: kecsctl start dev”.
            let isQuoted = before?.hasSuffix(":") == true
            let isCommand =
                before == nil || isSuperuser || isQuoted || ["&&", "||", ";", "|"].contains(before)
            if isCommand, invocation.isNamed || isSuperuser { result.append(home[...]) }
        }
        return result.joined(separator: " ")
    }
}
