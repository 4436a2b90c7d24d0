// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// All backups of a store in their order, each with what it lacks: what `latest`, `check` and retention ask.
///
/// The backups of each instance, told apart by its UUID, are judged by themselves: a new instance of an old name has
/// lost nothing.
public struct JudgedBackups: Sendable {
    /// Newest first.
    public private(set) var all: [StoredBackup]
    private var baselines: [String: Baseline] = [:]

    /// - Parameter backups: In any order.
    public init(_ backups: [StoredBackup]) {
        var judged: [StoredBackup] = []
        for var backup in Self.inOrder(backups) {
            if let manifest = backup.manifest, backup.isVerified {
                let baseline = baselines[manifest.instanceId] ?? Baseline()
                // What older versions wrote does not say which parts were asked for, so a part that is not there is no
                // loss: that backup just does not count for it.
                backup.lacks =
                    manifest.lacks
                    ?? baseline.lacks(
                        of: manifest.parts, selected: Set(manifest.parts.map(\.name)),
                        mayBeEmpty: ["log", "logs"])
                if backup.isGood { baselines[manifest.instanceId, default: baseline].add(manifest) }
            }
            judged.append(backup)
        }
        all = judged.reversed()
    }

    /// The oldest first. By sequence, then by id; what has no sequence of its own because it cannot be read lies where
    /// its id puts it.
    private static func inOrder(_ backups: [StoredBackup]) -> [StoredBackup] {
        backups.map { backup -> StoredBackup in
            guard backup.manifest == nil else { return backup }
            var placed = backup
            placed.sequence = sequence(before: backup.id, among: backups)
            return placed
        }.sorted { ($0.sequence, $0.id) < ($1.sequence, $1.id) }
    }

    /// The place of a backup that did not get a sequence here: behind those that its id says are older.
    static func sequence(before id: BackupID, among backups: [StoredBackup]) -> Int64 {
        backups.lazy.filter { $0.manifest != nil && $0.id < id }.map(\.sequence).max() ?? 0
    }

    public var nextSequence: Int64 { (all.lazy.map(\.sequence).max() ?? 0) + 1 }

    /// Empty for an instance without a good backup.
    public func baseline(of instanceId: String) -> Baseline { baselines[instanceId] ?? Baseline() }

    /// The instance that counts: without one that has a good backup, the one that the newest good backup is of.
    private func group(_ instanceId: String?) -> String? {
        if let instanceId, baselines[instanceId] != nil { return instanceId }
        return all.first(where: \.isGood)?.manifest?.instanceId
    }

    /// Why a backup that is newer than every good one cannot be read: it may be better than they are.
    public var unreadable: FileError? { all.first { $0.isGood || $0.unreadable != nil }?.unreadable }

    // MARK: Which one counts

    /// The newest good backup that holds all parts of the baseline. When there is none, the newest of those that hold
    /// the most of them; of a degraded instance when there is no other.
    public func latest(of instanceId: String? = nil) -> StoredBackup? {
        guard let group = group(instanceId) else { return all.first(where: \.isRestorable) }
        let parts = Set(baseline(of: group).parts.keys)
        let good = all.filter { $0.isGood && $0.manifest?.instanceId == group }
        func held(_ backup: StoredBackup) -> Int { backup.partNames.intersection(parts).count }
        let most = good.map(held).max()
        return good.first { held($0) == most }
    }

    /// The newest good backup of the part that has gone without one for longest: what the age of the backups is. Parts
    /// that were only ever captured by name do not count.
    public func stalest(of instanceId: String? = nil) -> StoredBackup? {
        guard let group = group(instanceId) else { return nil }
        let baseline = baseline(of: group)
        let regular = baseline.parts.filter { baseline.regularParts.contains($0.key) }
        let ids = Set((regular.isEmpty ? baseline.parts : regular).values.map(\.backup))
        return all.last { ids.contains($0.id) && $0.isGood }
    }
}
