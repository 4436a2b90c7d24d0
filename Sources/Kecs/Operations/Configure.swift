// SPDX-License-Identifier: Apache-2.0
import SystemPackage
public import KecsSystem

/// A row of `config show`.
public struct SettingItem: Encodable, Sendable {
    public var key: String
    public var value: JSONValue?
    public var origin: String
}

/// Shows and changes settings.
public struct Configure: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Returns the settings in effect.
    ///
    /// - Parameter name: Nil for the settings of all instances.
    public func show(_ name: InstanceName?) throws -> [SettingItem] {
        let settings = try name.map { try site.instance($0, checksPlace: false).settings } ?? site.settings()
        var items = try SettingKey.allCases.map { key in
            let setting = try settings.setting(key)
            var value = setting.value
            var origin = setting.origin.description
            if let name, setting.value == nil || key == .runtime {
                let instance = try site.instance(name, checksPlace: false)
                if key == .dataDir { value = .string(try instance.dataFolder().string) }
                if key == .runtime {
                    value = .string(instance.config.runtime.rawValue)
                    origin = instance.folder.config.string
                }
            }
            return SettingItem(key: key.rawValue, value: value, origin: origin)
        }
        let homeOrigin =
            site.machine.environment["KECS_HOME"].flatMap { $0.isEmpty ? nil : $0 } == site.home.path.string
            ? "env KECS_HOME" : "default or --home"
        items.insert(
            SettingItem(key: "home", value: .string(site.home.path.string), origin: homeOrigin), at: 0)
        return items
    }

    /// Returns true when an instance's own configuration has other values.
    public func differs(_ values: [SettingKey: String], from name: InstanceName) throws -> Bool {
        let settings = try site.instance(name).config.settings
        return values.contains { settings[$0.key.rawValue] != $0.key.parse($0.value) }
    }

    /// Writes several settings of an instance, under its lock.
    ///
    /// - Returns: True when that changed anything.
    public func set(_ values: [SettingKey: String], for name: InstanceName) throws -> Bool {
        guard try differs(values, from: name) else { return false }
        for (key, value) in values { try set(key, to: value, for: name) }
        return true
    }

    /// Writes all settings of a profile. For an instance to be called under its lock.
    public func use(_ profile: SettingsProfile, for name: InstanceName?) throws {
        for (key, value) in profile.values.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            try set(key, to: value, for: name)
        }
    }

    /// Writes one setting; `nil` takes it out. For an instance to be called under its lock.
    public func set(_ key: SettingKey, to text: String?, for name: InstanceName?) throws {
        var value: JSONValue?
        if let text {
            guard let parsed = key.parse(text) else {
                throw Failure(
                    .usage, "“\(text)” is no value for \(key.rawValue)",
                    cause: "\(key.rawValue) must be \(key.expected)", remedy: "kecsctl config show")
            }
            value = parsed
        }
        if key == .database, let text, name != nil, text.split(separator: "/").count < 2 {
            throw Failure(
                .usage, "“\(text)” is no value for database",
                cause: "it is written PART/PATH, as “inspect” names it",
                remedy: "kecsctl inspect \(name.map(\.description) ?? "")")
        }
        if key == .runtime, name != nil {
            throw Failure(
                .usage, "the runtime of an instance cannot be changed by a setting",
                remedy: "kecsctl config show \(name.map(\.description) ?? "")")
        }
        if let known = value { value = try site.kept(known, of: key, for: name) }
        try write(key.rawValue, value, for: name)
    }

    /// Removes a setting, also one with an unknown name.
    public func unset(_ key: String, for name: InstanceName?) throws {
        try write(key, nil, for: name)
    }

    private func write(_ key: String, _ value: JSONValue?, for name: InstanceName?) throws {
        guard let name else {
            var values: [String: JSONValue] = [:]
            if try site.home.settings.isPresent {
                values = try JSONFile.read([String: JSONValue].self, from: site.home.settings)
            }
            values[key] = value
            try site.home.path.createFolder()
            try JSONFile.write(values, to: site.home.settings)
            return
        }
        var config = try site.instance(name, checksPlace: false).config
        config.settings[key] = value
        try config.write(to: site.home.folder(of: name).config)
    }
}

extension SettingsProfile {
    /// As `config show` would list them.
    public var items: [SettingItem] {
        values.sorted { $0.key.rawValue < $1.key.rawValue }
            .map {
                SettingItem(
                    key: $0.key.rawValue, value: $0.key.parse($0.value), origin: "profile \(rawValue)")
            }
    }
}
