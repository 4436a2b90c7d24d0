// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

extension Site {
    /// Returns the settings for an instance's backups: its own; the home's for one that is gone or whose configuration is
    /// broken, so that its backups are still in reach.
    ///
    /// - Throws: `FileError` when the configuration cannot be read: its keys and limits are then unknown.
    func settings(ofBackupsOf name: InstanceName) throws -> Settings {
        let file = home.folder(of: name).config
        guard try file.isPresent else { return try settings() }
        do {
            return try settings(for: InstanceConfig.read(file), named: name)
        } catch is JSONFileError {
            return try settings()
        }
    }
}
