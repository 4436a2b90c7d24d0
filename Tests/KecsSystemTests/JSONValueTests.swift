// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Testing

@Suite struct JSONValueTests {
    @Test(
        arguments: [
            ("null", JSONValue.null), (" true ", true), ("[]", []), ("{}", [:]), ("-0", 0), ("12", 12),
            ("1.5", .real(1.5)),
            ("1e2", .real(100)), ("9223372036854775807", .integer(.max)),
            ("9223372036854775808", .real(9_223_372_036_854_775_808)),
            (#""a\"\\\/\n\u00e9\ud83d\ude00""#, "a\"\\/\né😀"), (#""\ud83d""#, "\u{FFFD}"),
            (#"{"a":[1,{"b":null}],"a":2}"#, ["a": 2]),
            (#"["\u003ch1\u003e"]"#, ["<h1>"]),
        ] as [(String, JSONValue)])
    func `JSON is read`(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == value)
        #expect(try JSONValue(parsing: value.text()) == value)
        #expect(try JSONValue(parsing: value.text(pretty: true)) == value)
    }

    @Test(arguments: [
        "", " ", "nul", "01", "+1", "1.", ".5", "1e", "[1,]", "[1", "{\"a\"}", "{a:1}", "\"\n\"", "\"\\x\"",
        "\"\\u12\"", "1 2",
        "'a'", "\"open", "[\"a\" \"b\"]", "NaN",
    ])
    func `what is no JSON is refused`(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test func `deep nesting is refused instead of ending the program`() throws {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONError.self) { try JSONValue(parsing: deep) }
        let fine = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        _ = try JSONValue(parsing: fine)
    }

    @Test func `the same value is always the same text`() {
        let value: JSONValue = ["b": [1, .real(0.5), "é\u{1}\t"], "a": ["z": .null, "Z": true], "": [:]]
        #expect(value.text() == #"{"":{},"a":{"Z":true,"z":null},"b":[1,0.5,"é\u0001\t"]}"#)
        let pretty: JSONValue = ["a": [1], "b": []]
        #expect(pretty.text(pretty: true) == "{\n  \"a\": [\n    1\n  ],\n  \"b\": []\n}\n")
    }

    @Test func `a number without a fraction is whole, however it was written`() throws {
        #expect(try JSONValue(parsing: "100.0").integer == 100)
        #expect(try JSONValue(parsing: "100.5").integer == nil)
        #expect(JSONValue.real(1e300).integer == nil)
    }
}
