// SPDX-License-Identifier: Apache-2.0

/// Texts for other people's eyes: evidence, logs, `-vv`, history and notifications are all masked here.
extension String {
    /// The text with every value masked whose name sounds like a secret: flags (`--password x`, `-p x`, `--token=x`),
    /// variables, headers, JSON and YAML members, and the user of an address (`https://u:p@host`).
    public var masked: String {
        guard Masking.mayHoldSecret(self) else { return self }
        return split(separator: "\n", omittingEmptySubsequences: false).map { Masking.line($0) }
            .joined(separator: "\n")
    }

    /// True when a value under this name must be masked.
    public var soundsSecret: Bool { Masking.soundsSecret(self[...]) }
}

private enum Masking {
    static let mark = "•••"

    /// A fast check, because nearly all lines hold no secret.
    static func mayHoldSecret(_ text: String) -> Bool {
        text.utf8.contains { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "-") }
    }

    private static let names = [
        "password", "passphrase", "passwd", "secret", "token", "apikey", "api_key", "api-key", "access_key",
        "access-key", "accesskey", "credential", "private_key", "private-key", "privatekey", "authorization",
        "cookie", "pgpass", "mysql_pwd",
    ]

    static func soundsSecret(_ name: Substring) -> Bool {
        let name = name.lowercased()
        // The secret's location or name is no secret.
        if ["file", "path", "dir", "name", "arn"].contains(where: name.hasSuffix) { return false }
        return names.contains { name.contains($0) }
    }

    /// The part of the following words that is masked.
    private enum Next { case nothing, word, user, rest }

    static func line(_ line: Substring) -> String {
        var next = Next.nothing
        var program: Substring = ""
        var result = ""
        for piece in pieces(line) {
            guard piece.isWord else {
                result += piece.text
                continue
            }
            let word = piece.text
            switch next {
            case .rest:
                result += hidden(word)
                // A header in quotes ends with them.
                if word.last == "\"" || word.last == "'" { next = .nothing }
                continue
            case .word where !isFlag(word):
                next = .nothing
                let scheme = ["bearer", "basic", "digest"].contains(word.lowercased())
                if scheme { next = .word }
                result += scheme ? String(word) : hidden(word)
                continue
            case .user where !isFlag(word):
                next = .nothing
                result += user(word)
                continue
            default: next = .nothing
            }
            if program.isEmpty || ["|", "&&", ";", "||"].contains(word) { program = word }
            result += masked(word, program, &next)
        }
        return result
    }

    private static func masked(_ word: Substring, _ program: Substring, _ next: inout Next) -> String {
        let bare = word.drop { $0 == "\"" || $0 == "'" || $0 == "{" || $0 == "," }
        if let cut = bare.firstIndex(where: { $0 == "=" || $0 == ":" }), !bare[cut...].hasPrefix("://") {
            let name = bare[..<cut].filter { $0 != "\"" && $0 != "'" }
            let value = bare[bare.index(after: cut)...]
            guard soundsSecret(Substring(name)) else { return withoutUser(word) }
            let isHeader = bare[cut] == ":" && !name.hasPrefix("-")
            if value.isEmpty {
                next = isHeader && isHeaderName(name) ? .rest : .word
                return String(word)
            }
            return String(word[..<word.index(after: cut)]) + hidden(value)
        }
        let lower = word.lowercased()
        if lower == "bearer" || lower == "basic" {
            next = .word
        } else if word.hasPrefix("--"), soundsSecret(word) {
            next = .word
        } else if word == "-p", !takesNoSecret.contains(String(program.split(separator: "/").last ?? "")) {
            next = .word
        } else if word == "-u" || word == "--user" {
            next = .user
        }
        return withoutUser(word)
    }

    /// The programs whose `-p` is a port, a path, or nothing of the kind.
    private static let takesNoSecret: Set = [
        "mkdir", "cp", "docker", "podman", "docker-compose", "compose", "ssh", "scp", "nc", "tar", "install",
        "rsync", "ps", "ls", "read", "set", "RUN", "test", "touch", "rmdir", "sudo", "kubectl",
    ]

    private static func isHeaderName(_ name: String) -> Bool {
        let name = name.lowercased()
        return name.contains("authorization") || name.contains("cookie")
    }

    private static func isFlag(_ word: Substring) -> Bool { word.hasPrefix("-") && word.count > 1 }

    /// Masks the word. The quotes around it stay, so that a line of shell is still one.
    private static func hidden(_ word: Substring) -> String {
        guard !word.isEmpty else { return "" }
        let tail = word.reversed().prefix { "\"',;}".contains($0) }.reversed()
        let head = word.prefix { $0 == "\"" || $0 == "'" }
        return word.count <= tail.count ? String(word) : head + mark + String(tail)
    }

    /// `name:password` of curl's `-u`.
    private static func user(_ word: Substring) -> String {
        guard let colon = word.firstIndex(of: ":") else { return String(word) }
        return word[...colon] + hidden(word[word.index(after: colon)...])
    }

    /// `https://u:p@host` → `https://•••@host`.
    private static func withoutUser(_ word: Substring) -> String {
        var result = ""
        var rest = word
        while let scheme = firstRange(of: "://", in: rest) {
            result += rest[..<scheme.upperBound]
            rest = rest[scheme.upperBound...]
            let authority = rest.prefix { !"/?#\"'<>".contains($0) }
            guard let at = authority.lastIndex(of: "@") else { continue }
            // `ssh://git@host` names a user, not a secret.
            let user = authority[..<at]
            result += user.contains(":") || !result.hasSuffix("ssh://") ? mark : String(user)
            rest = rest[at...]
        }
        return result + rest
    }

    private static func firstRange(of text: String, in whole: Substring) -> Range<Substring.Index>? {
        var start = whole.startIndex
        while start < whole.endIndex {
            if whole[start...].hasPrefix(text) {
                return start..<whole.index(start, offsetBy: text.count)
            }
            start = whole.index(after: start)
        }
        return nil
    }

    private struct Piece {
        var text: Substring
        var isWord: Bool
    }

    /// Returns the words and the blanks between them. Quoted blanks belong to their word only after a `=`.
    private static func pieces(_ line: Substring) -> [Piece] {
        var pieces: [Piece] = []
        var rest = line
        while let first = rest.first {
            let isBlank = first == " " || first == "\t"
            var end = rest.startIndex
            var quote: Character?
            var before: Character = " "
            while end < rest.endIndex {
                let character = rest[end]
                if let open = quote {
                    if character == open { quote = nil }
                } else if (character == " " || character == "\t") != isBlank {
                    break
                } else if character == "\"" || character == "'", before == "=" {
                    quote = character
                }
                before = character
                end = rest.index(after: end)
            }
            pieces.append(Piece(text: rest[..<end], isWord: !isBlank))
            rest = rest[end...]
        }
        return pieces
    }
}
