// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem

/// Lists one folder from all entries of its part: the entries in it, folders with the size of everything below.
struct ListedFolder {
    private let wanted: BackupPath
    private let place: BackupPlace
    private let isDeep: Bool
    /// True when an entry of the part is the folder, or is in it.
    private(set) var isThere = false
    /// The children by name, for one level; a deep list keeps nothing.
    private var children: [ArraySlice<UInt8>: BackupEntry] = [:]

    init(_ wanted: BackupPath, _ place: BackupPlace, isDeep: Bool) {
        self.wanted = wanted
        self.place = place
        self.isDeep = isDeep
    }

    mutating func add(_ entry: ArchiveEntry, _ each: (BackupEntry) throws -> Void) throws {
        guard let rest = wanted.below(entry.path) else { return }
        isThere = true
        if rest.isEmpty {
            // The folder itself is not in its list; a file that was named is its own list.
            if entry.kind != .folder { try each(BackupEntry(place, wanted.part, entry)) }
            return
        }
        if isDeep { return try each(BackupEntry(place, wanted.part, entry)) }
        let name = rest.prefix { $0 != UInt8(ascii: "/") }
        if name.count == rest.count {
            let below = children[name]?.bytes ?? 0
            children[name] = BackupEntry(place, wanted.part, entry)
            let bytes = (children[name]?.bytes ?? 0).adding(below)
            children[name]?.bytes = bytes
        } else if children[name] != nil {
            let bytes = (children[name]?.bytes ?? 0).adding(entry.size)
            children[name]?.bytes = bytes
        } else {
            // An archive need not have an entry for every folder.
            let path = Array(entry.path[..<name.endIndex])
            children[name] = BackupEntry(
                instance: place.instance, id: place.id, createdAt: place.createdAt,
                path: BackupPath.text(wanted.part.name, path), kind: .folder, bytes: entry.size)
        }
    }

    func end(_ each: (BackupEntry) throws -> Void) throws {
        for entry in children.values.sorted(by: { $0.path < $1.path }) { try each(entry) }
    }
}
