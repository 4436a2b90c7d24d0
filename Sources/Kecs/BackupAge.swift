// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
public import KecsSystem

/// The age of the newest backup that may be restored from: for `check`, `status`, `doctor` and the metrics.
public struct BackupAge: Sendable, Hashable {
    /// The newest good backup. Of several parts with separate backups, the one of the part that has gone without a
    /// backup for longest. Nil when there is none.
    public let newest: BackupID?
    private let instanceCreatedAt: Moment
    private let now: Moment

    /// - Throws: `FileError` when the newest one cannot be read: then nothing is known of the age.
    public init(_ instance: Instance, at now: Moment) throws {
        let judged = try instance.backups.judged()
        if let error = judged.unreadable { throw error }
        self.init(instance, judged: judged, at: now)
    }

    public init(_ instance: Instance, backups: [StoredBackup], at now: Moment) {
        self.init(instance, judged: JudgedBackups(backups), at: now)
    }

    private init(_ instance: Instance, judged: JudgedBackups, at now: Moment) {
        newest = judged.stalest(of: instance.config.id)?.id
        instanceCreatedAt = instance.config.createdAt
        self.now = now
    }

    /// The age; 0 for a backup from the future, whose age is not known.
    public var seconds: Int64? { newest.map { max(0, now.since($0.createdAt).components.seconds) } }

    /// True when the clock was ahead when it was taken, or is behind now. A minute is allowed between two clocks.
    public var isInFuture: Bool { newest.map { $0.isAhead(of: now) } ?? false }

    /// Returns true when it is older than the limit, to the second. Also when there is no backup, and when its age is
    /// unknown.
    public func isOver(_ limit: TimeSpan) -> Bool {
        isInFuture || (seconds.map { $0 > limit.seconds } ?? true)
    }

    /// Returns the message about an overdue backup; nil when none is overdue. An instance that is younger than the
    /// limit itself need not have a backup yet.
    public func overdue(_ limit: TimeSpan = Thresholds.backupAge) -> String? {
        guard isOver(limit) else { return nil }
        if let newest, isInFuture {
            return "the time of \(newest), the newest good backup, is in the future: its age is unknown"
        }
        if let newest, let seconds {
            return "a backup is overdue: \(newest), the newest good one, is \(ageText(seconds)) old, "
                + "the limit is \(limit)"
        }
        guard now.since(instanceCreatedAt) > limit.duration else { return nil }
        return "a backup is overdue: there is no good one"
    }
}
