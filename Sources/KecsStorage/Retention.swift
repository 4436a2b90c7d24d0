// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// Which backups may go. A pure function: from backups and policy to one verdict each, with its reason.
public struct Retention: Codable, Hashable, Sendable {
    /// The newest so many.
    public var last: Int
    /// Everything younger, in seconds.
    public var within: Int64?
    /// The newest of each of the last so many days (UTC) that have one; likewise weeks (ISO, from Monday) and months.
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

    /// What retention must know of a backup.
    public struct Candidate: Hashable, Sendable {
        public var id: BackupID
        public var isComplete: Bool
        public var isVerified: Bool
        public var isPinned: Bool
        public var isDegraded: Bool

        public init(id: BackupID, isComplete: Bool, isVerified: Bool, isPinned: Bool, isDegraded: Bool) {
            self.id = id
            self.isComplete = isComplete
            self.isVerified = isVerified
            self.isPinned = isPinned
            self.isDegraded = isDegraded
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

    /// - Returns: One verdict for each candidate, the newest first.
    ///
    /// Only complete, verified backups of a healthy instance count towards the policy. Never deleted: a pinned one; the
    /// newest verified one; the newest verified one from before the instance became degraded. Backups of a degraded
    /// instance follow a rule of their own: the newest `last` of them stay. What is damaged or incomplete is left to
    /// `delete` and to the sweep of drafts: retention never removes what may be the only evidence.
    public func verdicts(for candidates: [Candidate], at now: Moment) -> [Verdict] {
        let sorted = candidates.sorted { $0.id > $1.id }
        var kept: [BackupID: String] = [:]
        func keep(_ id: BackupID, _ reason: String) {
            if kept[id] == nil { kept[id] = reason }
        }

        for candidate in sorted where candidate.isPinned { keep(candidate.id, "pinned") }
        let good = sorted.filter { $0.isComplete && $0.isVerified && !$0.isDegraded }
        for candidate in good.prefix(max(last, 0)) { keep(candidate.id, "among the newest \(last)") }
        if let within {
            let limit = now - .seconds(within)
            for candidate in good where candidate.id.createdAt >= limit {
                keep(candidate.id, "younger than \(Self.text(within))")
            }
        }
        keepOne(of: good, per: "day", count: daily, by: { $0 / 86_400 }, keep)
        // 1970-01-01 was a Thursday: Monday-based weeks start three days earlier.
        keepOne(of: good, per: "week", count: weekly, by: { ($0 + 3 * 86_400) / (7 * 86_400) }, keep)
        keepOne(of: good, per: "month", count: monthly, by: Self.month, keep)
        if let newest = good.first {
            let floor =
                sorted.first?.isDegraded == true
                ? "the newest verified one from before the instance became degraded"
                : "the newest verified one"
            keep(newest.id, floor)
        }
        let degraded = sorted.filter { $0.isComplete && $0.isVerified && $0.isDegraded }
        for candidate in degraded.prefix(max(last, 1)) {
            keep(candidate.id, "of a degraded instance, among the newest \(max(last, 1)) of those")
        }
        return sorted.map { candidate in
            if let reason = kept[candidate.id] {
                return Verdict(id: candidate.id, isKept: true, reason: reason)
            }
            guard candidate.isComplete, candidate.isVerified else {
                return Verdict(
                    id: candidate.id, isKept: true,
                    reason: candidate.isComplete
                        ? "not verified, so not counted and not touched"
                        : "incomplete or damaged, so not counted and not touched")
            }
            return Verdict(
                id: candidate.id, isKept: false,
                reason: candidate.isDegraded
                    ? "of a degraded instance, and newer ones of those are kept"
                    : "older than all that the policy keeps")
        }
    }

    private func keepOne(
        of good: [Candidate], per unit: String, count: Int, by period: (Int64) -> Int64,
        _ keep: (BackupID, String) -> Void
    ) {
        var seen: Set<Int64> = []
        for candidate in good {
            guard seen.count < count else { return }
            if seen.insert(period(candidate.id.createdAt.seconds)).inserted {
                keep(candidate.id, "the newest of its \(unit)")
            }
        }
    }

    private static func month(_ seconds: Int64) -> Int64 {
        Int64(Moment(seconds: seconds).compact.prefix(6)) ?? 0
    }

    private static func text(_ seconds: Int64) -> String {
        switch seconds {
        case let days where days >= 86_400 && days % 86_400 == 0: "\(days / 86_400) d"
        case let hours where hours >= 3600 && hours % 3600 == 0: "\(hours / 3600) h"
        default: "\(seconds) s"
        }
    }
}
