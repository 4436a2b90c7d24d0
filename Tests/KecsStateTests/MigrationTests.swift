// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsState
import KecsSystem
import SystemPackage
import Testing

@Suite struct MigrationTests {
    let folder: ScratchFolder
    let database: SQLiteDatabase
    let now = Moment(seconds: 0)

    static let ledger =
        "CREATE TABLE kecsctl_migrations(version INTEGER NOT NULL PRIMARY KEY, name TEXT, checksum TEXT, applied_at TEXT);"
    let history = SchemaHistory([
        SchemaStep(
            1, "first",
            up: ledger + "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p);"),
        SchemaStep(2, "second", up: "ALTER TABLE p ADD COLUMN x", down: "ALTER TABLE p DROP COLUMN x"),
        SchemaStep(
            3, "third", up: "CREATE TABLE extra(a); CREATE INDEX i ON extra(a)", down: "DROP TABLE extra"),
    ])

    init() throws {
        folder = try ScratchFolder()
        database = try SQLiteDatabase(folder["a.db"], .create)
        try database.execute("PRAGMA foreign_keys = ON")
    }

    private func version() throws -> SQLiteValue? { try database.value("PRAGMA user_version") }

    @Test func `steps go up and down in order, and the ledger says which are applied`() throws {
        let migration = Migration(history)
        #expect(try migration.run(database, to: 3, at: now).map(\.step.name) == ["first", "second", "third"])
        #expect(try version() == 3)
        let newest = try database.schemaSQL()
        #expect(try migration.applied(in: database).map(\.version) == [1, 2, 3])
        #expect(try migration.run(database, to: 3, at: now) == [])

        #expect(try migration.run(database, to: 1, at: now).map(\.step.name) == ["third", "second"])
        #expect(try version() == 1)
        #expect(try migration.applied(in: database).map(\.version) == [1])
        try migration.run(database, to: 3, at: now)
        #expect(try database.schemaSQL() == newest)
        #expect(try database.value("PRAGMA foreign_keys") == 1)
    }

    @Test func `a step without a way back is not taken back, nor is an unknown version reached`() throws {
        try Migration(history).run(database, to: 2, at: now)
        #expect(throws: StateError.irreversible(step: 1, name: "first")) {
            try Migration(history).run(database, to: 0, at: now)
        }
        #expect(throws: StateError.unknownVersion(4)) { try Migration(history).run(database, to: 4, at: now) }
        #expect(try version() == 2)
    }

    @Test func `a step that fails in its second statement leaves everything as it was`() throws {
        let broken = SchemaHistory(
            history.steps.dropLast() + [
                SchemaStep(3, "broken", up: "CREATE TABLE extra(a); INSERT INTO none VALUES (1)")
            ])
        try Migration(history).run(database, to: 1, at: now)
        let before = try database.schemaSQL()
        #expect(throws: SQLiteError.self) { try Migration(broken).run(database, to: 3, at: now) }
        #expect(try database.schemaSQL() == before)
        #expect(try version() == 1)
        #expect(try Migration(history).applied(in: database).map(\.version) == [1])
        #expect(try database.value("PRAGMA foreign_keys") == 1)
    }

    @Test func `a step that leaves orphans is taken back`() throws {
        let orphaning = SchemaHistory(
            [history.steps[0]] + [SchemaStep(2, "orphaning", up: "DELETE FROM p WHERE id = 1")])
        try Migration(history).run(database, to: 1, at: now)
        try database.executeScript("INSERT INTO p VALUES (1), (2); INSERT INTO c VALUES (1), (1), (2)")
        #expect(throws: StateError.brokenReferences(["c → p (2)"])) {
            try Migration(orphaning).run(database, to: 2, at: now)
        }
        #expect(try database.tableRowCounts() == ["p": 2, "c": 3, "kecsctl_migrations": 1])
    }

    @Test func `a step that was changed after it was applied is noticed`() throws {
        try Migration(history).run(database, to: 2, at: now)
        #expect(try Migration(history).changedSteps(in: database) == [])
        let changed = SchemaHistory([history.steps[0]] + [SchemaStep(2, "second", up: "SELECT 1")])
        #expect(try Migration(changed).changedSteps(in: database).map(\.version) == [2])
        // The ledger of a migrated database holds upstream's history too.
        try database.execute("INSERT INTO kecsctl_migrations VALUES (20250531, 'first', 'x', '')")
        #expect(try Migration(changed).changedSteps(in: database).map(\.version) == [2])
    }
}
