// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// The facts about all parts of an instance that the look at one of them needs.
struct PartsSeen: Sendable {
    /// The folders of all parts, links resolved.
    var roots: [FilePath]
    /// True when the server sees the paths of this host. A server in a container sees its image's paths behind an
    /// absolute link.
    var sharesPaths: Bool

    init(_ parts: [InventoryPart]) {
        roots = parts.compactMap { part in
            switch part.part.place {
            case .folder(let folder), .volume(_, let folder?): folder.resolved()
            case .entries, .volume(_, nil): nil
            }
        }
        sharesPaths = parts.allSatisfy { $0.pathInside == nil }
    }
}

/// The symbolic links that lead out of a part to something of the state.
struct OutwardLinks: Sendable {
    /// An SQLite database that is captured in place of its link.
    struct Database: Sendable {
        var path: [UInt8]
        var target: FilePath
    }

    var databases: [Database] = []
    /// The targets of links that cannot be captured.
    var lacks: [Lack] = []

    init(_ links: [TreeScan.OutwardLink], in root: FilePath, of part: String, _ seen: PartsSeen) throws {
        let own = root.resolved()
        for link in links {
            if link.target.first == UInt8(ascii: "/"), !seen.sharesPaths { continue }
            let path = link.path
            let place = root.appending(bytes: path)
            // A link without a target loses nothing.
            guard let target = Self.end(of: place), let status = try FileStatus.of(target) else { continue }
            if ([own] + seen.roots).contains(where: { target.starts(with: $0) }) { continue }
            func lack(_ why: String) {
                lacks.append(
                    Lack(part: part, path: printable(path), .outside, "is a link to \(target), \(why)"))
            }
            switch status.kind {
            case .folder:
                // A folder above is not state in another place, but a way back.
                if own.starts(with: target) { continue }
                if try !target.entries().isEmpty { lack("which is no part of the instance") }
            case .file:
                guard let engine = try DatabaseEngine(of: target, size: status.size) else { continue }
                guard engine == .sqlite else {
                    lack("a database outside of the part that can only be copied frozen")
                    continue
                }
                guard let link = try FileStatus.of(place), Self.mayFollow(link, to: status) else {
                    lack("a database of another user")
                    continue
                }
                databases.append(Database(path: path, target: target))
            default: continue
            }
        }
    }

    /// Returns true when the link may lead to the file. Only a link of root, of this user or of the file's own owner
    /// may: a user who may write to the part must not have another user's file read.
    private static func mayFollow(_ link: FileStatus, to target: FileStatus) -> Bool {
        link.owner == target.owner || link.owner == 0 || link.owner == Machine.userID
    }

    private static func end(of link: FilePath) -> FilePath? {
        link.withPlatformString { name in
            guard let end = realpath(name, nil) else { return nil }
            defer { free(end) }
            return FilePath(platformString: end)
        }
    }
}
