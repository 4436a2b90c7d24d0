// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Checks whether the control plane's data is gone.
enum StateOf {
    /// Returns true for a folder that is missing or holds no entry at all but our own helpers'.
    static func isEmpty(_ folder: FilePath) throws -> Bool {
        guard try folder.isPresent else { return true }
        let ignored =
            Part.ours + Part.lockFiles + [Array(".\(InstanceFolder.databaseName).creating".utf8)]
        return try folder.entries().allSatisfy { ignored.contains($0.bytes) }
    }
}
