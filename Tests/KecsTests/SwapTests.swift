// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs

@Suite struct SwapTests {
    /// Two live trees, one file that only goes away, one that only comes; each with its replacement staged.
    private func scene(_ root: FilePath) throws -> Swap {
        func put(_ path: String, _ text: String) throws {
            let file = root.appending(FilePath(path).components)
            try file.removingLastComponent().createFolder()
            try file.replaceContents([UInt8](text.utf8))
        }
        try put("live/data/db", "old")
        try put("live/data/db-wal", "old wal")
        try put("live/minio/object", "old object")
        try put("live/sidecar", "goes away")
        try put(".restoring/x/data/db", "new")
        try put(".restoring/x/minio/object", "new object")
        try put(".restoring/x/comes", "new file")
        let kept = root.appending(".previous/x")
        func unit(_ name: String, staged: Bool = true) throws -> Swap.Unit {
            try Swap.Unit(
                part: name, live: root.appending("live").appending(name),
                staged: staged ? root.appending(".restoring/x").appending(name) : nil,
                previous: kept.appending(name))
        }
        return Swap(
            id: "x", from: "test",
            units: [
                try unit("data"), try unit("sidecar", staged: false), try unit("minio"), try unit("comes"),
            ],
            staging: [root.appending(".restoring/x")], previous: kept)
    }

    private func tree(_ folder: FilePath) throws -> [String: String] {
        var found: [String: String] = [:]
        func walk(_ path: FilePath, _ name: String) throws {
            for entry in try path.entries() {
                let below = path.appending(entry)
                let label = name.isEmpty ? entry.string : "\(name)/\(entry.string)"
                if try below.isFolder {
                    try walk(below, label)
                } else {
                    found[label] = String(decoding: try below.contents(), as: UTF8.self)
                }
            }
        }
        if try folder.isFolder { try walk(folder, "") }
        return found
    }

    private let old = [
        "data/db": "old", "data/db-wal": "old wal", "minio/object": "old object", "sidecar": "goes away",
    ]
    private let new = ["data/db": "new", "minio/object": "new object", "comes": "new file"]

    @Test func `finishing puts the new in place and keeps the old`() throws {
        try withTemporaryFolder { root in
            let swap = try scene(root)
            try swap.finish()
            #expect(try tree(root.appending("live")) == new)
            var kept = try tree(root.appending(".previous/x"))
            kept[Swap.recordName] = nil
            #expect(kept == old)
            #expect(try !root.appending(".restoring/x").isPresent)
        }
    }

    @Test func `stopped after any number of units, it can be finished or taken back`() throws {
        for done in 0...4 {
            try withTemporaryFolder { root in
                let swap = try scene(root)
                for unit in swap.units.prefix(done) { try unit.finish() }
                try swap.finish()
                try swap.finish()
                #expect(try tree(root.appending("live")) == new)
            }
            try withTemporaryFolder { root in
                let swap = try scene(root)
                for unit in swap.units.prefix(done) { try unit.finish() }
                try swap.takeBack()
                try swap.takeBack()
                #expect(try tree(root.appending("live")) == old)
                #expect(try !root.appending(".restoring/x").isPresent)
                #expect(try !root.appending(".previous/x").isPresent)
            }
        }
    }

    @Test func `between the exchange and the moving away of the old one, both ways are open`() throws {
        for finishes in [true, false] {
            try withTemporaryFolder { root in
                let swap = try scene(root)
                try root.appending("live/data").exchange(with: root.appending(".restoring/x/data"))
                if finishes { try swap.finish() } else { try swap.takeBack() }
                #expect(try tree(root.appending("live")) == (finishes ? new : old))
            }
        }
    }

    @Test func `the journal's JSON brings the same swap back, whatever the bytes of its names`() throws {
        try withTemporaryFolder { root in
            var swap = try scene(root)
            let odd = FilePath(bytes: root.bytes + Array("/a%b\n".utf8) + [0xFF, 0xC3])
            swap.units[0].live = PathText(odd)
            var journal = Journal(
                operation: "restore", startedAt: Moment(seconds: 5), runsAfterwards: true, swap: swap)
            let file = root.appending("journal.json")
            try journal.write(to: file)
            // Who wrote it is written with it.
            journal.process = try ProcessIdentity.current()
            #expect(try Journal.read(file) == journal)
            #expect(try Journal.read(file)?.swap?.units[0].live.path.bytes == odd.bytes)
        }
    }

    @Test func `a line of a record is what JSONEncoder writes, and is read in any form`() throws {
        try withTemporaryFolder { root in
            var units = try scene(root).units
            for name in ["a%b\n", "quote\"", "back\\slash", "ümlaut", "plain"] {
                for isRewritten in [nil, true, false] {
                    var unit = units[0]
                    unit.live = PathText(root.appending(name))
                    unit.isRewritten = isRewritten
                    unit.staged = isRewritten == true ? nil : unit.staged
                    unit.stagedInode = isRewritten == true ? nil : .max
                    units.append(unit)
                }
            }
            units.append(units[0])
            units[units.count - 1].live = PathText(FilePath(bytes: root.bytes + [0x2F, 0xFF, 0xC3]))
            units[units.count - 1].part = "ünd\\"
            units[units.count - 1].liveInode = nil
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let decoder = JSONDecoder()
            for unit in units {
                var line: [UInt8] = []
                try unit.appendLine(to: &line, encoder)
                #expect(try line == Array(encoder.encode(unit)) + [UInt8(ascii: "\n")])
                line.removeLast()
                #expect(try line.withUnsafeBytes { try Swap.Unit(line: $0, decoder) } == unit)
                // Another order, slashes as \/, spaces.
                let other = try JSONEncoder().encode(unit)
                #expect(try other.withUnsafeBytes { try Swap.Unit(line: $0, decoder) } == unit)
                for broken in [Array(line.dropLast()), line + [0x20, 0x7D], Array(line.dropFirst())] {
                    #expect(throws: DecodingError.self) {
                        try broken.withUnsafeBytes { try Swap.Unit(line: $0, decoder) }
                    }
                }
            }
        }
    }

    @Test func `a path in bytes is taken apart like a FilePath`() {
        for text in ["/", "/a", "/a/b", "/a/b/.c", "/a//b/", "a", "a/b", "", "/a/../b"] {
            let path = FilePath(text)
            let bytes = Array(text.utf8).withUnsafeBytes { PathBytes($0) }
            #expect(bytes == PathBytes(path) && bytes.path == path, "\(text)")
            #expect(bytes.folder.path == path.removingLastComponent(), "\(text)")
            #expect(bytes.isHidden == (path.lastComponent?.string.hasPrefix(".") ?? false), "\(text)")
            for other in ["/", "/a", "/a/b", "/ab", "a"] {
                #expect(
                    bytes.isAt(orBelow: PathBytes(FilePath(other))) == path.starts(with: FilePath(other)),
                    "\(text) \(other)")
            }
        }
    }
}
