// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Folders of instances and of their backups that were given up: renamed, so that nothing takes them for what they
/// were, and then removed, by this run or, when it is killed, by the next one.
struct Remains: Sendable {
    let home: Home

    private static let suffix = ".destroying"

    /// With this it is gone.
    func give(up folder: FilePath) throws {
        guard let name = folder.lastComponent?.string else { return }
        let above = folder.removingLastComponent()
        var number = 1
        var target: FilePath
        repeat {
            target = above.appending(".\(name)" + (number > 1 ? "-\(number)" : "") + Self.suffix)
            number += 1
        } while target.isPresent
        try folder.renameWithoutReplacing(to: target)
        try above.sync()
    }

    /// Removes all that was given up, by whomever.
    func sweep() throws {
        for place in [home.instances, home.backups] where place.isFolder {
            for name in try place.entries() {
                let text = name.string
                guard text.hasPrefix("."), text.hasSuffix(Self.suffix) else { continue }
                let going = place.appending(name)
                do {
                    // What lay on another disk goes there too, and the link last.
                    if try FileStatus.of(going)?.kind == .symlink, let there = try? going.realPath() {
                        try there.removeTree()
                    }
                    try going.removeTree()
                } catch {
                    // Another kecsctl may have been faster.
                    if going.isPresent { throw error }
                }
            }
        }
    }
}
