// SPDX-License-Identifier: Apache-2.0
import KecsBackups
public import KecsSystem

/// The line of an instance in `check`: is its newest good backup young enough?
public struct CheckAgeReport: OperationReport {
    public static let kind = "CheckReport"
    public var outcome: Outcome
    public var isFresh: Bool
    public var newest: String?
    public var ageSeconds: Int64?
    public var limitSeconds: Int64
    /// The last drill that passed; nil when there was none, or when no limit is set.
    public var lastDrill: Moment?
    public var drillAgeSeconds: Int64?
    /// The setting `drillAge`.
    public var drillLimitSeconds: Int64?
    /// On the remote that was asked for, or on those of the setting `copies`; nil when there is none.
    public var copies: [PastCopies.Age]?
    /// For people and for monitoring: one line.
    public var message: String
}

/// Checks the age for monitoring: reads manifests only, and takes no lock.
public struct CheckAge: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// - Parameter remote: Asks for the age of the newest good copy on this remote instead of those of the setting `copies`.
    public func run(
        _ name: InstanceName, limit: TimeSpan, remote: String? = nil
    ) throws -> CheckAgeReport {
        let instance = try site.instance(name)
        let age = try BackupAge(instance, at: site.machine.clock.now())
        let drillLimit = try instance.settings.duration(.drillAge)
        let now = site.machine.clock.now()
        let drills = try drillLimit.map { _ in try PastDrills(instance.backups) }
        let undrilled = drillLimit.flatMap { drills?.overdue($0, at: now) }
        let isYoung = !age.isOver(limit) && instance.config.degraded == nil && undrilled == nil
        let copies = try copies(of: instance, on: remote, limit: limit, at: now)
        let isFresh = isYoung && copies.allSatisfy { $0.overdue == nil }
        var message: String
        if let degraded = instance.config.degraded {
            message = "\(name): degraded since \(degraded.since)"
        } else if let newest = age.newest, age.isInFuture {
            message =
                "\(name): the time of the newest good backup \(newest) is in the future, so its age is unknown"
        } else if let newest = age.newest, let seconds = age.seconds {
            message =
                "\(name): the newest good backup \(newest) is \(ageText(seconds)) old, the limit is \(limit)"
        } else {
            message = "\(name): there is no good backup"
        }
        for overdue in copies.compactMap(\.overdue) { message += "; \(overdue)" }
        if let undrilled { message += "; \(undrilled)" }
        return CheckAgeReport(
            outcome: isFresh ? .done : .failed, isFresh: isFresh, newest: age.newest?.description,
            ageSeconds: age.seconds, limitSeconds: limit.seconds, lastDrill: drills?.lastPassed?.at,
            drillAgeSeconds: drills?.age(at: now), drillLimitSeconds: drillLimit?.seconds,
            copies: copies.isEmpty ? nil : copies, message: message)
    }

    private func copies(
        of instance: Instance, on remote: String?, limit: TimeSpan, at now: Moment
    ) throws -> [PastCopies.Age] {
        let remotes = Remotes(site: site)
        let asked = try remote.map { [try remotes.find($0)] } ?? remotes.ofSetting(instance.settings)
        guard !asked.isEmpty else { return [] }
        let past = try PastCopies(instance.backups)
        return asked.map { past.age(at: $0.name, limit: limit, now: now) }
    }
}
