// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import SystemPackage
import Testing

@testable import kecsctl

/// What would change, by content.
@Suite struct PreviewTests {
    private let folder: TestFolder
    private var database: FilePath { folder.path.appending("home/instances/dev/data/kecs.db") }

    init() async throws {
        folder = try TestFolder()
        #expect(try await folder.kecsctl("start", "dev", "--runtime", "local").status == 0)
        try sql("CREATE TABLE app(id INTEGER PRIMARY KEY, count INT); INSERT INTO app VALUES (1, 1), (2, 2)")
        #expect(try await folder.kecsctl("backup", "dev").status == 0)
    }

    private func sql(_ text: String) throws {
        try SQLiteDatabase(database, .readWrite).executeScript(text)
    }

    @Test func `nothing differs right after a backup, also when the database's pages moved`() async throws {
        let diff = try await folder.kecsctl("backups", "diff", "latest", "-o", "json")
        #expect(diff.status == 0 && diff.output.contains(#""items" : [\#n\#n  ]"#), "\(diff.output)")
        try sql("VACUUM")
        let after = try await folder.kecsctl("backups", "diff", "latest")
        #expect(after.output == "" && after.errors.contains("nothing differs"), "\(after.output)")
        let preview = try await folder.kecsctl("restore", "dev", "--from", "latest", "-n")
        #expect(preview.output.contains("nothing would change"), "\(preview.output)")
    }

    @Test func `a changed value is a change, with as many rows as before`() async throws {
        try sql("UPDATE app SET count = 9 WHERE id = 1")
        for words in [["restore", "dev", "--from", "latest", "-n"], ["backups", "diff", "latest"]] {
            let caught = try await folder.kecsctl(words)
            #expect(caught.status == 0)
            let line = caught.output.split(separator: "\n").first { $0.contains("kecs.db: app") }
            #expect(line?.contains("content") == true, "\(words): \(caught.output)")
        }
    }

    @Test func `one file's preview is about that file alone`() async throws {
        let same = try await folder.kecsctl(
            "restore", "dev", "--from", "latest", "--path", "data/kecs.db", "-n")
        #expect(same.status == 0 && same.output.contains("nothing would change"), "\(same.output)")
        try sql("DELETE FROM app WHERE id = 2")
        let rows = try await folder.kecsctl(
            "restore", "dev", "--from", "latest", "--path", "data/kecs.db", "-n")
        let lines = rows.output.split(separator: "\n").filter { $0.contains("kecs.db: ") }
        #expect(lines.count == 1 && lines[0].contains("app"), "\(rows.output)")
    }

    @Test func `an instance that is gone has the preview of what it would be`() async throws {
        #expect(try await folder.kecsctl("destroy", "dev", "--yes").status == 0)
        let caught = try await folder.kecsctl("restore", "dev", "--from", "latest", "-n")
        #expect(caught.status == 0 && caught.output.hasPrefix("dev: would restore"), "\(caught.errors)")
        #expect(caught.output.contains("added"))
    }
}
