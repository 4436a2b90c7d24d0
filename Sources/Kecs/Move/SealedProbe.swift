// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

extension Arrival {
    /// How what comes is encrypted, and a few bytes that are: the other end shows that it can open them before anything is
    /// sent.
    public struct Sealed: Codable, Hashable, Sendable {
        var method: EncryptionMethod
        var recipients: [String]
        /// An encrypted file that says “kecsctl”; nil when the end that asks has no key to make one.
        var probe: [UInt8]?
    }
}

/// Asks whether the key of encrypted backups is at the other end, and answers it there.
struct SealedProbe: Sendable {
    private static let text = Array("kecsctl".utf8)

    let site: Site

    /// - Parameter backup: The one that is sent; nil when it is taken later, as the settings say by then.
    /// - Returns: Nil when nothing is encrypted.
    func question(_ instance: Instance, _ backup: StoredBackup?) async throws -> Arrival.Sealed? {
        let sealing: Sealing?
        if let parts = backup?.manifest?.parts {
            sealing = try parts.lazy.compactMap { try Sealing($0) }.first
        } else {
            sealing = try Sealing(instance.settings)
        }
        guard let sealing else { return nil }
        let folder = try site.scratch(for: ByteCount(0))
        defer { folder.discardQuietly() }
        let (plain, sealed) = (folder.appending("plain"), folder.appending("sealed"))
        try plain.replaceContents(Self.text)
        let cipher = Cipher(site: site, keys: Keys(site: site, settings: instance.settings))
        var probe: [UInt8]?
        do {
            try await cipher.encrypt(plain, to: sealed, sealing)
            probe = try sealed.contents(limit: 64 << 10)
        } catch let failure as Failure where failure.kind == .wrongKey && backup != nil {
            // One that exists can be sent without its key.
        }
        return Arrival.Sealed(method: sealing.method, recipients: sealing.recipients, probe: probe)
    }

    /// - Throws: `Failure(.wrongKey)` when what comes could not be decrypted here.
    func check(_ sealed: Arrival.Sealed, _ settings: Settings) async throws {
        let sealing = Sealing(method: sealed.method, recipients: sealed.recipients)
        let keys = Keys(site: site, settings: settings)
        guard try keys.mayOpen(sealing) else {
            throw refusal(sealed, "none is set here")
        }
        guard let probe = sealed.probe else { return }
        let folder = try site.scratch(for: ByteCount(0))
        defer { folder.discardQuietly() }
        let (file, opened) = (folder.appending("sealed"), folder.appending("opened"))
        try file.replaceContents(probe)
        do {
            try await Cipher(site: site, keys: keys).decrypt(file, to: opened, sealing)
        } catch let failure as Failure {
            throw refusal(
                sealed, [failure.message, failure.cause].compactMap(\.self).joined(separator: ": "))
        }
        guard try opened.contents(limit: 64) == Self.text else {
            throw refusal(sealed, "a file that was encrypted for it came out as another one")
        }
    }

    private func refusal(_ sealed: Arrival.Sealed, _ why: String) -> Failure {
        let remedy =
            switch sealed.method {
            case .gpg where sealed.recipients.isEmpty: "kecsctl config set passphraseFile FILE"
            case .gpg: "gpg --import KEY"
            case .age: "kecsctl config set identityFile KEY"
            }
        return Failure(
            .wrongKey, "the key that decrypts its backups is not there", cause: why, remedy: remedy)
    }
}
