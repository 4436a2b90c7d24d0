// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

/// Units of one swap of which one lies in another, or in the same place: a project's folder and one below it, both parts.
extension [Swap.Unit] {
    /// The same, where what a unit will find live is what an earlier one will have put there, and not what is there now.
    func nested() throws -> [Swap.Unit] {
        var units = self
        var earlier: [FilePath: FilePath?] = [:]
        for index in units.indices {
            let live = units[index].live.path
            // The innermost one decides. None of most swaps is in another.
            var above = live
            while !above.components.isEmpty {
                if let staged = earlier[above] {
                    let below = live.components.dropFirst(above.components.count)
                    units[index].liveInode = try staged.flatMap {
                        try FileStatus.of($0.appending(below))?.inode
                    }
                    break
                }
                above.removeLastComponent()
            }
            earlier[live] = .some(units[index].staged?.path)
        }
        return units
    }

    /// For a path that a later unit replaces as a whole, or together with what is around it: those units.
    func covers() -> [PathText: [Swap.Unit]] {
        var covers: [PathText: [Swap.Unit]] = [:]
        var later: [FilePath: [Swap.Unit]] = [:]
        for unit in reversed() {
            var above = unit.live.path
            while !above.components.isEmpty {
                if let units = later[above] { covers[unit.live, default: []] += units }
                above.removeLastComponent()
            }
            later[unit.live.path, default: []].append(unit)
        }
        return covers
    }
}
