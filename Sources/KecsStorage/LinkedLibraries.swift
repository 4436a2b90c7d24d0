// SPDX-License-Identifier: Apache-2.0
import CArchive
import CCrypto
import CDeflate
import CIgzip
import CSQLite

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
    /// The libraries of this module.
    public static var ofStorage: [LinkedLibrary] {
        [
            LinkedLibrary(
                name: "sqlite", version: String(cString: sqlite3_libversion()), told: .linked,
                source: String(cString: sqlite3_sourceid())),
            LinkedLibrary(
                name: "openssl", version: String(cString: OpenSSL_version(OPENSSL_VERSION_STRING)),
                told: .linked),
            LinkedLibrary(name: "libdeflate", version: String(cString: cdeflate_version()), told: .header),
            LinkedLibrary(
                name: "isa-l", version: "\(ISAL_MAJOR_VERSION).\(ISAL_MINOR_VERSION).\(ISAL_PATCH_VERSION)",
                told: .header),
            LinkedLibrary(
                name: "libarchive",
                version: String(String(cString: carchive_version()).drop { !$0.isNumber }), told: .linked,
                source: String(cString: carchive_details())),
        ]
    }
}
