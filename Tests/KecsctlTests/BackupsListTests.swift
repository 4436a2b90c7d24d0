// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import KecsSystem
import SystemPackage
import Testing

@testable import kecsctl

/// Lists, figures and labels of backups.
@Suite struct BackupsListTests {
    private let folder: TestFolder
    init() throws { folder = try TestFolder() }

    /// Three backups, the second with a label; the unchanged parts of the later ones are the first one's files.
    private func three() async throws -> [String] {
        #expect(try await folder.kecsctl("start", "dev", "--runtime", "local").status == 0)
        for label in [[], ["--label", "before=upgrade"], []] {
            let caught = try await folder.kecsctl(["backup", "dev"] + label)
            #expect(caught.status == 0, "\(caught.errors)")
        }
        let ids = try folder.path.appending("home/backups/dev").entries().map(\.string).sorted()
        try #require(ids.count == 3)
        return ids
    }

    private func document(_ words: [String]) async throws -> JSONValue {
        let caught = try await folder.kecsctl(words + ["-o", "json"])
        #expect(caught.status == 0, "\(words): \(caught.errors)")
        return try JSONDecoder().decode(JSONValue.self, from: Data(caught.output.utf8))
    }

    private func ids(_ words: String...) async throws -> [String] {
        (try await document(words)["items"]?.array ?? []).compactMap { $0["id"]?.string }
    }

    @Test func `the list has ages, labels and a total that counts shared archives once`() async throws {
        let ids = try await three()
        let list = try await document(["backups", "list"])
        let sizes = (list["items"]?.array ?? []).compactMap { $0["bytes"]?.integer }
        #expect(list["totals"]?["backups"] == .integer(3))
        #expect(list["totals"]?["bytes"]?.integer == sizes.reduce(0, +))
        // What du says of the archives, each inode once.
        var stored: [UInt64: Int64] = [:]
        for id in ids {
            let place = folder.path.appending("home/backups/dev/\(id)")
            for name in try place.entries() where name.string.hasSuffix(".tar.gz") {
                let status = try #require(try FileStatus.of(place.appending(name)))
                stored[status.inode] = status.size
            }
        }
        #expect(list["totals"]?["storedBytes"]?.integer == stored.values.reduce(0, +))
        #expect(stored.values.reduce(0, +) < sizes.reduce(0, +))
        let text = try await folder.kecsctl("backups", "list")
        #expect(text.output.contains(" AGE ") && text.output.contains(" s ago"))
        #expect(text.output.contains("before=upgrade"))
        let last = try #require(text.output.split(separator: "\n").last)
        #expect(last.hasPrefix("3 backups, ") && last.contains("on disk"))
    }

    @Test func `label, since and last choose, in every list`() async throws {
        let ids = try await three()
        #expect(try await self.ids("backups", "list", "--label", "before=upgrade") == [ids[1]])
        #expect(try await self.ids("backups", "list", "--last", "2") == [ids[2], ids[1]])
        #expect(try await self.ids("backups", "list", "--since", "1h").count == 3)
        #expect(try await self.ids("backups", "list", "--since", "2099-01-01") == [])
        let stats = try await document(["backups", "stats", "dev", "--last", "2"])
        #expect(stats["items"]?.array?.first?["totals"]?["backups"] == .integer(2))
        let nothing = try await folder.kecsctl("backups", "list", "--label", "no=such")
        #expect(nothing.status == 0 && nothing.output == "" && nothing.errors == "no backup fits\n")
        for wrong in [
            ["--last", "0"], ["--since", "soon"], ["--label", "x"], ["--label", "a=1", "--label", "a=2"],
        ] {
            #expect(try await folder.kecsctl(["backups", "list"] + wrong).status == 64, "\(wrong)")
        }
    }

    @Test func `stats counts what is good and what is not`() async throws {
        let ids = try await three()
        let archive = folder.path.appending("home/backups/dev/\(ids[0])/config.tar.gz")
        // A file of its own, so that only one backup is damaged.
        try archive.replaceContents(Array(try archive.contents().dropLast()))
        #expect(try await folder.kecsctl("backups", "pin", "latest", "--instance", "dev").status == 0)
        let item = try #require(try await document(["backups", "stats"])["items"]?.array?.first)
        #expect(item["good"] == .integer(2) && item["notGood"] == .integer(1))
        #expect(item["pinned"] == .integer(1) && item["instance"] == "dev")
        let text = try await folder.kecsctl("backups", "stats")
        #expect(text.output.hasPrefix("INSTANCE  BACKUPS  GOOD  NOT GOOD"))
    }

    @Test func `labels are set and taken away after the backup, and its manifest stays as it is`()
        async throws
    {
        let id = try await three()[1]
        let manifest = folder.path.appending("home/backups/dev/\(id)/manifest.json")
        let before = try manifest.contents()
        let plan = try await folder.kecsctl("backups", "label", id, "team=core", "--dry-run", "-o", "json")
        #expect(plan.output.contains("\"team\" : \"core\""))
        #expect(try await ids("backups", "list", "--label", "team=core") == [])
        let set = try await folder.kecsctl("backups", "label", "dev/\(id)", "team=core", "before-")
        #expect(set.status == 0, "\(set.errors)")
        #expect(try await ids("backups", "list", "--label", "team=core") == [id])
        #expect(try await ids("backups", "list", "--label", "before=upgrade") == [])
        #expect(try manifest.contents() == before)
        #expect(try await folder.kecsctl("backups", "verify", id).status == 0)
        // Back to what it was taken with: nothing is noted any more.
        #expect(try await folder.kecsctl("backups", "label", id, "before=upgrade", "team-").status == 0)
        let mark = String(
            decoding: try folder.path.appending("home/backups/dev/\(id)/mark.json").contents(), as: UTF8.self)
        #expect(!mark.contains("labels"), "\(mark)")
        #expect(try await ids("backups", "list", "--label", "before=upgrade") == [id])
    }

    @Test func `a label that is not there, and what is none, are refused`() async throws {
        let id = try await three()[1]
        let missing = try await folder.kecsctl("backups", "label", id, "nothing-")
        #expect(missing.status == 64 && missing.errors.contains("it has before"), "\(missing.errors)")
        for wrong in ["=x", "-", "word"] {
            #expect(try await folder.kecsctl("backups", "label", id, wrong).status == 64, "\(wrong)")
        }
        #expect(try await folder.kecsctl("backups", "label", "19990101", "a=b").status == 10)
    }

    @Test func `a drill that failed is told once`() async throws {
        let ids = try await three()
        let mark = folder.path.appending("home/backups/dev/\(ids[0])/mark.json")
        try mark.replaceContents(
            Array(
                #"{"pinned":false,"verification":{"at":"2026-11-29T10:00:00Z"},"drill":{"at":"2026-11-29T11:00:00Z","passed":false,"why":"rows differ"}}"#
                    .utf8))
        let list = try await folder.kecsctl("backups", "list", "dev")
        let line = list.output.split(separator: "\n").first { $0.contains(ids[0]) }
        #expect(line?.contains("failed its drill: rows differ") == true, "\(list.output)")
        #expect(line?.contains("drill failed") == false, "\(list.output)")
    }
}
