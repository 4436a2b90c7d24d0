// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@Suite struct DiscardTests {
    private func tree(_ place: FilePath) throws -> FilePath {
        let tree = place.appending("tree")
        for name in ["a/b", "c/d", "e"] { try tree.appending(FilePath(name).components).createFolder() }
        for name in ["a/b/1", "c/d/2", "e/3", "4"] {
            try tree.appending(FilePath(name).components).replaceContents([1])
        }
        return tree
    }

    @Test func `what can be removed is gone, and nothing else is left`() throws {
        try withTemporaryFolder { place in
            try tree(place).discard(into: place)
            place.appending("nothing").discard(into: place)
            #expect(try place.entries() == [])
        }
    }

    @Test func `one stuck file keeps its folders and nothing besides, moved out of the way`() throws {
        try withTemporaryFolder { place in
            let tree = try tree(place)
            let stuck = tree.appending("c").appending("d").appending("2")
            guard system("chattr +i '\(stuck)' 2>/dev/null") == 0 else {
                try Test.cancel("chattr cannot be used here")
            }
            defer { _ = system("chattr -R -i '\(place)'") }
            tree.discard(into: place)
            #expect(try !tree.isPresent)
            let all = try Remnants(in: place).all()
            let remnant = try #require(all.first)
            #expect(all.count == 1)
            #expect(remnant.attributes == ["immutable"])
            #expect(remnant.owner == geteuid())
            #expect(remnant.stuck == remnant.path.appending("c").appending("d").appending("2"))
            #expect(try remnant.path.entries().map(\.string) == ["c"])
            // Tried again, it still stays, and a second one of the same name gets another place.
            try Remnants(in: place).retry()
            #expect(try Remnants(in: place).all() == all)
            _ = system("chattr -R -i '\(place)'")
            try Remnants(in: place).retry()
            #expect(try place.entries() == [])
        }
    }

    @Test func `after an interruption it lies out of the way, and is no remnant until its removal fails`()
        throws
    {
        try withTemporaryFolder { place in
            let stop = Cancellation()
            stop.cancel(.interrupt)
            let tree = try tree(place)
            tree.discard(into: place, stop)
            let remnants = Remnants(in: place)
            #expect(try !tree.isPresent)
            #expect(try remnants.all() == [])
            let left = try #require(try remnants.postponed().first)
            #expect(try left.appending("a").appending("b").appending("1").isPresent)
            // Whoever is interrupted again leaves it as it is.
            #expect(throws: Interrupted(.interrupt)) { try remnants.retry(stop) }
            #expect(try remnants.postponed() == [left])
            let stuck = left.appending("c").appending("d").appending("2")
            guard system("chattr +i '\(stuck)' 2>/dev/null") == 0 else {
                try remnants.retry()
                #expect(try place.entries() == [])
                return
            }
            defer { _ = system("chattr -R -i '\(place)'") }
            try remnants.retry()
            #expect(try remnants.postponed() == [])
            #expect(try remnants.all().map(\.attributes) == [["immutable"]])
            _ = system("chattr -R -i '\(place)'")
            try remnants.retry()
            #expect(try place.entries() == [])
        }
    }

    @Test func `a removal ends where it is interrupted`() throws {
        try withTemporaryFolder { place in
            let tree = try tree(place)
            let stop = Cancellation()
            stop.cancel(.terminate)
            #expect(throws: Interrupted(.terminate)) { try tree.removeTree(cancellation: stop) }
            #expect(try tree.appending("4").isPresent)
        }
    }

    @Test func `another user's folder that may be renamed and not moved keeps its going name`() throws {
        try withTemporaryFolder { place in
            try #require(geteuid() == 0, "only root can make another user's folder")
            try place.setOwner((65534, 65534))
            let theirs = place.appending(".x.deleting")
            try theirs.createFolder(mode: 0o755)
            try theirs.appending("file").replaceContents([1])
            try asUser(65534) {
                theirs.discard(into: place)
                let all = try Remnants(in: place).all()
                #expect(all.map(\.path) == [theirs])
                #expect(all.first?.owner == 0)
            }
        }
    }

    @Test func `a lookup says yes, no, or why it cannot say`() throws {
        try withTemporaryFolder { place in
            let file = place.appending("file")
            try file.replaceContents([1])
            #expect(try file.isPresent && !file.isFolder && place.isFolder)
            #expect(try !place.appending("gone").isPresent)
            let below = file.appending("below")
            #expect(throws: FileError("look at", below, .notDirectory)) { try below.isPresent }
            #expect(throws: FileError("look at", below, .notDirectory)) { try below.isFolder }
            // For root alone another user can be played.
            guard geteuid() == 0 else { return }
            try place.setMode(0o700)
            asUser(65534) {
                #expect(throws: FileError("look at", file, .permissionDenied)) { try file.isPresent }
                #expect(throws: FileError("look at", file, .permissionDenied)) { try file.isFolder }
            }
        }
    }
}
