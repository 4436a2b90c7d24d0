// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import Testing

@Suite struct RetentionTests {
    /// Backups that are so many hours old, with letters for what is special: `p` pinned, `d` degraded, `u` not verified,
    /// `x` incomplete or damaged.
    private func backups(_ ages: [(hours: Int64, marks: String)]) -> [Retention.Candidate] {
        ages.map { age in
            Retention.Candidate(
                id: BackupID(now - .seconds(age.hours * 3600), .manual), isComplete: !age.marks.contains("x"),
                isVerified: !age.marks.contains("u") && !age.marks.contains("x"),
                isPinned: age.marks.contains("p"), isDegraded: age.marks.contains("d"))
        }
    }

    private let now = Moment(seconds: 1_795_225_530)

    private func kept(_ policy: Retention, _ ages: [(Int64, String)]) -> [Bool] {
        policy.verdicts(for: backups(ages.map { (hours: $0.0, marks: $0.1) }), at: now).map(\.isKept)
    }

    @Test func `the newest five stay`() {
        let verdicts = Retention.standard.verdicts(
            for: backups((1...7).map { (hours: $0, marks: "") }), at: now)
        #expect(verdicts.map(\.isKept) == [true, true, true, true, true, false, false])
        #expect(verdicts[0].reason == "among the newest 5")
        #expect(verdicts[6].reason == "older than all that the policy keeps")
    }

    @Test func `the newest verified one stays even when the policy keeps none`() {
        #expect(kept(Retention(last: 0), [(1, "u"), (2, ""), (3, "")]) == [true, true, false])
    }

    @Test func `what is not verified does not push out what is`() {
        #expect(
            kept(Retention(last: 1), [(1, "x"), (2, "u"), (3, "x"), (4, ""), (5, "")])
                == [true, true, true, true, false])
    }

    @Test func `backups of a degraded instance never push out good ones`() {
        let verdicts = Retention(last: 2).verdicts(
            for: backups([(1, "d"), (2, "d"), (3, "d"), (4, "d"), (50, ""), (60, ""), (70, "")]), at: now)
        #expect(verdicts.map(\.isKept) == [true, true, false, false, true, true, false])
    }

    @Test func `pinned ones stay and are not counted out`() {
        #expect(kept(Retention(last: 1), [(1, ""), (2, ""), (900, "p")]) == [true, false, true])
    }

    @Test func `an age keeps everything younger, to the second`() {
        let policy = Retention(last: 1, within: 7 * 86_400)
        #expect(kept(policy, [(1, ""), (100, ""), (168, ""), (169, "")]) == [true, true, true, false])
    }

    @Test func `one of each day, week and month`() {
        // Four a day over ten days.
        let ages = (0..<40).map { (hours: Int64($0 * 6), marks: "") }
        let daily = Retention(last: 1, daily: 3).verdicts(for: backups(ages), at: now)
        let days = daily.filter(\.isKept).map { $0.id.description.prefix(8) }
        #expect(Set(days).count == 3)
        #expect(days.count == 3)
        let weekly = Retention(last: 1, weekly: 2).verdicts(for: backups(ages), at: now).filter(\.isKept)
        #expect(weekly.count == 2)
        // 2026-11-21 is a Saturday: its week began on Monday the 16th, so the newest of the week before is of the 15th.
        #expect(weekly[1].id.description.hasPrefix("20261115T"))
        #expect(weekly[1].reason == "the newest of its week")
        let monthly = Retention(last: 1, monthly: 2).verdicts(
            for: backups((0..<60).map { (hours: Int64($0 * 24), marks: "") }), at: now
        ).filter(\.isKept)
        #expect(monthly.map { $0.id.description.prefix(6) } == ["202611", "202610"])
    }

    /// A simulated year of daily backups, pruned every day, against a plain reading of the rule.
    @Test func `a year of daily runs keeps seven days and never fewer than one`() {
        var all: [Retention.Candidate] = []
        let policy = Retention(last: 1, daily: 7)
        for day in 0..<365 {
            let today = Moment(seconds: Int64(day) * 86_400 + 7200)
            // Every fifth run fails to be verified.
            all.append(
                Retention.Candidate(
                    id: BackupID(today, .schedule), isComplete: true, isVerified: day % 5 != 3,
                    isPinned: false,
                    isDegraded: false))
            let verdicts = policy.verdicts(for: all, at: today)
            let gone = Set(verdicts.filter { !$0.isKept }.map(\.id))
            all.removeAll { gone.contains($0.id) }
            let good = all.filter(\.isVerified)
            #expect(good.count == min(7, day + 1 - (day + 2) / 5))
        }
    }
}
