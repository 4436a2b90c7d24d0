// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Folders of instances and of their backups that were given up. They are renamed, so that nothing takes them for their
/// former selves, and then removed, by this run or, when it is killed, by the next one.
struct Remains: Sendable {
    let home: Home

    private static let suffix = ".destroying"

    /// Gives up the folder: from now on it counts as gone.
    func give(up folder: FilePath) throws {
        guard let name = folder.lastComponent?.string else { return }
        let above = folder.removingLastComponent()
        let target = try FreeName.first { number in
            let target = above.appending(".\(name)" + (number > 1 ? "-\(number)" : "") + Self.suffix)
            return try target.isPresent ? nil : target
        }
        try folder.renameWithoutReplacing(to: target)
        try above.sync()
    }

    /// Removes everything that was given up, by any run. Anything that cannot be removed goes to `.going/` and blocks
    /// nothing.
    func sweep() {
        for place in [home.instances, home.backups] {
            for name in Self.names(in: place) where name.string.hasSuffix(Self.suffix) {
                guard name.string.hasPrefix(".") else { continue }
                let given = place.appending(name)
                // Content on another disk goes there too, and the link last.
                if let there = Self.behind(given) { there.discard(into: there.removingLastComponent()) }
                given.discard(into: place)
            }
        }
    }

    /// Returns the target of a link; nil for anything else. A link to nowhere has nothing that could be removed.
    private static func behind(_ given: FilePath) -> FilePath? {
        do {
            guard try FileStatus.of(given)?.kind == .symlink else { return nil }
            return try given.realPath()
        } catch { return nil }
    }

    /// Returns the names in a place. One that does not exist, or cannot be read, has nothing to remove.
    private static func names(in place: FilePath) -> [FilePath.Component] {
        do { return try place.entries() } catch { return [] }
    }
}
