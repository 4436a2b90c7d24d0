// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Testing
@testable import KecsBackups

/// Whatever is backed up, lost, gained and pruned, in whatever order and by whatever clock: nothing good is ever removed
/// because of something that is not, and each part keeps as many good backups as the policy says.
@Suite struct RetentionPropertyTests {
    /// The instance and its backups as someone who knows the truth would note them.
    private struct World {
        /// What is there now: databases of each part.
        var state: [String: Set<String>] = ["data": ["kecs.db"], "minio": [], "config": []]
        /// What good backups showed, less what was given up.
        var known: [String: Set<String>] = [:]
        /// In the order in which they were taken.
        var taken: [(id: BackupID, parts: [String: Set<String>], isGood: Bool)] = []
        var stored: [StoredBackup] = []
        var now = Moment(seconds: 1_795_225_530)
        var random: SplitMix

        mutating func step(_ seed: Int) throws {
            switch random.next(below: 12) {
            case 0: lose()
            case 1: loseDatabase()
            case 2: gain()
            case 3: now = now + .seconds(Int64(random.next(below: 400)) * 86_400)
            case 4: now = now - .seconds(Int64(random.next(below: 400)) * 86_400)
            case 5, 6: try backup(only: state.keys.sorted().randomElement(using: &random), accepting: false)
            case 7: try backup(only: nil, accepting: true)
            default: try backup(only: nil, accepting: false)
            }
            now = now + .seconds(Int64(random.next(below: 90_000)))
            prune(
                Retention(
                    last: 1 + random.next(below: 4),
                    within: random.next(below: 3) == 0 ? Int64(random.next(below: 500_000)) : nil,
                    daily: random.next(below: 4), weekly: random.next(below: 3),
                    monthly: random.next(below: 3)), seed)
        }

        private mutating func lose() {
            guard let part = state.keys.sorted().randomElement(using: &random) else { return }
            state[part] = nil
        }

        private mutating func loseDatabase() {
            guard let part = state.keys.sorted().randomElement(using: &random),
                let database = state[part]?.sorted().randomElement(using: &random)
            else { return }
            state[part]?.remove(database)
        }

        private mutating func gain() {
            let part = ["data", "minio", "config", "logs"][random.next(below: 4)]
            state[part, default: []].insert(["kecs.db", "vector.db"][random.next(below: 2)])
        }

        private mutating func backup(only part: String?, accepting: Bool) throws {
            let selected = part.map { [$0] }
            let holds = state.filter { selected?.contains($0.key) ?? true }
            guard !holds.isEmpty else { return }
            let records = holds.map { name, databases in
                GoodBackups.part(name, Dictionary(uniqueKeysWithValues: databases.map { ($0, 3) }), bytes: 9)
            }
            let judged = JudgedBackups(stored)
            let baseline = judged.baseline(of: GoodBackups.instance)
            let lacks = baseline.lacks(of: records, selected: selected.map(Set.init))
            let accepted =
                (accepting ? lacks.map(\.name) : [])
                + baseline.acceptedLosses.filter { name in !records.contains { $0.name == name } }
            let reason: BackupReason = random.next(below: 5) == 0 ? .beforeMigration : .manual
            var number = 1
            while stored.contains(where: { $0.id == BackupID(now, reason, number: number) }) { number += 1 }
            let id = BackupID(now, reason, number: number)
            stored.append(
                try GoodBackups.backup(
                    id.description, records, sequence: judged.nextSequence,
                    lacks: accepting ? [] : lacks, accepted: accepted))

            // The same, from the truth.
            let missed = known.filter { name, databases in
                (selected?.contains(name) ?? true)
                    && !(state[name].map { databases.isSubset(of: $0) } ?? false)
            }
            let isGood = missed.isEmpty || accepting
            if isGood {
                for name in missed.keys where state[name] == nil { known[name] = nil }
                known.merge(holds) { $1 }
            }
            taken.append((id, holds, isGood))
        }

        private mutating func prune(_ policy: Retention, _ seed: Int) {
            let judged = JudgedBackups(stored)
            let verdicts = policy.verdicts(for: judged.all.map(\.candidate), at: now)
            #expect(verdicts.count == stored.count)
            let gone = Set(verdicts.filter { !$0.isKept }.map(\.id))
            let before = taken
            taken.removeAll { gone.contains($0.id) }
            stored.removeAll { gone.contains($0.id) }

            for (index, backup) in before.enumerated() {
                #expect(
                    judged.all.first { $0.id == backup.id }?.isGood == backup.isGood,
                    "seed \(seed): \(backup.id)")
                guard backup.isGood, gone.contains(backup.id) else { continue }
                for part in backup.parts.keys where known[part] != nil {
                    let isOurs = backup.id.reason.isOurs
                    let newer = before[(index + 1)...].filter {
                        $0.isGood && $0.parts[part] != nil && $0.id.reason.isOurs == isOurs
                    }
                    // Unless the part was given up meanwhile, and came back later.
                    let wasGivenUp = before[(index + 1)...].contains { later in
                        later.isGood && later.parts[part] == nil
                            && judged.all.first { $0.id == later.id }?.manifest?.acceptedLosses?.contains(
                                part)
                                == true
                    }
                    #expect(
                        newer.count >= policy.last || wasGivenUp,
                        "seed \(seed): \(backup.id) was pushed out of \(part) by \(newer.map(\.id))")
                }
            }
            // What is known of each part is still in a good backup, and is what a restore takes.
            for (part, databases) in known {
                #expect(
                    taken.contains { $0.isGood && databases.isSubset(of: $0.parts[part] ?? ["?"]) },
                    "seed \(seed): nothing good holds \(part) any more")
            }
            let complete = taken.last { backup in
                backup.isGood && known.keys.allSatisfy { backup.parts[$0] != nil }
            }
            if let complete {
                #expect(JudgedBackups(stored).latest()?.id == complete.id, "seed \(seed)")
            }
        }
    }

    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        mutating func next(below limit: Int) -> Int { Int(next() % UInt64(limit)) }
    }

    @Test(arguments: 0..<60)
    func `nothing good is pruned by what is not, and every part keeps its floor`(seed: Int) throws {
        var world = World(random: SplitMix(state: UInt64(seed)))
        for _ in 0..<60 { try world.step(seed) }
    }
}
