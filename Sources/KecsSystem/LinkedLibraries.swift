// SPDX-License-Identifier: Apache-2.0
import CCrypto

/// A C library that this program works with.
public struct LinkedLibrary: Hashable, Sendable, Encodable {
    /// The name that the library's own project uses.
    public var name: String
    public var version: String
    /// The source of the version.
    public var told: Told
    /// The exact source, when the library states it.
    public var source: String?

    public enum Told: String, Hashable, Sendable, Encodable {
        /// The loaded library.
        case linked
        /// The header at compile time: the library itself does not report it.
        case header
    }

    public init(name: String, version: String, told: Told, source: String? = nil) {
        self.name = name
        self.version = version
        self.told = told
        self.source = source
    }
}

extension LinkedLibrary {
    /// The library of this module's digests.
    public static var ofSystem: [LinkedLibrary] {
        [
            LinkedLibrary(
                name: "openssl", version: String(cString: OpenSSL_version(OPENSSL_VERSION_STRING)),
                told: .linked)
        ]
    }
}
