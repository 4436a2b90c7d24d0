// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// A digest of a tree without reading its files' content: the answer to "has anything changed since?".
///
/// Each entry counts with path, type, size, mtime, ctime, inode, mode, owner, group and link target. Databases and
/// their sidecars do not count, nor do the times of a folder that holds one: SQLite's readers alone create and remove
/// `-shm` there.
struct Fingerprint {
    private let digest = SHA256()
    private var record: [UInt8] = []
    private(set) var newest = Moment(seconds: 0)

    mutating func add(
        _ path: [UInt8], _ status: FileStatus, type: UInt8, link: [UInt8] = [], times: Bool = true
    ) {
        record.removeAll(keepingCapacity: true)
        put(Int64(path.count))
        record.append(contentsOf: path)
        record.append(type)
        put(Int64(status.mode))
        put(Int64(status.owner))
        put(Int64(status.group))
        put(Int64(bitPattern: status.inode))
        if times {
            put(type == UInt8(ascii: "d") ? 0 : status.size)
            put(status.modified.seconds)
            put(Int64(status.modified.nanoseconds))
            put(status.changed.seconds)
            put(Int64(status.changed.nanoseconds))
            newest = max(newest, status.changed)
        }
        put(Int64(link.count))
        record.append(contentsOf: link)
        record.withUnsafeBytes { digest.update($0) }
    }

    func finish() -> String { digest.finish() }

    private mutating func put(_ value: Int64) {
        withUnsafeBytes(of: value.littleEndian) { record.append(contentsOf: $0) }
    }
}

/// The databases found in the current folder of the walk. They identify their sidecars.
struct DatabasesInFolder {
    /// The whole paths found, one set for each open folder.
    private var levels: [[[UInt8]]] = []

    mutating func enter() { levels.append([]) }
    /// - Returns: True when the folder holds a database.
    mutating func leave() -> Bool { !(levels.popLast() ?? []).isEmpty }
    mutating func found(_ path: [UInt8]) {
        if let top = levels.indices.last { levels[top].append(path) }
    }

    /// The database that a path belongs to. A database sorts before its sidecars, so it has been seen.
    func owner(of path: [UInt8]) -> [UInt8]? {
        guard let top = levels.last, !top.isEmpty else { return nil }
        for suffix in DatabaseEngine.sidecarSuffixes where path.count > suffix.utf8.count {
            guard path.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) else { continue }
            let base = Array(path.dropLast(suffix.utf8.count))
            if top.contains(base) { return base }
        }
        return nil
    }
}
