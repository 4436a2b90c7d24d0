// SPDX-License-Identifier: Apache-2.0
public import KecsStorage
import KecsSystem

/// One backup's fate, with the reason.
public struct PruneItem: Encodable, Sendable {
    public var id: BackupID
    public var instance: String
    /// `keep` or `delete`.
    public var verdict: String
    public var reason: String

    public var isKept: Bool { verdict == "keep" }

    init(_ verdict: Retention.Verdict, instance: String) {
        id = verdict.id
        self.instance = instance
        self.verdict = verdict.isKept ? "keep" : "delete"
        reason = verdict.reason
    }
}

/// Applies the retention policy: decides with `Retention`, deletes what it lets go.
public struct PruneBackups: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// To be called under the instance's lock.
    public func run(_ instance: Instance, dryRun: Bool = false) throws -> [PruneItem] {
        let policy = try instance.settings.retention()
        let verdicts = policy.verdicts(
            for: try instance.backups.all().map(\.candidate), at: site.machine.clock.now())
        for verdict in verdicts where !verdict.isKept && !dryRun {
            try instance.backups.delete(verdict.id)
        }
        return verdicts.map { PruneItem($0, instance: instance.name.description) }
    }
}
