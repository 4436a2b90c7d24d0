// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// All backups of a store in their order, each with the things it lacks. `latest`, `check` and retention use it.
///
/// The backups of each instance, identified by its UUID, are judged separately: a new instance with an old name has
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
                // Backups of older versions do not record the requested parts, so a missing part is no loss: the backup
                // just does not count for it.
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

    /// Returns the backups, the oldest first: by sequence, then by id. One that has no sequence of its own because it
    /// cannot be read is placed by its id.
    private static func inOrder(_ backups: [StoredBackup]) -> [StoredBackup] {
        backups.map { backup -> StoredBackup in
            guard backup.manifest == nil else { return backup }
            var placed = backup
            placed.sequence = sequence(before: backup.id, among: backups)
            return placed
        }.sorted { ($0.sequence, $0.id) < ($1.sequence, $1.id) }
    }

    /// Returns the place of a backup that did not get a sequence here: after those that are older by their id.
    static func sequence(before id: BackupID, among backups: [StoredBackup]) -> Int64 {
        backups.lazy.filter { $0.manifest != nil && $0.id < id }.map(\.sequence).max() ?? 0
    }

    public var nextSequence: Int64 { (all.lazy.map(\.sequence).max() ?? 0) + 1 }

    /// Empty for an instance without a good backup.
    public func baseline(of instanceId: String) -> Baseline { baselines[instanceId] ?? Baseline() }

    /// Returns the given instance, or without one the instance of the newest good backup.
    private func group(_ instanceId: String?) -> String? {
        if let instanceId, baselines[instanceId] != nil { return instanceId }
        return all.first(where: \.isGood)?.manifest?.instanceId
    }

    /// The error of an unreadable backup that is newer than every good one: it may be better than they are.
    public var unreadable: FileError? { all.first { $0.isGood || $0.unreadable != nil }?.unreadable }

    // MARK: Which one counts

    /// Returns the newest good backup that holds all parts of the baseline. When there is none, the newest of those
    /// that hold the most of them. A backup of a degraded instance only when there is no other.
    public func latest(of instanceId: String? = nil) -> StoredBackup? {
        guard let group = group(instanceId) else { return all.first(where: \.isRestorable) }
        let parts = Set(baseline(of: group).parts.keys)
        let good = all.filter { $0.isGood && $0.manifest?.instanceId == group }
        func held(_ backup: StoredBackup) -> Int { backup.partNames.intersection(parts).count }
        let most = good.map(held).max()
        return good.first { held($0) == most }
    }

    /// Returns the newest good backup of the part that has gone without one for longest. Its age is the age of the
    /// backups. Parts that were only ever captured by name do not count.
    public func stalest(of instanceId: String? = nil) -> StoredBackup? {
        guard let group = group(instanceId) else { return nil }
        let baseline = baseline(of: group)
        let regular = baseline.parts.filter { baseline.regularParts.contains($0.key) }
        let ids = Set((regular.isEmpty ? baseline.parts : regular).values.map(\.backup))
        return all.last { ids.contains($0.id) && $0.isGood }
    }
}
