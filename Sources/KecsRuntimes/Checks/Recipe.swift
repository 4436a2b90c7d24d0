// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsDoctor

/// A recipe of the guides that loses data or does not do what it claims, with the signs by which a script shows it.
struct Recipe: Sendable {
    let id: String
    /// The problem with it, as a clause.
    let why: String
    /// The better way.
    let remedy: String
    /// Finds the numbers of the lines that use it.
    let find: @Sendable (Script) -> [Int]

    init(_ id: String, _ why: String, _ remedy: String, each: @escaping @Sendable (Script.Line) -> Bool) {
        self.init(id, why, remedy) { script in script.lines.filter(each).map(\.number) }
    }

    init(_ id: String, _ why: String, _ remedy: String, whole: @escaping @Sendable (Script) -> [Int]) {
        self.id = id
        self.why = why
        self.remedy = remedy
        find = whole
    }
}

/// A text as lines of words, with continued lines joined and comments left out.
struct Script: Sendable {
    struct Line: Sendable {
        var number: Int
        var text: String
        /// The words, split where a shell ends a word, quotes dropped.
        var words: [String]

        func calls(_ program: String) -> Bool {
            words.contains { $0 == program || $0.hasSuffix("/" + program) }
        }
        /// Returns the words after the first call of the program, up to the end of its command.
        func arguments(of program: String) -> [String] { allArguments(of: program).first ?? [] }

        /// Returns the arguments of each call on the line.
        func allArguments(of program: String) -> [[String]] {
            words.indices.filter { words[$0] == program || words[$0].hasSuffix("/" + program) }.map { index in
                words[(index + 1)...].prefix { ![";", "|", "&&", "||", "&"].contains($0) }.map { $0 }
            }
        }
    }

    let lines: [Line]

    init(_ file: Surroundings.TextFile) {
        var lines: [Line] = []
        var joined = ""
        var start = 0
        for line in file.lines {
            if joined.isEmpty { start = line.number }
            if line.text.hasSuffix("\\") {
                joined += line.text.dropLast() + " "
                continue
            }
            let text = joined + line.text
            joined = ""
            let bare = text.drop { $0 == " " || $0 == "\t" }
            if bare.hasPrefix("#") || bare.isEmpty { continue }
            lines.append(Line(number: start, text: text, words: Self.words(text)))
        }
        self.lines = lines
    }

    private static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        func isEnd(_ character: Character) -> Bool { " \t;|&".contains(character) }
        for character in text {
            if isEnd(character) {
                if !word.isEmpty { words.append(word) }
                word = ""
                if character != " " && character != "\t" {
                    // "&&" is one word.
                    if let last = words.last, last == String(character), character != ";" {
                        words[words.count - 1] = last + String(character)
                    } else {
                        words.append(String(character))
                    }
                }
            } else if character != "'" && character != "\"" {
                word.append(character)
            }
        }
        if !word.isEmpty { words.append(word) }
        return words
    }

    static func isDatabase(_ word: String) -> Bool {
        let word = word.lowercased()
        return [".db", ".sqlite", ".sqlite3", ".db-wal", ".duckdb"].contains { word.hasSuffix($0) }
    }

    static func isBackup(_ word: String) -> Bool {
        let word = word.lowercased()
        return word.contains("backup") || word.contains(".bak") || word.contains("bkp")
    }
}
