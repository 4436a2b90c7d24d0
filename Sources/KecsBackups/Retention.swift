// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// The rules that decide which backups may be deleted. A pure function: from backups and policy to a verdict with its
/// reason for each backup.
///
/// Counts separately for each part, and for each instance that had the name: a backup of one part, or of a younger
/// instance, never pushes out the last one that holds another part.
public struct Retention: Codable, Hashable, Sendable {
    /// The number of newest backups to keep.
    public var last: Int
    /// Everything younger, in seconds.
    public var within: Int64?
    /// The number of days to keep a backup of: the newest backup of each of the last days that have one. Likewise weeks
    /// (ISO, from Monday) and months.
    public var daily: Int
    public var weekly: Int
    public var monthly: Int

    /// ADR-0025: the newest five.
    public static let standard = Retention(last: 5)

    public init(last: Int, within: Int64? = nil, daily: Int = 0, weekly: Int = 0, monthly: Int = 0) {
        self.last = last
        self.within = within
        self.daily = daily
        self.weekly = weekly
        self.monthly = monthly
    }

    /// The facts about a backup that retention uses.
    public struct Candidate: Hashable, Sendable {
        public var id: BackupID
        public var isComplete: Bool
        public var isVerified: Bool
        public var isPinned: Bool
        public var isDegraded: Bool
        public var isLacking: Bool
        public var hasFailedDrill: Bool
        public var sequence: Int64
        /// The instance's UUID.
        public var instance: String
        public var parts: Set<String>
        /// The accepted losses. Losses of whole parts count: after such a backup, the part is no longer required.
        public var acceptedLosses: Set<String>

        public init(
            id: BackupID, isComplete: Bool, isVerified: Bool, isPinned: Bool, isDegraded: Bool,
            isLacking: Bool = false, hasFailedDrill: Bool = false, sequence: Int64 = 0, instance: String = "",
            parts: Set<String> = ["data"], acceptedLosses: Set<String> = []
        ) {
            self.id = id
            self.isComplete = isComplete
            self.isVerified = isVerified
            self.isPinned = isPinned
            self.isDegraded = isDegraded
            self.isLacking = isLacking
            self.hasFailedDrill = hasFailedDrill
            self.sequence = sequence
            self.instance = instance
            self.parts = parts
            self.acceptedLosses = acceptedLosses
        }

        var isGood: Bool { isComplete && isVerified && !isDegraded && !isLacking && !hasFailedDrill }

        static func isNewer(_ left: Candidate, _ right: Candidate) -> Bool {
            (left.sequence, left.id) > (right.sequence, right.id)
        }
    }

    public struct Verdict: Hashable, Sendable {
        public var id: BackupID
        public var isKept: Bool
        /// "among the newest 5", "pinned", "older than all that the policy keeps"
        public var reason: String

        public init(id: BackupID, isKept: Bool, reason: String) {
            self.id = id
            self.isKept = isKept
            self.reason = reason
        }
    }

    /// Returns a verdict for each candidate, the newest first.
    ///
    /// - Parameter zone: The time zone of the borders of days, weeks and months.
    ///
    /// Only good backups count towards the policy, in the order of their sequence. Pinned backups and the newest good
    /// one of each part are never deleted. Backups that kecsctl takes before a change of its own are counted
    /// separately, so that they push out none of the user's. Lacking backups and those of a degraded instance follow a
    /// rule of their own: the newest `last` of them stay. Damaged and incomplete backups, and those that failed their
    /// drill, are left to `delete` and to the sweep of drafts: retention never removes possibly the only evidence.
    public func verdicts(
        for candidates: [Candidate], at now: Moment, in zone: LocalTime = .utc
    ) -> [Verdict] {
        let sorted = candidates.sorted(by: Candidate.isNewer)
        var kept: [BackupID: String] = [:]
        func keep(_ id: BackupID, _ reason: String) {
            if kept[id] == nil { kept[id] = reason }
        }

        for candidate in sorted where candidate.isPinned { keep(candidate.id, "pinned") }
        let good = sorted.filter(\.isGood)
        for group in Dictionary(grouping: good, by: \.instance).values {
            for (part, holders) in Self.holders(group) {
                let suffix = holders.count == group.count ? "" : " that hold \(part)"
                count(holders, suffix, at: now, in: zone, keep)
                if let newest = holders.first { keep(newest.id, Self.floor(sorted, part, suffix)) }
            }
        }
        for candidate in sorted.filter({ $0.isComplete && $0.isVerified && $0.isLacking }).prefix(
            max(last, 1))
        {
            keep(candidate.id, "lacks something, among the newest \(max(last, 1)) of those")
        }
        let degraded = sorted.filter { $0.isComplete && $0.isVerified && $0.isDegraded && !$0.isLacking }
        for candidate in degraded.prefix(max(last, 1)) {
            keep(candidate.id, "of a degraded instance, among the newest \(max(last, 1)) of those")
        }
        return sorted.map { candidate in
            if let reason = kept[candidate.id] {
                return Verdict(id: candidate.id, isKept: true, reason: reason)
            }
            if candidate.hasFailedDrill {
                return Verdict(
                    id: candidate.id, isKept: true, reason: "failed its drill, so not counted and not touched"
                )
            }
            return candidate.isComplete && candidate.isVerified
                ? Verdict(id: candidate.id, isKept: false, reason: Self.whyGone(candidate))
                : Verdict(
                    id: candidate.id, isKept: true,
                    reason: candidate.isComplete
                        ? "not verified, so not counted and not touched"
                        : "incomplete or damaged, so not counted and not touched")
        }
    }

    /// Returns the good backups that count for each part, the newest first: none from before an accepted loss of the
    /// part.
    private static func holders(_ good: [Candidate]) -> [(part: String, holders: [Candidate])] {
        let parts = good.reduce(into: Set<String>()) { $0.formUnion($1.parts) }
        return parts.sorted().map { part in
            let sinceLoss = good.prefix { !$0.acceptedLosses.contains(part) || $0.parts.contains(part) }
            return (part, sinceLoss.filter { $0.parts.contains(part) })
        }
    }

    /// Applies the rules to the backups of one part.
    private func count(
        _ holders: [Candidate], _ suffix: String, at now: Moment, in zone: LocalTime,
        _ keep: (BackupID, String) -> Void
    ) {
        let users = holders.filter { !$0.id.reason.isOurs }
        for candidate in users.prefix(max(last, 0)) {
            keep(candidate.id, "among the newest \(last)\(suffix)")
        }
        for candidate in holders.filter(\.id.reason.isOurs).prefix(max(last, 1)) {
            keep(candidate.id, "among the newest \(max(last, 1)) from before a change\(suffix)")
        }
        if let within {
            let limit = now - .seconds(within)
            for candidate in holders where candidate.id.createdAt >= limit {
                keep(candidate.id, "younger than \(Self.text(within))")
            }
        }
        // One whose time is in the future is of no day that is known.
        let dated = users.filter { $0.id.createdAt <= now + .seconds(60) }
        func local(_ candidate: Candidate) -> Int64 {
            let seconds = candidate.id.createdAt.seconds
            return seconds + zone.offset(at: seconds)
        }
        keepOne(of: dated, per: "day", count: daily, by: { local($0).floored(by: 86_400) }, keep)
        // 1970-01-01 was a Thursday: Monday-based weeks start three days earlier.
        keepOne(
            of: dated, per: "week", count: weekly,
            by: { (local($0) + 3 * 86_400).floored(by: 7 * 86_400) }, keep)
        keepOne(
            of: dated, per: "month", count: monthly,
            by: {
                let day = CivilDay(days: local($0).floored(by: 86_400))
                return day.year * 12 + day.month
            }, keep)
    }

    private func keepOne(
        of good: [Candidate], per unit: String, count: Int, by period: (Candidate) -> Int64,
        _ keep: (BackupID, String) -> Void
    ) {
        var seen: Set<Int64> = []
        for candidate in good {
            guard seen.count < count else { return }
            if seen.insert(period(candidate)).inserted { keep(candidate.id, "the newest of its \(unit)") }
        }
    }

    private static func floor(_ sorted: [Candidate], _ part: String, _ suffix: String) -> String {
        if !suffix.isEmpty { return "the newest good one of \(part)" }
        return sorted.first?.isDegraded == true
            ? "the newest verified one from before the instance became degraded" : "the newest good one"
    }

    private static func whyGone(_ candidate: Candidate) -> String {
        if candidate.isLacking { return "lacks something, and newer ones of those are kept" }
        return candidate.isDegraded
            ? "of a degraded instance, and newer ones of those are kept"
            : "older than all that the policy keeps"
    }

    private static func text(_ seconds: Int64) -> String {
        switch seconds {
        case let days where days >= 86_400 && days % 86_400 == 0: "\(days / 86_400) d"
        case let hours where hours >= 3600 && hours % 3600 == 0: "\(hours / 3600) h"
        default: "\(seconds) s"
        }
    }
}

extension BackupReason {
    /// True when kecsctl took it before a change of its own, not on a user's request.
    public var isOurs: Bool {
        switch self {
        case .beforeRestore, .beforeMigration, .beforeDestroy: true
        case .manual, .stop, .schedule, .imported: false
        }
    }
}
