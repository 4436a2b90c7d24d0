// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
import SystemPackage
import KecsSystem

/// The verdict on one backup, with the reason.
public struct PruneItem: Encodable, Sendable {
    public var id: BackupID
    public var instance: String
    /// The verdict: `keep` or `delete`.
    public var verdict: String
    public var reason: String
    /// Nil for one that lies here.
    public var remote: String?
    /// True for one that would have gone, had the remote not refused; else absent.
    public var isRefused: Bool?

    public var isKept: Bool { verdict == "keep" }

    init(_ verdict: Retention.Verdict, instance: String, remote: String? = nil) {
        id = verdict.id
        self.instance = instance
        self.verdict = verdict.isKept ? "keep" : "delete"
        reason = verdict.reason
        self.remote = remote
    }
}

/// Applies the retention policy: decides with `Retention`, and deletes the backups that it does not keep.
public struct PruneBackups: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Prunes the backups. Call it under the instance's lock.
    ///
    /// - Parameter dropsPrevious: Also gives up what `undo` could take back. Otherwise that goes after seven days, once
    ///   there is a verified backup of the state that replaced it.
    /// - Parameter taken: A backup that has just been taken, which stays whatever its date says: the clock may have been
    ///   wrong when older ones were taken.
    /// - Parameter flagsAlone: Retention flags take the place of the settings, instead of keeping more.
    public func run(
        _ instance: Instance, dryRun: Bool = false, dropsPrevious: Bool = false, taken: BackupID? = nil,
        flagsAlone: Bool = false
    ) throws -> [PruneItem] {
        let candidates = try instance.backups.all().map(\.candidate)
        let zone = try instance.settings.localTime()
        let now = site.machine.clock.now()
        let policies = try instance.settings.retentionPolicies(flagsAlone: flagsAlone).map {
            $0.verdicts(for: candidates, at: now, in: zone)
        }
        // Each policy has a verdict on each backup, in the same order; a backup that any of them keeps stays.
        let verdicts = (policies.first ?? []).indices.map { index in
            let verdict = policies.lazy.map { $0[index] }.first(where: \.isKept) ?? policies[0][index]
            return verdict.id == taken && !verdict.isKept
                ? Retention.Verdict(id: verdict.id, isKept: true, reason: "just taken") : verdict
        }
        for verdict in verdicts where !verdict.isKept && !dryRun {
            try instance.backups.delete(verdict.id)
        }
        if !dryRun { try LatestLink(store: instance.backups).update() }
        if !dryRun { try SaveImages(site: site, instance: instance).sweep() }
        if !dryRun { try dropPrevious(of: instance, always: dropsPrevious) }
        return verdicts.map { PruneItem($0, instance: instance.name.description) }
    }

    private static let previousAge: Duration = .seconds(7 * 86_400)

    private func dropPrevious(of instance: Instance, always: Bool) throws {
        guard try instance.folder.previous.isPresent else { return }
        let newest = try instance.backups.all().first(where: \.isGood)?.id.createdAt
        for name in try instance.folder.previous.entries() {
            let made = Moment(String(name.string.prefix { $0 != "-" }))
            let isOld = made.map { made in
                site.machine.clock.now().since(made) > Self.previousAge && (newest.map { $0 > made } ?? false)
            }
            // A name with a dot is already being removed.
            if always || isOld == true || name.string.hasPrefix(".") {
                try PreviousTrees(folder: instance.folder.previous.appending(name))
                    .remove(from: instance.folder.path, site.machine.cancellation)
            }
        }
    }
}
