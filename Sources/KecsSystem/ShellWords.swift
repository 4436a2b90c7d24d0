// SPDX-License-Identifier: Apache-2.0

/// A command line split into words as a POSIX shell splits it (XCU 2.2), for commands that are run without a shell.
///
/// Text that only a shell could interpret (pipes, redirections, variables, `~`) is refused instead of being passed on
/// as it is.
public struct ShellWords: Hashable, Sendable {
    public let words: [String]

    public enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        case empty
        case unclosed(Character)
        case needsShell(Character)

        public var description: String {
            switch self {
            case .empty: "the command is empty"
            case .unclosed("\\"): "the command ends in a backslash"
            case .unclosed(let quote): "the command has an unclosed \(quote)"
            case .needsShell(let character):
                "the command is run without a shell, so \(character == "\n" ? "a line break" : "“\(character)”") "
                    + "must be quoted with '…'; if a shell is meant, use sh -c '…'"
            }
        }
    }

    /// - Throws: `Failure` when a quote is not closed, when only a shell could run the text, or when there is no word.
    public init(_ text: String) throws(Failure) {
        var splitter = Splitter(text)
        words = try splitter.split()
    }

    /// A command line that a POSIX shell, and `init`, split into these words again.
    public static func quote(_ words: [String]) -> String {
        words.map { word in
            let isPlain = word.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0)
                    || "_-+=:,./@%^".utf8.contains($0)
            }
            if isPlain, !word.isEmpty { return word }
            let inner = word.unicodeScalars.split(separator: "'", omittingEmptySubsequences: false)
            return "'" + inner.map(String.init).joined(separator: #"'\''"#) + "'"
        }.joined(separator: " ")
    }
}

/// Splits scalars, not characters: a quote stays a quote when a combining mark follows it.
private struct Splitter {
    private var rest: Substring.UnicodeScalarView
    private var words: [String] = []
    /// The current word; nil between two words: `''` is a word, nothing is none.
    private var word: String.UnicodeScalarView?

    init(_ text: String) { rest = text[...].unicodeScalars }

    mutating func split() throws(ShellWords.Failure) -> [String] {
        while let scalar = rest.popFirst() {
            switch scalar {
            case " ", "\t", "\r": endWord()
            case "\n":
                endWord()
                guard rest.allSatisfy(\.properties.isWhitespace) else { throw .needsShell("\n") }
            case "'": try singleQuoted()
            case "\"": try doubleQuoted()
            case "\\":
                guard let next = rest.popFirst() else { throw .unclosed("\\") }
                // A backslash and a line break are a continuation, and no character at all.
                if next != "\n" { add(next) }
            case "|", ";", "&", "<", ">", "$", "`", "(", ")": throw .needsShell(Character(scalar))
            case "#" where word == nil, "~" where word == nil: throw .needsShell(Character(scalar))
            default: add(scalar)
            }
        }
        endWord()
        guard !words.isEmpty else { throw .empty }
        return words
    }

    private mutating func singleQuoted() throws(ShellWords.Failure) {
        word = word ?? String.UnicodeScalarView()
        while let scalar = rest.popFirst() {
            if scalar == "'" { return }
            add(scalar)
        }
        throw .unclosed("'")
    }

    private mutating func doubleQuoted() throws(ShellWords.Failure) {
        word = word ?? String.UnicodeScalarView()
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\"": return
            case "$", "`": throw .needsShell(Character(scalar))
            case "\\":
                guard let next = rest.popFirst() else { throw .unclosed("\"") }
                switch next {
                case "$", "`", "\"", "\\": add(next)
                case "\n": break
                default:
                    add("\\")
                    add(next)
                }
            default: add(scalar)
            }
        }
        throw .unclosed("\"")
    }

    private mutating func add(_ scalar: Unicode.Scalar) {
        word = word ?? String.UnicodeScalarView()
        word?.append(scalar)
    }

    private mutating func endWord() {
        if let word { words.append(String(word)) }
        word = nil
    }
}
