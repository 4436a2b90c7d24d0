// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs

/// A part that lies in another one: `./data:/app/data` beside `.:/src`.
@Suite struct NestedUnitsTests {
    private enum Shape: String, CaseIterable {
        /// The outer folder changes hands as a whole.
        case whole
        /// It is a mount point: its entries do, the inner part among them.
        case entries
        /// The outer part's new tree has no folder for the inner one.
        case lacking
    }

    private func put(_ file: FilePath, _ text: String) throws {
        try file.removingLastComponent().createFolder()
        try file.replaceContents([UInt8](text.utf8))
    }

    private func texts(_ live: FilePath) throws -> [String] {
        try ["src/readme", "src/data/db"].map { name in
            let file = live.appending(FilePath(name).components)
            return try file.isPresent ? String(decoding: try file.contents(), as: UTF8.self) : "-"
        }
    }

    private let old = ["old readme", "old db"]
    private let new = ["new readme", "inner db"]

    private func restore(_ root: FilePath, _ shape: Shape) throws -> Swap {
        let live = root.appending("live")
        try put(live.appending("src").appending("readme"), "old readme")
        try put(live.appending("src").appending("data").appending("db"), "old db")
        let staging = root.appending(".restoring").appending("x")
        try put(staging.appending("src").appending("readme"), "new readme")
        if shape != .lacking {
            try put(staging.appending("src").appending("data").appending("db"), "outer db")
        }
        try put(staging.appending("inner").appending("db"), "inner db")
        let kept = root.appending(".previous").appending("x")
        let outer: [Swap.Unit]
        if shape == .entries {
            outer = try ["data", "readme"].map {
                try Swap.Unit(
                    part: "src", live: live.appending("src").appending($0),
                    staged: staging.appending("src").appending($0),
                    previous: kept.appending("src").appending($0))
            }
        } else {
            outer = [
                try Swap.Unit(
                    part: "src", live: live.appending("src"), staged: staging.appending("src"),
                    previous: kept.appending("src"))
            ]
        }
        let inner = try Swap.Unit(
            part: "inner", live: live.appending("src").appending("data"), staged: staging.appending("inner"),
            previous: kept.appending("inner"))
        return Swap(
            id: "x", from: "test", units: try (outer + [inner]).nested(), staging: [staging], previous: kept)
    }

    /// As `undo` makes it.
    private func reversed(_ swap: Swap, _ root: FilePath, id: String) throws -> Swap {
        let kept = root.appending(".previous").appending(id)
        let units = try swap.units.reversed().map { unit in
            let old = unit.previous.path
            return try Swap.Unit(
                part: unit.part, live: unit.live.path, staged: try old.isPresent ? old : nil,
                previous: kept.appending(
                    old.components.suffix(unit.part == "src" && swap.units.count > 2 ? 2 : 1)))
        }.nested()
        return Swap(id: id, from: "undo", units: units, staging: [], previous: kept)
    }

    @Test(arguments: ["whole", "entries", "lacking"])
    func `a restore, its undo and the redo bring both parts where they belong`(name: String) throws {
        let shape = try #require(Shape(rawValue: name))
        try withTemporaryFolder { root in
            let live = root.appending("live")
            let swap = try restore(root, shape)
            try swap.finish()
            #expect(try texts(live) == new)
            let undo = try reversed(swap, root, id: "u")
            try undo.finish()
            #expect(try texts(live) == old)
            let redo = try reversed(undo, root, id: "r")
            try redo.finish()
            #expect(try texts(live) == new)
            try reversed(redo, root, id: "v").finish()
            #expect(try texts(live) == old)
        }
    }

    @Test(arguments: ["whole", "entries", "lacking"])
    func `killed after any number of exchanges, each is finished or taken back`(name: String) throws {
        let shape = try #require(Shape(rawValue: name))
        for done in 0...3 {
            for goesBack in [false, true] {
                try withTemporaryFolder { root in
                    let live = root.appending("live")
                    let swap = try restore(root, shape)
                    for unit in swap.units.prefix(done) { try unit.finish() }
                    if goesBack {
                        try swap.exchangeBack()
                        try swap.exchangeBack()
                        #expect(try texts(live) == old, "\(done)")
                    }
                    try swap.exchange()
                    try swap.exchange()
                    #expect(try texts(live) == new, "\(done)")
                    let undo = try reversed(swap, root, id: "u")
                    for unit in undo.units.prefix(done) { try unit.finish() }
                    if goesBack {
                        try undo.exchangeBack()
                        try undo.exchangeBack()
                        #expect(try texts(live) == new, "undo after \(done)")
                    }
                    try undo.exchange()
                    try undo.exchange()
                    #expect(try texts(live) == old, "undo after \(done)")
                }
            }
        }
    }
}
