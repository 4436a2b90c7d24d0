// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

extension Site {
    /// Returns the settings for an instance's backups: its own where its configuration can be read, else the home's.
    func settings(ofBackupsOf name: InstanceName) throws -> Settings {
        let file = home.folder(of: name).config
        guard try file.isPresent, let config = try? InstanceConfig.read(file) else { return try settings() }
        return try settings(for: config, named: name)
    }
}
