// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem

/// A place in a backup as people type it: `PART` or `PART/PATH`. A part may be called by its folder's name too, as
/// `restore --path` does: `minio-data/…` for `minio/…`.
struct BackupPath {
    var part: Manifest.Part
    /// The path below the part's root, as typed and without slashes at its ends; empty for the root.
    var text: String

    /// - Throws: `Failure(.notFound)` when the backup has no such part.
    init(_ text: String, in manifest: Manifest, of backup: BackupPlace) throws(Failure) {
        let whole = text.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
            .filter { $0 != "." }
        guard !whole.contains("..") else {
            throw Failure(
                .usage, "“\(text)” is no path in a backup", cause: "it climbs with “..”",
                remedy: "kecsctl backups ls \(backup.argument)")
        }
        for part in manifest.parts {
            for name in [part.name] + (part.root == .configuration ? [] : ["\(part.root)"]) {
                let own = name.split(separator: "/").map(String.init)
                guard whole.starts(with: own), !own.isEmpty else { continue }
                self.part = part
                self.text = whole.dropFirst(own.count).joined(separator: "/")
                return
            }
        }
        throw Failure(
            .notFound, "the backup “\(backup.id)” has no part “\(whole.first ?? text)”",
            cause: "it has \(manifest.parts.map(\.name).joined(separator: ", "))",
            remedy: "kecsctl backups ls \(backup.argument)")
    }

    /// Returns the path as answers show it.
    static func text(_ part: String, _ path: [UInt8]) -> String {
        path.isEmpty ? part : "\(part)/\(printable(path))"
    }

    /// Returns true when this is the entry's path: byte by byte, or as answers write it, where a name is not text.
    func names(_ path: [UInt8]) -> Bool {
        path.elementsEqual(text.utf8) || (text.contains("\\") && printable(path) == text)
    }

    /// Returns the segments where it can be; all for a name that is not text.
    func segments(of list: SegmentList) -> Range<Int> {
        text.contains("\\") ? list.segments.indices : list.holding(Array(text.utf8))
    }

    /// Returns the rest of the entry's path below this one; empty for the same path, nil for one that is not below it.
    func below(_ path: [UInt8]) -> ArraySlice<UInt8>? {
        if text.isEmpty { return path[...] }
        if names(path) { return [] }
        if text.contains("\\") {
            // The number of names that the user typed.
            let depth = text.split(separator: "/").count
            var slashes = 0
            for (index, byte) in path.enumerated() where byte == UInt8(ascii: "/") {
                slashes += 1
                if slashes == depth { return names(Array(path[..<index])) ? path[(index + 1)...] : nil }
            }
            return nil
        }
        let own = text.utf8.count
        guard path.count > own, path[own] == UInt8(ascii: "/"), path[..<own].elementsEqual(text.utf8) else {
            return nil
        }
        return path[(own + 1)...]
    }
}
