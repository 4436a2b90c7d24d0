// SPDX-License-Identifier: Apache-2.0
import CArchive
import CDeflate
import CIgzip
public import KecsSystem

extension LinkedLibrary {
    /// The libraries of this module.
    public static var ofArchive: [LinkedLibrary] {
        [
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
