// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSQLite
import KecsSystem
import SystemPackage

/// The content of a folder, in a form that is equal for two copies of it. Databases count by their content, as a copy
/// of a live one has other pages and no sidecars.
struct TreeContent: Hashable {
    /// The entries by raw path.
    var entries: [[UInt8]: String] = [:]

    /// - Parameters:
    ///   - owners: True to include the owners.
    ///   - leftOut: Raw paths that are no content, with everything below them.
    init(_ root: FilePath, owners: Bool, leftOut: Set<[UInt8]> = [], cancellation: Cancellation) throws {
        var source = TreeSource(root: root)
        source.leftOut = leftOut
        let scan = try scanTree(source, cancellation: cancellation)
        for database in scan.databases where database.engine == .sqlite {
            source.leaveOutSidecars(of: database)
        }
        let databases = Set(scan.databases.filter { $0.engine == .sqlite }.map(\.path))
        var found: [[UInt8]: String] = [:]
        try walkTree(source, cancellation: cancellation) { path, status in
            guard !path.isEmpty, path != [UInt8(ascii: ".")] else { return }
            let file = root.appending(bytes: path)
            var text = "\(status.kind) \(String(status.mode, radix: 8))"
            if owners { text += " \(status.owner):\(status.group)" }
            switch status.kind {
            case .file:
                text +=
                    databases.contains(path)
                    ? " " + (try SQLiteDatabase.reading(file, cancellation: cancellation).content().digest)
                    : " "
                        + (try KecsArchive.digest(of: file, cached: true, cancellation: cancellation).sha256)
            case .symlink: text += " " + hex(try file.linkTarget())
            default: break
            }
            found[path] = text
        }
        entries = found
    }

    var digest: String {
        let hasher = SHA256()
        for (path, text) in entries.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            hasher.update(path)
            hasher.update(Array("\0\(text)\0".utf8))
        }
        return hasher.finish()
    }

    /// The first path that differs.
    func difference(from other: TreeContent) -> String? {
        Set(entries.keys).union(other.entries.keys).sorted { $0.lexicographicallyPrecedes($1) }
            .first { entries[$0] != other.entries[$0] }.map { printable($0) }
    }
}
