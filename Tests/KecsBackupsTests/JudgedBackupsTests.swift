// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Testing
@testable import KecsBackups

@Suite struct JudgedBackupsTests {
    private let whole = [
        GoodBackups.part("data", ["kecs.db": 289]), GoodBackups.part("minio"), GoodBackups.part("config"),
    ]

    private func baseline(_ parts: [Manifest.Part]) throws -> Baseline {
        JudgedBackups([try GoodBackups.backup("20261101T000000Z-manual", parts, sequence: 1, lacks: [])])
            .baseline(of: GoodBackups.instance)
    }

    @Test func `what the last good backup holds with content is missed`() throws {
        let baseline = try baseline(whole)
        func lacks(_ parts: [Manifest.Part], selected: Set<String>? = nil) -> [String] {
            baseline.lacks(of: parts, selected: selected).map { "\($0.name): \($0.kind)" }
        }
        #expect(lacks(whole) == [])
        #expect(lacks([whole[1], whole[2]]) == ["data: missing"])
        #expect(lacks([GoodBackups.part("data", bytes: 0), whole[1], whole[2]]) == ["data: empty"])
        #expect(lacks([GoodBackups.part("data", bytes: 7), whole[1], whole[2]]) == ["data/kecs.db: missing"])
        #expect(
            lacks([GoodBackups.part("data", ["kecs.db": nil]), whole[1], whole[2]])
                == ["data/kecs.db: no tables"])
        // Fewer rows are normal, and parts that nobody asked for are not missed.
        #expect(lacks([GoodBackups.part("data", ["kecs.db": 1]), whole[1], whole[2]]) == [])
        #expect(lacks([whole[1]], selected: ["minio"]) == [])
        #expect(lacks([], selected: ["minio"]) == ["minio: missing"])
    }

    @Test func `a database that is noise where it was readable is missed`() throws {
        let baseline = try baseline(whole)
        var noise = GoodBackups.part("data", ["kecs.db": 289])
        noise.databases[0].engine = .unknown
        noise.databases[0].tables = nil
        #expect(
            baseline.lacks(of: [noise, whole[1], whole[2]], selected: nil).map(\.kind) == ["unreadable"])
    }

    @Test func `what had no content is not missed`() throws {
        let baseline = try baseline([
            GoodBackups.part("data", ["empty.db": nil], bytes: 8192), GoodBackups.part("cache", bytes: 0),
        ])
        #expect(baseline.lacks(of: [GoodBackups.part("data", bytes: 5)], selected: nil).isEmpty)
    }

    @Test func `a dated copy that its owner rotates is told, and not missed`() throws {
        let before = GoodBackups.part(
            "data", ["db.sqlite": 9, "db.backup.1763700000.sqlite": 8, "tenant-2.db": 3])
        let baseline = try baseline([before])
        let rotated = GoodBackups.part("data", ["db.sqlite": 9, "tenant-2.db": 3])
        #expect(baseline.lacks(of: [rotated], selected: nil).isEmpty)
        #expect(baseline.remarks(on: [rotated]).count == 1)
        let lost = GoodBackups.part("data", ["db.sqlite": 9, "db.backup.1763700000.sqlite": 8])
        #expect(baseline.lacks(of: [lost], selected: nil).map(\.name) == ["data/tenant-2.db"])
    }

    @Test func `tables without rows and a shrink below a tenth are told`() throws {
        let baseline = try baseline([GoodBackups.part("data", ["kecs.db": 289], bytes: 1_000_000)])
        let remarks = baseline.remarks(on: [GoodBackups.part("data", ["kecs.db": 0], bytes: 99_999)])
        #expect(remarks.count == 2)
        #expect(remarks[0].contains("has shrunk from 1.0 MB to 100 kB"))
        #expect(remarks[1].contains("every table of data/kecs.db is empty"))
        #expect(baseline.remarks(on: [GoodBackups.part("data", ["kecs.db": 1], bytes: 100_001)]).isEmpty)
    }

    @Test func `the order is the sequence's, not the clock's`() throws {
        let judged = JudgedBackups([
            try GoodBackups.backup("20360101T000000Z-manual", whole, sequence: 1, lacks: []),
            try GoodBackups.backup("20261102T000000Z-manual", whole, sequence: 2, lacks: []),
            try GoodBackups.backup("20261101T000000Z-manual", whole),
        ])
        #expect(
            judged.all.map(\.id.description) == [
                "20261102T000000Z-manual", "20360101T000000Z-manual", "20261101T000000Z-manual",
            ])
        #expect(judged.latest()?.sequence == 2)
        #expect(judged.nextSequence == 3)
    }

    @Test func `the newest is the newest that holds all parts`() throws {
        let judged = JudgedBackups([
            try GoodBackups.backup("20261101T000000Z-manual", whole, sequence: 1, lacks: []),
            try GoodBackups.backup("20261102T000000Z-manual", [whole[1]], sequence: 2, lacks: []),
            try GoodBackups.backup(
                "20261103T000000Z-manual", [whole[1], whole[2]], sequence: 3,
                lacks: [Lack(part: "data", .missing, "is missing")]),
        ])
        #expect(judged.latest()?.sequence == 1)
        // The age is that of the part which has gone without a backup for longest.
        #expect(judged.stalest()?.sequence == 1)
    }

    @Test func `a part that was captured once by name makes no backup old`() throws {
        let judged = JudgedBackups([
            try GoodBackups.backup(
                "20261101T000000Z-manual", [GoodBackups.part("dumps")], sequence: 1, lacks: [],
                selected: ["dumps"]),
            try GoodBackups.backup("20261102T000000Z-manual", whole, sequence: 2, lacks: []),
        ])
        #expect(judged.stalest()?.sequence == 2)
        #expect(judged.latest()?.sequence == 2)
    }

    @Test func `an accepted loss is the new baseline`() throws {
        let judged = JudgedBackups([
            try GoodBackups.backup("20261101T000000Z-manual", whole, sequence: 1, lacks: []),
            try GoodBackups.backup(
                "20261102T000000Z-manual", [whole[0], whole[2]], sequence: 2, lacks: [],
                accepted: ["minio"]),
        ])
        #expect(judged.latest()?.sequence == 2)
        let baseline = judged.baseline(of: GoodBackups.instance)
        #expect(baseline.lacks(of: [whole[0], whole[2]], selected: nil).isEmpty)
        #expect(baseline.acceptedLosses == ["minio"])
    }

    /// Written by 0.1.0 over a database that was removed: all “verified”.
    @Test func `what older versions wrote counts as what its content shows`() throws {
        let empty = [GoodBackups.part("data", bytes: 3), whole[2]]
        let judged = JudgedBackups([
            try GoodBackups.backup("20261101T000000Z-manual", whole),
            try GoodBackups.backup("20261102T000000Z-manual", empty),
            try GoodBackups.backup("20261103T000000Z-manual", empty),
            // Nothing says whether only this part was asked for.
            try GoodBackups.backup("20261104T000000Z-manual", [whole[1]]),
        ])
        #expect(judged.all.map(\.isGood) == [true, false, false, true])
        #expect(judged.all[1].lacks.map(\.name) == ["data/kecs.db"])
        #expect(judged.latest()?.id.description == "20261101T000000Z-manual")
    }

    @Test func `a new instance of an old name has lost nothing`() throws {
        let judged = JudgedBackups([
            try GoodBackups.backup("20261101T000000Z-manual", whole, instance: "old"),
            try GoodBackups.backup("20261102T000000Z-manual", [whole[2]], sequence: 1, lacks: []),
        ])
        #expect(judged.all.allSatisfy { $0.isGood })
        #expect(judged.latest(of: GoodBackups.instance)?.sequence == 1)
        #expect(judged.baseline(of: "third").parts.isEmpty)
    }

    @Test func `a sequence out of all bounds does not stop the counting`() throws {
        let judged = JudgedBackups([
            try GoodBackups.backup("20261101T000000Z-manual", whole, sequence: .max, lacks: []),
            try GoodBackups.backup("20261102T000000Z-manual", whole, sequence: .min, lacks: []),
        ])
        #expect(judged.nextSequence == (1 << 62) + 1)
        #expect(judged.all.last?.sequence == 0)
    }
}
