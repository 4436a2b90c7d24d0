// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

/// The program that encrypts an archive. Both formats are open: the program alone decrypts what kecsctl wrote.
enum EncryptionMethod: String, CaseIterable, Sendable {
    case gpg
    case age

    /// What the name of an encrypted archive ends in.
    var suffix: String { ".\(rawValue)" }

    /// The Debian package that has it.
    var package: String { self == .gpg ? "gpg" : "age" }
}

/// How the parts of a backup are encrypted. Equal ones can be opened with the same keys, except that a passphrase may
/// have changed.
struct Sealing: Hashable, Sendable {
    var method: EncryptionMethod
    /// Keys as the program takes them; empty: a passphrase.
    var recipients: [String]

    init(method: EncryptionMethod, recipients: [String]) {
        self.method = method
        self.recipients = recipients
    }

    /// What an instance's settings ask for.
    ///
    /// - Returns: Nil when backups are not encrypted.
    /// - Throws: `Failure(.usage)` for what the program cannot do.
    init?(_ settings: Settings) throws(Failure) {
        guard let name = try settings.text(.encrypt), let method = EncryptionMethod(rawValue: name) else {
            return nil
        }
        self.method = method
        recipients = (try settings.text(.recipients) ?? "").split(separator: ",")
            .map { String($0).trimmingSpaces }.filter { !$0.isEmpty }
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

    /// How a part is encrypted.
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
        do { return try Sealing(part) == sealing } catch { return false }
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        let rest = drop { $0 == " " }
        return String(rest.reversed().drop { $0 == " " }.reversed())
    }
}
