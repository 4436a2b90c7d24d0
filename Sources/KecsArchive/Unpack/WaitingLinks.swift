// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Selected hard links to files that are not selected.
struct WaitingLinks {
    /// By the path of the file that they wait for.
    private var links: [[UInt8]: [ArchiveEntry]] = [:]

    /// The paths of the files that they wait for.
    var targets: Set<[UInt8]> { Set(links.keys) }

    mutating func add(_ link: ArchiveEntry) { links[link.linkTarget, default: []].append(link) }

    /// Takes out those that wait for this file. For a member that is a link itself, as another program's can be, they wait
    /// for its target from now on.
    mutating func take(for member: ArchiveEntry) -> [ArchiveEntry] {
        switch member.kind {
        case .file: return links.removeValue(forKey: member.path) ?? []
        case .hardLink:
            if let all = links.removeValue(forKey: member.path) {
                links[member.linkTarget, default: []] += all
            }
            return []
        case .folder, .symlink, .special: return []
        }
    }

    /// - Throws: `ArchiveError` when the file of one was not found.
    func checkEmpty(_ archive: FilePath) throws {
        guard let (target, waiting) = links.first else { return }
        throw ArchiveError(
            .hostile, archive, entry: waiting.first?.path ?? [],
            "it is a hard link to “\(printable(target))”, which is not there")
    }
}
