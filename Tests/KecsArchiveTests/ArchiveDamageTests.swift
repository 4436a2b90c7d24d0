// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsSystem
import SystemPackage
import Testing

@Suite struct ArchiveDamageTests {
    private func isDamaged(_ file: FilePath, _ compression: Compression? = nil) -> String? {
        do {
            try check(file, compression)
            return "nothing noticed"
        } catch let error as ArchiveError {
            return error.file == file ? nil : "the wrong file is named"
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: [Compression.fast, .small])
    func `a flipped bit anywhere is found without knowing the digest`(compression: Compression) throws {
        let scratch = Scratch()
        scratch.run(
            "mkdir tree; printf content > tree/file; touch -d @1600000000 tree/file tree")
        let file = scratch.path.appending("a")
        let summary = try archive(scratch.path.appending("tree"), to: file, compression)
        let whole = try file.contents()
        #expect(whole.count == Int(summary.bytes))
        let descriptor = file.withPlatformString { open($0, O_WRONLY) }
        defer { close(descriptor) }
        var unnoticed: [String] = []
        for position in whole.indices {
            for bit in 0..<8 {
                var byte = whole[position] ^ (1 << UInt8(bit))
                #expect(pwrite(descriptor, &byte, 1, off_t(position)) == 1)
                if let problem = isDamaged(file) { unnoticed.append("\(position).\(bit): \(problem)") }
            }
            var byte = whole[position]
            #expect(pwrite(descriptor, &byte, 1, off_t(position)) == 1)
        }
        #expect(unnoticed == [])
        #expect(try check(file).sha256 == summary.sha256)
    }

    @Test(arguments: [Compression.fast, .small, .none])
    func `every truncation is found`(compression: Compression) throws {
        let scratch = Scratch()
        scratch.run("mkdir tree; seq 1 100 > tree/text; head -c 600 /dev/urandom > tree/noise")
        let file = scratch.path.appending("a")
        let summary = try archive(scratch.path.appending("tree"), to: file, compression)
        // Without its index it is whole, as 0.1.0 wrote it: only the manifest's digest tells.
        let start = compression == .none ? nil : Int64(try indexStart(of: try file.contents()))
        var unnoticed: [String] = []
        for count in stride(from: summary.bytes - 1, through: 0, by: compression == .none ? -17 : -1)
        where count != start {
            #expect(file.withPlatformString { truncate($0, off_t(count)) } == 0)
            if let problem = isDamaged(file, compression) { unnoticed.append("\(count): \(problem)") }
        }
        #expect(unnoticed == [])
    }

    @Test(arguments: [Compression.fast, .none])
    func `what follows the end is found`(compression: Compression) throws {
        let scratch = Scratch()
        scratch.run("mkdir tree; seq 1 100 > tree/text")
        let file = scratch.path.appending("a")
        _ = try archive(scratch.path.appending("tree"), to: file, compression)
        for tail in ["printf x", "head -c 4096 /dev/zero", "cat a", "head -c 10240 /dev/urandom"] {
            scratch.run("(cat a; \(tail)) > longer")
            #expect(isDamaged(scratch.path.appending("longer"), compression) == nil, "\(tail)")
        }
    }

    @Test func `a large archive with a part of zeros, or without a part, is damaged`() throws {
        let scratch = Scratch()
        scratch.run("mkdir tree; head -c 5000000 /dev/urandom > tree/noise; seq 1 900000 > tree/text")
        let file = scratch.path.appending("a")
        let summary = try archive(scratch.path.appending("tree"), to: file)
        for start in [0, 1 << 20, 3_000_000, summary.bytes - 4096] {
            scratch.run("cp a b; dd if=/dev/zero of=b bs=1 seek=\(start) count=4096 conv=notrunc status=none")
            #expect(isDamaged(scratch.path.appending("b")) == nil)
            scratch.run("(head -c \(start) a; tail -c +$((\(start) + 4097)) a) > b")
            #expect(isDamaged(scratch.path.appending("b")) == nil)
        }
        #expect(try check(file).sha256 == summary.sha256)
    }

    @Test func `the digest that was expected is compared`() throws {
        let scratch = Scratch()
        scratch.run("mkdir tree one two; seq 1 100 > tree/text")
        let file = scratch.path.appending("a")
        let summary = try archive(scratch.path.appending("tree"), to: file)
        try unpack(file, into: scratch.path.appending("one"), UnpackOptions(expectedSHA256: summary.sha256))
        let error = #expect(throws: ArchiveError.self) {
            try unpack(
                file, into: scratch.path.appending("two"),
                UnpackOptions(expectedSHA256: String(repeating: "0", count: 64)))
        }
        #expect(error?.kind == .damaged)
    }

    @Test func `foreign compressed archives are checked as far as gzip's own checksums go`() throws {
        let scratch = Scratch()
        scratch.run(
            "mkdir tree; seq 1 2000 > tree/text; tar czf a tree; tar cf - tree | gzip -1 > b; cat /dev/null > empty; seq 1 9 > text; gzip text"
        )
        for name in ["a", "b"] {
            let file = scratch.path.appending(name)
            try check(file)
            let whole = try file.contents()
            for count in stride(from: 1, to: whole.count, by: 97) {
                try scratch.path.appending("cut").write(Array(whole[..<count]))
                #expect(isDamaged(scratch.path.appending("cut")) == nil, "\(name) cut at \(count)")
            }
            // Beyond the header, which gzip does not cover. Padding and the code lengths of symbols that do not occur
            // may be anything: what is not noticed must then give the same bytes.
            var damaged = whole
            for position in stride(from: 20, to: whole.count, by: 13) {
                damaged[position] ^= 0x55
                try scratch.path.appending("flipped").write(damaged)
                let isHarmless =
                    isDamaged(scratch.path.appending("flipped")) != nil
                    && scratch.run("gzip -dc \(name) >one 2>&1; gzip -dc <flipped >two 2>&1; cmp -s one two")
                        == 0
                #expect(
                    isHarmless || isDamaged(scratch.path.appending("flipped")) == nil,
                    "\(name) at \(position)")
                damaged[position] = whole[position]
            }
        }
        #expect(isDamaged(scratch.path.appending("empty")) == nil)
        #expect(isDamaged(scratch.path.appending("text.gz")) == nil)
    }

    @Test func `an interrupted run stops at once, takes its file away and leaves no thread`() throws {
        let scratch = Scratch()
        scratch.run(
            "mkdir tree; head -c 200000000 /dev/zero > tree/zeros; head -c 100000000 /dev/urandom > tree/noise"
        )
        let tree = scratch.path.appending("tree")
        let file = scratch.path.appending("a")
        let clock = SystemClock()
        for work in 0..<3 {
            let cancellation = Cancellation()
            let canceller = Cancelling(cancellation, after: 20_000_000)
            #expect(throws: Interrupted(.interrupt)) {
                switch work {
                case 0:
                    _ = try writeArchive(
                        of: TreeSource(root: tree), to: file, compression: .fast, threads: 2,
                        cancellation: cancellation, progress: canceller)
                case 1:
                    _ = try checkArchive(
                        file, compression: nil, threads: 2, cancellation: cancellation, progress: canceller)
                default:
                    _ = try unpackArchive(
                        file, into: scratch.folder("target"), threads: 2, cancellation: cancellation,
                        progress: canceller)
                }
            }
            let stopped = clock.elapsed()
            #expect(canceller.cancelled.map { stopped - $0 < .seconds(2) } == true)
            if work == 0 {
                #expect(try !file.isPresent)
                _ = try archive(tree, to: file)
            }
        }
        let threads = lines(of: "cat /proc/\(getpid())/task/*/comm").filter {
            $0.hasPrefix("deflate") || $0.hasPrefix("inflate") || $0.hasPrefix("archive-")
        }
        #expect(threads.count < 64)
    }
}

/// Cancels from inside, when some bytes have gone by.
private final class Cancelling: ProgressSink, @unchecked Sendable {
    // @unchecked: one thread at a time reports progress in these tests, and it is joined before the fields are read.
    private let cancellation: Cancellation
    private var left: Int64
    private(set) var cancelled: Duration?

    init(_ cancellation: Cancellation, after bytes: Int64) {
        self.cancellation = cancellation
        left = bytes
    }

    func step(_ text: String, total: Int64?) {}

    func advance(_ bytes: Int64) {
        left -= bytes
        guard left <= 0, cancelled == nil else { return }
        cancelled = SystemClock().elapsed()
        cancellation.cancel(.interrupt)
    }
}
