// SPDX-License-Identifier: Apache-2.0
public import KecsStorage
public import KecsSystem

/// How old the newest backup is that may be restored from: for `check`, `status`, `doctor` and the metrics.
public struct BackupAge: Sendable, Hashable {
    /// Of the newest verified backup that was not taken of a degraded instance; nil when there is none.
    public let newest: BackupID?
    private let instanceCreatedAt: Moment
    private let now: Moment

    /// - Throws: `FileError` when the newest one cannot be read: then nothing is known of the age.
    public init(_ instance: Instance, at now: Moment) throws {
        let all = try instance.backups.all()
        if let error = all.first(where: { $0.isVerified || $0.unreadable != nil })?.unreadable { throw error }
        self.init(instance, backups: all, at: now)
    }

    init(_ instance: Instance, backups: [StoredBackup], at now: Moment) {
        newest = backups.first { $0.isVerified && !$0.isDegraded }?.id
        instanceCreatedAt = instance.config.createdAt
        self.now = now
    }

    /// 0 for one from the future: a clock was set back.
    public var seconds: Int64? { newest.map { max(0, now.since($0.createdAt).components.seconds) } }

    /// Whether it is older than that, to the second; also when there is none.
    public func isOver(_ limit: TimeSpan) -> Bool { seconds.map { $0 > limit.seconds } ?? true }

    /// What to say of a backup that is overdue; nil when none is. An instance that is younger than the limit itself need
    /// not have one yet.
    public func overdue(_ limit: TimeSpan = Thresholds.backupAge) -> String? {
        guard isOver(limit) else { return nil }
        if let newest, let seconds {
            return "a backup is overdue: \(newest), the newest good one, is \(CheckAge.text(seconds)) old, "
                + "the limit is \(limit)"
        }
        guard now.since(instanceCreatedAt) > limit.duration else { return nil }
        return "a backup is overdue: there is no good one"
    }
}
