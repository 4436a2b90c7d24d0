// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Feeds every decoder with mutations of the corpus. A trap ends the process; the file that is named then says in which
/// round, and the same seed comes to it again.
///
/// `KECSCTL_FUZZ_SECONDS=1200 swift test --filter FuzzTests` goes on for so long; `KECSCTL_FUZZ_SEED` is the seed, and
/// `KECSCTL_FUZZ_ROUND` the first round.
@Suite(.serialized) struct FuzzTests {
    private static let corpus = FilePath(#filePath).removingLastComponent().appending("Corpus")

    /// By the decoder's name: `Corpus/manifest-1.json`.
    private static func seeds(of decoder: Decoder) throws -> [[UInt8]] {
        try corpus.entries().filter { $0.string.hasPrefix("\(decoder.rawValue)-") }
            .map { try corpus.appending($0).contents() }
    }

    private static func variable(_ name: String) -> UInt64? {
        getenv(name).flatMap { UInt64(String(cString: $0)) }
    }

    @Test(arguments: Decoder.allCases)
    func `every file of the corpus is read or refused`(decoder: Decoder) throws {
        let seeds = try Self.seeds(of: decoder)
        #expect(!seeds.isEmpty)
        try withTemporaryFolder { folder in
            for seed in seeds {
                do { try decoder.run(seed, in: folder) } catch { _ = "\(error)" }
            }
        }
    }

    @Test func `mutations of the corpus trap nowhere`() throws {
        let seed = Self.variable("KECSCTL_FUZZ_SEED") ?? 20_261_128
        let limit = Self.variable("KECSCTL_FUZZ_SECONDS").map { Duration.seconds(Int64(min($0, 1 << 20))) }
        let first = Self.variable("KECSCTL_FUZZ_ROUND") ?? 0
        // Without a time: so many, on every machine the same.
        let last: UInt64 = limit == nil ? first + 3000 : .max
        let decoders = Decoder.allCases
        let seeds = try decoders.map { try Self.seeds(of: $0) }
        let place = FilePath("/tmp/kecsctl-fuzz-\(getpid())")
        print("fuzz: seed \(seed), from round \(first); the round is in \(place)")
        let clock = ContinuousClock()
        let began = clock.now
        var round = first
        var refused = 0
        try withTemporaryFolder { folder in
            let file = open(place.string, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
            try #require(file >= 0)
            defer { close(file) }
            while round < last, limit.map({ clock.now - began < $0 }) ?? true {
                var text = Array("\(round)\n".utf8)
                pwrite(file, &text, text.count, 0)
                var mutation = Mutation(random: SeededRandom(seed, round))
                let which = Int(round % UInt64(decoders.count))
                let start = seeds[which].randomElement(using: &mutation.random) ?? []
                let input = mutation.mutate(start, of: decoders[which])
                do { try decoders[which].run(input, in: folder) } catch { refused += 1 }
                round += 1
            }
        }
        unlink(place.string)
        print("fuzz: seed \(seed), \(round - first) executions, \(refused) refused, no trap")
        // What is never refused, or always, is not looked at.
        #expect(refused > 0 && refused < Int(round - first))
    }
}
