// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Units of one swap of which one lies in another, or in the same place: a project's folder and one below it, both parts.
extension [Swap.Unit] {
    /// The same, where what a unit will find live is what an earlier one will have put there, and not what is there now.
    func nested() throws -> [Swap.Unit] {
        var units = self
        var enclosing = EnclosingUnits(self)
        guard !enclosing.isEmpty else { return units }
        var earlier: [PathBytes: Int] = [:]
        for index in units.indices {
            let live = units[index].live.bytes
            // The innermost one decides.
            if let above = enclosing.around(live).first(where: { earlier[$0] != nil }),
                let outer = earlier[above]
            {
                let below = live.path.components.dropFirst(above.path.components.count)
                units[index].liveInode = try units[outer].staged.flatMap {
                    try FileStatus.of($0.path.appending(below))?.inode
                }
            }
            earlier[live] = index
        }
        return units
    }

    /// For a path that a later unit replaces as a whole, or together with what is around it: those units.
    func covers() -> [PathBytes: [Swap.Unit]] {
        var enclosing = EnclosingUnits(self)
        guard !enclosing.isEmpty else { return [:] }
        var covers: [PathBytes: [Swap.Unit]] = [:]
        var later: [PathBytes: [Swap.Unit]] = [:]
        for unit in reversed() {
            let live = unit.live.bytes
            for above in enclosing.around(live) {
                if let units = later[above] { covers[live, default: []] += units }
            }
            if enclosing.contains(live) { later[live, default: []].append(unit) }
        }
        return covers
    }
}

/// The live paths of units that another unit lies in, or has too: none in most swaps, however many units one has. Each folder
/// is looked at once.
private struct EnclosingUnits {
    /// The paths that another unit has too, or lies in.
    private var paths: Set<PathBytes> = []
    /// Of each folder on the way to a unit: which of `lives` it is or lies in, the innermost first.
    private var known: [PathBytes: [PathBytes]] = [:]
    private let lives: Set<PathBytes>

    init(_ units: [Swap.Unit]) {
        var lives: Set<PathBytes> = []
        for unit in units where !lives.insert(unit.live.bytes).inserted { paths.insert(unit.live.bytes) }
        self.lives = lives
        for unit in units { paths.formUnion(above(unit.live.bytes)) }
    }

    var isEmpty: Bool { paths.isEmpty }

    func contains(_ path: PathBytes) -> Bool { paths.contains(path) }

    /// The path itself, if it is one of them, and those around it, the innermost first.
    mutating func around(_ live: PathBytes) -> [PathBytes] {
        (paths.contains(live) ? [live] : []) + above(live)
    }

    private mutating func above(_ live: PathBytes) -> [PathBytes] {
        var way: [PathBytes] = []
        var folder = live.folder
        var found: [PathBytes] = []
        while true {
            if let before = known[folder] {
                found = before
                break
            }
            way.append(folder)
            let next = folder.folder
            if next == folder || next.count == 0 { break }
            folder = next
        }
        for folder in way.reversed() {
            if lives.contains(folder) { found.insert(folder, at: 0) }
            known[folder] = found
        }
        return found
    }
}
