// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// The facts from a walk over a folder, for all checks that look at its files. Links are not followed; other file
/// systems are.
public struct TreeFacts: Sendable {
    public struct Entry: Sendable, Hashable {
        public var path: FilePath
        public var status: FileStatus

        public init(path: FilePath, status: FileStatus) {
            self.path = path
            self.status = status
        }
    }

    /// The folder itself first; no more than `limit`.
    public var entries: [Entry] = []
    /// The size of the regular files. A file with several names counts once.
    public var bytes: Int64 = 0
    /// The paths that could not be examined, with the reason.
    public var unreadable: [String] = []
    public var isCut = false

    public init() {}

    /// The limit of kept entries. A tree of this size takes about 30 MB; further entries are counted but not kept.
    static let limit = 100_000

    /// An empty tree when there is no such folder.
    public static func of(_ root: FilePath, cancellation: Cancellation) throws -> TreeFacts {
        var facts = TreeFacts()
        guard let status = try FileStatus.of(root.resolved()) else { return facts }
        var folders: [(FilePath, FileStatus)] = [(root.resolved(), status)]
        var linked: Set<[UInt64]> = []
        facts.entries.append(Entry(path: root.resolved(), status: status))
        while let (folder, status) = folders.popLast() {
            guard status.kind == .folder else { continue }
            try cancellation.check()
            let names: [FilePath.Component]
            do { names = try folder.entries() } catch {
                facts.unreadable.append("\(error)")
                continue
            }
            for name in names {
                let path = folder.appending(name)
                do {
                    guard let status = try FileStatus.of(path) else { continue }
                    let isNew = status.links < 2 || linked.insert([status.device, status.inode]).inserted
                    if status.kind == .file, isNew { facts.bytes = facts.bytes.adding(status.size) }
                    if status.kind == .folder { folders.append((path, status)) }
                    if facts.entries.count < limit {
                        facts.entries.append(Entry(path: path, status: status))
                    } else {
                        facts.isCut = true
                    }
                } catch let error as FileError where error.errno == .fileNameTooLong {
                    // It is so deep that it has no path from the root. A backup, which goes down step by step, reads
                    // it.
                    facts.isCut = true
                } catch {
                    facts.unreadable.append("\(error)")
                }
            }
        }
        return facts
    }
}
