// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage
import Testing

@testable import kecsctl

@Suite struct VersionTests {
    private let folder: TestFolder
    init() throws { folder = try TestFolder() }

    @Test func `it tells what is known of the program, and needs no home`() async throws {
        let caught = try await folder.kecsctl(
            "version", "-o", "json", environment: ["KECS_HOME": "/nonexistent/home"])
        #expect(caught.status == 0 && caught.errors == "")
        let document = try JSONDecoder().decode(JSONValue.self, from: Data(caught.output.utf8))
        #expect(document["kind"] == "VersionReport")
        #expect(document["version"] == .string(Version.number))
        #expect(document["build"]?["configuration"] == "debug")
        #expect(document["reads"]?["backupFormat"] == .integer(Int64(Manifest.currentFormat)))
        let oldest = try #require(document["reads"]?["oldestSchema"]?.integer)
        let newest = try #require(document["reads"]?["newestSchema"]?.integer)
        #expect(oldest < newest)
    }

    @Test func `SQLite's version is that of the library that answers`() async throws {
        let caught = try await folder.kecsctl("version", "-o", "json")
        let document = try JSONDecoder().decode(JSONValue.self, from: Data(caught.output.utf8))
        let library = try #require(document["libraries"]?.array?.first { $0["name"] == "sqlite" })
        let database = try SQLiteDatabase(folder.path.appending("x.sqlite"), .create)
        #expect(library["version"]?.string == (try database.value("SELECT sqlite_version()")?.text))
        #expect(library["source"]?.string == (try database.value("SELECT sqlite_source_id()")?.text))
        #expect(library["told"] == "linked")
    }

    @Test func `the number stands alone where it is asked for, as with --version`() async throws {
        let name = try await folder.kecsctl("version", "-o", "name")
        let flag = try await folder.kecsctl("--version")
        #expect(name.output == Version.number + "\n" && flag.output == name.output)
        #expect(Version.day.hasPrefix("\(Version.date.year)-") && Moment(Version.day) != nil)
    }
}
