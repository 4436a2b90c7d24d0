// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
public import KecsSystem

/// A choice among an instance's backups: those that pass every rule, and of these the newest N.
public struct BackupFilter: Sendable {
    public var since: Moment?
    public var labels: [String: String]
    public var last: Int?

    public init(since: Moment? = nil, labels: [String: String] = [:], last: Int? = nil) {
        self.since = since
        self.labels = labels
        self.last = last
    }

    public var meansAll: Bool { since == nil && labels.isEmpty && last == nil }

    /// - Parameter backups: The backups of one instance, the newest first.
    public func chosen(from backups: [StoredBackup]) -> [StoredBackup] {
        let fitting = backups.filter { backup in
            let isYoung = since.map { backup.id.createdAt >= $0 } ?? true
            return isYoung && labels.allSatisfy { backup.labels[$0.key] == $0.value }
        }
        return last.map { Array(fitting.prefix($0)) } ?? fitting
    }
}
