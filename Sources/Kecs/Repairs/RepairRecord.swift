// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// The changes that a `doctor --fix` is about to make, written before it makes them: `.repairs/ID.json` in the
/// instance's folder, or `repairs/ID.json` in the home for changes that belong to no instance.
public struct RepairRecord: Codable, Hashable, Sendable {
    public static let currentVersion = 1

    public var version = RepairRecord.currentVersion
    public var at: Moment
    public var steps: [Step]

    public init(at: Moment, steps: [Step]) {
        self.at = at
        self.steps = steps
    }

    public struct Step: Codable, Hashable, Sendable {
        public var check: String
        public var message: String
        public var repair: Repair

        public init(check: String, message: String, repair: Repair) {
            self.check = check
            self.message = message
            self.repair = repair
        }
    }

    public static func folder(_ site: Site, _ name: InstanceName?) -> FilePath {
        name.map { site.home.folder(of: $0).path.appending(".repairs") }
            ?? site.home.path.appending("repairs")
    }

    public static func read(_ file: FilePath) throws -> RepairRecord {
        try file.removingLastComponent().checkIsOurs()
        try file.checkIsOurFile()
        return try JSONFile.read(RepairRecord.self, from: file)
    }

    /// Returns the records that were not undone, the newest last.
    public static func all(in folder: FilePath) throws -> [FilePath] {
        guard try folder.isFolder else { return [] }
        return try folder.entries().filter { $0.extension == "json" && !$0.string.hasPrefix(".") }
            .map { folder.appending($0) }
    }
}
