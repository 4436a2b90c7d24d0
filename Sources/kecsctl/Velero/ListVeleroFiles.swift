// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsArchive
import KecsSystem
import KecsVelero
import SystemPackage

/// An entry in the list of `backups ls velero:NAME`.
struct VeleroFileItem: Encodable {
    /// The path, printable: everything but plain text is escaped.
    var path: String
    /// The kind: `object` in the bucket; `file`, `folder`, `link` in the tarball.
    var kind: String
    var bytes: Int64
    var modified: Moment
}

extension Session {
    /// `backups ls velero:NAME [PATH]`
    func listVeleroFiles(
        _ name: VeleroName, _ path: String?, _ options: VeleroOptions, _ instance: BackupInstanceOption
    ) async -> Int32 {
        let listing = Listing<VeleroFileItem>(
            kind: "VeleroFileList", table: { Self.fileTable($0).text(width: $1) }, name: \.path)
        return await list(listing) {
            let choice = try veleroBackup(name, options, instance)
            let files = try readingStore { try veleroFiles(reading(choice), path.map(Self.trimmed)) }
            guard path == nil || !files.isEmpty else {
                throw Failure(
                    .notFound, "there is no “\(path ?? "")” in the backup “\(choice.name)” of Velero",
                    remedy: ShellWords.quote(
                        ["kecsctl", "backups", "ls", "velero:\(choice.name)"] + choice.optionWords))
            }
            return files
        }
    }

    /// Returns the path without `./` at the beginning and slashes at the end.
    static func trimmed(_ path: String) -> String {
        var path = path[...]
        while path.hasPrefix("./") { path = path.dropFirst(2) }
        while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
        return String(path)
    }

    private func veleroFiles(_ backup: ReadVeleroBackup, _ path: String?) throws -> [VeleroFileItem] {
        var items = try backup.objects().filter { object in
            path == nil || object.path.hasSuffix("/\(path ?? "")")
        }.map { object in
            VeleroFileItem(
                path: object.path.split(separator: "/").last.map(String.init) ?? object.path, kind: "object",
                bytes: object.size, modified: object.modified)
        }
        if path != nil, !items.isEmpty { return items }
        let wanted = path.map { Array($0.utf8) }
        try backup.files { entry, _ in
            if let wanted, entry.path != wanted, !entry.path.starts(with: wanted + [UInt8(ascii: "/")]) {
                return true
            }
            let kind =
                switch entry.kind {
                case .file: "file"
                case .folder: "folder"
                case .symlink, .hardLink, .special: "link"
                }
            items.append(
                VeleroFileItem(
                    path: printable(entry.path), kind: kind, bytes: entry.size, modified: entry.modified))
            guard items.count <= ReadVeleroBackup.entryLimit else {
                throw Failure(
                    .failed, "the backup has more than \(ReadVeleroBackup.entryLimit) files",
                    cause: "name a path in it")
            }
            return true
        }
        return items
    }

    private static func fileTable(_ items: [VeleroFileItem]) -> Table {
        Table(
            header: ["KIND", "SIZE", "MODIFIED", "PATH"],
            rows: items.map { [$0.kind, "\(ByteCount($0.bytes))", "\($0.modified)", $0.path] },
            rightAligned: [1])
    }
}

extension VeleroChoice {
    /// The options that lead another command to the same store.
    var optionWords: [String] {
        let words =
            place.instance.map { ["--instance", $0.description] } ?? ["--folder", place.folder.string]
        return words
            + (place.bucket.path == VeleroPlace.defaultBucket ? [] : ["--bucket", place.bucket.path])
    }
}
