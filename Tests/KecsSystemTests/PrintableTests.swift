// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Testing

@Suite struct PrintableTests {
    @Test(arguments: [
        ("plain name.txt", "plain name.txt"), ("ümlaut ☃ 日本", "ümlaut ☃ 日本"), ("", ""),
        ("new\nline\ttab\r", "new\\nline\\ttab\\r"), ("back\\slash", "back\\\\slash"),
        ("\u{1b}[2J\u{7}", "\\x1b[2J\\x07"), ("\u{9b}31m", "\\u{9b}31m"), ("\u{7f}", "\\x7f"),
        // Turns the direction of writing: "exe.txt" would look like "txt.exe".
        ("\u{202e}gpj.exe", "\\u{202e}gpj.exe"), ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
        ("e\u{301}", "e\u{301}"), ("\u{2028}", "\\u{2028}"),
    ])
    func `nothing printed can command a terminal`(raw: String, shown: String) {
        #expect(printable(Array(raw.utf8)) == shown)
    }

    @Test func `bytes that are not UTF-8 are told apart`() {
        #expect(printable([0x66, 0xff, 0xfe, 0x6f]) == "f\\xff\\xfeo")
        #expect(printable([0xc3]) == "\\xc3")
        // Too long a form of "/".
        #expect(printable([0xc0, 0xaf]) == "\\xc0\\xaf")
        // Half of a surrogate pair.
        #expect(printable([0xed, 0xa0, 0x80]) == "\\xed\\xa0\\x80")
    }

    @Test func `every byte alone is printed as ASCII that a terminal ignores`() {
        for byte in UInt8.min ... .max {
            #expect(printable([byte]).utf8.allSatisfy { (0x20..<0x7f).contains($0) })
        }
    }
}
