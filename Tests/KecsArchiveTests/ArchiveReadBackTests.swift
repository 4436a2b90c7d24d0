// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import SystemPackage
import Testing

/// An archive that is read back a moment after it was written, without computing its SHA-256 a second time.
@Suite struct ArchiveReadBackTests {
    private func readBack(_ file: FilePath, as summary: ArchiveSummary) throws -> ArchiveCheck {
        try checkArchive(
            file, compression: .fast, written: summary, threads: 2, cancellation: Cancellation(),
            progress: SilentProgress())
    }

    /// The members, each of which says its own size.
    private func members(_ bytes: [UInt8]) throws -> [[UInt8]] {
        var members: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let start = rest.startIndex
            let size = (0..<4).reduce(0) { $0 | Int(rest[start + 16 + $1]) << ($1 * 8) }
            try #require(size > 28 && size <= rest.count)
            members.append(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        return members
    }

    @Test func `what was written is read back as it is, with the same digest`() throws {
        let scratch = Scratch()
        scratch.run("mkdir tree; head -c 5000000 /dev/urandom > tree/noise; seq 1 900000 > tree/text")
        let file = scratch.path.appending("a")
        let summary = try archive(scratch.path.appending("tree"), to: file)
        let check = try readBack(file, as: summary)
        #expect(check.sha256 == summary.sha256)
        #expect(lines(of: "sha256sum \(file) | cut -d' ' -f1") == [summary.sha256])
        #expect((check.bytes, check.entries) == (summary.bytes, summary.entries))
        #expect(check.sourceBytes == summary.sourceBytes)
    }

    @Test func `whole blocks in another order, twice, missing or of another archive are found`() throws {
        let scratch = Scratch()
        // Blocks of the same size, so that each stands where another could stand.
        scratch.run("mkdir tree other; head -c 6000000 /dev/urandom > tree/noise")
        scratch.run(
            "cp -p tree/noise other/noise; printf x | dd of=other/noise bs=1 seek=3000000 conv=notrunc")
        let (file, other) = (scratch.path.appending("a"), scratch.path.appending("b"))
        let summary = try archive(scratch.path.appending("tree"), to: file)
        _ = try archive(scratch.path.appending("other"), to: other)
        let whole = try members(try file.contents())
        let foreign = try members(try other.contents())
        try #require(whole.count > 4 && whole.count == foreign.count)
        var changed = [whole, whole, whole, whole]
        changed[0].swapAt(1, 3)
        changed[1][2] = whole[1]
        changed[2].removeLast()
        changed[3].append(whole[0])
        // One block of another archive, which is whole by itself.
        for index in whole.indices where whole[index] != foreign[index] {
            var one = whole
            one[index] = foreign[index]
            changed.append(one)
        }
        try #require(changed.count > 4)
        for (number, members) in changed.enumerated() {
            try file.write(Array(members.joined()))
            let error = #expect(throws: ArchiveError.self, "change \(number)") {
                try readBack(file, as: summary)
            }
            #expect(error?.kind == .damaged && error?.file == file, "change \(number)")
        }
    }

    @Test func `a flipped bit anywhere is found`() throws {
        let scratch = Scratch()
        scratch.run("mkdir tree; printf content > tree/file")
        let file = scratch.path.appending("a")
        let summary = try archive(scratch.path.appending("tree"), to: file)
        let whole = try file.contents()
        for position in whole.indices {
            var damaged = whole
            damaged[position] ^= 1 << UInt8(position % 8)
            try file.write(damaged)
            #expect(throws: ArchiveError.self, "byte \(position)") { try readBack(file, as: summary) }
        }
    }

    /// One below the size that is read whole into memory, one above.
    @Test(arguments: [5_000_000, 12_000_000])
    func `whole blocks of a segment in another order are found`(size: Int) throws {
        let scratch = Scratch()
        scratch.run("mkdir tree part; head -c \(size) /dev/urandom > tree/noise")
        let (tree, part) = (scratch.path.appending("tree"), scratch.path.appending("part"))
        let plan = try planSegments(
            of: TreeSource(root: tree), target: 1 << 20, databases: [:], busy: [],
            now: SystemClock().now() + .seconds(3600), cancellation: Cancellation())
        let written = try writeSegments(
            of: TreeSource(root: tree), plan,
            files: plan.indices.map { part.appending(SegmentList.name($0 + 1, .fast)) }, compression: .fast,
            threads: 2, readAt: SystemClock().now(), cancellation: Cancellation(), progress: SilentProgress())
        let list = SegmentList(
            target: 1 << 20, segments: written.segments.sorted { $0.key < $1.key }.map(\.value))
        func readBack() throws {
            try checkSegments(
                Array(list.segments.indices), of: list, in: part, compression: .fast, written: written.bytes,
                threads: 2, cancellation: Cancellation(), progress: SilentProgress())
        }
        try readBack()
        let large = try #require(list.segments.max { $0.bytes < $1.bytes })
        let file = part.appending(large.file)
        var changed = try members(try file.contents())
        try #require(changed.count > 3)
        changed.swapAt(1, 2)
        try #require(changed[1].count == changed[2].count && changed[1] != changed[2])
        try file.write(Array(changed.joined()))
        let error = #expect(throws: ArchiveError.self) { try readBack() }
        #expect(error?.kind == .damaged && error?.file == file)
    }
}
