// SPDX-License-Identifier: Apache-2.0
import CSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing
@testable import KecsSQLite

@Suite struct StatementEndTests {
    /// Whether the text ends a statement, as SQLite itself says.
    private func isComplete(_ sql: String) -> Bool { sqlite3_complete(sql) != 0 }

    private func statements(_ sql: String) throws -> [String] {
        try withTemporaryFolder { folder in
            let file = folder.appending("script.sql")
            try file.replaceContents(Array(sql.utf8))
            var script = try SQLiteScript(file, pieceSize: 7)
            var found: [String] = []
            while let statement = try script.next() {
                found.append(String(decoding: statement, as: UTF8.self))
            }
            return found
        }
    }

    @Test func `statements end where SQLite says, in any mixture of its words`() throws {
        let words = [
            "CREATE", "TEMP", "temporary", "TRIGGER", "t", "BEGIN", "END", "end", "EXPLAIN", ";", ";", ";",
            "SELECT",
            "'a;b'", "\"END\"", "[;]", "-- ;\n", "/* ; */", "1", "(", "x.y", "\n", "é", "$END",
        ]
        var random = SystemRandomNumberGenerator()
        for _ in 0..<3000 {
            let sql = (0..<Int.random(in: 1...14, using: &random)).map { _ in
                words.randomElement(using: &random) ?? ""
            }
            .joined(separator: " ")
            // By SQLite alone: at each semicolon that stands in code, everything since the last end is asked about.
            var expected: [String] = []
            var start = sql.startIndex
            for index in codeSemicolons(sql) {
                let piece = String(sql[start...index])
                if isComplete(piece) {
                    expected.append(piece)
                    start = sql.index(after: index)
                }
            }
            if start < sql.endIndex { expected.append(String(sql[start...])) }
            #expect(try statements(sql) == expected, "\(sql)")
        }
    }

    private func codeSemicolons(_ sql: String) -> [String.Index] {
        var found: [String.Index] = []
        var index = sql.startIndex
        func skip(to end: Character) {
            index = sql.index(after: index)
            while index < sql.endIndex, sql[index] != end { index = sql.index(after: index) }
        }
        while index < sql.endIndex {
            switch sql[index] {
            case ";": found.append(index)
            case "'": skip(to: "'")
            case "\"": skip(to: "\"")
            case "[": skip(to: "]")
            case "-" where sql[index...].hasPrefix("--"): skip(to: "\n")
            case "/" where sql[index...].hasPrefix("/*"):
                while index < sql.endIndex, !sql[index...].hasPrefix("*/") { index = sql.index(after: index) }
            default: break
            }
            if index < sql.endIndex { index = sql.index(after: index) }
        }
        return found
    }

    @Test func `a trigger of a million semicolons is one statement`() throws {
        let body = String(repeating: "SELECT 1;", count: 1_000_000)
        let sql = "CREATE TRIGGER t AFTER INSERT ON a BEGIN " + body + "END;"
        try withTemporaryFolder { folder in
            let file = folder.appending("script.sql")
            try file.replaceContents(Array((sql + "SELECT 2;").utf8))
            var script = try SQLiteScript(file)
            // Asked anew at each semicolon, this took hours.
            #expect(try script.next()?.count == sql.utf8.count)
            #expect(try script.next()?.count == 9)
            #expect(try script.next() == nil)
        }
    }

    @Test func `a dump keeps the version, the id and the mode of the log`() throws {
        try withTemporaryFolder { folder in
            let (source, copy, dump) = (
                folder.appending("a.db"), folder.appending("b.db"), folder.appending("a.sql")
            )
            let database = try SQLiteDatabase(source, .create)
            try database.executeScript(
                "PRAGMA journal_mode=WAL; PRAGMA user_version=7; PRAGMA application_id=-5; CREATE TABLE t(x); INSERT INTO t VALUES(1);"
            )
            var text: [UInt8] = []
            try database.dumpSQL { text += $0 }
            try dump.replaceContents(text)
            _ = try loadSQLDump(dump, into: copy, cancellation: Cancellation())
            let loaded = try SQLiteDatabase(copy, .readWrite)
            #expect(try loaded.value("PRAGMA user_version")?.integer == 7)
            #expect(try loaded.value("PRAGMA application_id")?.integer == -5)
            #expect(try loaded.usesWAL())
            #expect(try loaded.value("SELECT x FROM t")?.integer == 1)
        }
    }
}
