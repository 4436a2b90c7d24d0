// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import SystemPackage
import Testing

@testable import kecsctl

/// `db trim`: rows by age, a backup before, and nothing by a column that is no time.
@Suite struct TrimTests {
    private let folder: TestFolder
    private var file: FilePath { folder.path.appending("home/instances/dev/data/kecs.db") }
    private var backups: FilePath { folder.path.appending("home/backups/dev") }

    init() async throws {
        folder = try TestFolder()
        #expect(try await folder.kecsctl("start", "dev", "--runtime", "local").status == 0)
        let now = SystemClock().now()
        let database = try SQLiteDatabase(file, .readWrite)
        try database.executeScript(
            """
            CREATE TABLE runs (id INTEGER PRIMARY KEY, name TEXT, text TEXT, seconds INTEGER, millis INTEGER, mixed);
            CREATE TABLE steps (run INTEGER REFERENCES runs(id) ON DELETE CASCADE);
            """)
        for days in [Int64(0), 10, 29, 31, 60] {
            let at = now - .seconds(days * 86_400)
            try database.execute(
                "INSERT INTO runs (id, name, text, seconds, millis, mixed) VALUES (?, ?, ?, ?, ?, ?)",
                .integer(days), .text("run \(days)"),
                // As SQLite's own functions write it, and as RFC 3339 does.
                .text(
                    days == 60
                        ? at.description.replacing("T", with: " ").replacing("Z", with: "") : at.description),
                .integer(at.seconds), .integer(at.seconds * 1000),
                days == 10 ? .text("soon") : .integer(at.seconds))
            try database.execute("INSERT INTO steps VALUES (?), (?)", .integer(days), .integer(days))
        }
        try database.execute("INSERT INTO runs (id, name) VALUES (99, 'never finished')")
    }

    private func ids() throws -> [Int64] {
        try SQLiteDatabase(file, .readOnly).query("SELECT id FROM runs ORDER BY id").compactMap {
            $0[0].integer
        }
    }

    private func trim(_ column: String, _ more: String...) async throws -> Caught {
        try await folder.kecsctl(["db", "trim", "dev", "runs", "--older", "30d", "--column", column] + more)
    }

    @Test func `in an empty table nothing is older`() async throws {
        try SQLiteDatabase(file, .readWrite).executeScript("DELETE FROM steps; DELETE FROM runs;")
        for more in [["--dry-run"], []] {
            let answer = try await folder.kecsctl(
                ["db", "trim", "dev", "runs", "--older", "30d", "--column", "seconds"] + more)
            #expect(answer.status == 0, "\(answer.errors)")
        }
        #expect(try !backups.isPresent)
    }

    @Test(arguments: ["text", "seconds", "millis"])
    func `what is older goes in each form of time, with a backup of it before`(column: String) async throws {
        let plan = try await trim(column, "--dry-run")
        #expect(
            plan.status == 0 && plan.output.contains("would remove 2 of 6 rows of runs"), "\(plan.errors)")
        #expect(plan.output.contains("1 without a time stay"))
        #expect(try ids() == [0, 10, 29, 31, 60, 99])
        #expect(try !backups.isPresent)
        let done = try await trim(column)
        #expect(done.status == 0, "\(done.errors)")
        #expect(done.output.contains("removed 2 of 6 rows of runs, 4 of steps"), "\(done.output)")
        #expect(try ids() == [0, 10, 29, 99])
        let id = try #require(try backups.entries().first?.string)
        #expect(id.hasSuffix("before-migration") && done.output.contains(id))
        let show = try await folder.kecsctl("backups", "show", id)
        #expect(show.output.contains("runs 6") && show.output.contains("steps 10"), "\(show.output)")
        let again = try await trim(column)
        #expect(again.status == 0 && again.output.contains("nothing of runs is older"), "\(again.output)")
        #expect(try backups.entries().count == 1)
    }

    @Test(arguments: [
        ("name", "one of its values is 'run 0'"), ("id", "one of its values is 0"), ("mixed", "'soon'"),
        ("nothing", "it has id, name, text"),
    ])
    func `a column that is no time is refused, and no backup is taken for it`(
        column: String, why: String
    ) async throws {
        let caught = try await trim(column)
        #expect(caught.status == 64 && caught.errors.contains(why), "\(caught.errors)")
        #expect(try ids().count == 6)
        #expect(try !backups.isPresent)
    }

    @Test func `a table that is not there is named with the nearest one`() async throws {
        let caught = try await folder.kecsctl(
            "db", "trim", "dev", "run", "--older", "30d", "--column", "text")
        #expect(caught.status == 64 && caught.errors.contains("the nearest is “runs”"), "\(caught.errors)")
        for wrong in [["--older", "30"], ["--older", "0d"]] {
            let words = ["db", "trim", "dev", "runs", "--column", "text"] + wrong
            #expect(try await folder.kecsctl(words).status == 64)
        }
        #expect(try await folder.kecsctl("db", "trim", "dev", "runs", "--older", "30d").status == 64)
    }

    @Test func `rows that others hold on to stop it, and all stay`() async throws {
        let database = try SQLiteDatabase(file, .readWrite)
        try database.executeScript(
            "CREATE TABLE notes (run INTEGER REFERENCES runs(id)); INSERT INTO notes VALUES (60);")
        let caught = try await trim("seconds")
        #expect(caught.status == 1 && caught.errors.contains("FOREIGN KEY"), "\(caught.errors)")
        #expect(try ids() == [0, 10, 29, 31, 60, 99])
    }

    @Test func `a name in quotes is a name and no SQL`() async throws {
        let database = try SQLiteDatabase(file, .readWrite)
        try database.executeScript(
            """
            CREATE TABLE "a""b" ("when" TEXT); INSERT INTO "a""b" VALUES ('2001-01-01'), ('2999-01-01');
            """)
        let caught = try await folder.kecsctl(
            "db", "trim", "dev", "a\"b", "--older", "1d", "--column", "WHEN")
        #expect(caught.status == 0 && caught.output.contains("removed 1 of 2 rows"), "\(caught.errors)")
    }
}
