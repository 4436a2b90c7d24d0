// SPDX-License-Identifier: Apache-2.0
import CSQLite
public import KecsSystem

extension LinkedLibrary {
    /// The library of this module.
    public static var ofSQLite: [LinkedLibrary] {
        [
            LinkedLibrary(
                name: "sqlite", version: String(cString: sqlite3_libversion()), told: .linked,
                source: String(cString: sqlite3_sourceid()))
        ]
    }
}
