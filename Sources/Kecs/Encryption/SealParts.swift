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
            parts[index] = try await seal(parts[index])
        }
    }

    private func seal(_ part: Manifest.Part) async throws -> Manifest.Part {
        site.machine.progress.step("encrypting \(part.file)", total: nil)
        let plain = draft.folder.appending(part.file)
        var record = part
        record.file = part.file + sealing.method.suffix
        let sealed = draft.folder.appending(record.file)
        try await cipher.encrypt(plain, to: sealed, sealing)
        try sealed.setMode(0o600)
        try sealed.sync()
        let found = try digest(of: sealed, cancellation: site.machine.cancellation)
        record.plain = Manifest.Plain(file: part.file, bytes: part.bytes, sha256: part.sha256)
        record.encryption = sealing.method.rawValue
        record.recipients = sealing.recipients
        record.bytes = found.bytes
        record.sha256 = found.sha256
        // An archive without a key here cannot be read back; with a key, its content must equal the original.
        if try cipher.keys.mayOpen(sealing), sealing.method == .age || sealing.recipients.isEmpty {
            let opened = draft.folder.appending(".\(part.file).opened")
            try await cipher.decrypt(sealed, to: opened, sealing)
            let again = try digest(of: opened, cancellation: site.machine.cancellation)
            try opened.remove()
            guard again.sha256 == part.sha256 else {
                throw Failure(
                    .damaged, "\(record.file) was not decrypted to what was encrypted",
                    cause: "its content has the SHA-256 \(again.sha256) instead of \(part.sha256)")
            }
        }
        try plain.remove()
        return record
    }
}
