// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage
@testable import KecsArchive
@testable import KecsBackups

/// Backups as they lie in a store, made up for what is decided about them.
struct GoodBackups {
    static let instance = "5d1f0c1e-0000-4000-8000-000000000001"

    /// A part with databases, by path: rows of one table; nil for a database without tables.
    static func part(
        _ name: String, _ databases: [String: Int64?] = [:], bytes: Int64? = nil
    ) -> Manifest.Part {
        let found = databases.sorted { $0.key < $1.key }.map { path, rows in
            Manifest.Database(
                path: path, engine: .sqlite, bytes: 8192, pages: 2, tables: rows.map { ["t": $0] } ?? [:],
                sha256: "", userVersion: 0, identity: nil, sidecars: [])
        }
        return Manifest.Part(
            name: name, file: "\(name).tar.gz", root: PartRoot(name), compression: .fast, bytes: 100,
            sourceBytes: bytes ?? max(1, Int64(found.count) * 8192), entries: 2, sha256: "",
            consistency: .live, fingerprint: "", databases: found, warnings: [])
    }

    /// - Parameters:
    ///   - sequence: Nil, with `lacks`, for what an older version wrote.
    static func backup(
        _ text: String, _ parts: [Manifest.Part], sequence: Int64? = nil, lacks: [Lack]? = nil,
        accepted: [String]? = nil, instance: String = instance, degraded: Bool = false,
        selected: [String]? = nil
    ) throws -> StoredBackup {
        guard let id = BackupID(text) else { throw BackupDamage(file: text, why: "is no id") }
        var manifest = Manifest(
            id: id, instance: "dev", instanceId: instance, tool: .init(name: "kecsctl", version: "0.1.0"),
            runtime: .init(kind: "local"), degraded: degraded, schemaVersion: nil, labels: [:],
            verified: true, parts: parts)
        manifest.sequence = sequence
        manifest.lacks = lacks
        manifest.acceptedLosses = accepted
        manifest.selected = selected
        return StoredBackup(
            id: id, folder: FilePath("/backups/dev/\(id)"), state: .complete, manifest: manifest,
            mark: BackupMark())
    }
}
