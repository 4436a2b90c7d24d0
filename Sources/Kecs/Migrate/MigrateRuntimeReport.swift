// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// The options of `migrate runtime`.
public struct MigrateRuntimeRequest: Sendable {
    public var kind: RuntimeKind
    /// The settings that the new runtime needs: an image, a compose file, a command.
    public var settings: [SettingKey: String]
    /// The time limit until it answers.
    public var limit: Duration
    /// True to replace the content of the new place; `undo` restores it.
    public var force: Bool
    public var dryRun: Bool

    public init(
        to kind: RuntimeKind, settings: [SettingKey: String] = [:], limit: Duration = .seconds(300),
        force: Bool = false, dryRun: Bool = false
    ) {
        self.kind = kind
        self.settings = settings
        self.limit = limit
        self.force = force
        self.dryRun = dryRun
    }
}

/// The result of `migrate runtime`.
public struct MigrateRuntimeReport: OperationReport {
    public static let kind = "MigrateRuntimeReport"
    public var outcome: Outcome
    public var from: String
    public var to: String
    public var backup: String?
    public var state: String
    /// The old and the new place of the data: a folder or “volume:NAME”.
    public var dataFrom: String
    public var dataTo: String
    /// The digest of the data in the old place and in the new one; nil when it stayed where it is.
    public var digest: String?
    public var undo: String?
    public var notes: [String]
    public var durationSeconds: Double
}
