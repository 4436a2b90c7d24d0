// SPDX-License-Identifier: Apache-2.0
public import KecsStorage
import KecsSystem
import SystemPackage

/// What `backup` is asked to do.
public struct BackupRequest: Sendable {
    public var reason: BackupReason
    /// Names of parts; nil for all.
    public var parts: [String]?
    public var labels: [String: String]
    public var prune: Bool
    /// Go on although the estimate says that there is not enough room.
    public var force: Bool
    public var dryRun: Bool

    public init(
        reason: BackupReason = .manual, parts: [String]? = nil, labels: [String: String] = [:],
        prune: Bool = true,
        force: Bool = false, dryRun: Bool = false
    ) {
        self.reason = reason
        self.parts = parts
        self.labels = labels
        self.prune = prune
        self.force = force
        self.dryRun = dryRun
    }
}

/// Takes a backup: capture, archive, read back, and only then make it visible.
public struct TakeBackup: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// To be called under the instance's lock.
    public func run(_ instance: Instance, _ request: BackupRequest) async throws -> BackupReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let runtime = try site.runtime(instance)
        let parts = try select(request.parts, from: await runtime.parts(), of: instance)
        let state = await runtime.state()
        if case .unknown(let why) = state {
            throw Failure(
                .unreachable, "it cannot be told whether “\(instance.name)” is running", cause: why,
                remedy: "kecsctl status \(instance.name)")
        }

        // Decide: what changed, what must be frozen, is there room.
        let last = try instance.backups.all().first { $0.isVerified }
        site.machine.progress.step("looking at \(instance.name)", total: nil)
        var plans: [PartPlan] = []
        let volumes = parts.filter { $0.volumeOutOfReach != nil }
        for part in parts where part.volumeOutOfReach == nil {
            try site.machine.cancellation.check()
            plans.append(
                try PartPlan(part, of: instance, last: last, cancellation: site.machine.cancellation))
        }
        let consistency = try chooseConsistency(plans, volumes, state: state, instance: instance)
        var needed = plans.reduce(ByteCount(0)) { $0 + $1.roomNeeded }
        for volume in volumes.compactMap(\.volumeOutOfReach) {
            // The tar, and what is unpacked of it to look at its databases.
            guard let used = try await runtime.room(inVolume: volume).used else { continue }
            needed = needed + used + used
        }
        let free = try site.machine.freeSpace(instance.backups.folder)
        if needed > free, !request.force {
            throw Failure(
                .noRoom, "there is not enough room to back up “\(instance.name)”",
                cause: "\(free) are free in \(instance.backups.folder) and about \(needed) are needed",
                remedy: "kecsctl backups prune \(instance.name) --keep 1")
        }
        if request.dryRun {
            return BackupReport(
                outcome: .planned, backup: nil, duration: clock.elapsed() - began, pause: .zero,
                plan: plans.map { $0.described(consistency) }
                    + volumes.map {
                        // How much it is, only the copy tells.
                        BackupReport.PlannedPart(
                            name: $0.name, sourceBytes: 0, entries: 0, databases: [],
                            consistency: consistency,
                            unchanged: false)
                    })
        }

        // Act.
        let draft = try BackupDraft(in: instance.backups, reason: request.reason, at: clock.now())
        let stored: StoredBackup
        let captured: CaptureParts.Captured
        do {
            let capture = CaptureParts(site: site, instance: instance, runtime: runtime, draft: draft)
            captured = try await capture.run(
                plans, volumes, consistency: consistency, wasRunning: state.mayWrite)
            let manifest = Manifest(
                id: draft.id, instance: instance.name.description, instanceId: instance.config.id,
                tool: site.tool,
                runtime: Manifest.Runtime(
                    kind: instance.config.runtime.rawValue, versions: await runtime.versions()),
                degraded: instance.config.degraded != nil,
                schemaVersion: captured.parts.lazy.flatMap(\.databases)
                    .first { $0.path == InstanceFolder.databaseName }?.userVersion.map { Int($0) },
                labels: request.labels, verified: true, parts: captured.parts)
            try site.machine.cancellation.check()
            stored = try draft.commit(manifest)
        } catch {
            draft.discard()
            throw error
        }

        // From here the backup is a fact; an old one that cannot be removed is told.
        var pruned: [PruneItem] = []
        var pruneFailure: Failure?
        if request.prune {
            do {
                pruned = try PruneBackups(site: site).run(instance, taken: draft.id).filter { !$0.isKept }
            } catch {
                pruneFailure = Failure.describing(
                    error, doing: "remove what the retention of “\(instance.name)” no longer keeps")
            }
        }
        return BackupReport(
            outcome: pruneFailure == nil && captured.startFailure == nil ? .done : .partial,
            backup: BackupSummary(stored, instance: instance.name.description),
            duration: clock.elapsed() - began, pause: captured.pause, pruned: pruned.map(\.id),
            pruneError: pruneFailure, startError: captured.startFailure)
    }

    private func select(
        _ wanted: [String]?, from parts: [Part], of instance: Instance
    ) throws(Failure) -> [Part] {
        guard let wanted else { return parts }
        for name in wanted where !parts.contains(where: { $0.name == name }) {
            throw Failure(
                .usage, "“\(instance.name)” has no part “\(name)”",
                cause: "its parts are \(parts.map(\.name).joined(separator: ", "))",
                remedy: "kecsctl backup \(instance.name) --part \(parts.first?.name ?? "data")")
        }
        return parts.filter { wanted.contains($0.name) }
    }

    /// SQLite is captured live; any other database only while its writer cannot write.
    private func chooseConsistency(
        _ plans: [PartPlan], _ volumes: [Part], state: RuntimeState, instance: Instance
    ) throws(Failure) -> Consistency {
        let opaque = plans.lazy.flatMap { plan in plan.opaqueDatabases.map { "\(plan.part.name)/\($0)" } }
            .first
        switch try instance.settings.text(.consistency) {
        case "live":
            if let opaque, state.mayWrite {
                throw Failure(
                    .usage, "“\(instance.name)” cannot be backed up with --consistency live",
                    cause: "\(opaque) is a database that is not SQLite, and what writes it is running",
                    remedy: "kecsctl backup \(instance.name) --consistency frozen")
            }
            if let volume = volumes.first, state.mayWrite {
                throw Failure(
                    .usage, "“\(instance.name)” cannot be backed up with --consistency live",
                    cause:
                        "the volume of the part “\(volume.name)” can only be copied whole, its databases with it",
                    remedy: "kecsctl backup \(instance.name) --consistency frozen")
            }
            return .live
        case "frozen": return state.mayWrite ? .frozen : .stopped
        case "stopped": return .stopped
        default:
            if !state.mayWrite { return .live }
            return opaque == nil && volumes.isEmpty ? .live : .frozen
        }
    }
}
