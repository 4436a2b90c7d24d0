// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// `config.json`. Fields that this version does not know are kept when it is rewritten.
public struct InstanceConfig: Codable, Hashable, Sendable {
    public static let currentVersion = 1

    public var version = InstanceConfig.currentVersion
    public var name: String
    /// A UUID given at creation. It distinguishes two instances with one name.
    public var id: String
    public var createdAt: Moment
    public var runtime: RuntimeKind
    /// The settings chosen for this instance only, by `SettingKey.rawValue`.
    public var settings: [String: JSONValue]
    /// Set when a start could not restore or recover the state.
    public var degraded: Degraded?
    /// The failures of a recovery that were accepted with “start --accept”: they do not degrade the instance again.
    public var accepted: [String]?
    /// The parts whose data a change of the runtime moved into a part with another name. They are missing without a
    /// loss.
    public var movedParts: [String]?
    /// Losses that a start went on without, as `PART` or `PART/PATH`, until a good backup has recorded them.
    public var acceptedLosses: [String]?
    /// The database that kecsctl made, as a path below the data folder. Until a backup has it, this alone says that there
    /// was one.
    public var madeDatabase: String?
    /// The mount points that the parts lay on when the instance was last started or backed up, by the parts' folders. Not
    /// those on the root file system.
    public var mounts: [String: String]?

    public struct Degraded: Codable, Hashable, Sendable {
        public var since: Moment
        public var why: String
        /// The things that a recovery could not restore; nil when a restore failed.
        public var lacks: [String]?
        /// Velero's backup that its cluster was not restored from, or not as a whole; nil when it is about something else.
        public var clusterBackup: String?

        /// Returns the way to end it: accept a permanent loss, or restore what a backup has.
        public func wayOut(_ name: InstanceName) -> String {
            if let clusterBackup, !clusterBackup.isEmpty {
                return ShellWords.quote([
                    "kecsctl", "restore", "\(name)", "--from", "velero:\(clusterBackup)",
                ])
            }
            return lacks == nil && clusterBackup == nil
                ? "kecsctl restore \(name) --from latest" : "kecsctl start \(name) --accept"
        }

        public init(since: Moment, why: String, lacks: [String]? = nil) {
            self.since = since
            self.why = why
            self.lacks = lacks
        }
    }

    public init(name: InstanceName, id: String, createdAt: Moment, runtime: RuntimeKind) {
        self.name = name.description
        self.id = id
        self.createdAt = createdAt
        self.runtime = runtime
        settings = [:]
    }

    /// - Throws: `JSONFileError`, `FileError`.
    public static func read(_ file: FilePath) throws -> InstanceConfig {
        struct VersionOnly: Decodable { var version: Int }
        let bytes = try file.contents()
        let version = try JSONFile.decode(VersionOnly.self, from: bytes, at: file).version
        guard version == currentVersion else {
            throw JSONFileError(
                path: file, why: "it has version \(version), this kecsctl reads version \(currentVersion)")
        }
        return try JSONFile.decode(InstanceConfig.self, from: bytes, at: file)
    }

    /// Replaces the file; fields of the old one that we do not know stay.
    public func write(to file: FilePath) throws {
        let mine = try JSONFile.decode(JSONValue.self, from: JSONFile.encode(self), at: file)
        guard try file.isPresent, case .object(var fields) = try JSONFile.read(JSONValue.self, from: file),
            case .object(let known) = mine
        else {
            try JSONFile.write(mine, to: file)
            return
        }
        for field in [
            "settings", "degraded", "accepted", "movedParts", "acceptedLosses", "madeDatabase", "mounts",
        ] {
            fields[field] = nil
        }
        try JSONFile.write(JSONValue.object(fields.merging(known) { _, new in new }), to: file)
    }
}
