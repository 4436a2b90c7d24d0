// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
import KecsSystem
import SystemPackage

/// The options of `backup`.
public struct BackupRequest: Sendable {
    public var reason: BackupReason
    /// The names of the parts; nil for all.
    public var parts: [String]?
    public var labels: [String: String]
    /// Losses to accept, as `PART` or `PART/PATH`: the backup counts as good without them.
    public var acceptedLosses: [String]
    /// Patterns in addition to those of the settings. Nil leaves nothing out, regardless of the settings, because the
    /// backup is taken before a removal, or is to become another instance.
    public var exclude: [String]?
    /// True to accept every loss: the user emptied the instance on purpose.
    var acceptsEveryLoss = false
    public var prune: Bool
    /// True to continue although the estimate says that there is not enough free space.
    public var force: Bool
    /// True when unusual facts about the state make the result a partial one.
    public var strict: Bool
    public var dryRun: Bool

    public init(
        reason: BackupReason = .manual, parts: [String]? = nil, labels: [String: String] = [:],
        acceptedLosses: [String] = [], exclude: [String]? = nil, prune: Bool = true,
        force: Bool = false, strict: Bool = false, dryRun: Bool = false
    ) {
        self.reason = reason
        self.parts = parts
        self.labels = labels
        self.acceptedLosses = acceptedLosses
        self.exclude = exclude
        self.prune = prune
        self.force = force
        self.strict = strict
        self.dryRun = dryRun
    }
}

/// Takes a backup. It captures, archives, reads back, and compares with the parts of the instance when it was last
/// good. Only then does the backup become visible.
public struct TakeBackup: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// To be called under the instance's lock.
    public func run(_ instance: Instance, _ request: BackupRequest) async throws -> BackupReport {
        let began = site.machine.clock.elapsed()
        // An unreadable policy is reported before the work, not after it.
        if request.prune { _ = try instance.settings.retention() }
        let plan = try await plan(instance, request)
        if request.dryRun {
            return try plan.report(of: instance, duration: site.machine.clock.elapsed() - began)
        }
        let written = try await write(plan, of: instance, request)
        if written.found.lacks.isEmpty, request.parts == nil {
            try settleLosses(of: instance)
            try KnownMounts(site: site).note(instance, plan.inventory.parts)
        }
        // From here the backup is a fact; an old one that cannot be removed is reported.
        let (pruned, pruneFailure) = try await tidyUp(after: written.stored, of: instance, request)
        let isPartial =
            pruneFailure != nil || written.imagesFailure != nil || written.captured.startFailure != nil
            || !written.found.lacks.isEmpty
            || request.strict && !written.found.remarks.isEmpty
        var report = BackupReport(
            outcome: isPartial ? .partial : .done,
            backup: BackupSummary(written.stored, instance: instance.name.description),
            duration: site.machine.clock.elapsed() - began, pause: written.captured.pause,
            pruned: pruned.map(\.id), pruneError: pruneFailure, startError: written.captured.startFailure,
            lacks: written.found.lacks, remarks: written.found.remarks, instance: instance.name)
        report.imagesError = written.imagesFailure
        return report
    }

    /// What a start went on without, a good backup of everything has recorded: from then on that is what is compared with.
    private func settleLosses(of instance: Instance) throws {
        var config = try InstanceConfig.read(instance.folder.config)
        guard config.acceptedLosses != nil else { return }
        config.acceptedLosses = nil
        try config.write(to: instance.folder.config)
    }

    /// Removes what the retention no longer keeps, and leads “latest” to the new backup.
    ///
    /// - Returns: What was removed, and what could not be done.
    private func tidyUp(
        after stored: StoredBackup, of instance: Instance, _ request: BackupRequest
    ) async throws -> (pruned: [PruneItem], failure: Failure?) {
        var pruned: [PruneItem] = []
        var failure: Failure?
        if request.prune {
            do {
                pruned = try PruneBackups(site: site).run(instance, taken: stored.id).filter { !$0.isKept }
            } catch {
                failure = Failure.describing(
                    error, doing: "remove what the retention of “\(instance.name)” no longer keeps")
            }
        }
        do {
            try LatestLink(store: instance.backups).update(isWanted: try instance.settings.flag(.latestLink))
        } catch {
            failure =
                failure ?? .describing(error, doing: "lead “latest” to the backup of “\(instance.name)”")
        }
        return (pruned, failure)
    }
}
