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
        var backup = backup
        if manifest.hidesNames {
            manifest = try await open(manifest, of: backup, settings)
            backup = backup.replacing([:], manifest)
        }
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
                let opened = folder.appending("\(index)")
                if part.isSegmented {
                    try await open(part, at: stored, to: opened, cipher, sealing)
                } else {
                    try check(stored, part.file, part.sha256)
                    try await cipher.decrypt(stored, to: opened, sealing)
                }
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

    /// What a manifest hides. Of a backup that lies among this home's it stays here, so that the next look knows it.
    private func open(
        _ manifest: Manifest, of backup: StoredBackup, _ settings: Settings
    ) async throws -> Manifest {
        guard let details = manifest.details else { return manifest }
        guard let method = EncryptionMethod(rawValue: details.encryption) else {
            throw Failure(
                .usage,
                "the manifest of “\(backup.id)” is encrypted with “\(printable(Array(details.encryption.utf8)))”"
            )
        }
        let stored = backup.folder.appending(details.file)
        try check(stored, details.file, details.sha256)
        let folder = try site.scratch(for: ByteCount(details.plain.bytes))
        defer { folder.discardQuietly() }
        let plain = folder.appending("opened")
        let cipher = Cipher(site: site, keys: Keys(site: site, settings: settings))
        try await cipher.decrypt(stored, to: plain, Sealing(method: method, recipients: details.recipients))
        let bytes = try plain.contents(limit: BackupStore.largestRecord)
        let full = try manifest.opened(bytes, at: plain)
        if backup.folder.starts(with: site.home.path.appending("backups")) {
            try backup.folder.appending(BackupStore.fullManifestName).replaceContents(bytes, mode: 0o600)
        }
        return full
    }

    /// All archives are compared before any key is asked for.
    private func open(
        _ part: Manifest.Part, at stored: FilePath, to folder: FilePath, _ cipher: Cipher, _ sealing: Sealing
    ) async throws {
        let list = try part.segmentList(in: stored)
        for segment in list.segments {
            try check(stored.appending(segment.file), "\(part.file)/\(segment.file)", segment.sha256)
        }
        try folder.createFolder()
        let unsealed = list.unsealed
        let cipher = try await cipher.withPassphrase()
        _ = try await site.sideBySide(Array(zip(list.segments, unsealed.segments))) { segment, plain in
            try await cipher.decrypt(
                stored.appending(segment.file), to: folder.appending(plain.file), sealing)
        }
        try folder.appending(SegmentList.fileName).replaceContents(unsealed.encoded)
    }

    private func check(_ file: FilePath, _ name: String, _ sha256: String) throws {
        let found = try digest(of: file, cancellation: site.machine.cancellation)
        guard found.sha256 == sha256 else {
            throw BackupDamage(file: name, why: "its SHA-256 is \(found.sha256) instead of \(sha256)")
        }
    }
}
