// SPDX-License-Identifier: Apache-2.0
import Kecs
import Testing

@Suite struct GlobTests {
    @Test(arguments: [
        ("data/kecs.db", "data/kecs.db", true), ("*.db", "data/kecs.db", true), ("data", "data/a/b", true),
        ("data/*", "data/a/b", true), ("data/a?", "data/ab", true), ("data/[ab]", "data/b/x", true),
        ("data/a", "data/ab", false), ("kecs.db", "data/kecs.db", false), ("", "data", false),
    ])
    func `patterns match as they read`(pattern: String, path: String, matches: Bool) {
        #expect(Glob(pattern).matches(Array(path.utf8)) == matches)
    }

    @Test func `names that are not UTF-8 can be matched`() {
        #expect(Glob("a*z").matches([UInt8(ascii: "a"), 0xFF, UInt8(ascii: "z")]))
    }

    @Test(arguments: [
        ("kecs.db", "data/kecs.db", true), ("*.db", "data/kecs.db", true), ("data", "data/a", false),
        ("data/*", "data/a/b", true), ("data/a", "data/a/b", false), ("a", "data/a", true),
        ("ata/a", "data/a", false), ("[ab]?", "data/bz", true),
    ])
    func `a search names entries themselves, not what lies below`(
        pattern: String, path: String, matches: Bool
    ) {
        #expect(Glob(pattern).matchesItself(Array(path.utf8)) == matches)
    }
}
