// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
import KecsSystem
import SystemPackage

/// Applies a retention policy to an instance's copies on a remote, by the rules of the backups here. Only what this home
/// wrote there and found equal counts and goes; whatever else lies there stays.
public struct PruneRemote: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// - Parameters:
    ///   - policies: What one of them keeps stays.
    ///   - taken: A copy that was just made, which stays whatever its date says.
    public func run(
        _ name: InstanceName, on remote: Remote, _ policies: [Retention], command: String, wait: Duration?,
        taken: BackupID? = nil, dryRun: Bool = false
    ) async throws -> [PruneItem] {
        let rclone = try Rclone(machine: site.machine, remote: remote)
        let store = site.home.backupStore(of: name)
        var past = try PastCopies(store)
        let lock = dryRun ? nil : try await past.lock(remote.name, site, command: command, wait: wait)
        defer { lock?.unlock() }
        try past.refresh(remote.name)
        if !dryRun { try await finish(rclone, store, &past) }
        let there = try await ListRemoteBackups(site: site).run(remote, of: name).filter { !$0.isDraft }
        let candidates = there.map { candidate($0, past.all[remote.name]?[$0.id], store) }
        let now = site.machine.clock.now()
        let zone = try zone(of: name)
        let all = policies.map { $0.verdicts(for: candidates, at: now, in: zone) }
        let strangers = Set(there.filter { !$0.isOurs || $0.verifiedAt == nil }.map(\.id))
        var items: [PruneItem] = []
        for index in (all.first ?? []).indices {
            var isRefused = false
            var verdict = all.lazy.map { $0[index] }.first(where: \.isKept) ?? all[0][index]
            if strangers.contains(verdict.id) {
                verdict = .init(
                    id: verdict.id, isKept: true,
                    reason: "not verified by this home, so not counted and not touched")
            } else if verdict.id == taken, !verdict.isKept {
                verdict = .init(id: verdict.id, isKept: true, reason: "just copied")
            }
            if !verdict.isKept, !dryRun, let why = try await remove(verdict.id, rclone, &past) {
                verdict = .init(id: verdict.id, isKept: true, reason: why)
                isRefused = true
            }
            var item = PruneItem(verdict, instance: name.description, remote: remote.name)
            item.isRefused = isRefused ? true : nil
            items.append(item)
        }
        return items
    }

    private func zone(of name: InstanceName) throws -> LocalTime {
        guard try site.instanceNames().contains(name) else { return .machine(site.machine.environment) }
        return try site.instance(name, checksPlace: false).settings.localTime()
    }

    private func candidate(
        _ backup: RemoteBackup, _ copy: PastCopies.Copy?, _ store: BackupStore
    ) -> Retention.Candidate {
        let here = store.look(at: backup.id)
        let manifest = backup.manifest
        let isVerified = backup.isOurs && backup.verifiedAt != nil && manifest?.verified == true
        let isDegraded = manifest?.degraded ?? false
        // What counted as no good one when it was copied counts as none there.
        let isLacking = manifest?.lacks?.isEmpty == false || (copy?.isGood == false && !isDegraded)
        return Retention.Candidate(
            id: backup.id, isComplete: backup.state == .complete, isVerified: isVerified,
            isPinned: here.mark.pinned, isDegraded: isDegraded, isLacking: isLacking,
            hasFailedDrill: here.hasFailedDrill, sequence: max(0, manifest?.sequence ?? 0),
            instance: manifest?.instanceId ?? "", parts: Set(manifest?.parts.map(\.name) ?? []),
            acceptedLosses: Set(manifest?.acceptedLosses ?? []))
    }

    // MARK: Remove

    /// The sums go first: without them nothing is taken for a backup, whatever cuts this off.
    ///
    /// - Returns: Why it stays: the remote refuses to remove it, as one does that keeps what was written for some time.
    /// - Throws: `Failure(.unreachable)` when the remote cannot be reached any more.
    private func remove(_ id: BackupID, _ rclone: Rclone, _ past: inout PastCopies) async throws -> String? {
        let remote = rclone.remote.name
        guard let before = past.all[remote]?[id] else { return nil }
        site.machine.progress.step("removing \(id) from \(remote)", total: nil)
        var copy = before
        copy.state = .removing
        try past.set(id, copy, at: remote)
        do {
            try await remove(copy, id, rclone, &past)
            return nil
        } catch let failure as Failure where failure.kind == .unreachable {
            // Who can still be asked has refused.
            let there = try await rclone.list(copy.path) ?? [:]
            let isWhole = copy.files.allSatisfy { there[$0] != nil }
            if isWhole { try past.set(id, before, at: remote) }
            return "the remote refuses to remove it\(isWhole ? "" : ", and it is no longer whole")"
                + (failure.cause.map { ": \($0)" } ?? "")
        }
    }

    private func remove(
        _ copy: PastCopies.Copy, _ id: BackupID, _ rclone: Rclone, _ past: inout PastCopies
    ) async throws {
        let place = CopyBackup.Place(path: copy.path)
        for folder in [place.final, place.draft] {
            guard let there = try await rclone.list(folder) else { continue }
            if there[BackupStore.sumsName] != nil, copy.files.contains(BackupStore.sumsName) {
                try await rclone.remove(file: "\(folder)/\(BackupStore.sumsName)")
            }
            try await rclone.remove(
                files: copy.files.filter { there[$0] != nil && $0 != BackupStore.sumsName }, in: folder)
            try await rclone.removeIfEmpty(folder)
        }
        try past.set(id, nil, at: rclone.remote.name)
    }

    /// What a run that was cut off was removing, and what was being copied of backups that are not here any more.
    private func finish(_ rclone: Rclone, _ store: BackupStore, _ past: inout PastCopies) async throws {
        let remote = rclone.remote.name
        for (id, copy) in past.all[remote] ?? [:] {
            switch copy.state {
            case .removing: break
            case .copying:
                guard try !store.folder.appending(id.description).isPresent else { continue }
            case .verified, .damaged: continue
            }
            do {
                try await remove(copy, id, rclone, &past)
            } catch let failure as Failure where failure.kind == .unreachable {
                // Refused: it is no copy any more, and is tried again. One that cannot be reached fails here.
                _ = try await rclone.list(copy.path)
            }
        }
    }
}
