// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

/// What one restore or undo replaced: a folder in `.previous/`, and old trees that had to stay on file systems of their own.
struct PreviousTrees: Sendable {
    let folder: FilePath

    /// Nil when the folder holds no record: then it is only rubbish.
    func record() throws -> Swap? {
        try Swap.record(in: folder)
    }

    /// Renamed first: what is half removed must not be taken for something that `undo` could bring back.
    func remove() throws {
        guard let name = folder.lastComponent?.string else { return }
        var going = folder
        if !name.hasPrefix(".") {
            let above = folder.removingLastComponent()
            going = above.appending(".\(name).going")
            if going.isPresent { try PreviousTrees(folder: going).remove() }
            try folder.rename(to: going)
            try above.sync()
        }
        for unit in try PreviousTrees(folder: going).record()?.units ?? [] {
            let old = unit.previous.path
            guard !old.starts(with: folder) else { continue }
            if old.isPresent { try old.removeTree() }
            try old.removeEmptyFoldersOfOurs()
        }
        try going.removeTree()
    }
}
