// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
public import KecsSystem
import SystemPackage

/// A home on a machine, with the runtimes that its instances may have. Every operation works on one.
public struct Site: Sendable {
    public var machine: Machine
    public var home: Home
    /// Returns the runtime of an instance. The wiring in the executable chooses it; this module knows no runtime's
    /// words.
    public var runtime: @Sendable (Instance) throws -> any Runtime
    /// Finishes or rolls back what a killed run left of an instance, under its lock, and returns sentences on its
    /// actions.
    let heal: @Sendable (Site, Instance) async throws -> [String]
    /// The environment of a recovery; nil where there is none.
    public var ground: (@Sendable (Instance) -> any RecoveryGround)?
    /// The engine with an instance's images; nil for one that runs without any.
    public var images: (@Sendable (Instance) throws -> (any ImageEngine)?)?
    /// Prints lines that people and scripts watch for, word for word.
    public var log: @Sendable (String) -> Void = { _ in }
    /// Called when a recovery starts and ends, and awaited: the receivers are notified before it continues.
    public var tellRecovery: @Sendable (RecoveryEvent) async -> Void = { _ in }
    public var tool: Manifest.Tool
    /// The number of threads for compression and hashing, in each of at most two archives at once.
    public var threads: Int

    /// `HealInstance` has the one without `heal`.
    init(
        machine: Machine, home: Home, tool: Manifest.Tool, threads: Int,
        heal: @escaping @Sendable (Site, Instance) async throws -> [String],
        runtime: @escaping @Sendable (Instance) throws -> any Runtime
    ) {
        self.machine = machine
        self.home = home
        self.tool = tool
        self.threads = threads
        self.heal = heal
        self.runtime = runtime
    }

    /// Returns the settings in effect for an instance, or for all when there is none.
    public func settings(
        for config: InstanceConfig? = nil, named name: InstanceName? = nil, flags: [SettingKey: String] = [:]
    ) throws -> Settings {
        var settings = Settings(flags: flags, environment: machine.environment)
        if try home.settings.isPresent {
            settings.home = (try JSONFile.read([String: JSONValue].self, from: home.settings), home.settings)
        }
        if let config, let name {
            settings.instance = (config.settings, home.folder(of: name).config)
        }
        return settings
    }

    /// Returns settings from flags in the form of an instance's configuration: paths absolute, texts parsed.
    ///
    /// - Parameter name: Whose settings they are.
    /// - Throws: `Failure(.usage)` for one that means nothing.
    func chosen(_ flags: [SettingKey: String], for name: InstanceName) throws -> [String: JSONValue] {
        var values: [String: JSONValue] = [:]
        let settings = try settings(flags: flags)
        for key in flags.keys where key != .runtime {
            guard let value = try settings.setting(key).value else { continue }
            values[key.rawValue] = try kept(value, of: key, for: name)
        }
        return values
    }

    /// Returns a setting's value in the form of a file: a typed path is relative to the folder in which it was typed.
    ///
    /// - Parameter name: Nil for a setting of all instances.
    /// - Throws: `Failure(.usage)` for a data folder that no server could have its data in.
    func kept(_ value: JSONValue, of key: SettingKey, for name: InstanceName?) throws -> JSONValue {
        guard let text = value.string else { return value }
        switch key {
        case .dataDir:
            let path = try Home.absolute(FilePath(text), environment: machine.environment)
            try check(dataFolder: path, for: name)
            return .string(path.string)
        case .composeFile:
            // One path, or several that are absolute already: “/a/b.yml:/a/c.yml”.
            if text.hasPrefix("/"), text.contains(":/") { return value }
            return .string(try Home.absolute(FilePath(text), environment: machine.environment).string)
        case .passphraseFile, .identityFile:
            return .string(try Home.absolute(FilePath(text), environment: machine.environment).string)
        default:
            return value
        }
    }
}
