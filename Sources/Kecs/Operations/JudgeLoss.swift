// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// Judges whether the parts of an instance still exist. A start asks before it creates, starts or fetches anything. The
/// good backups are the measure.
struct JudgeLoss: Sendable {
    let site: Site

    enum Loss: Sendable {
        case none
        /// Every part that the baseline holds with content is missing or empty; the backups to try, the best first.
        case gone([StoredBackup])
        /// Some of them are missing or empty: parts, or databases as PART/PATH, and the backup that has the first of
        /// them.
        case partly([String], has: BackupID)
        /// Parts that the instance no longer mounts, so that no restore would reach its server.
        case unmounted([String], has: BackupID)
        /// No part holds anything, and there are backups, none of which can be used.
        case goneForGood(newest: BackupID)

        /// The names of what is lost, with a verb: "data/kecs.db is"; nil for nothing.
        var names: String? {
            switch self {
            case .none: nil
            case .partly(let names, _), .unmounted(let names, _):
                names.joined(separator: ", ") + (names.count == 1 ? " is" : " are")
            case .gone, .goneForGood: "all of its state is"
            }
        }
    }

    /// Judges the present state.
    ///
    /// - Parameter accepted: The parts and databases whose loss does not count.
    /// - Throws: `Failure` when the container or cluster of the instance does not exist.
    func run(_ instance: Instance, accepted: [String] = []) async throws -> Loss {
        try await judge(instance, accepted: accepted).loss
    }

    /// - Returns: Also those of the names given that really are lost.
    func judge(_ instance: Instance, accepted: [String]) async throws -> (loss: Loss, accepted: [String]) {
        let inventory = try await site.inventory(of: instance, databases: .none)
        let judged = try instance.backups.judged()
        let baseline = judged.baseline(of: instance.config.id)
        guard !baseline.parts.isEmpty else {
            guard isEmpty(inventory) else { return (.none, []) }
            if let latest = try instance.backups.latest(of: instance.config.id) {
                return (.gone([latest]), [])
            }
            // There were backups, and none can be used: a fresh start would hide that.
            let newest = judged.all.first { $0.state != .incomplete && $0.unreadable == nil }
            return (newest.map { .goneForGood(newest: $0.id) } ?? .none, [])
        }
        let given = accepted
        let accepted = Set(given).union(baseline.acceptedLosses).union(instance.config.movedParts ?? [])
            .union(instance.config.acceptedLosses ?? [])
        let placedAt = try Placement.last(of: instance.folder)
        var lost: [(name: String, backup: BackupID)] = []
        var unmounted: [(name: String, backup: BackupID)] = []
        var isAnythingThere = false
        let isAbsent = await (try site.runtime(instance)).state() == .absent
        for (name, before) in baseline.parts.sorted(by: { $0.key < $1.key }) where counts(before.record) {
            guard let now = try inventory.part(of: before.record) ?? missing(before.record, of: instance)
            else {
                guard try isState(before.record, of: instance) else { continue }
                // An anonymous volume went with its container; a new container gets a new one.
                if isAbsent, before.record.root.isAnonymousVolume {
                    lost.append((name, before.backup))
                } else {
                    unmounted.append((name, before.backup))
                }
                continue
            }
            guard now.role != .backups, now.role != .logs else { continue }
            switch now.presence {
            case .missing, .empty: lost.append((name, before.backup))
            // An unreadable part is not known to be gone.
            case .unreadable: isAnythingThere = true
            case .present:
                isAnythingThere = true
                lost += try lostDatabases(before.record, now, placedAt).map {
                    ("\(name)/\($0)", before.backup)
                }
            }
        }
        func covers(_ name: String, _ loss: (name: String, backup: BackupID)) -> Bool {
            name == loss.name || loss.name.hasPrefix(name + "/")
        }
        func isAccepted(_ loss: (name: String, backup: BackupID)) -> Bool {
            accepted.contains { covers($0, loss) }
        }
        let real = given.filter { name in (lost + unmounted).contains { covers(name, $0) } }
        lost.removeAll(where: isAccepted)
        unmounted.removeAll(where: isAccepted)
        if let first = unmounted.first {
            return (.unmounted(unmounted.map(\.name), has: first.backup), real)
        }
        guard let first = lost.first else { return (.none, real) }
        if isAnythingThere { return (.partly(lost.map(\.name), has: first.backup), real) }
        return (.gone(candidates(judged, instance, baseline)), real)
    }

    /// Returns true when a part that the inventory does not have is state. A folder of the instance's own that exists
    /// is not a part any more.
    private func isState(_ record: Manifest.Part, of instance: Instance) throws -> Bool {
        if case .inInstance = record.root { return false }
        let role = PartRole(of: Part(name: record.name, place: .folder(instance.folder.path)), inside: nil)
        return role != .backups && role != .logs
    }

    /// Returns the part as missing. A folder of the instance's own is a part only while it exists.
    private func missing(_ record: Manifest.Part, of instance: Instance) throws -> InventoryPart? {
        guard case .inInstance(let path) = record.root else { return nil }
        let folder = instance.folder.path.appending(path.components.filter { $0.kind == .regular })
        guard try !folder.isPresent else { return nil }
        let part = Part(name: record.name, place: .folder(folder))
        return InventoryPart(part: part, role: PartRole(of: part, inside: nil), presence: .missing)
    }

    /// Returns the good backups of the instance: those that hold all of it before others, the newest first.
    private func candidates(
        _ judged: JudgedBackups, _ instance: Instance, _ baseline: Baseline
    ) -> [StoredBackup] {
        let parts = Set(baseline.parts.filter { counts($0.value.record) }.keys)
        let good = judged.all.filter { $0.isGood && $0.manifest?.instanceId == instance.config.id }
        return good.filter { parts.isSubset(of: $0.partNames) }
            + good.filter { !parts.isSubset(of: $0.partNames) && !parts.isDisjoint(with: $0.partNames) }
    }

    /// Returns true when a part had content that can be lost.
    private func counts(_ part: Manifest.Part) -> Bool {
        switch part.root {
        case .configuration, .file: false
        case .inInstance, .folder, .volume: part.sourceBytes > 0 || part.databases.contains { $0.bytes > 0 }
        }
    }

    /// Returns the databases that had content and are gone from their place, or whose name now belongs to another file
    /// with less content.
    private func lostDatabases(
        _ part: Manifest.Part, _ now: InventoryPart, _ placedAt: ExactMoment?
    ) throws -> [String] {
        guard let root = now.part.root else { return [] }
        return try part.databases.filter { database in
            guard database.bytes > 0, database.tables?.isEmpty != true else { return false }
            // A name that is not UTF-8 is recorded escaped, and cannot be searched for. Copies come and go.
            let path = Array(database.path.utf8)
            guard !database.path.contains("\\"), !isCopyOfDatabase(path) else { return false }
            let file = root.appending(bytes: path)
            guard let status = try FileStatus.following(file) else { return true }
            guard status.kind == .file else { return false }
            return try status.size == 0 || isReplaced(database, by: file, placedAt)
        }.map(\.path)
    }

    /// Returns true when another file with fewer rows has the place. The rows are counted only when the file is not the
    /// one that was backed up.
    private func isReplaced(
        _ database: Manifest.Database, by file: FilePath, _ placedAt: ExactMoment?
    ) throws -> Bool {
        guard database.engine == .sqlite, let madeAt = try file.birth(),
            database.isAnotherFile(madeAt: madeAt, placedAt: placedAt)
        else { return false }
        do {
            return database.hasMore(than: try SQLiteDatabase.reading(file).tableRowCounts())
        } catch let error as SQLiteError where error.isCorrupt || error.isBusy {
            // An unreadable file is not a server's new database; a backup reports its problem.
            return false
        }
    }

    /// Returns true when no part but the configuration holds anything.
    private func isEmpty(_ inventory: Inventory) -> Bool {
        inventory.parts.allSatisfy { part in
            if case .entries = part.part.place { return true }
            return part.presence == .missing || part.presence == .empty
        }
    }
}
