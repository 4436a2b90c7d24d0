// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import KecsVelero

/// Inputs that nobody would write. A trap ends the process; the same seed comes to it again.
///
/// `KECSCTL_FUZZ_SECONDS=1200` goes on for so long instead, with `KECSCTL_SEED` or a seed of its own.
@Suite(.serialized) struct VeleroFuzzTests {
    private static var seconds: Int64? {
        getenv("KECSCTL_FUZZ_SECONDS").flatMap { Int64(String(cString: $0)) }
    }

    private static func chance(_ name: String) -> CampaignSeed {
        seconds == nil && getenv("KECSCTL_SEED") == nil
            ? CampaignSeed(seed: 20_261_129) : CampaignSeed(name)
    }

    /// What stands in `xl.meta` under its checksum, and what follows it.
    private static func seeds() throws -> [(metadata: [UInt8], tail: [UInt8], minor: Int)] {
        var objects = [
            WrittenObject(partSizes: [5], inline: Array("abcde".utf8)),
            WrittenObject(minor: 2, partSizes: [1 << 20, 3]),
            WrittenObject(
                partSizes: [3],
                system: [("x-minio-internal-compression", .bytes([1])), ("a", .nothing)], inline: [1, 2, 3]),
        ]
        objects[0].before = [
            (0, 2, WrittenObject.deleteMarker(at: 1)), (1, 2, WrittenObject.deleteMarker(at: 2)),
        ]
        objects[1].after = [(0, 2, WrittenObject.deleteMarker(at: 1, isFree: true))]
        var seeds = objects.map { (metadata: $0.metadata, tail: $0.tail, minor: $0.minor) }
        let file = try Sample.folder.appending(
            "velero/backups/\(Sample.good)/\(Sample.good)-results.gz/xl.meta"
        ).contents()
        let count = Int(file[11]) << 8 | Int(file[12])
        seeds.append((Array(file[13..<(13 + count)]), Array(file[(13 + count + 5)...]), 3))
        return seeds
    }

    private static func mutate(_ bytes: inout [UInt8], _ chance: inout CampaignSeed) {
        guard !bytes.isEmpty else { return bytes.append(UInt8.random(in: 0...255, using: &chance)) }
        let place = Int.random(in: 0..<bytes.count, using: &chance)
        let end = min(bytes.count, place + Int.random(in: 1...16, using: &chance))
        switch Int.random(in: 0..<7, using: &chance) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &chance)
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &chance)
        case 2: bytes.removeSubrange(place..<end)
        case 3: bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
        case 4:
            // A number at a limit, in msgpack.
            let number: [UInt8] =
                [
                    [0xcf] + [UInt8](repeating: 0xff, count: 8), [0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0],
                    [0xd3, 0x7f] + [UInt8](repeating: 0xff, count: 7), [0xce, 0xff, 0xff, 0xff, 0xff],
                    [0xd3, 1, 0, 0, 0, 0, 0, 0, 0], [0], [0xff], [0xc0],
                ].randomElement(using: &chance) ?? []
            bytes.replaceSubrange(place..<end, with: number)
        case 5:
            // A length that is not there.
            bytes.insert(
                contentsOf: [
                    [0xdd, 0xff, 0xff, 0xff, 0xff], [0xdf, 0x80, 0, 0, 0], [0xc6, 0xff, 0xff, 0xff, 0xf0],
                    [0xdc, 0xff, 0xff], [0xdb, 0, 1, 0, 0],
                ].randomElement(using: &chance) ?? [], at: place)
        default: bytes.removeLast(bytes.count - place)
        }
    }

    /// Rounds while `body` says that they count, or for as long as the environment wants.
    private static func rounds(_ count: Int, _ body: () throws -> Void) rethrows -> Int {
        let clock = ContinuousClock()
        let began = clock.now
        var done = 0
        while seconds.map({ clock.now - began < .seconds($0 / 2) }) ?? (done < count) {
            try body()
            done += 1
        }
        return done
    }

    /// An input to the parser of `xl.meta` and, where that has an object, to the reader of its blocks.
    ///
    /// - Returns: Whether all of it could be read.
    private static func read(_ file: [UInt8], in store: ObjectStore) -> Bool {
        do {
            let found = try ObjectMetadata(file, of: "o")
            guard case .object(let version) = found.newest else { return true }
            // What is computed from it must not overflow either.
            _ = version.storedSize(of: version.size)
            _ = version.parts.map { version.storedSize(of: $0.size) }
            guard let range = found.inlineData[version.inlineName],
                Int64(range.count) == version.storedSize(of: version.size)
            else { return true }
            let object = StoredObject(
                path: "o", size: version.size, modified: Moment(seconds: 0), layout: .minio,
                etag: version.etag, seal: version.seal,
                content: .inline(Array(file[range]), blockSize: version.blockSize))
            try ObjectReader(object, in: store, cancellation: Cancellation()).verify()
            return true
        } catch {
            _ = "\(error)"
            return false
        }
    }

    /// 10 million with `KECSCTL_FAULTS=full`, else 100,000.
    @Test func `10 million mutations of xl.meta with a right checksum trap nowhere, nor do its blocks`()
        throws
    {
        var chance = Self.chance("velero-metadata")
        let seeds = try Self.seeds()
        var read = 0
        let store = try ObjectStore(Sample.folder)
        let count = Self.rounds(Rounds.count(ci: 100_000, full: 10_000_000)) {
            var (metadata, tail, minor) = seeds[Int.random(in: 0..<seeds.count, using: &chance)]
            for _ in 0..<Int.random(in: 1...3, using: &chance) {
                if Int.random(in: 0..<4, using: &chance) == 0 {
                    Self.mutate(&tail, &chance)
                } else {
                    Self.mutate(&metadata, &chance)
                }
            }
            if Int.random(in: 0..<16, using: &chance) == 0 { minor = 5 - minor }
            var file = WrittenObject.file(metadata, tail, minor: minor)
            if Int.random(in: 0..<16, using: &chance) == 0 { Self.mutate(&file, &chance) }
            if Self.read(file, in: store) { read += 1 }
        }
        print("fuzz: seed \(chance.seed), \(count) files, \(read) read, no trap")
        #expect(read > 0 && read < count)
    }

    @Test func `mutated stores are judged, listed and read without a trap`() throws {
        var chance = Self.chance("velero-stores")
        var verdicts: [VeleroBackup.Verdict: Int] = [:]
        try withTemporaryFolder { folder in
            let source = Sample.folder.appending("velero/backups/\(Sample.good)")
            let files = try Sample.files(below: source)
            let target = folder.appending("s/velero/backups/\(Sample.good)")
            try Sample.copyTree(source, target)
            let seeds = try files.map { try $0.contents() }
            let bucket = VeleroBucket(try ObjectStore(folder.appending("s")), path: "velero")
            let judge = JudgeVeleroBackup(
                bucket, depth: .blocks, now: Sample.now, cancellation: Cancellation())
            let reader = ReadVeleroBackup(bucket, Sample.good, cancellation: Cancellation())
            let count = try Self.rounds(Rounds.count(ci: 200, full: 5000)) {
                let index = Int.random(in: 0..<files.count, using: &chance)
                let name = try #require(files[index].removingLastComponent().lastComponent)
                let path = target.appending(name).appending("xl.meta")
                // The content anew, with checksums that are right, so that what reads JSON, gzip and tar is reached.
                var content = try #require(
                    try Sample.contents("velero/backups/\(Sample.good)/\(name.string)", in: Sample.folder))
                Self.mutate(&content, &chance)
                try path.writeInPlace(
                    WrittenObject(partSizes: [Int64(content.count)], inline: content).file)
                verdicts[try judge.one(Sample.good).verdict, default: 0] += 1
                do { _ = try reader.results() } catch { _ = "\(error)" }
                do { _ = try reader.contents("metadata/version") { _ in } } catch { _ = "\(error)" }
                try path.writeInPlace(seeds[index])
            }
            print("fuzz: seed \(chance.seed), \(count) stores, \(verdicts)")
        }
        #expect(verdicts[.damaged] ?? 0 > 0)
    }
}
