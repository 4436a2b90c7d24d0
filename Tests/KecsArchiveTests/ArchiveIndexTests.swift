// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// The index behind an archive's content: it says what reading everything says, or nothing.
@Suite struct ArchiveIndexTests {
    private struct Listed: Hashable {
        var path: [UInt8]
        var kind: ArchiveEntry.Kind
        var size: Int64
        var mode: UInt32
        var owner: UInt32
        var group: UInt32
        var modified: Moment
        var link: [UInt8]
        var sum: UInt64?

        init(_ entry: ArchiveEntry) {
            path = entry.path
            kind = entry.kind
            size = entry.size
            mode = entry.mode
            owner = entry.owner
            group = entry.group
            modified = entry.modified
            link = entry.linkTarget
            sum = entry.contentSum
        }
    }

    private func listed(_ file: FilePath, _ depth: ListDepth) throws -> [Listed] {
        var entries: [Listed] = []
        try listArchive(file, depth, cancellation: Cancellation()) { entries.append(Listed($0)) }
        return entries
    }

    private func check(_ file: FilePath, written: ArchiveSummary? = nil) throws {
        _ = try checkArchive(
            file, compression: nil, written: written, threads: 2, cancellation: Cancellation(),
            progress: SilentProgress())
    }

    private func read(_ path: String, of file: FilePath) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        let count = try readMember(
            Array(path.utf8), of: file, compression: .fast, threads: 1, cancellation: Cancellation()
        ) {
            bytes += Array($0)
            return true
        }
        return count == nil ? nil : bytes
    }

    /// Everything that an entry can be.
    private static let peculiar = """
        mkdir -p tree/deep/er/est tree/empty; cd tree
        seq 1 300000 > deep/text; head -c 3000000 /dev/urandom > deep/er/noise; : > nothing; printf x > deep/er/est/x
        ln deep/text deep/hard; ln -s deep/text soft; ln -s "$(printf 'a%.0s' {1..200})" long
        touch -d '1965-01-02 03:04:05.678901234 UTC' deep/er/est/x; touch -d '2500-01-01 UTC' nothing
        printf y > "$(printf 'bytes\\377\\nline')"; mkdir -p "$(printf 'd%.0s' {1..150})/$(printf 'e%.0s' {1..150})"
        printf z > "$(printf 'd%.0s' {1..150})/$(printf 'e%.0s' {1..150})/f"; chmod 4750 deep/text; chmod 1777 empty
        [ "$(id -u)" != 0 ] || { chown 3000000:70000 nothing; chown -h 12:34 soft; }
        """

    @Test(arguments: [Compression.fast, .small])
    func `the index says what reading everything says`(compression: Compression) throws {
        let scratch = Scratch()
        scratch.run(Self.peculiar)
        let file = scratch.path.appending("a")
        let summary = try archive(scratch.path.appending("tree"), to: file, compression)
        #expect(try hasIndex(file))
        let whole = try listed(file, .contents)
        #expect(whole.count == summary.entries && whole.count > 14)
        #expect(
            try listed(file, .index).map {
                var entry = $0; entry.sum = nil; return entry
            } == whole)
        try check(file)
        try check(file, written: summary)
    }

    @Test func `sums are those of the files' content, holes as zeros, with an index and without`() throws {
        let scratch = Scratch()
        scratch.run(
            "mkdir tree; seq 1 1000 > tree/text; truncate -s 300K tree/holes; printf x >> tree/holes; truncate -s 300M tree/large; printf x >> tree/large; printf 123456789 > tree/z"
        )
        let (file, plain) = (scratch.path.appending("a"), scratch.path.appending("b"))
        _ = try archive(scratch.path.appending("tree"), to: file)
        _ = try archive(scratch.path.appending("tree"), to: plain, .none)
        #expect(try hasIndex(file) && !hasIndex(plain))
        let sums = try listed(file, .sums)
        #expect(try listed(plain, .sums) == sums)
        for entry in sums where entry.kind == .file {
            let path = scratch.path.appending("tree").appending(bytes: entry.path)
            if entry.size < 1 << 20 { #expect(entry.sum == Self.sum(try path.contents()), "\(path)") }
            #expect(try contentSum(of: path) == entry.sum, "\(path)")
        }
        // The check value of CRC-64/XZ, which is this one.
        #expect(sums.last?.sum == 0x995D_C9BB_DF19_39FA)
    }

    /// CRC-64 (ECMA-182, reflected), bit by bit.
    private static func sum(_ bytes: [UInt8]) -> UInt64 {
        var sum = ~UInt64(0)
        for byte in bytes {
            sum ^= UInt64(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xC96C_5795_D787_0F42 : sum >> 1 }
        }
        return ~sum
    }

    @Test func `of a file no more is read than its own blocks, and of a list none`() throws {
        let scratch = Scratch()
        scratch.run(
            """
            mkdir tree; for i in 1 2 3 4 5; do head -c 2000000 /dev/urandom > tree/$i; done
            """)
        let file = scratch.path.appending("a")
        _ = try archive(scratch.path.appending("tree"), to: file)
        let names = try listed(file, .index)
        var bytes = try file.contents()
        // In the third file.
        bytes[5_000_000] ^= 1
        try file.write(bytes)
        #expect(try listed(file, .index) == names)
        for name in ["1", "2", "4", "5"] {
            let read = try read(name, of: file)
            #expect(try read == scratch.path.appending("tree/\(name)").contents(), "\(name)")
        }
        let error = #expect(throws: ArchiveError.self) { try read("3", of: file) }
        #expect(error?.kind == .damaged && error?.file == file)
        #expect(throws: ArchiveError.self) { try listed(file, .contents) }
        #expect(throws: ArchiveError.self) { try check(file) }
        #expect(try read("6", of: file) == nil)
    }

    @Test func `a selection is unpacked from its own blocks, with the folders above and its hard links`()
        throws
    {
        let scratch = Scratch()
        scratch.run(
            """
            mkdir -p tree/a/b tree/c/d; cd tree; head -c 3000000 /dev/urandom > a/b/one; printf 2 > a/two
            head -c 3000000 /dev/urandom > c/three; ln a/b/one c/d/hard; chmod 0750 a; chmod 0710 a/b
            touch -d '2010-10-10 UTC' a/b a
            """)
        let file = scratch.path.appending("archive")
        let summary = try archive(scratch.path.appending("tree"), to: file)
        func unpack(
            _ name: String, picks: Bool, _ select: @escaping @Sendable ([UInt8]) -> Bool
        ) throws -> FilePath {
            let target = scratch.folder(name)
            var options = UnpackOptions(expectedSHA256: summary.sha256, select: select)
            options.readsOnlySelected = picks
            _ = try unpackArchive(
                file, into: target, options: options, threads: 1, cancellation: Cancellation(),
                progress: SilentProgress())
            return target
        }
        let wanted: @Sendable ([UInt8]) -> Bool = {
            $0.starts(with: "a/b/one".utf8) || $0.starts(with: "c/d".utf8)
        }
        let whole = try unpack("whole", picks: false, wanted)
        let picked = try unpack("picked", picks: true, wanted)
        #expect(differences(facts(of: picked), facts(of: whole)) == [])
        #expect(differences(contents(of: picked), contents(of: whole)) == [])
        #expect(try picked.appending("c/d/hard").isPresent)
        // What is not selected may be damaged.
        var bytes = try file.contents()
        bytes[try indexStart(of: bytes) - 1_500_000] ^= 1
        try file.write(bytes)
        let again = try unpack("again", picks: true, wanted)
        #expect(differences(contents(of: again), contents(of: whole)) == [])
        #expect(throws: ArchiveError.self) { try unpack("all", picks: true) { _ in true } }
        #expect(throws: ArchiveError.self) { try unpack("strict", picks: false, wanted) }
    }

    @Test func `a flipped bit in the index is found by a check, and never gives a wrong list`() throws {
        let scratch = Scratch()
        scratch.run(
            "mkdir -p tree/a; printf content > tree/a/file; ln -s file tree/a/link; printf more > tree/b")
        let file = scratch.path.appending("a")
        _ = try archive(scratch.path.appending("tree"), to: file)
        let names = try listed(file, .sums)
        let whole = try file.contents()
        for position in try indexStart(of: whole)..<whole.count {
            for bit in 0..<8 {
                var bytes = whole
                bytes[position] ^= 1 << bit
                try file.write(bytes)
                #expect(throws: ArchiveError.self, "byte \(position), bit \(bit)") { try check(file) }
                do {
                    let now = try listed(file, .sums)
                    #expect(now == names, "byte \(position), bit \(bit)")
                } catch {
                    #expect(error is ArchiveError, "byte \(position), bit \(bit)")
                }
            }
        }
    }

    @Test func `cut anywhere it is damaged, and an index of another archive is found`() throws {
        let scratch = Scratch()
        // Of one size, one with other times and one with another content.
        scratch.run(
            """
            mkdir -p tree other; head -c 20000 /dev/urandom > tree/file; cp -p tree/file other/file
            printf x | dd of=other/file bs=1 seek=3000 conv=notrunc
            """)
        let (file, other) = (scratch.path.appending("a"), scratch.path.appending("b"))
        let summary = try archive(scratch.path.appending("tree"), to: file)
        _ = try archive(scratch.path.appending("other"), to: other)
        let (whole, foreign) = (try file.contents(), try other.contents())
        let (start, foreignStart) = (try indexStart(of: whole), try indexStart(of: foreign))
        for count in start..<whole.count {
            try file.write(Array(whole[..<count]))
            // Without the whole index it is an archive as others write it: whole, but not what was written.
            if count > start { #expect(throws: ArchiveError.self, "\(count)") { try check(file) } }
            #expect(throws: ArchiveError.self, "\(count)") { try check(file, written: summary) }
        }
        try file.write(Array(whole[..<start]) + Array(foreign[foreignStart...]))
        let error = #expect(throws: ArchiveError.self) { try check(file) }
        #expect(error?.kind == .damaged)
        // Whose blocks are of other sizes is none of this file's, which is read as if it had none.
        do {
            let content = try read("file", of: file)
            #expect(try content == scratch.path.appending("tree/file").contents())
        } catch { #expect(error is ArchiveError) }
        try file.write(whole + whole[start...])
        #expect(throws: ArchiveError.self) { try check(file) }
        try file.write(whole + whole)
        #expect(throws: ArchiveError.self) { try check(file) }
    }

    @Test func `a large index is no trouble for other programs`() throws {
        let scratch = Scratch()
        scratch.run("mkdir tree; cd tree; for i in $(seq 1 3000); do printf $i > file-with-a-name-$i; done")
        let file = scratch.path.appending("a")
        _ = try archive(scratch.path.appending("tree"), to: file)
        let bytes = try file.contents()
        #expect(bytes.count - (try indexStart(of: bytes)) > 32 << 10)
        let programs = [
            ("gzip", "gzip -dc < a | tar -xf - -C out"), ("tar", "tar -xzf a -C out"),
            ("pigz", "pigz -dc < a | tar -xf - -C out"), ("busybox", "busybox tar -xzf a -C out"),
            ("bsdtar", "bsdtar -xzf a -C out"),
            ("python3", "python3 -c 'import tarfile; tarfile.open(\"a\").extractall(\"out\")'"),
        ]
        var tried = 0
        for (program, line) in programs where shell("command -v \(program) >/dev/null") == 0 {
            tried += 1
            #expect(scratch.run("rm -rf out; mkdir out; \(line)") == 0, "\(program)")
            #expect(scratch.run("diff -r tree out") == 0, "\(program)")
        }
        #expect(tried >= 2)
        #expect(scratch.run("gzip -t a") == 0)
    }

    @Test func `segments have theirs, and one that changed its size is read`() throws {
        let scratch = Scratch()
        let tree = try SegmentTests.makeTree(scratch)
        let folder = scratch.folder("part")
        let list = try SegmentTests.write(tree, to: folder)
        let whole = try listed(folder, .contents)
        #expect(
            try listed(folder, .index).map {
                var entry = $0; entry.sum = nil; return entry
            } == whole)
        let file = folder.appending(list.segments[1].file)
        try file.write(try file.contents() + [0])
        let error = #expect(throws: ArchiveError.self) { try listed(folder, .index) }
        #expect(error?.file == file)
    }

    @Test func `many archives become one with the same entries`() throws {
        let scratch = Scratch()
        let tree = try SegmentTests.makeTree(scratch)
        scratch.run("cd tree; ln b1/large hard; ln -s b1 link; truncate -s 300M holes; printf x >> holes")
        let folder = scratch.folder("part")
        let list = try SegmentTests.write(tree, to: folder)
        let file = scratch.path.appending("one")
        func join(
            _ folder: FilePath, keepsHoles: Bool, compression: Compression = .fast
        ) throws -> ArchiveSummary {
            try joinArchives(
                of: folder, sha256: SegmentList.read(in: folder).sha256, to: file, compression: compression,
                keepsHoles: keepsHoles, threads: 2, cancellation: Cancellation(), progress: SilentProgress())
        }
        for keepsHoles in [true, false] {
            let summary = try join(folder, keepsHoles: keepsHoles)
            try check(file)
            try check(file, written: summary)
            #expect(summary.entries == list.entries && summary.sourceBytes == list.sourceBytes)
            // Zeros that become a hole again do so but for a piece at each end.
            #expect((summary.sourceBytes - summary.dataBytes) >> 20 == (keepsHoles ? 300 : 299))
            #expect(try listed(file, .sums) == listed(folder, .sums))
            let out = scratch.folder("out-\(keepsHoles)")
            try unpack(file, into: out)
            #expect(differences(facts(of: out), facts(of: tree)) == [])
            #expect(differences(contents(of: out), contents(of: tree)) == [])
            // What knows no sparse files reads it, unless they are wanted.
            scratch.run("mkdir busy; busybox tar xzf one -C busy")
            let busy = scratch.path.appending("busy")
            #expect((differences(contents(of: busy), contents(of: tree)) == []) == !keepsHoles)
            scratch.run("rm -r busy")
            try file.remove()
        }
        // A damaged one leaves nothing.
        let victim = folder.appending(list.segments[0].file)
        var bytes = try victim.contents()
        bytes[bytes.count / 3] ^= 1
        try victim.write(bytes)
        #expect(throws: ArchiveError.self) { try join(folder, keepsHoles: false) }
        #expect(try !file.isPresent)
        let plain = scratch.folder("plain")
        try SegmentTests.write(tree, to: plain, Compression.none)
        _ = try join(plain, keepsHoles: false, compression: .none)
        #expect(try listed(file, .sums) == listed(plain, .sums))
    }
}
