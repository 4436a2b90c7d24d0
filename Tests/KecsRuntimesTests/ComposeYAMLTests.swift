// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Testing

@testable import KecsRuntimes

@Suite struct ComposeYAMLTests {
    @Test func `texts, numbers, flags, lists, and anchors with merges`() throws {
        let value = try ComposeYAML.parse(
            Array(
                """
                base: &base
                  image: a:1
                  user: 0:0
                services:
                  app:
                    <<: *base
                    image: b
                    ports: ["127.0.0.1:1:2", 8080]
                    flag: true
                    none: ~
                    quoted: "8"
                """.utf8))
        let app = try #require(value["services"]?["app"])
        #expect(app["image"] == "b")
        #expect(app["user"] == "0:0")
        #expect(app["ports"] == ["127.0.0.1:1:2", 8080])
        #expect(app["flag"] == true)
        #expect(app["none"] == .null)
        #expect(app["quoted"] == "8")
    }

    @Test func `an alias bomb is refused`() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let alias = "*a\(level - 1)"
            text += "a\(level): &a\(level) [\(Array(repeating: alias, count: 10).joined(separator: ", "))]\n"
        }
        #expect(throws: ComposeYAML.Problem.self) { try ComposeYAML.parse(Array(text.utf8)) }
    }

    @Test func `what is no YAML names the line`() {
        #expect(throws: ComposeYAML.Problem.self) { try ComposeYAML.parse(Array("a: [1\nb: 2".utf8)) }
        do {
            _ = try ComposeYAML.parse(Array("a: 1\n\tb: 2".utf8))
            Issue.record("a tab was taken for an indent")
        } catch {
            #expect(error.line == 2)
        }
    }
}
