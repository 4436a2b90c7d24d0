// SPDX-License-Identifier: Apache-2.0

/// The program that encrypts an archive. Both formats are open: the program alone can decrypt the archives of kecsctl.
enum EncryptionMethod: String, CaseIterable, Codable, Sendable {
    case gpg
    case age

    /// The suffix of an encrypted archive's name.
    var suffix: String { ".\(rawValue)" }
}
