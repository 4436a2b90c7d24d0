// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsArchive
import KecsSystem
import Synchronization
import SystemPackage
import Testing

/// Files that do not hold still. Each archive that comes of it must be whole, whatever it holds.
@Suite struct ArchiveChangingTests {
    /// Runs `disturb` over and over beside `body`.
    private func beside(
        _ disturb: @escaping @Sendable (Int) -> Void, _ body: () throws -> Void
    ) throws {
        let flag = Flag()
        let thread = try Threads.joinable(name: "disturb") {
            var round = 0
            while !flag.isSet {
                disturb(round)
                round += 1
            }
        }
        defer {
            flag.isSet = true
            thread.join()
        }
        try body()
    }

    private func archiveAgainAndAgain(_ scratch: Scratch, _ rounds: Int) throws -> [ArchiveSummary] {
        var summaries: [ArchiveSummary] = []
        for round in 0..<rounds {
            let file = scratch.path.appending("a\(round)")
            let summary = try archive(scratch.path.appending("tree"), to: file)
            let seen = try check(file, .fast)
            #expect(seen.sha256 == summary.sha256)
            #expect(seen.entries == summary.entries)
            #expect(seen.sourceBytes == summary.sourceBytes)
            let target = scratch.folder("target\(round)")
            try unpack(file, into: target)
            #expect(scratch.run("gzip -t < a\(round) && tar tzf a\(round) > /dev/null") == 0)
            summaries.append(summary)
        }
        return summaries
    }

    @Test(arguments: [2000, 3_000_000])
    func `a file that only grows is archived once, as long as it was at the first look`(size: Int) throws {
        let scratch = Scratch()
        scratch.run("mkdir tree; head -c \(size) /dev/zero > tree/log")
        let path = scratch.path.appending("tree/log")
        let file = path.withPlatformString { open($0, O_WRONLY | O_APPEND) }
        defer { close(file) }
        try beside({ _ in
            _ = Glibc.write(file, "more\n", 5)
            usleep(100)
        }) {
            for summary in try archiveAgainAndAgain(scratch, 5) {
                #expect(summary.changed.isEmpty)
                #expect(summary.entries == 2)
            }
        }
    }

    @Test(arguments: [2000, 3_000_000])
    func `a file that grows and shrinks while it is read keeps the archive whole`(size: Int) throws {
        let scratch = Scratch()
        scratch.run(
            "mkdir tree; printf before > tree/a; head -c \(size) /dev/zero > tree/b-changing; printf after > tree/c"
        )
        let path = scratch.path.appending("tree/b-changing")
        let file = path.withPlatformString { open($0, O_RDWR) }
        defer { close(file) }
        try beside({ round in
            ftruncate(file, off_t(round % 2 == 0 ? size / 3 : size + round % 1000))
        }) {
            _ = try archiveAgainAndAgain(scratch, 5)
        }
        for round in 0..<5 {
            let target = scratch.path.appending("target\(round)")
            #expect(try target.appending("a").contents() == Array("before".utf8))
            #expect(try target.appending("c").contents() == Array("after".utf8))
        }
    }

    @Test func `a file that never rests is named`() throws {
        let scratch = Scratch()
        scratch.run(
            "mkdir tree; head -c 9000000 /dev/urandom > tree/restless; head -c 9000000 /dev/urandom > tree/still"
        )
        let path = scratch.path.appending("tree/restless")
        let file = path.withPlatformString { open($0, O_RDWR) }
        defer { close(file) }
        // With every MiB that is written its beginning is another one.
        let rounds = Mutex(UInt8(0))
        let sink = OnBytes {
            var byte = rounds.withLock { round in
                round &+= 1
                return round
            }
            pwrite(file, &byte, 1, 0)
        }
        let summary = try writeArchive(
            of: TreeSource(root: scratch.path.appending("tree")), to: scratch.path.appending("a"),
            compression: .fast, threads: 2, cancellation: Cancellation(), progress: sink)
        #expect(summary.changed == [Array("restless".utf8)])
        // The folder, five tries, the one that held still.
        #expect(summary.entries == 7)
        try unpack(scratch.path.appending("a"), into: scratch.folder("target"))
        #expect(
            scratch.run(
                "cmp tree/still target/still && cmp -i 1 tree/restless target/restless"
            ) == 0)
    }

    @Test func `a file that grows with every piece that is read is whole`() throws {
        let scratch = Scratch()
        scratch.run(
            "mkdir tree; head -c 9000000 /dev/urandom > tree/restless; head -c 9000000 /dev/urandom > tree/still"
        )
        let path = scratch.path.appending("tree/restless")
        let file = path.withPlatformString { open($0, O_RDWR) }
        defer { close(file) }
        // With every MiB that is written the file has grown.
        let sink = OnBytes {
            var byte: UInt8 = 0
            pwrite(file, &byte, 1, lseek(file, 0, SEEK_END))
        }
        let summary = try writeArchive(
            of: TreeSource(root: scratch.path.appending("tree")), to: scratch.path.appending("a"),
            compression: .fast, threads: 2, cancellation: Cancellation(), progress: sink)
        #expect(summary.changed == [])
        // The folder, the one that grew as it was at the first look, the one that held still.
        #expect(summary.entries == 3)
        try unpack(scratch.path.appending("a"), into: scratch.folder("target"))
        #expect(
            scratch.run(
                "cmp tree/still target/still && head -c 9000000 target/restless | cmp - <(head -c 9000000 tree/restless)"
            ) == 0)
    }

    @Test func `a large file that changed once is read again, and the archive holds one state of it`() throws
    {
        let scratch = Scratch()
        scratch.run("mkdir tree; head -c 40000000 /dev/zero > tree/big")
        let path = scratch.path.appending("tree/big")
        let file = path.withPlatformString { open($0, O_RDWR) }
        defer { close(file) }
        let sink = OnFirstBytes {
            // Behind and before what has been read by now.
            var byte = UInt8(ascii: "X")
            pwrite(file, &byte, 1, 0)
            pwrite(file, &byte, 1, 39_999_999)
        }
        let summary = try writeArchive(
            of: TreeSource(root: scratch.path.appending("tree")), to: scratch.path.appending("a"),
            compression: .fast, threads: 2, cancellation: Cancellation(), progress: sink)
        #expect(summary.changed == [])
        // The folder, the torn state, the whole one.
        #expect(summary.entries == 3)
        #expect(try check(scratch.path.appending("a")).entries == 3)
        try unpack(scratch.path.appending("a"), into: scratch.folder("target"))
        #expect(
            scratch.run("cmp tree/big target/big && mkdir out && tar xzf a -C out && cmp tree/big out/big")
                == 0)
    }

    @Test func `files that come and go are left out or in, never in pieces`() throws {
        let scratch = Scratch()
        scratch.run("mkdir tree; for i in $(seq 1 400); do printf stays > tree/$i-stays; done")
        let tree = scratch.path.appending("tree")
        var summaries: [ArchiveSummary] = []
        try beside({ round in
            let name = tree.appending("\(round % 400)-comes-and-goes")
            let file = name.withPlatformString { open($0, O_WRONLY | O_CREAT, 0o644) }
            write(file, "here", 4)
            close(file)
            name.withPlatformString { _ = unlink($0) }
        }) {
            summaries = try archiveAgainAndAgain(scratch, 8)
        }
        #expect(summaries.allSatisfy { $0.entries >= 401 })
        #expect(scratch.run("[ $(find target* -name '*-stays' -size 5c | wc -l) = 3200 ]") == 0)
    }

    @Test func `a folder that becomes a link, and a file that becomes a FIFO, lead nowhere`() throws {
        let scratch = Scratch()
        scratch.run(
            """
            mkdir -p tree/a/swapped outside other; printf secret > outside/secret; printf inside > tree/a/swapped/inside
            ln -s ../../outside other/link; mkfifo other/fifo; printf file > tree/file
            """)
        let base = scratch.path
        try beside({ round in
            // What is a folder or a file at one moment is a link or a FIFO at the next.
            exchange(base.appending("tree/a/swapped"), base.appending("other/link"))
            exchange(base.appending("tree/file"), base.appending("other/fifo"))
        }) {
            _ = try archiveAgainAndAgain(scratch, 40)
        }
        #expect(scratch.run("! grep -rl secret target*") == 0)
        #expect(scratch.run("[ $(find target* -type p | wc -l) = 0 ]") == 0)
    }

    @Test func `a folder that cannot be read fails the archive`() throws {
        guard geteuid() != 0 else { return }
        let scratch = Scratch()
        scratch.run("mkdir -p tree/closed; chmod 0 tree/closed")
        #expect(throws: FileError("open", scratch.path.appending("tree/closed"), .permissionDenied)) {
            try archive(scratch.path.appending("tree"), to: scratch.path.appending("a"))
        }
    }

    private func exchange(_ one: FilePath, _ other: FilePath) {
        _ = one.withPlatformString { one in
            other.withPlatformString { other in clinux_exchange(AT_FDCWD, one, AT_FDCWD, other) }
        }
    }

    private func ftruncate(_ file: CInt, _ size: off_t) { _ = Glibc.ftruncate(file, size) }
    private func write(_ file: CInt, _ text: String, _ count: Int) { _ = Glibc.write(file, text, count) }
}

private final class Flag: Sendable {
    private let state = Atomic(false)
    var isSet: Bool {
        get { state.load(ordering: .relaxed) }
        set { state.store(newValue, ordering: .relaxed) }
    }
}

private struct OnBytes: ProgressSink {
    private let act: @Sendable () -> Void
    init(_ act: @escaping @Sendable () -> Void) { self.act = act }
    func step(_ text: String, total: Int64?) {}
    func advance(_ bytes: Int64) { act() }
}

private struct OnFirstBytes: ProgressSink {
    private let isOver = Once()
    private let act: @Sendable () -> Void
    init(_ act: @escaping @Sendable () -> Void) { self.act = act }
    func step(_ text: String, total: Int64?) {}
    func advance(_ bytes: Int64) { if isOver.first { act() } }
}

private final class Once: Sendable {
    private let state = Atomic(false)
    var first: Bool { !state.exchange(true, ordering: .relaxed) }
}
