// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import KecsVelero
import SystemPackage
import Testing

/// Single bits that turn over on the disk.
@Suite struct FlipTests {
    /// All that is answered about a backup, but not how it is worded.
    private struct Answers: Equatable {
        var verdict: VeleroBackup.Verdict
        var facts: [String]
        var contents: [String: [UInt8]]
    }

    private static func answers(_ store: FilePath, _ backup: VeleroBackup) throws -> Answers {
        var contents: [String: [UInt8]] = [:]
        for object in backup.objects {
            contents[object.name] = try Sample.contents(
                "velero/backups/\(backup.name)/\(object.name)", in: store)
        }
        return Answers(
            verdict: backup.verdict,
            facts: ["\(backup.phase ?? "")", "\(backup.startedAt?.seconds ?? 0)", "\(backup.items ?? 0)"]
                + backup.objects.map { "\($0.name) \($0.bytes) \($0.modified)" },
            contents: contents)
    }

    /// The bytes that no checksum covers are `XL2 `, the format's number, msgpack's own marks and the names of the inline data:
    /// a flip in one of them must be found by what stands there. One that is not found is harmless only when all answers and
    /// all contents are the same bytes as before.
    @Test func `every one of 2,000 flipped bits in metadata and parts is found, or changes no answer`() throws
    {
        var chance = CampaignSeed("flips")
        try withTemporaryFolder { folder in
            let store = folder.appending("s")
            for name in [Sample.good, Sample.goodWithPart] {
                try Sample.copyTree(
                    Sample.folder.appending("velero/backups/\(name)"),
                    store.appending("velero/backups/\(name)"))
            }
            let judge = try Sample.judge(store)
            var files: [(path: FilePath, backup: String, bytes: [UInt8])] = []
            var before: [String: Answers] = [:]
            for name in [Sample.good, Sample.goodWithPart] {
                files += try Sample.files(below: store.appending("velero/backups/\(name)"))
                    .map { ($0, name, try $0.contents()) }
                let backup = try judge.one(name)
                #expect(backup.reasons.isEmpty)
                before[name] = try Self.answers(store, backup)
            }
            var harmless = 0
            for round in 0..<2000 {
                // Each eighth one in part.1 or beside it: reading that backup takes the longest.
                let some = files.filter { file in
                    round % 8 == 0
                        ? file.backup == Sample.goodWithPart && file.path.string.contains(".tar.gz/")
                        : file.backup == Sample.good
                }
                let file = some[Int.random(in: 0..<some.count, using: &chance)]
                let range =
                    round % 2 == 0 ? 0..<min(file.bytes.count, 460) : 0..<file.bytes.count
                let place = Int.random(in: range, using: &chance)
                let bit = UInt8(1) << UInt8.random(in: 0..<8, using: &chance)
                var bytes = file.bytes
                bytes[place] ^= bit
                try file.path.writeInPlace(bytes)
                let backup = try judge.one(file.backup)
                // “verify” ends with 13 or 3 for each of them.
                if !backup.objects.contains(where: { $0.problem != nil }) {
                    harmless += 1
                    #expect(
                        try Self.answers(store, backup) == before[file.backup],
                        "\(file.path) byte \(place) bit \(bit)")
                }
                try file.path.writeInPlace(file.bytes)
            }
            print("flips: seed \(chance.seed), 2000 bits, \(2000 - harmless) found, \(harmless) harmless")
            // The format leaves no bit uncovered.
            #expect(harmless == 0)
        }
    }
}

extension FilePath {
    /// Without a new file and its sync, which takes most of the time of a test that does it thousands of times.
    func writeInPlace(_ bytes: [UInt8]) throws {
        let file = try FileDescriptor.open(self, .writeOnly, options: .truncate)
        try file.closeAfter { _ = try file.writeAll(bytes) }
    }
}
