// SPDX-License-Identifier: Apache-2.0
import CLinux
import KecsSystem
import SystemPackage

/// Missing folders, remembered by a dry run that has to make them for its work.
struct MissingFolders {
    /// The innermost first.
    private var paths: [FilePath] = []

    /// - Parameter path: Examined together with every folder above it.
    init(upTo path: FilePath) throws {
        var path = path
        while !path.isEmpty, try !path.isPresent {
            paths.append(path)
            path = path.removingLastComponent()
        }
    }

    /// Removes the folders that were made meanwhile. A folder with something in it stays.
    func remove() {
        for path in paths { _ = path.withPlatformString { paths_rmdir($0) } }
    }
}
