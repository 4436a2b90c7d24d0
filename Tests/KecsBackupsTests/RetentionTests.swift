// SPDX-License-Identifier: Apache-2.0
import KecsBackups
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

    /// One backup an hour, the last one newest, by hand unless it is said otherwise.
    private func hourly(
        _ backups: [(Set<String>, BackupReason)],
        change: (Int, inout Retention.Candidate) -> Void = { _, _ in }
    ) -> [Retention.Candidate] {
        backups.enumerated().map { index, backup in
            var candidate = Retention.Candidate(
                id: BackupID(now - .seconds(Int64(backups.count - index) * 3600), backup.1),
                isComplete: true, isVerified: true, isPinned: false, isDegraded: false,
                sequence: Int64(index + 1), parts: backup.0)
            change(index, &candidate)
            return candidate
        }
    }

    private func keptSequences(_ policy: Retention, _ candidates: [Retention.Candidate]) -> [Int64] {
        policy.verdicts(for: candidates, at: now).filter(\.isKept).compactMap { verdict in
            candidates.first { $0.id == verdict.id }?.sequence
        }
    }

    @Test func `each part counts by itself`() {
        let whole: Set<String> = ["data", "minio"]
        var made: [(Set<String>, BackupReason)] = [(whole, .manual), (whole, .manual)]
        for _ in 0..<6 { made.append((["minio"], .manual)) }
        let backups = hourly(made)
        #expect(keptSequences(Retention(last: 1), backups) == [8, 2])
        #expect(keptSequences(Retention(last: 2), backups) == [8, 7, 2, 1])
        let verdicts = Retention(last: 1).verdicts(for: backups, at: now)
        #expect(verdicts[6].reason == "among the newest 1 that hold data")
    }

    @Test func `what kecsctl takes before its own changes pushes out none of the user's`() {
        let all: Set<String> = ["data"]
        var made: [(Set<String>, BackupReason)] = []
        for index in 0..<11 { made.append((all, index < 5 ? .manual : .beforeMigration)) }
        let backups = hourly(made)
        #expect(keptSequences(.standard, backups) == [11, 10, 9, 8, 7, 5, 4, 3, 2, 1])
    }

    @Test func `what lacks something counts for nothing, and the newest of it stay as evidence`() {
        let all: Set<String> = ["data"]
        let backups = hourly(Array(repeating: (all, .manual), count: 8)) { index, candidate in
            candidate.isLacking = index > 1
        }
        #expect(keptSequences(Retention(last: 1), backups) == [8, 2])
        #expect(keptSequences(Retention(last: 2), backups) == [8, 7, 2, 1])
    }

    @Test func `a clock that was ahead pushes out nothing, and fills no day`() {
        let all: Set<String> = ["data"]
        var backups = hourly(Array(repeating: (all, .manual), count: 4))
        backups[0].id = BackupID(now + .seconds(10 * 365 * 86_400), .manual)
        #expect(keptSequences(Retention(last: 1), backups) == [4])
        #expect(keptSequences(Retention(last: 1, daily: 1), backups) == [4])
    }

    @Test func `a part whose loss was accepted no longer has to be held`() {
        let whole: Set<String> = ["data", "minio"]
        let backups = hourly([(whole, .manual), (["data"], .manual), (["data"], .manual)]) {
            index, candidate in
            if index > 0 { candidate.acceptedLosses = ["minio"] }
        }
        #expect(keptSequences(Retention(last: 1), backups) == [3])
        #expect(keptSequences(Retention(last: 3), backups) == [3, 2, 1])
    }

    @Test func `another instance of the name is counted by itself`() {
        let all: Set<String> = ["data"]
        let backups = hourly(Array(repeating: (all, .manual), count: 4)) { index, candidate in
            candidate.instance = index < 2 ? "old" : "new"
        }
        #expect(keptSequences(Retention(last: 1), backups) == [4, 2])
    }

    @Test func `days begin where the machine is`() throws {
        // 2026-11-21T23:30Z, and half an hour past midnight in Berlin.
        let late = Moment(seconds: 1_795_303_800)
        let candidates = [late - .seconds(7200), late].map {
            Retention.Candidate(
                id: BackupID($0, .manual), isComplete: true, isVerified: true, isPinned: false,
                isDegraded: false)
        }
        let policy = Retention(last: 1, daily: 2)
        #expect(policy.verdicts(for: candidates, at: late).map(\.isKept) == [true, false])
        let berlin = LocalTime.machine(["TZ": "CET-1CEST,M3.5.0,M10.5.0/3"])
        #expect(policy.verdicts(for: candidates, at: late, in: berlin).map(\.isKept) == [true, true])
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
