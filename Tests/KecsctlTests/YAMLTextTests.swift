// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Glibc
import KecsSystem
import SystemPackage
import Testing

@testable import kecsctl

@Suite struct YAMLTextTests {
    @Test func `nested lists and objects stand in block style`() {
        let value = JSONValue.object([
            "kind": .string("BackupList"),
            "items": .array([
                .object([
                    "id": .string("20261121T014530Z-manual"), "bytes": .integer(17), "parts": .array([]),
                ]),
                .array([.integer(1), .array([.bool(true), .null])]),
            ]),
            "empty": .object([:]),
        ])
        #expect(
            YAMLText.document(value) == """
                empty: {}
                items:
                  - bytes: 17
                    id: "20261121T014530Z-manual"
                    parts: []
                  - - 1
                    - - true
                      - null
                kind: BackupList

                """)
    }

    @Test(arguments: ["dev", "a-b_c.d", "/root/.kecs", "manual", "v1.2"])
    func `harmless words stand plain`(text: String) {
        #expect(YAMLText.scalar(text) == text)
    }

    @Test(arguments: Self.hard)
    func `what could be read as something else is quoted`(text: String) {
        #expect(YAMLText.scalar(text).hasPrefix("\""))
    }

    static let hard = [
        "", " ", "yes", "No", "TRUE", "null", "~", "on", "n", "1", "0x1f", "1e3", "-", "- a", "a: b", "a #b",
        "#",
        "2026-11-21", "12:30:45", "[a]", "{a}", "&a", "*a", "!a", "%a", "@a", "`a`", "'a'", "\"a\"", "a\\b",
        "=", "<<",
        "\n", "a\nb", "\ttab", "\r", "\u{0}", "\u{7f}", "\u{85}", "\u{2028}", "\u{feff}", "größer", "日本", "😀",
        "\u{1b}[2J", "\u{fffe}", "?", ": ", ".inf", "inf", "NaN",
    ]

    /// An independent reader must get back the very same value.
    @Test(.enabled(if: Python.hasYAML, "python3 has no yaml module here"))
    func `another reader takes the same value back`() throws {
        let value = JSONValue.object([
            "texts": .array(Self.hard.map(JSONValue.string)),
            "keys": .object(Dictionary(uniqueKeysWithValues: Self.hard.map { ($0, JSONValue.string($0)) })),
            "numbers": .array([.integer(.max), .integer(.min), .real(0.5), .real(1e20), .real(-1.5e-9)]
            ),
            "nested": .array([.array([.array([.object(["a": .array([.object(["b": .null])])])])])]),
        ])
        let read = try Python.run(
            "import sys, json, yaml; json.dump(yaml.safe_load(sys.stdin.buffer), sys.stdout)",
            input: YAMLText.document(value))
        #expect(try JSONDecoder().decode(JSONValue.self, from: Data(read.utf8)) == value)
    }
}

/// A reader of YAML that is not ours.
enum Python {
    static let hasYAML: Bool = (try? run("import yaml; print('yes')", input: "")) == "yes\n"

    static func run(_ program: String, input: String) throws -> String {
        let folder = try TestFolder()
        try folder.path.appending("in").replaceContents(Array(input.utf8))
        try folder.path.appending("program.py").replaceContents(Array(program.utf8))
        let line = "cd '\(folder.path)' && python3 program.py <in >out 2>/dev/null"
        guard system(line) == 0 else { throw FileError("run python3 in", folder.path, .ioError) }
        return String(decoding: try folder.path.appending("out").contents(), as: UTF8.self)
    }
}
