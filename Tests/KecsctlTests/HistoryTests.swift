// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Kecs
import KecsSystem
import SystemPackage
import Testing

@testable import kecsctl

@Suite struct HistoryTests {
    private let folder: TestFolder
    private var file: FilePath { folder.path.appending("home/history.jsonl") }
    init() throws { folder = try TestFolder() }

    private func json(_ words: String...) async throws -> JSONValue {
        let caught = try await folder.kecsctl(["history", "-o", "json"] + words)
        #expect(caught.status == 0, "\(caught.errors)")
        return try JSONDecoder().decode(JSONValue.self, from: Data(caught.output.utf8))
    }

    @Test func `what was done is told with its time, length and end, failures too`() async throws {
        for name in ["dev", "two"] {
            #expect(try await folder.kecsctl("start", name, "--runtime", "local").status == 0)
        }
        #expect(try await folder.kecsctl("backup", "dev").status == 0)
        #expect(try await folder.kecsctl("restore", "two", "--from", "latest", "--yes").status == 10)
        let store = folder.path.appending("home/backups/dev")
        let id = try #require(try store.entries().first?.string)
        let items = try #require(try await json("dev")["items"]?.array)
        #expect(items.map { $0["command"] } == ["start", "backup"])
        #expect(items.allSatisfy { $0["instance"] == "dev" && $0["status"] == .integer(0) })
        #expect(items[1]["backup"]?.string == id && items[1]["outcome"] == "done")
        #expect(items[1]["durationSeconds"] != nil && items[1]["result"] != nil)
        let text = try await folder.kecsctl("history", "dev", "--last", "1")
        #expect(text.output.contains("backup") && text.output.contains(id) && !text.output.contains("start"))
    }

    @Test func `a failed run has its message and its status`() async throws {
        #expect(try await folder.kecsctl("start", "dev", "--runtime", "local").status == 0)
        try History(Home(folder.path.appending("home"))).append(
            JSONValue.object([
                "instance": "dev", "outcome": "failed",
                "error": .object(["message": "there is no room", "status": .integer(16)]),
            ]), command: "backup", status: 16, at: Moment(seconds: 1_800_000_000))
        let text = try await folder.kecsctl("history", "--last", "1")
        #expect(text.output.contains("failed (16)") && text.output.contains("there is no room"))
    }

    @Test func `broken lines are counted, said, and hide nothing`() async throws {
        #expect(try await folder.kecsctl("start", "dev", "--runtime", "local").status == 0)
        let good = try file.contents()
        try file.replaceContents(Array("{\"at\":\"20\n\u{0}\u{0}\n[]\n".utf8) + good + Array("{\"at\"".utf8))
        let caught = try await folder.kecsctl("history")
        #expect(caught.status == 0 && caught.output.contains("start"))
        #expect(caught.errors.contains("4 broken lines are left out"), "\(caught.errors)")
        #expect(try await json()["brokenLines"] == .integer(4))
    }

    @Test func `since and last bound it, and an instance that is gone has its history`() async throws {
        let history = History(Home(folder.path.appending("home")))
        let now = SystemClock().now()
        for (index, days) in [40, 3, 1].enumerated() {
            try history.append(
                JSONValue.object(["instance": .string(index == 1 ? "gone" : "dev")]),
                command: "step-\(index)",
                status: 0, at: now - .seconds(days * 86_400))
        }
        func commands(_ words: String...) async throws -> [String] {
            let caught = try await folder.kecsctl(["history", "-o", "json"] + words)
            let document = try JSONDecoder().decode(JSONValue.self, from: Data(caught.output.utf8))
            return (document["items"]?.array ?? []).compactMap { $0["command"]?.string }
        }
        #expect(try await commands() == ["step-0", "step-1", "step-2"])
        #expect(try await commands("--since", "7d") == ["step-1", "step-2"])
        #expect(try await commands("--since", (now - .seconds(2 * 86_400)).description) == ["step-2"])
        #expect(try await commands("--last", "2", "--since", "60d") == ["step-1", "step-2"])
        #expect(try await commands("gone") == ["step-1"])
        #expect(try await folder.kecsctl("history", "nobody").status == 10)
        #expect(try await folder.kecsctl("history", "--last", "0").status == 64)
        #expect(try await folder.kecsctl("history", "--since", "yesterday").status == 64)
    }

    @Test func `without a history nothing is recorded, and that is no error`() async throws {
        let caught = try await folder.kecsctl("history")
        #expect(caught.status == 0 && caught.output == "" && caught.errors == "nothing is recorded\n")
    }
}
