// SPDX-License-Identifier: Apache-2.0
import KecsSystem

extension UnpackOptions {
    var indexUse: ArchiveReader.IndexUse {
        guard readsOnlySelected, let select else { return .none }
        return .pick { $0.isEmpty || select($0) }
    }

    /// The entry as it is to be unpacked: below the top folder, and within the limits.
    func admit(
        _ recorded: ArchiveEntry, number: Int, after bytes: Int64, _ reader: ArchiveReader
    ) throws -> ArchiveEntry {
        var entry = recorded
        guard number <= maxEntries else {
            throw reader.error(.hostile, "there are more than \(maxEntries) entries")
        }
        if let top = stripTopFolder {
            guard let path = Self.strip(top, entry.path) else {
                throw reader.error(.hostile, "it is not in “\(printable(top))” as everything should be")
            }
            entry.path = path
            if entry.kind == .hardLink {
                guard let target = Self.strip(top, entry.linkTarget) else {
                    throw reader.error(.hostile, "it is a hard link to outside of “\(printable(top))”")
                }
                entry.linkTarget = target
            }
        }
        guard entry.size <= maxBytes - bytes else {
            throw reader.error(.hostile, "the files are larger than \(maxBytes) bytes in all")
        }
        return entry
    }

    static func strip(_ top: [UInt8], _ path: [UInt8]) -> [UInt8]? {
        if path == top || path.isEmpty { return [] }
        return path.isBelow(top) ? Array(path.dropFirst(top.count + 1)) : nil
    }
}
