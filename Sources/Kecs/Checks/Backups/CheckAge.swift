// SPDX-License-Identifier: Apache-2.0
import KecsStorage
public import KecsSystem

/// One instance's line of `check`: is its newest good backup young enough?
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
    /// For people and for monitoring: one line.
    public var message: String
}

/// For monitoring: reads manifests only, and takes no lock.
public struct CheckAge: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    public func run(_ name: InstanceName, limit: TimeSpan) throws -> CheckAgeReport {
        let instance = try site.instance(name)
        let age = try BackupAge(instance, at: site.machine.clock.now())
        let drillLimit = try instance.settings.duration(.drillAge)
        let now = site.machine.clock.now()
        let drills = try drillLimit.map { _ in try PastDrills(instance.backups) }
        let undrilled = drillLimit.flatMap { drills?.overdue($0, at: now) }
        let isFresh = !age.isOver(limit) && instance.config.degraded == nil && undrilled == nil
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
        if let undrilled { message += "; \(undrilled)" }
        return CheckAgeReport(
            outcome: isFresh ? .done : .failed, isFresh: isFresh, newest: age.newest?.description,
            ageSeconds: age.seconds, limitSeconds: limit.seconds, lastDrill: drills?.lastPassed?.at,
            drillAgeSeconds: drills?.age(at: now), drillLimitSeconds: drillLimit?.seconds, message: message)
    }
}
