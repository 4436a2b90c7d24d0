// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Testing

@Suite struct DatabaseEngineTests {
    @Test func `engines are told by their magic bytes`() {
        #expect(DatabaseEngine(firstBytes: Array("SQLite format 3\0".utf8)) == .sqlite)
        #expect(
            DatabaseEngine(firstBytes: [1, 2, 3, 4, 5, 6, 7, 8] + Array("DUCK".utf8) + [0, 0, 0, 0])
                == .duckdb)
    }

    @Test(arguments: ["", "SQLite format 3", "SQLite format 2\0", "DUCK000000000000", "        DUCK"])
    func `anything else is no database`(text: String) {
        #expect(DatabaseEngine(firstBytes: Array(text.utf8)) == nil)
    }
}
