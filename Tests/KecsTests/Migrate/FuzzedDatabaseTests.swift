// SPDX-License-Identifier: Apache-2.0
import Glibc
import Kecs
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// A corpus of damaged databases, the same in every run: flipped bytes, zeroed and trashed pages, cut ends, headers that
/// lie. Whatever is done with one ends with an answer or an error, never with a crash.
@Suite struct FuzzedDatabaseTests {
    static let count = Rounds.count(ci: 40, full: 500)

    private static func seed(_ file: FilePath, encoding: String) throws {
        let database = try SQLiteDatabase(file, .create)
        try database.execute("PRAGMA encoding = '\(encoding)'")
        try database.execute("PRAGMA page_size = 1024")
        try database.executeScript(
            """
            CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT, raw BLOB);
            CREATE TABLE b (x REFERENCES a, y UNIQUE);
            CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
            CREATE INDEX i ON a(t); CREATE VIEW v AS SELECT * FROM a;
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
            INSERT INTO a SELECT i, hex(i * 7919 * i), CASE WHEN i % 50 = 0 THEN zeroblob(5000) END FROM n;
            INSERT INTO b SELECT id, t FROM a; INSERT INTO w SELECT t, id FROM a WHERE true ON CONFLICT DO NOTHING;
            DELETE FROM b WHERE x BETWEEN 100 AND 140; DELETE FROM a WHERE id BETWEEN 100 AND 140;
            """)
    }

    private static func damage(_ seed: [UInt8], _ number: Int, _ generator: inout SeededGenerator) -> [UInt8]
    {
        var bytes = seed
        let page = 1024 * Int.random(in: 0..<seed.count / 1024, using: &generator)
        switch number % 6 {
        case 0: bytes.removeLast(Int.random(in: 1..<bytes.count - 100, using: &generator))
        case 1: for at in page..<page + 1024 { bytes[at] = 0 }
        case 2: for at in page..<page + 1024 { bytes[at] = UInt8.random(in: 0...255, using: &generator) }
        // The header of the file, but for its name.
        case 3:
            bytes[Int.random(in: 16..<100, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        // The head of a page: its kind, its cells, its right-most child.
        case 4:
            for _ in 0..<3 {
                bytes[page + Int.random(in: 0..<12, using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
        default: break
        }
        // A header that lies, and a page of zeros, may be all that is wrong.
        if [1, 3].contains(number % 6) { return bytes }
        for _ in 0..<Int.random(in: 1...40, using: &generator) {
            let at = Int.random(in: min(100, bytes.count - 1)..<bytes.count, using: &generator)
            bytes[at] = UInt8.random(in: 0...255, using: &generator)
        }
        return bytes
    }

    @Test func `no fuzzed database crashes a check, a rescue, a query, a dump or an import`() async throws {
        try await MigrateFixture.with { fixture in
            var seeds: [[UInt8]] = []
            for encoding in ["UTF-8", "UTF-16le"] {
                let file = fixture.folder.appending("seed-\(encoding).sqlite")
                try Self.seed(file, encoding: encoding)
                seeds.append(try file.contents())
            }
            var generator = SeededGenerator(state: 5)
            var (damaged, rescued, imported) = (0, 0, 0)
            for number in 0..<Self.count {
                let folder = fixture.folder.appending("fuzzed-\(number)")
                try folder.createFolder()
                let file = folder.appending("fuzzed.sqlite")
                let bytes = Self.damage(seeds[number % 2], number, &generator)
                try file.replaceContents(bytes)
                let target = DatabaseTarget.file(file)
                let isSound = attempt { try CheckDatabase(site: fixture.site).run(target).isSound } ?? false
                if !isSound { damaged += 1 }
                _ = attempt {
                    try QueryDatabase(site: fixture.site).run(target, "SELECT count(*), max(t) FROM a")
                }
                _ = attempt { try DumpDatabase(site: fixture.site).sql(target) { _ in } }
                if let report = await attemptAsync({
                    try await RescueDatabase(site: fixture.site).run(target)
                }) {
                    rescued += 1
                    let check = try CheckDatabase(site: fixture.site).run(.file(FilePath(report.rescued)))
                    #expect(check.problems == [], "file \(number)")
                    // What it could read before, it must not lose. A count of the damaged file may be a lie of its own, so
                    // only whole ones are held against it.
                    if isSound {
                        for table in report.tables {
                            #expect(table.rowsAfter == table.rowsBefore, "file \(number), \(table.table)")
                        }
                    }
                }
                let done = await attemptAsync {
                    try await ImportState(site: fixture.site).run(
                        fixture.instance, ImportRequest(source: .path(file)))
                }
                if done != nil { imported += 1 }
                try folder.removeTree()
            }
            // Some are only wrong where nothing is written.
            #expect(damaged > Self.count / 2)
            #expect(damaged < Self.count)
            #expect(rescued > Self.count / 2)
            print(
                "fuzzed databases: \(Self.count), damaged \(damaged), rescued \(rescued), imported \(imported)"
            )
            // Nothing of the imports that failed is left.
            #expect(try !fixture.site.home.folder(of: fixture.name).restoring.isPresent)
            #expect(try !fixture.site.home.folder(of: fixture.name).journal.isPresent)
        }
    }

    /// Nil for an error that says what is wrong.
    private func attempt<Value>(
        _ body: () throws -> Value, at place: SourceLocation = #_sourceLocation
    ) -> Value? {
        do { return try body() } catch {
            expectReason(error, place)
            return nil
        }
    }

    private func attemptAsync<Value>(
        _ body: () async throws -> Value, at place: SourceLocation = #_sourceLocation
    ) async -> Value? {
        do { return try await body() } catch {
            expectReason(error, place)
            return nil
        }
    }

    private func expectReason(_ error: any Error, _ place: SourceLocation) {
        let failure = Failure.describing(error)
        #expect(failure.kind != .busy && failure.kind != .timeout, "\(failure)", sourceLocation: place)
        #expect(!failure.message.isEmpty, sourceLocation: place)
    }
}

/// splitmix64: the same corpus in every run.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
