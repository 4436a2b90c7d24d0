// SPDX-License-Identifier: Apache-2.0
public import KecsBackups

/// The result of `move`, or its plan.
public struct MoveReport: OperationReport {
    public static let kind = "MoveReport"
    public var outcome: Outcome
    /// The address that was given.
    public var to: String
    /// The home there.
    public var home: String
    public var parts: [String] = []
    public var ports: [String: Int] = [:]
    /// The backup that it was made from there; nil in a plan.
    public var backup: BackupID?
    /// What went there after the stop here; nil when nothing was written any more.
    public var lastBackup: BackupID?
    /// Of the backups, and how much of that was sent by this run.
    public var bytes: Int64 = 0
    public var sentBytes: Int64 = 0
    /// True when it goes on with a move that was cut off.
    public var resumed = false
    /// The state there.
    public var state: String = ""
    /// How long it ran nowhere with what was written last: from the stop here to the start there.
    public var pauseSeconds: Double = 0
    public var notes: [String] = []
    /// What “start” there had to say about itself.
    public var startError: String?
    public var durationSeconds: Double = 0
}

/// The options of `move`.
public struct MoveRequest: Sendable {
    /// `ssh://[USER@]HOST[:PORT][/HOME]`
    public var to: String
    /// The kecsctl there; nil for the one that the PATH there leads to.
    public var program: String?
    /// The ports there, when they are to be others.
    public var settings: [SettingKey: String]
    public var dryRun: Bool

    public init(
        to: String, program: String? = nil, settings: [SettingKey: String] = [:], dryRun: Bool = false
    ) {
        self.to = to
        self.program = program
        self.settings = settings
        self.dryRun = dryRun
    }
}
