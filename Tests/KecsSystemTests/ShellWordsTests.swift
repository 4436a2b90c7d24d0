// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import Testing

@Suite struct ShellWordsTests {
    private static let lines = [
        "kecs server", "  kecs\tserver  ", "kecs server --x 'a b'", #"a "b c" d"#, #"a\ b c"#, #"'' "" x"#,
        #"a'b'"c"\d"#, #""a\"b\\c\d""#, #"'it'\''s'"#, #"'a\b'"#, "a\\\nb", "\"a\\\nb\"", #"x=1 --y=a#b c~"#,
        #"'|;&<>$`()'"#, #"\| \; \$HOME \~ \#"#, #""\$HOME \`x\`""#, "ü 'ö ä'", "'\u{301}'",
        "http://[::1]:80/?a=b", "a\n",
    ]

    @Test(arguments: lines)
    func `a line is split as sh splits it`(line: String) async throws {
        // The shell is the oracle; -f because files are not looked up for `*` and `?`.
        let processes = SystemProcesses(environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation())
        let result = try await processes.run(
            ProcessCall(
                "sh", "-f", "-c", #"for word in "$@"; do :; done; eval "set -- $1"; printf '%s\0' "$@""#,
                "sh", line))
        let expected = result.output.split(separator: 0, omittingEmptySubsequences: false).dropLast()
            .map { String(decoding: $0, as: UTF8.self) }
        #expect(try ShellWords(line).words == expected)
    }

    @Test(
        arguments: [
            ("a | b", "|"), ("a; b", ";"), ("a & b", "&"), ("a > f", ">"), ("a <f", "<"), ("a $HOME", "$"),
            (#"a "$HOME""#, "$"), ("a `b`", "`"), (#""`b`""#, "`"), ("(a)", "("), ("~/bin/kecs", "~"),
            ("a # b", "#"),
            ("a\nb", "\n"),
        ] as [(String, Character)])
    func `what only a shell can do is refused`(line: String, character: Character) {
        #expect(throws: ShellWords.Failure.needsShell(character)) { try ShellWords(line) }
        #expect(ShellWords.Failure.needsShell(character).description.contains("sh -c '…'"))
    }

    @Test(arguments: [
        ("", ShellWords.Failure.empty), ("  \n", .empty), ("a 'b", .unclosed("'")),
        (#"a "b"#, .unclosed("\"")),
        (#"a "b\"#, .unclosed("\"")), (#"a\"#, .unclosed("\\")),
    ])
    func `nonsense is refused`(line: String, failure: ShellWords.Failure) {
        #expect(throws: failure) { try ShellWords(line) }
    }

    @Test(arguments: [
        ["a"], [""], ["a b", "c'd", "e\"f"],
        ["$HOME", "*", "a\nb", "\\", "~", "#", "'", "\u{301}", "'\u{301}"],
    ])
    func `quoted words come back`(words: [String]) throws {
        #expect(try ShellWords(ShellWords.quote(words)).words == words)
    }

    @Test func `plain words are not quoted`() {
        #expect(ShellWords.quote(["docker", "ps", "--format={{.ID}}"]) == "docker ps '--format={{.ID}}'")
        #expect(ShellWords.quote(["a-b_c.d/e:f=g,h@i"]) == "a-b_c.d/e:f=g,h@i")
    }
}
