// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

extension PartRole {
    /// Determines the role by the part's name here and its path inside the container.
    public init(of part: Part, inside: String?) {
        if case .entries = part.place {
            self = .config
            return
        }
        if part.name == Part.objectStore {
            self = .objects
            return
        }
        let names = [part.name, inside.map { FilePath($0) }?.lastComponent?.string ?? ""].map {
            $0.lowercased()
        }
        if names.contains(where: { ["backup", "backups"].contains($0) }) {
            self = .backups
        } else if names.contains(where: { ["log", "logs"].contains($0) }) {
            self = .logs
        } else {
            self = .data
        }
    }

    /// The number of names that are examined before a part counts as one of data.
    private static let mostNames = 2_000

    /// Returns true when every file in it is a dump or an archive, and there is one.
    static func holdsOnlyBackups(_ part: InventoryPart) throws -> Bool {
        guard part.presence == .present, case let root? = part.part.root, case .data = part.role else {
            return false
        }
        var waiting = [root]
        var names = 0
        var archives = 0
        while let folder = waiting.popLast() {
            let entries: [FilePath.Component]
            do { entries = try folder.entries() } catch is FileError { return false }
            for entry in entries {
                names += 1
                guard names <= mostNames else { return false }
                let path = folder.appending(entry)
                guard let status = try FileStatus.of(path) else { continue }
                switch status.kind {
                case .folder: waiting.append(path)
                case .file:
                    guard isBackup(entry.string.lowercased()) else { return false }
                    archives += 1
                default: return false
                }
            }
        }
        return archives > 0
    }

    private static let endings = [
        ".sql", ".dump", ".tar", ".tgz", ".tbz2", ".txz", ".zip", ".7z", ".bak", ".rdb", ".sha256", ".md5",
    ]
    private static let packings = ["", ".gz", ".bz2", ".xz", ".zst", ".lz4", ".gpg", ".age"]

    private static func isBackup(_ name: String) -> Bool {
        if isCopyOfDatabase(Array(name.utf8)), !name.hasPrefix(".") { return true }
        return endings.contains { ending in packings.contains { name.hasSuffix(ending + $0) } }
    }
}
