// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import kecsctl

@Suite struct TableTests {
    private let table = Table(
        header: ["NAME", "SIZE", "PROBLEM"],
        rows: [
            ["dev", "4.2 MB", nil], ["größer", "17 B", "the folder cannot be read at all"],
            ["x", "", "line\nbreak"],
        ],
        rightAligned: [1])

    @Test func `columns are aligned by characters, and nothing trails`() {
        #expect(
            table.text(width: nil) == """
                NAME      SIZE  PROBLEM
                dev     4.2 MB  -
                größer    17 B  the folder cannot be read at all
                x            -  line\\nbreak

                """)
    }

    @Test func `on a terminal the widest column gives way`() {
        let text = table.text(width: 30)
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 30 })
        #expect(text.contains("größer    17 B  the folder ca…\n"))
    }

    @Test func `no column goes below its header, however narrow the terminal`() {
        #expect(table.text(width: 3).contains("NAME      SIZE  PROBLEM\n"))
    }
}

@Suite struct PrintableTests {
    @Test func `no text gives orders to the terminal`() {
        #expect(
            "a\u{1b}[2Jb\u{7f}\u{9b}c\u{202e}d\te".printable == "a\\u{1b}[2Jb\\u{7f}\\u{9b}c\\u{202e}d\\te")
        #expect("größer … 日本".printable == "größer … 日本")
    }
}
