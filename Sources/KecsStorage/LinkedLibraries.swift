// SPDX-License-Identifier: Apache-2.0
import CArchive
import CCrypto
import CDeflate
import CIgzip
import CSQLite

/// A C library that this program works with.
public struct LinkedLibrary: Hashable, Sendable, Encodable {
    /// As its own project calls it.
    public var name: String
    public var version: String
    /// How the version is known.
    public var told: Told
    /// Which source exactly, when the library says so.
    public var source: String?

    public enum Told: String, Hashable, Sendable, Encodable {
        /// By the library that is loaded.
        case linked
        /// By the header it was built with: the library itself does not say.
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
    /// Those of this module.
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
