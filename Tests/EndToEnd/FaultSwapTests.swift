// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Swaps that were killed while they were being taken back, and old trees that are not there any more.
@Suite struct FaultSwapTests {
    private func put(_ folder: FilePath, _ text: String) throws {
        try folder.createFolder()
        try folder.appending("db").replaceContents(Array(text.utf8))
    }

    private func text(_ folder: FilePath) throws -> String? {
        let file = folder.appending("db")
        return try file.isPresent ? String(decoding: try file.contents(), as: UTF8.self) : nil
    }

    @Test func `a swap whose taking back was killed half-way can be finished, and be taken back`() throws {
        try withTemporaryFolder { root in
            let (live, staged) = (root.appending("live"), root.appending("staged"))
            let kept = root.appending("kept/data")
            try put(live, "old")
            try put(staged, "new")
            let unit = try Swap.Unit(part: "data", live: live, staged: staged, previous: kept)
            for finishes in [true, false, true] {
                try unit.finish()
                #expect(try [text(live), text(staged), text(kept)] == ["new", nil, "old"])
                // Where the first of the two renames of taking it back leaves it.
                try live.exchange(with: kept)
                if finishes {
                    try unit.finish()
                    #expect(try [text(live), text(staged), text(kept)] == ["new", nil, "old"])
                }
                try unit.takeBack()
                #expect(try [text(live), text(staged), text(kept)] == ["old", "new", nil])
            }
        }
    }

    @Test func `a new tree that is gone is not put in place of the old one`() throws {
        try withTemporaryFolder { root in
            let (live, staged) = (root.appending("live"), root.appending("staged"))
            try put(live, "old")
            try put(staged, "new")
            let unit = try Swap.Unit(
                part: "data", live: live, staged: staged, previous: root.appending("kept/data"))
            try staged.removeTree()
            #expect(throws: FileError.self) { try unit.finish() }
            #expect(try text(live) == "old")
        }
    }

    @Test func `an undo whose old tree is gone changes nothing`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            #expect(try await kecsctl("backup", "dev").status == 0)
            #expect(try await kecsctl("restore", "dev", "--from", "latest").status == 0)
            let instance = root.appending("home/instances/dev")
            let previous = instance.appending(".previous")
            let id = try #require(try previous.entries().first)
            try previous.appending(id).appending("data").removeTree()
            let before = try treeDigest(instance.appending("data"))
            let undo = try await kecsctl("undo", "dev")
            #expect(undo.status == 13, "\(undo.errors)")
            #expect(try treeDigest(instance.appending("data")) == before)
            #expect(try !instance.appending("journal.json").isPresent)
        }
    }
}
