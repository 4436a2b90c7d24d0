// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// The place of Velero's backups: a bucket of an object store, perhaps with a prefix, as a BackupStorageLocation names
/// it.
public struct VeleroBucket: Sendable {
    public let store: ObjectStore
    /// The path: `velero`, or `velero/prefix`.
    public let path: String

    public init(_ store: ObjectStore, path: String) {
        self.store = store
        self.path = path
    }

    /// Returns true for a valid bucket and prefix: relative, no `..`, no empty part.
    public static func isPath(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        return parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && !$0.contains("\0") }
    }

    var backupsPath: String { path + "/backups" }

    func path(of backup: String) -> String { "\(backupsPath)/\(backup)" }

    /// Returns the path of a backup's object `suffix`, or of `velero-backup.json`.
    func path(of backup: String, _ file: VeleroFile) -> String {
        "\(path(of: backup))/\(file.name(of: backup))"
    }

    /// Returns the folders below `backups/`; each may be a backup or the leftovers of one.
    ///
    /// - Returns: Nil when the bucket does not exist.
    public func names() throws -> [String]? {
        guard try store.folder.status(path)?.kind == .folder else { return nil }
        return try (store.names(in: backupsPath) ?? []).filter {
            try store.isPrefix("\(backupsPath)/\($0)")
        }
    }
}

/// A file that Velero writes into the folder of a backup.
public enum VeleroFile: String, CaseIterable, Sendable {
    case backup = "velero-backup.json"
    case tarball = ".tar.gz"
    case logs = "-logs.gz"
    case results = "-results.gz"
    case resourceList = "-resource-list.json.gz"
    case podVolumeBackups = "-podvolumebackups.json.gz"
    case volumeInfo = "-volumeinfo.json.gz"
    case volumeSnapshots = "-volumesnapshots.json.gz"
    case itemOperations = "-itemoperations.json.gz"

    public func name(of backup: String) -> String {
        self == .backup ? rawValue : backup + rawValue
    }

    /// True for files that are only information for people: a backup is restored without them.
    var isOnlyForReading: Bool { self == .logs || self == .results }
}
