// SPDX-License-Identifier: Apache-2.0
import KecsArchive
public import KecsBackups
public import KecsSystem
public import SystemPackage

/// A setting's value and its source.
public struct Setting: Hashable, Sendable {
    public enum Origin: Hashable, Sendable, CustomStringConvertible {
        case flag
        case environment(String)
        case file(FilePath)
        case `default`

        public var description: String {
            switch self {
            case .flag: "flag"
            case .environment(let name): "env \(name)"
            case .file(let path): "\(path)"
            case .default: "default"
            }
        }
    }

    public let key: SettingKey
    /// The value; nil when nothing sets it and there is no default.
    public let value: JSONValue?
    public let origin: Origin
}

/// Resolves settings: flag, environment, the instance's `config.json`, the home's `kecsctl.json`, default.
///
/// An unreadable value is an error that names its place; the next layer never replaces it.
public struct Settings: Sendable {
    public var flags: [SettingKey: String]
    public var environment: [String: String]
    public var instance: (values: [String: JSONValue], file: FilePath)?
    public var home: (values: [String: JSONValue], file: FilePath)?
    public var defaults: [SettingKey: JSONValue]

    public init(
        flags: [SettingKey: String] = [:], environment: [String: String],
        instance: (values: [String: JSONValue], file: FilePath)? = nil,
        home: (values: [String: JSONValue], file: FilePath)? = nil,
        defaults: [SettingKey: JSONValue] = Settings.standard
    ) {
        self.flags = flags
        self.environment = environment
        self.instance = instance
        self.home = home
        self.defaults = defaults
    }

    public static let standard: [SettingKey: JSONValue] = [
        .runtime: .string(RuntimeKind.standard.rawValue),
        .containerMode: .bool(false),
        .autoRecoverState: .bool(true),
        .keepClustersOnShutdown: .bool(false),
        .k3sState: .bool(false),
        .veleroBackup: .bool(false),
        .objectStore: .string("minio"),
        .veleroRights: .string("scoped"),
        .veleroVolumes: .bool(false),
        .compression: .string(Compression.fast.rawValue),
        .segmentsFrom: .integer(512 << 20),
        .verifyAge: .string("7d"),
        .consistency: .string("auto"),
        .maxPause: .string("10s"),
        .keep: .integer(Int64(Retention.standard.last)),
        .keepDaily: .integer(0),
        .keepWeekly: .integer(0),
        .keepMonthly: .integer(0),
        .ignoreChanging: .string("*.log,*.log.*,logs/*,*/logs/*"),
        .excludeCaches: .bool(false), .encryptManifest: .bool(false),
        .latestLink: .bool(false),
        .withImages: .bool(false),
        .startLimit: .string("2m"),
        .diskPercent: .integer(Int64(Thresholds.diskPercent)),
        .dataLimit: .integer(Thresholds.data),
        .databaseLimit: .integer(Thresholds.database),
    ]

    /// The settings of a retention policy.
    public static let retentionKeys: [SettingKey] = [
        .keep, .keepWithin, .keepDaily, .keepWeekly, .keepMonthly,
    ]

    public func setting(_ key: SettingKey) throws(Failure) -> Setting {
        if let problem = misspelt.first { throw problem }
        if let text = flags[key] {
            return Setting(
                key: key, value: try read(key, .string(text), at: "the flag for \(key.rawValue)"),
                origin: .flag)
        }
        for name in instance != nil && SettingKey.places.contains(key) ? [] : key.variables {
            guard let text = environment[name], !text.isEmpty else { continue }
            return Setting(
                key: key, value: try read(key, .string(text), at: name), origin: .environment(name))
        }
        for layer in [instance, home] {
            guard let layer, let value = layer.values[key.rawValue] else { continue }
            return Setting(
                key: key, value: try read(key, value, at: "\(key.rawValue) in \(layer.file)"),
                origin: .file(layer.file))
        }
        // In container mode the data lies where the container-mode guide mounts it.
        if key == .dataDir, try setting(.containerMode).value == .bool(true) {
            return Setting(key: key, value: .string("/data"), origin: .default)
        }
        return Setting(key: key, value: defaults[key], origin: .default)
    }

    /// The unknown keys in either file: their author believes that they are in effect.
    public var misspelt: [Failure] {
        var failures: [Failure] = []
        for (layer, more) in [(instance, []), (home, ["notify", "hooks", Remotes.key])]
            as [((values: [String: JSONValue], file: FilePath)?, [String])]
        {
            guard let layer else { continue }
            let known = SettingKey.allCases.map(\.rawValue) + more
            for key in layer.values.keys.sorted() where !known.contains(key) {
                let owner =
                    layer.file == home?.file
                    ? "" : " --instance \(layer.file.removingLastComponent().lastComponent?.string ?? "")"
                failures.append(
                    Failure(
                        .usage,
                        "\(layer.file) has a setting “\(printable(Array(key.utf8)))” that does not exist",
                        cause: NearestWord.of(key, among: known).map { "the nearest is “\($0)”" },
                        remedy: "kecsctl config set \(ShellWords.quote([key])) --unset" + owner))
            }
        }
        return failures
    }

    /// The settings without unknown keys.
    var known: Settings {
        var settings = self
        for problem in [settings.instance?.values.keys, settings.home?.values.keys].compactMap(\.self)
            .joined()
        where SettingKey(rawValue: problem) == nil {
            settings.instance?.values[problem] = nil
            settings.home?.values[problem] = nil
        }
        return settings
    }

    private func read(_ key: SettingKey, _ value: JSONValue, at place: String) throws(Failure) -> JSONValue {
        guard let parsed = key.parse(value) else {
            let shown: String =
                switch value {
                case .string(let text): text
                case .integer(let number): String(number)
                case .bool(let flag): String(flag)
                default: "…"
                }
            throw Failure(
                .usage, "\(place) is “\(shown)”", cause: "\(key.rawValue) must be \(key.expected)",
                remedy: "kecsctl config show --origin")
        }
        return parsed
    }

    // MARK: Typed answers

    public func text(_ key: SettingKey) throws(Failure) -> String? { try setting(key).value?.string }

    public func flag(_ key: SettingKey) throws(Failure) -> Bool { try setting(key).value == .bool(true) }

    public func number(_ key: SettingKey) throws(Failure) -> Int? {
        guard case .integer(let number) = try setting(key).value else { return nil }
        return Int(number)
    }

    /// Returns the value of a setting that is a size.
    public func size(_ key: SettingKey) throws(Failure) -> ByteCount? {
        guard case .integer(let bytes) = try setting(key).value else { return nil }
        return ByteCount(bytes)
    }

    public func duration(_ key: SettingKey) throws(Failure) -> TimeSpan? {
        try text(key).flatMap { TimeSpan($0) }
    }

    public func retention() throws(Failure) -> Retention {
        Retention(
            last: try number(.keep) ?? Retention.standard.last,
            within: try duration(.keepWithin)?.seconds,
            daily: try number(.keepDaily) ?? 0, weekly: try number(.keepWeekly) ?? 0,
            monthly: try number(.keepMonthly) ?? 0)
    }

    /// The policies that count: what one of them keeps stays. Flags make one of their own for the run, and never remove
    /// what the instance's own keeps, once it has one.
    ///
    /// - Parameter flagsAlone: Flags, where there are any, are all that counts: who prunes by hand says what is to stay.
    public func retentionPolicies(flagsAlone: Bool = false) throws(Failure) -> [Retention] {
        let keys = Self.retentionKeys
        guard keys.contains(where: { flags[$0] != nil }) else { return [try retention()] }
        if flagsAlone {
            let given = try retention()
            // The newest good backup stays by itself.
            return [
                Retention(
                    last: flags[.keep] == nil ? 1 : given.last,
                    within: flags[.keepWithin] == nil ? nil : given.within,
                    daily: flags[.keepDaily] == nil ? 0 : given.daily,
                    weekly: flags[.keepWeekly] == nil ? 0 : given.weekly,
                    monthly: flags[.keepMonthly] == nil ? 0 : given.monthly)
            ]
        }
        var standing = self
        for key in keys { standing.flags[key] = nil }
        for key in keys where try standing.setting(key).origin != .default {
            return [try retention(), try standing.retention()]
        }
        return [try retention()]
    }

    /// Returns the time zone of the borders of days.
    public func localTime() throws(Failure) -> LocalTime {
        try text(.timeZone).flatMap { LocalTime(named: $0) } ?? .machine(environment)
    }

    /// Patterns with commas between them.
    func globs(_ key: SettingKey) throws(Failure) -> [Glob] {
        (try text(key) ?? "").split(separator: ",").map { Glob(String($0)) }
    }
}
