// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// The encryption of a backup's parts. Parts with equal values can be opened with the same keys, except that a
/// passphrase may have changed.
struct Sealing: Hashable, Sendable {
    var method: EncryptionMethod
    /// The keys, as the program takes them; empty for a passphrase.
    var recipients: [String]
    /// Whether the manifest names no files.
    var hidesNames = false

    /// Into how many archives a large part is cut, about. gpg takes a third of a second to make a key of a passphrase, for each
    /// archive that it encrypts or decrypts; all else takes milliseconds.
    var segments: Int64 { hasPassphrase ? 64 : 1024 }
    /// The size of an archive, about, below which a part is not cut further, in bytes. gpg encrypts 8 MiB in about the time that
    /// it takes to make a key.
    var smallestSegment: Int64 { hasPassphrase ? 8 << 20 : SegmentSize.smallest }
    private var hasPassphrase: Bool { method == .gpg && recipients.isEmpty }

    init(method: EncryptionMethod, recipients: [String]) {
        self.method = method
        self.recipients = recipients
    }

    /// Creates the encryption that an instance's settings ask for.
    ///
    /// - Returns: Nil when backups are not encrypted.
    /// - Throws: `Failure(.usage)` for settings that the program does not support.
    init?(_ settings: Settings) throws(Failure) {
        guard let name = try settings.text(.encrypt), let method = EncryptionMethod(rawValue: name) else {
            guard try !settings.flag(.encryptManifest) else {
                throw Failure(
                    .usage, "the manifest cannot be encrypted without the backup",
                    cause: "the setting encryptManifest is set, and encrypt is none",
                    remedy: "kecsctl config set encrypt gpg")
            }
            return nil
        }
        self.method = method
        recipients = (try settings.text(.recipients) ?? "").split(separator: ",")
            .map { String($0).trimmingSpaces }.filter { !$0.isEmpty }
        hidesNames = try settings.flag(.encryptManifest)
        if let bad = recipients.first(where: { $0.hasPrefix("-") }) {
            throw Failure(.usage, "“\(bad)” cannot be a recipient", cause: "it begins like an option")
        }
        if method == .age, recipients.isEmpty {
            throw Failure(
                .usage, "age needs a recipient",
                cause: "it takes a passphrase from a terminal only; gpg takes one from a file or a command",
                remedy: "age-keygen -o key.txt")
        }
    }

    /// Creates the encryption of a stored part.
    ///
    /// - Returns: Nil for a plain one.
    /// - Throws: `Failure(.usage)` for a method that this version does not know.
    init?(_ part: Manifest.Part) throws(Failure) {
        guard let name = part.encryption else { return nil }
        guard let method = EncryptionMethod(rawValue: name), part.plain != nil else {
            throw Failure(
                .usage, "the part “\(part.name)” is encrypted with “\(printable(Array(name.utf8)))”",
                cause:
                    "this kecsctl knows \(EncryptionMethod.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self.method = method
        recipients = part.recipients ?? []
    }

    /// Returns true when a part is encrypted in this way, or plain for nil.
    static func `is`(_ sealing: Sealing?, of part: Manifest.Part) -> Bool {
        // What is in an archive is the same, whether the manifest names its files or not.
        var wanted = sealing
        wanted?.hidesNames = false
        do { return try Sealing(part) == wanted } catch { return false }
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        let rest = drop { $0 == " " }
        return String(rest.reversed().drop { $0 == " " }.reversed())
    }
}
