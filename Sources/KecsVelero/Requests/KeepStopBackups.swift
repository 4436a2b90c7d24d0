// SPDX-License-Identifier: Apache-2.0

/// Which backups of stops go when a new one is there: Velero itself keeps by age only.
public struct KeepStopBackups: Sendable {
    public static let count = 5

    /// Whether the instance is degraded now, or its cluster was not restored: then nothing of before goes.
    public var isDegraded: Bool

    public init(isDegraded: Bool) { self.isDegraded = isDegraded }

    /// Those of a degraded instance and the good ones are counted apart, so that none pushes out one of the others. What cannot be
    /// restored counts as nothing, and goes once it is older than all that are kept. What is not ours, and what cannot be read,
    /// stays.
    ///
    /// - Parameter backups: All of the bucket, in any order.
    /// - Returns: The names, the oldest first.
    public func superfluous(_ backups: [VeleroBackup]) -> [String] {
        let own = backups.filter(\.isStopBackup).sorted { VeleroBackup.isOlder($1, $0) }
        let lines = [own.filter(\.isOfDegraded)] + (isDegraded ? [] : [own.filter { !$0.isOfDegraded }])
        return lines.flatMap { line -> [VeleroBackup] in
            let kept = line.filter(\.isRestorable).prefix(Self.count)
            guard kept.count == Self.count, let oldest = kept.last else { return [] }
            return line.filter {
                VeleroBackup.isOlder($0, oldest) && $0.verdict != .unreadable && $0.verdict != .notABackup
            }
        }.sorted(by: VeleroBackup.isOlder).map(\.name)
    }
}

/// Which backup a new cluster is restored from: kecsctl chooses, as Velero begins to restore whatever it is told.
public struct ChooseStopBackup: Sendable {
    /// Of one that is degraded the newest is right whatever it is of: its user has seen it and worked with it.
    public var isDegraded: Bool

    public init(isDegraded: Bool) { self.isDegraded = isDegraded }

    /// - Returns: In the order in which they are tried.
    public func candidates(_ backups: [VeleroBackup]) -> [VeleroBackup] {
        let all = backups.filter { $0.isStopBackup && $0.isRestorable }
            .sorted { VeleroBackup.isOlder($1, $0) }
        let good = all.filter { !$0.isOfDegraded }
        // Where there is no good one, nothing is better.
        return isDegraded || good.isEmpty ? all : good
    }
}
