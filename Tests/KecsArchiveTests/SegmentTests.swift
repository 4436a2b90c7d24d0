// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsSystem
import SystemPackage
import Testing

/// A part that is cut into segments: where the cuts are, what is written again, and that it reads as one archive.
@Suite struct SegmentTests {
    private static let target: Int64 = 1 << 20

    /// Long after everything was written, so that equal times prove something.
    private static let later = SystemClock().now() + .seconds(3600)

    private static func plan(
        _ root: FilePath, busy: Set<[UInt8]>? = [], at now: Moment = later
    ) throws -> [PlannedSegment] {
        try planSegments(
            of: TreeSource(root: root), target: target, databases: [:], busy: busy, now: now,
            cancellation: Cancellation())
    }

    /// Writes those segments that `last` does not have; those it has are linked.
    @discardableResult static func write(
        _ root: FilePath, to folder: FilePath, after last: (folder: FilePath, list: SegmentList)? = nil,
        _ compression: Compression = .fast
    ) throws -> SegmentList {
        let planned = try plan(root)
        let known = last?.list.byFingerprint ?? [:]
        let names = planned.indices.map { SegmentList.name($0 + 1, compression) }
        let same = planned.map { segment in
            known[segment.fingerprint].flatMap { $0.isSame(segment) ? $0 : nil }
        }
        let written = try writeSegments(
            of: TreeSource(root: root), planned,
            files: planned.indices.map { same[$0] == nil ? folder.appending(names[$0]) : nil },
            compression: compression, threads: 2, readAt: later, cancellation: Cancellation(),
            progress: SilentProgress())
        var list = SegmentList(target: target, segments: [])
        for index in planned.indices {
            if var segment = same[index], let last {
                try last.folder.appending(segment.file).link(to: folder.appending(names[index]))
                segment.file = names[index]
                list.segments.append(segment)
            } else if let segment = written.segments[index] {
                list.segments.append(segment)
            }
        }
        try folder.appending(SegmentList.fileName).write(list.encoded)
        return list
    }

    /// About 12 MiB in 300 files, in names whose order is not that of their bytes alone.
    static func makeTree(_ scratch: Scratch) throws -> FilePath {
        let tree = scratch.folder("tree")
        var noise = Noise(state: 7)
        for number in 0..<300 {
            let folder = tree.appending("b\(number % 7)\(["", "-x", " y"][number % 3])").appending(
                "o\(number)")
            try folder.createFolder(mode: 0o755)
            try folder.appending("xl.meta").write(noise.bytes(Int.random(in: 1...80_000, using: &noise)))
        }
        try tree.appending("b1").appending("large").write(noise.bytes(3 << 20))
        return tree
    }

    @Test func `what changes is written again, and little else`() throws {
        let scratch = Scratch()
        let tree = try Self.makeTree(scratch)
        let first = try Self.plan(tree)
        #expect(first.count > 6)
        #expect(first.allSatisfy { $0.fingerprint.utf8.count == 64 })
        #expect(try Self.plan(tree) == first)
        let changes: [(String, Int)] = [
            // A file's own segment.
            ("printf x >> tree/b3/o3/xl.meta", 1),
            // Its folder's entry is another one, and may lie in another segment; a border may go or come.
            ("printf new > tree/b3/o3/new", 3), ("rm tree/b3/o3/new", 3),
            ("mkdir tree/b3/zz && printf new > tree/b3/zz/xl.meta", 3), ("rm -r tree/b3/zz", 3),
            ("chmod 600 tree/b1/large", 1), ("setfattr -n user.a -v b tree/b1/large", 1),
            ("chown 1:1 tree/b4-x/o4/xl.meta 2>/dev/null || touch tree/b4-x/o4/xl.meta", 1),
        ]
        var before = Set(first.map(\.fingerprint))
        for (change, most) in changes {
            #expect(scratch.run(change) == 0)
            let now = try Set(Self.plan(tree).map(\.fingerprint))
            let new = now.subtracting(before).count
            #expect((1...most).contains(new), "\(change): \(new) of \(now.count)")
            before = now
        }
    }

    @Test func `what proves nothing is never used again`() throws {
        let scratch = Scratch()
        let tree = try Self.makeTree(scratch)
        // Written within the clock's resolution.
        #expect(try Self.plan(tree, at: SystemClock().now()).contains { $0.fingerprint.isEmpty })
        // Anybody may be writing to any of them.
        let blind = try Self.plan(tree, busy: nil)
        #expect(blind.filter { $0.bytes > 0 }.allSatisfy { $0.fingerprint.isEmpty })
        let large = Array("b1/large".utf8)
        let busy = try Self.plan(tree, busy: [large])
        #expect(busy.filter(\.fingerprint.isEmpty).count == 1)
        // A file with two names: its other one may be in another segment.
        #expect(scratch.run("ln tree/b1/large tree/z") == 0)
        #expect(try Self.plan(tree).filter(\.fingerprint.isEmpty).count == 2)
    }

    @Test(arguments: [Compression.fast, .small, .none])
    func `all segments together are the tree, for us and for tar`(compression: Compression) throws {
        let scratch = Scratch()
        ArchiveRoundTripTests.makeNastyTree(scratch)
        let tree = scratch.path.appending("tree")
        let before = facts(of: tree)
        let folder = scratch.folder("part")
        let list = try Self.write(tree, to: folder, compression)
        #expect(list.segments.count > 5)
        #expect(list.entries == before.count)
        let seen = try check(folder, compression)
        #expect(
            seen.entries == list.entries && seen.sourceBytes == list.sourceBytes && seen.bytes == list.bytes)
        #expect(try seen.sha256 == sha256(folder.appending(SegmentList.fileName).contents()))
        let target = scratch.folder("target")
        let unpacked = try unpack(folder, into: target, UnpackOptions(expectedSHA256: seen.sha256))
        #expect(unpacked.entries == list.entries)
        scratch.run("chmod u-s,g-s tree/setuid tree/setgid")
        #expect(differences(facts(of: target), facts(of: tree)) == [])
        #expect(differences(contents(of: target), contents(of: tree)) == [])

        // By hand: all but the times of folders, in which later segments make more.
        #expect(
            scratch.run(
                """
                mkdir out; for file in part/*.tar*; do
                tar xf "$file" -C out -p --warning=no-timestamp --numeric-owner --acls --xattrs --xattrs-include='*' || exit 1
                done; find out tree -type d -exec touch -d '2020-05-05' {} +; chmod u-s,g-s out/setuid out/setgid
                """) == 0)
        let out = scratch.path.appending("out")
        #expect(differences(facts(of: out), facts(of: tree)) == [])
        #expect(differences(contents(of: out), contents(of: tree)) == [])
    }

    @Test func `linked segments and new ones give the state of now, over many changes`() throws {
        let scratch = Scratch()
        let tree = try Self.makeTree(scratch)
        var noise = Noise(state: 11)
        var last: (folder: FilePath, list: SegmentList)?
        for round in 1...8 {
            // Times before `later`, so that the plan believes them.
            let folder = scratch.folder("part-\(round)")
            let list = try Self.write(tree, to: folder, after: last)
            let kept = Set(list.segments.map(\.sha256)).intersection(
                (last?.list.segments ?? []).map(\.sha256))
            if round > 1 { #expect(kept.count * 2 > list.segments.count, "\(kept.count)") }
            try check(folder, .fast)
            let target = scratch.folder("target-\(round)")
            try unpack(folder, into: target)
            #expect(differences(facts(of: target), facts(of: tree)) == [], "round \(round)")
            #expect(differences(contents(of: target), contents(of: tree)) == [], "round \(round)")
            // The one before is whole without this one, and the other way round.
            if let last { try last.folder.removeTree() }
            last = (folder, list)
            let number = Int.random(in: 0..<300, using: &noise)
            let changes = [
                "printf \(round) >> \"$f\"", "rm \"$f\"", "mv \"$f\" \"$f.moved\"", "cp \"$f\" \"$f.copy\"",
                "ln \"$f\" \"$f.hard\"", "ln -s \"$f\" \"$f.link\"", "chmod 640 \"$f\"",
                "mkdir \"$f.folder\" && mv \"$f\" \"$f.folder/x\"",
            ]
            #expect(
                scratch.run(
                    "f=$(find tree -name xl.meta | LC_ALL=C sort | sed -n \(number % 200 + 1)p); \(changes[round - 1])"
                )
                    == 0)
        }
    }

    @Test func `one file is read from the segments that can hold it`() throws {
        let scratch = Scratch()
        let tree = try Self.makeTree(scratch)
        let folder = scratch.folder("part")
        let list = try Self.write(tree, to: folder)
        var paths: [[UInt8]] = []
        try walkTree(TreeSource(root: tree), cancellation: Cancellation()) { path, _ in paths.append(path) }
        for path in paths {
            let range = list.holding(path)
            var found = false
            try listArchive(folder, .index, only: range, cancellation: Cancellation()) {
                if $0.path == path { found = true }
            }
            #expect(found, "\(printable(path))")
        }
        // A folder's content may go on in the next ones.
        let bucket = Array("b1".utf8)
        var below = 0
        try listArchive(folder, .index, only: list.holding(bucket), cancellation: Cancellation()) {
            if $0.path.starts(with: bucket + [UInt8(ascii: "/")]) { below += 1 }
        }
        #expect(below == paths.count { $0.starts(with: bucket + [UInt8(ascii: "/")]) })
        let wanted = Array("b5-x/o19/xl.meta".utf8)
        #expect(paths.contains(wanted))
        var bytes: [UInt8] = []
        _ = try readMember(
            wanted, of: folder, compression: .fast, threads: 2, cancellation: Cancellation()
        ) {
            bytes += $0
            return true
        }
        #expect(try bytes == tree.appending("b5-x/o19/xl.meta").contents())
        #expect(list.holding(wanted).count == 1)
        #expect(list.holding(Array("nothing/of/it".utf8)).count <= 1)
    }

    @Test func `every flipped bit is found, in the segments and in their list`() throws {
        let scratch = Scratch()
        let tree = try Self.makeTree(scratch)
        let folder = scratch.folder("part")
        let list = try Self.write(tree, to: folder)
        var noise = Noise(state: 3)
        let digest = try check(folder, .fast).sha256
        for _ in 0..<60 {
            let names = list.segments.map(\.file) + [SegmentList.fileName]
            let file = folder.appending(names[Int.random(in: names.indices, using: &noise)])
            let whole = try file.contents()
            var bytes = whole
            bytes[Int.random(in: bytes.indices, using: &noise)] ^= 1 << UInt8.random(in: 0..<8, using: &noise)
            try file.write(bytes)
            var isFound = false
            do { isFound = try check(folder, .fast).sha256 != digest } catch is ArchiveError {
                isFound = true
            }
            #expect(isFound, "\(file)")
            if file.lastComponent?.string != SegmentList.fileName {
                #expect(throws: ArchiveError.self) {
                    try checkSegments(
                        Array(list.segments.indices), of: list, in: folder, compression: .fast, threads: 2,
                        cancellation: Cancellation(), progress: SilentProgress())
                }
            }
            try file.write(whole)
        }
        try folder.appending(list.segments[2].file).remove()
        #expect(throws: ArchiveError.self) { try check(folder, .fast) }
    }

    @Test func `the list is read as it was written, and nothing else is taken for one`() throws {
        let scratch = Scratch()
        let folder = scratch.folder("part")
        let file = folder.appending(SegmentList.fileName)
        let digest = String(repeating: "0a", count: 32)
        let names: [[UInt8]] = [
            [], Array(".".utf8), Array("a b%c\n\u{1b}[2J".utf8), [0xff, 0xfe, 0x80], Array("ü/☃".utf8),
            Array("x".utf8),
        ]
        let list = SegmentList(
            target: 1 << 20,
            segments: names.enumerated().map { index, name in
                Segment(
                    file: SegmentList.name(index + 1, .fast), bytes: 1, sourceBytes: 2, entries: 3,
                    sha256: digest,
                    fingerprint: index == 0 ? "" : digest, readAt: -1, first: name)
            })
        try file.write(list.encoded)
        #expect(try SegmentList.read(in: folder).list == list)
        let line = "\(digest) 1 2 3 - 4 0001.tar.gz a"
        for text in [
            "", "\n", "kecsctl-segments 2 target=1048576\n", "kecsctl-segments 3 target=1048576\n",
            "kecsctl-segments 1 target=0\n",
            "kecsctl-segments 1 target=1048576", "kecsctl-segments 1 target=1048576\n\(line)",
            "kecsctl-segments 1 target=1048576\n\n",
        ]
            + [
                line + " b", "\(digest) 1 2 3 - 4 ../0001.tar.gz a", "\(digest) 1 2 3 - 4 segments a",
                "\(digest) 1 2 3 - 4 0001.tar.gz/x a", "\(digest) -1 2 3 - 4 0001.tar.gz a",
                "\(digest) 99999999999999999999 2 3 - 4 0001.tar.gz a", "\(digest) 1 2 3 x 4 0001.tar.gz a",
                "\(digest.uppercased()) 1 2 3 - 4 0001.tar.gz a", "\(digest) 1 2 3 - 4 0001.tar.gz %f",
                "\(digest) 1 2 3 - 4 0001.tar.gz ", "\(line)\n\(line)",
            ].map({ "kecsctl-segments 1 target=1048576\n\($0)\n" })
        {
            try file.write(text)
            #expect(throws: ArchiveError.self, "\(text)") { try SegmentList.read(in: folder) }
        }
        try file.write("kecsctl-segments 1 target=1048576\n\(line)\n")
        #expect(try SegmentList.read(in: folder).list.segments.count == 1)
    }

    @Test func `an object with its metadata is in a segment of its own, and is all that is written again`()
        throws
    {
        let scratch = Scratch()
        let root = scratch.folder("root")
        func object(_ number: Int, _ bytes: Int) throws {
            let folder = root.appending("bucket").appending("o\(number)")
            try folder.appending("id").createFolder()
            try folder.appending("id/part.1").replaceContents([UInt8](repeating: UInt8(number), count: bytes))
            try folder.appending("xl.meta").replaceContents([UInt8](repeating: 1, count: 500))
        }
        for number in 10..<70 { try object(number, Int(Self.target) * (number % 7 + 3) / 10) }
        let before = Set(try Self.plan(root).map(\.digest))
        var changed: Int64 = 0
        for number in stride(from: 12, to: 70, by: 9) {
            let bytes = Int(Self.target) * (number % 5 + 3) / 10
            try object(number, bytes)
            changed += Int64(bytes) + 500
        }
        let again = try Self.plan(root).filter { !before.contains($0.digest) }
        #expect(again.total(\.bytes) <= changed * 3 / 2)
    }

    @Test func `the size of segments follows the part's, and stays when that changes a little`() {
        #expect(SegmentSize.target(for: 0, last: nil) == SegmentSize.smallest)
        #expect(SegmentSize.target(for: 2 << 30, last: nil) == 256 << 10)
        #expect(SegmentSize.target(for: 20 << 30, last: nil) == 4 << 20)
        #expect(SegmentSize.target(for: 32 << 30, last: 1 << 20) == 1 << 20)
        #expect(SegmentSize.target(for: 1 << 40, last: 1 << 20) == SegmentSize.largest)
        #expect(SegmentSize.target(for: .max, last: nil) == SegmentSize.largest)
        #expect(SegmentSize.target(for: 2 << 30, last: 3) == 256 << 10)
    }
}
