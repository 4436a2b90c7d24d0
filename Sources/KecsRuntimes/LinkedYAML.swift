// SPDX-License-Identifier: Apache-2.0
import CYAML
public import KecsSystem

extension LinkedLibrary {
    /// Reads compose files.
    public static var yaml: LinkedLibrary {
        LinkedLibrary(name: "libyaml", version: String(cString: yaml_get_version_string()), told: .linked)
    }
}
