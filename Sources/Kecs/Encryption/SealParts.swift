// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// Encrypts the archives of a draft after each was written and read back.
struct SealParts: Sendable {
    let site: Site
    let draft: BackupDraft
    let cipher: Cipher
    let sealing: Sealing

    /// Encrypts the parts. Those that were taken over from an earlier backup are encrypted already.
    func run(_ parts: inout [Manifest.Part]) async throws {
        for index in parts.indices where parts[index].encryption == nil {
            let part = parts[index]
            parts[index] = try await part.isSegmented ? sealSegments(part) : seal(part)
        }
    }

    private func seal(_ part: Manifest.Part) async throws -> Manifest.Part {
        site.machine.progress.step("encrypting \(part.file)", total: nil)
        var record = part
        record.file = part.file + sealing.method.suffix
        let found = try await seal(draft.folder.appending(part.file), sha256: part.sha256)
        record.plain = Manifest.Plain(file: part.file, bytes: part.bytes, sha256: part.sha256)
        record.encryption = sealing.method.rawValue
        record.recipients = sealing.recipients
        record.bytes = found.bytes
        record.sha256 = found.sha256
        return record
    }

    /// Those archives of a segmented part that are not links to encrypted ones, and its list.
    private func sealSegments(_ part: Manifest.Part) async throws -> Manifest.Part {
        site.machine.progress.step("encrypting \(part.file)", total: nil)
        let folder = draft.folder.appending(part.file)
        var list = try part.segmentList(in: folder)
        let new = list.segments.indices.filter { list.segments[$0].plain == nil }
        let work = SealParts(
            site: site, draft: draft, cipher: try await cipher.withPassphrase(), sealing: sealing)
        let segments = list.segments
        let all = try await site.sideBySide(new) { index in
            try await work.seal(folder.appending(segments[index].file), sha256: segments[index].sha256)
        }
        for (index, found) in zip(new, all) {
            let segment = segments[index]
            list.segments[index].file = segment.file + sealing.method.suffix
            list.segments[index].plain = .init(bytes: segment.bytes, sha256: segment.sha256)
            list.segments[index].bytes = found.bytes
            list.segments[index].sha256 = found.sha256
        }
        try folder.appending(SegmentList.fileName).replaceContents(list.encoded)
        try folder.sync()
        let unsealed = list.unsealed
        var record = part
        record.plain = Manifest.Plain(
            file: part.file, bytes: unsealed.bytes, sha256: sha256(unsealed.encoded))
        record.encryption = sealing.method.rawValue
        record.recipients = sealing.recipients
        record.bytes = list.bytes
        record.sha256 = sha256(list.encoded)
        return record
    }

    /// Writes what the manifest says of files into a file that is encrypted, and once more in plain: the latter stays on this
    /// machine.
    ///
    /// - Returns: The manifest without it.
    func hideNames(of manifest: Manifest) async throws -> Manifest {
        let bytes = try JSONFile.encode(manifest)
        let plain = draft.folder.appending(BackupStore.fullManifestName)
        try plain.replaceContents(bytes, mode: 0o600)
        // `seal` takes the plain file away; it comes back.
        let found = try await seal(plain, sha256: sha256(bytes))
        try plain.replaceContents(bytes, mode: 0o600)
        return manifest.hidingNames(
            Manifest.Details(
                file: BackupStore.fullManifestName + sealing.method.suffix, bytes: found.bytes,
                sha256: found.sha256, encryption: sealing.method.rawValue, recipients: sealing.recipients,
                plain: .init(
                    file: BackupStore.fullManifestName, bytes: Int64(bytes.count), sha256: sha256(bytes))))
    }

    /// Puts the encrypted file in the place of a plain one, with the method's suffix.
    ///
    /// - Returns: What it is then.
    private func seal(_ plain: FilePath, sha256: String) async throws -> (sha256: String, bytes: Int64) {
        let name = plain.lastComponent?.string ?? ""
        let sealed = plain.removingLastComponent().appending(name + sealing.method.suffix)
        try await cipher.encrypt(plain, to: sealed, sealing)
        try sealed.setMode(0o600)
        try sealed.sync()
        let found = try digest(of: sealed, cancellation: site.machine.cancellation)
        // An archive without a key here cannot be read back; with a key, its content must equal the original.
        if try cipher.keys.mayOpen(sealing), sealing.method == .age || sealing.recipients.isEmpty {
            let opened = draft.folder.appending(".\(name).opened")
            try await cipher.decrypt(sealed, to: opened, sealing)
            let again = try digest(of: opened, cancellation: site.machine.cancellation)
            try opened.remove()
            guard again.sha256 == sha256 else {
                throw Failure(
                    .damaged, "\(name) was not decrypted to what was encrypted",
                    cause: "its content has the SHA-256 \(again.sha256) instead of \(sha256)")
            }
        }
        try plain.remove()
        return (found.sha256, found.bytes)
    }
}
