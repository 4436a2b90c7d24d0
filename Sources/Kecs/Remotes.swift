// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
public import KecsSystem
import SystemPackage

/// A place for copies of backups outside this machine: a name of ours, where it is, and what holds there.
public struct Remote: Hashable, Sendable, Encodable {
    public var name: String
    /// A folder, `REMOTE:PATH` of rclone's configuration, or `ssh://[USER@]HOST[:PORT]/PATH`. No secret is in it.
    public var address: String
    /// The retention there, by the settings' names (`keep` and the like), and `bandwidth` in bytes a second.
    public var settings: [String: JSONValue]

    public static let bandwidthKey = "bandwidth"

    public init(_ name: String, _ address: String, settings: [String: JSONValue] = [:]) {
        self.name = name
        self.address = address
        self.settings = settings
    }

    /// `ADDRESS/below`
    func path(_ below: String) -> String { Self.join(address, below) }

    static func join(_ base: String, _ below: String) -> String {
        below.isEmpty ? base : base + (base.hasSuffix(":") || base.hasSuffix("/") ? "" : "/") + below
    }

    /// Nil: nothing that lies there is ever removed.
    public var retention: Retention? { Self.retention(settings) }

    /// The same of flags; nil when none is given.
    public static func retention(_ settings: [String: JSONValue]) -> Retention? {
        guard Settings.retentionKeys.contains(where: { settings[$0.rawValue] != nil }) else { return nil }
        func number(_ key: SettingKey) -> Int? {
            if case .integer(let number)? = settings[key.rawValue] { Int(number) } else { nil }
        }
        return Retention(
            last: number(.keep) ?? Retention.standard.last,
            within: settings[SettingKey.keepWithin.rawValue]?.string.flatMap { TimeSpan($0)?.seconds },
            daily: number(.keepDaily) ?? 0, weekly: number(.keepWeekly) ?? 0,
            monthly: number(.keepMonthly) ?? 0)
    }

    /// Bytes a second; nil: as fast as it goes.
    var bandwidth: Int64? {
        if case .integer(let bytes)? = settings[Self.bandwidthKey] { bytes } else { nil }
    }
}

/// The remotes of a home: `"remotes": {"offsite": {"address": "storagebox:kecs", "keep": 30}}` in its `kecsctl.json`.
public struct Remotes: Sendable {
    public static let key = "remotes"
    private static let addressKey = "address"

    let site: Site

    public init(site: Site) { self.site = site }

    public func all() throws -> [Remote] {
        guard try site.home.settings.isPresent else { return [] }
        let values = try JSONFile.read([String: JSONValue].self, from: site.home.settings)
        guard let given = values[Self.key] else { return [] }
        guard case .object(let remotes) = given else { throw wrong("it is no object") }
        return try remotes.sorted { $0.key < $1.key }.map { name, value in
            let shown = printable(Array(name.utf8))
            guard InstanceName(name) != nil else { throw wrong("“\(shown)” is no name for a remote") }
            guard case .object(var settings) = value, let address = settings[Self.addressKey]?.string else {
                throw wrong("“\(shown)” has no address")
            }
            settings[Self.addressKey] = nil
            for (key, value) in settings where !Self.isSetting(key, value) {
                throw wrong(
                    "“\(printable(Array(key.utf8)))” of “\(shown)” is not known, or has no such value")
            }
            return Remote(name, try checked(address), settings: settings)
        }
    }

    private static func isSetting(_ key: String, _ value: JSONValue) -> Bool {
        if key == Remote.bandwidthKey {
            if case .integer(let bytes) = value { return bytes > 0 }
            return false
        }
        guard let known = Settings.retentionKeys.first(where: { $0.rawValue == key }) else { return false }
        return known.parse(value) == value
    }

    public func find(_ name: String) throws -> Remote {
        let all = try all()
        if let found = all.first(where: { $0.name == name }) { return found }
        let names = all.map(\.name)
        throw Failure(
            .notFound, "there is no remote “\(printable(Array(name.utf8)))”",
            cause: names.isEmpty ? "there is none yet" : "there are: \(names.joined(separator: ", "))",
            remedy: names.isEmpty ? "kecsctl remote add --help" : "kecsctl remote list")
    }

    /// The remotes that an instance's backups are copied to: the setting `copies`.
    public func ofSetting(_ settings: Settings) throws -> [Remote] {
        try Self.names(settings).map { try find($0) }
    }

    public static func names(_ settings: Settings) throws -> [String] {
        var seen: Set<String> = []
        return try (settings.text(.copies) ?? "").split(separator: ",").map(String.init)
            .filter { seen.insert($0).inserted }
    }

    // MARK: Changes, under the home's lock

    /// - Returns: The remote, and whether anything is new about it.
    public func add(
        _ name: String, _ address: String, settings: [String: JSONValue] = [:], dryRun: Bool
    ) throws -> (Remote, isNew: Bool) {
        guard InstanceName(name) != nil else {
            throw Failure(
                .usage, "“\(printable(Array(name.utf8)))” is no name for a remote",
                cause: "it is made like an instance's: lower-case letters, digits and hyphens",
                remedy: "kecsctl remote add offsite \(ShellWords.quote([address]))")
        }
        var address = address
        // A folder that was typed belongs to the folder in which it was typed.
        if !address.isEmpty, !address.contains(":") || address.hasPrefix("/") {
            address = try Home.absolute(FilePath(address), environment: site.machine.environment).string
        }
        let remote = Remote(name, try checked(address), settings: settings)
        if let old = try all().first(where: { $0.name == name }) {
            guard old != remote else { return (remote, false) }
            guard old.address == remote.address else {
                throw Failure(
                    .usage, "there is a remote “\(name)” already", cause: "it is \(old.address)",
                    remedy: "kecsctl remote remove \(name)")
            }
        }
        if !dryRun {
            var value = settings
            value[Self.addressKey] = .string(remote.address)
            try write { $0[name] = .object(value) }
        }
        return (remote, true)
    }

    /// What lies there stays.
    public func remove(_ name: String, dryRun: Bool) throws -> Remote {
        let remote = try find(name)
        if !dryRun { try write { $0[name] = nil } }
        return remote
    }

    private func write(_ change: (inout [String: JSONValue]) -> Void) throws {
        var values: [String: JSONValue] = [:]
        if try site.home.settings.isPresent {
            values = try JSONFile.read([String: JSONValue].self, from: site.home.settings)
        }
        var remotes: [String: JSONValue] = [:]
        if case .object(let known)? = values[Self.key] { remotes = known }
        change(&remotes)
        values[Self.key] = remotes.isEmpty ? nil : .object(remotes)
        try JSONFile.write(values, to: site.home.settings)
    }

    /// Secrets belong into rclone's own configuration: ours is shown and copied.
    private func checked(_ address: String) throws -> String {
        let shown = printable(Array(address.utf8))
        if address.hasPrefix(SSHAddress.scheme) {
            guard SSHAddress(address) != nil else {
                throw Failure(
                    .usage, "“\(shown)” is no address of a remote",
                    cause: "it must be ssh://[USER@]HOST[:PORT]/PATH, without a password",
                    remedy: "kecsctl remote add --help")
            }
            return address
        }
        let lower = address.lowercased()
        for word in ["pass", "secret", "token", "access_key", "client_id", "key_pem", "sas_url"]
        where address.hasPrefix(":") && (lower.contains("\(word)=") || lower.contains(",\(word)")) {
            throw Failure(
                .usage, "the address of a remote must not hold a secret", cause: "it has “\(word)”",
                remedy: "rclone config")
        }
        guard !address.isEmpty, !address.hasPrefix("-"), !address.contains(where: \.isNewline),
            !address.contains("\0"), !(address.contains("@") && address.contains("://")),
            address.hasPrefix("/") || address.contains(":")
        else {
            throw Failure(
                .usage, "“\(shown)” is no address of a remote",
                cause:
                    "it is a folder, REMOTE:PATH of a remote that “rclone config” made, or ssh://HOST/PATH",
                remedy: "rclone listremotes")
        }
        return address
    }

    private func wrong(_ why: String) -> Failure {
        Failure(
            .usage, "“\(Self.key)” in \(site.home.settings) is not what it must be", cause: why,
            remedy: "kecsctl remote add --help")
    }
}
