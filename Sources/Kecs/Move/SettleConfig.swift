// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// The configuration of an instance that comes from another machine, as it must be here.
struct SettleConfig: Sendable {
    let site: Site
    let question: Arrival.Question

    /// What names a place of the machine that it comes from, and is another one here.
    private static let machines: [SettingKey] = [
        .dataDir, .dockerHost, .dockerContext, .dockerConfig, .containerId,
    ]

    /// - Returns: The configuration, and sentences on what is not as it was.
    func run(_ name: InstanceName) throws -> (InstanceConfig, notes: [String]) {
        if question.isClone { return (try clone(name), []) }
        let moved = MovedFolder(
            from: FilePath(question.folder), to: site.home.instances.appending(name.description))
        var config = question.config
        var notes: [String] = []
        config.name = name.description
        config.mounts = nil
        config.settings = config.settings.mapValues(moved.value)
        for key in Self.machines {
            guard let old = config.settings.removeValue(forKey: key.rawValue), key != .containerId else {
                continue
            }
            let words = old.string ?? "\(old)"
            notes.append(
                key == .dataDir
                    ? "its data lay in \(words) and lies in the instance's own folder there"
                    : "its setting \(key.rawValue) (\(words)) was left behind, as it is about this machine")
        }
        try place(&config, name)
        return (config, notes)
    }

    /// Records the places of this machine: those that the instance had here before, else those of a new one.
    private func place(_ config: inout InstanceConfig, _ name: InstanceName) throws {
        let file = site.home.folder(of: name).config
        guard try file.isPresent else { return try config.fixPlace(site.machine.environment) }
        let here = try InstanceConfig.read(file)
        guard here.id == config.id else { return }
        for key in Self.machines { config.settings[key.rawValue] = here.settings[key.rawValue] }
    }

    /// The instance as it is there, for the code that makes a second one of it.
    func source() throws -> Instance {
        let name = try InstanceName(checking: question.config.name)
        return Instance(
            name: name, folder: InstanceFolder(path: FilePath(question.folder)), config: question.config,
            settings: try site.settings(for: question.config, named: name),
            backups: site.home.backupStore(of: name))
    }

    /// Without ports yet: they are chosen under the home's lock.
    private func clone(_ name: InstanceName) throws -> InstanceConfig {
        var config = try CloneInstance(site: site).config(of: try source(), named: name, in: site.home)
        for key in Self.machines { config.settings[key.rawValue] = nil }
        for key in SettingKey.ports { config.settings[key.rawValue] = nil }
        try config.fixPlace(site.machine.environment)
        return config
    }
}
