// SPDX-License-Identifier: Apache-2.0
import KecsArchive
public import KecsBackups
import KecsSystem
import SystemPackage

/// A backup whose archives can be read, for the duration of one command.
public struct UnsealedBackup: Sendable {
    public let backup: StoredBackup
    let folder: FilePath?

    /// Removes the decrypted archives.
    public func close() { folder?.discardQuietly() }
}

/// Decrypts the archives of a backup into a private folder, so that readers of backups need not handle encryption.
public struct UnsealBackup: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Decrypts the archives.
    ///
    /// - Parameters:
    ///   - settings: The settings that name the keys.
    ///   - parts: The names of the wanted parts; nil for all. The others stay as they are.
    /// - Returns: The backup itself when nothing in it is encrypted.
    /// - Throws: `BackupDamage` for an archive that differs from the stored one, found before any key is asked for;
    ///   `Failure(.wrongKey)`; `Failure(.noRoom)`.
    public func run(
        _ backup: StoredBackup, settings: Settings, parts: Set<String>? = nil
    ) async throws -> UnsealedBackup {
        guard var manifest = backup.manifest else { return UnsealedBackup(backup: backup, folder: nil) }
        let wanted = manifest.parts.indices.filter { index in
            manifest.parts[index].encryption != nil && (parts?.contains(manifest.parts[index].name) ?? true)
        }
        guard !wanted.isEmpty else { return UnsealedBackup(backup: backup, folder: nil) }
        let cipher = Cipher(site: site, keys: Keys(site: site, settings: settings))
        let size = wanted.reduce(ByteCount(0)) { $0 + ByteCount(manifest.parts[$1].plain?.bytes ?? 0) }
        let folder = try site.scratch(for: size)
        do {
            var archives: [String: FilePath] = [:]
            for index in wanted {
                let part = manifest.parts[index]
                guard let sealing = try Sealing(part), let plain = part.plain else { continue }
                let stored = backup.archive(of: part)
                site.machine.progress.step("decrypting \(part.file)", total: part.bytes)
                let found = try digest(of: stored, cancellation: site.machine.cancellation)
                guard found.sha256 == part.sha256 else {
                    throw BackupDamage(
                        file: part.file, why: "its SHA-256 is \(found.sha256) instead of \(part.sha256)")
                }
                let opened = folder.appending("\(index)")
                try await cipher.decrypt(stored, to: opened, sealing)
                manifest.parts[index].encryption = nil
                manifest.parts[index].recipients = nil
                manifest.parts[index].plain = nil
                manifest.parts[index].file = plain.file
                manifest.parts[index].bytes = plain.bytes
                manifest.parts[index].sha256 = plain.sha256
                archives[part.name] = opened
            }
            return UnsealedBackup(backup: backup.replacing(archives, manifest), folder: folder)
        } catch {
            folder.discardQuietly()
            throw error
        }
    }
}
