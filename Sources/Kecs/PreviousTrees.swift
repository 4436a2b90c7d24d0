// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

/// What one restore or undo replaced: a folder in `.previous/`, and old trees that had to stay on file systems of their own.
struct PreviousTrees: Sendable {
    let folder: FilePath

    /// Nil when the folder holds no record: then it is only rubbish.
    func record() throws -> Swap? {
        let file = folder.appending(Swap.recordName)
        guard file.isPresent else { return nil }
        return try JSONFile.read(Swap.self, from: file)
    }

    func remove() throws {
        for unit in try record()?.units ?? [] {
            let old = unit.previous.path
            if !old.starts(with: folder), old.isPresent { try old.removeTree() }
        }
        try folder.removeTree()
    }
}
