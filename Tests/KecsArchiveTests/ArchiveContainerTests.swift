// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsSystem
import SystemPackage
import Testing

/// Archives of other programs that libarchive decodes for us.
@Suite struct ArchiveContainerTests {
    private static let tree = """
        mkdir -p tree/sub/folder; cd tree; seq 1 20000 > text; printf x > sub/file; ln -s text link; ln text hard; : > empty
        long=$(printf 'n%.0s' $(seq 1 120)); mkdir -p "sub/$long"; printf deep > "sub/$long/$long"; chmod 640 sub/file
        truncate -s 2M holes; printf end >> holes; printf x > 'ümlaut'; chmod 755 text; head -c 300000 /dev/urandom > noise
        [ $(id -u) != 0 ] || chown -R 1234:5678 sub; chmod 750 sub/folder
        find . -exec touch -h -d '2025-09-20 09:00:02' {} +; cd ..

        """
    private static let anyName =
        "printf y > tree/sub/$'\\xff\\xfe'; touch -d '2025-09-20 09:00:02' tree/sub tree/sub/*\n"

    @Test(arguments: ContainerCase.all)
    func `the tree comes back as the format kept it`(container: ContainerCase) throws {
        let scratch = Scratch()
        let made = Self.tree + (container.takesAnyName ? Self.anyName : "")
        try #require(scratch.run(made + container.command) == 0)
        let file = scratch.path.appending("a")
        let checked = try check(file)
        #expect(checked.entries > 8)
        let target = scratch.folder("target")
        try unpack(file, into: target)
        // The root's own entry is not in every archive, and in some formats a link has no mode.
        let names =
            "find . -mindepth 1 \\( -type l -printf '%P %y %l\\n' -o -printf '\(container.facts)\\n' \\) | LC_ALL=C sort"
        let links = container.facts.contains("%l") ? "" : " | grep -v '^link '"
        #expect(
            differences(
                lines(of: "cd '\(target)' && \(names)\(links)"),
                lines(of: "cd '\(scratch.path)/tree' && \(names)\(links)")) == [])
        #expect(scratch.run("diff -r --no-dereference tree target") == 0)
        if container.keepsHardLinks { #expect(scratch.run("[ target/text -ef target/hard ]") == 0) }
        // Nothing is left of the children.
        #expect(scratch.run("ls -A | grep -vxE 'tree|target|a|b|z.py'") == 1)
    }

    @Test func `sparse files keep their holes`() throws {
        let scratch = Scratch()
        try #require(
            scratch.run(Self.tree + "truncate -s 64M tree/holes; tar -C tree -cSf - . | xz > a") == 0)
        try unpack(scratch.path.appending("a"), into: scratch.folder("target"))
        #expect(
            scratch.run("[ $(du -k target/holes | cut -f 1) -lt 4096 ] && cmp tree/holes target/holes") == 0)
    }

    @Test(arguments: ContainerCase.damaged)
    func `what is cut off or followed by something is damaged`(container: ContainerCase) throws {
        let scratch = Scratch()
        try #require(scratch.run("mkdir tree; seq 1 9999 > tree/text; " + container.command) == 0)
        let whole = try scratch.path.appending("a").contents()
        // Garbage after zeros, too, which cpio itself pads with.
        let spoilt: [(String, [UInt8])] = [
            ("cut off by a half", Array(whole.prefix(whole.count / 2))),
            ("cut off by a byte", whole.dropLast()),
            ("followed by text", whole + Array("garbage".utf8)),
            ("followed by zeros and text", whole + [UInt8](repeating: 0, count: 1024) + [1]),
        ]
        for (name, bytes) in spoilt {
            // The last bytes of a cpio are padding, as those of a tar.
            if name == "cut off by a byte", container.testDescription == "cpio newc" { continue }
            let file = scratch.path.appending("b")
            try file.write(bytes)
            let error = #expect(throws: ArchiveError.self, "\(name)") { try check(file) }
            #expect(error?.kind == .damaged, "\(name): \(error.map(String.init(describing:)) ?? "")")
        }
    }

    @Test(arguments: [
        "7z a -bd -psecret x.7z f > /dev/null && mv x.7z a",
        "7z a -bd -mhe=on -psecret x.7z f > /dev/null && mv x.7z a",
        "7z a -bd -tzip -psecret x.zip f > /dev/null && mv x.zip a",
        "7z a -bd -tzip -mem=AES256 -psecret x.zip f > /dev/null && mv x.zip a",
    ])
    func `an encrypted archive is refused and named so`(command: String) throws {
        let scratch = Scratch()
        try #require(scratch.run("seq 1 999 > f; \(command)") == 0)
        let error = #expect(throws: ArchiveError.self) { try check(scratch.path.appending("a")) }
        #expect(error?.kind == .unsupported)
        #expect(error?.why.contains("encrypted") == true, "\(error?.why ?? "")")
    }

    @Test func `what is no archive inside is named so`() throws {
        let scratch = Scratch()
        scratch.run("seq 1 999 | xz > a")
        let error = #expect(throws: ArchiveError.self) { try check(scratch.path.appending("a")) }
        #expect(error?.kind == .unsupported)
        #expect(error?.why == "it is compressed, and its content is not an archive")
    }

    /// Writes into the header that unpacking takes a gigabyte of memory, with right checksums.
    private static let giant = """
        cat > giant.py <<'END'
        import sys, struct, zlib
        kind = sys.argv[1]
        data = bytearray(open("b", "rb").read())
        if kind == "xz":
            size = (data[12] + 1) * 4
            assert data[14] == 0x21
            data[16] = 36
            data[12 + size - 4:12 + size] = struct.pack("<I", zlib.crc32(data[12:12 + size - 4]))
        elif kind == "zstd":
            assert data[4] & 0x20 == 0
            data[5] = (30 - 10) << 3
        else:
            offset, size = struct.unpack("<QQ", data[12:28])
            header = 32 + offset
            at = data.index(b"\\x21\\x21\\x01", header)
            data[at + 3] = 36
            data[28:32] = struct.pack("<I", zlib.crc32(data[header:header + size]))
            data[8:12] = struct.pack("<I", zlib.crc32(data[12:32]))
        open("a", "wb").write(data)
        END

        """

    @Test(arguments: [
        "tar cf - x | xz -1 -T1 > b; python3 giant.py xz", "tar cf - x | zstd -q > b; python3 giant.py zstd",
        "7z a -bd -m0=lzma2 -mhc=off b.7z x > /dev/null; mv b.7z b; python3 giant.py 7z",
    ])
    func `an archive that needs a gigabyte of memory is refused`(command: String) throws {
        let scratch = Scratch()
        try #require(scratch.run(Self.giant + "truncate -s 3M x; " + command) == 0)
        let error = #expect(throws: ArchiveError.self) { try check(scratch.path.appending("a")) }
        #expect(error?.kind == .unsupported, "\(error.map(String.init(describing:)) ?? "")")
        #expect(error?.why.contains("memory") == true, "\(error?.why ?? "")")
    }

    @Test(arguments: [
        "tar cf - x | xz -9 > a", "tar cf - x | zstd -q --long=27 > a", "tar cf - x | bzip2 -9 > a",
        "7z a -bd -m0=lzma2:d=64m -mx=3 a.7z x > /dev/null; mv a.7z a",
    ])
    func `what is compressed as hard as the programs offer is taken`(command: String) throws {
        let scratch = Scratch()
        try #require(scratch.run("seq 1 900000 > x; " + command) == 0)
        #expect(try check(scratch.path.appending("a")).sourceBytes == 6_188_895)
    }

    @Test func `a cancelled decoder ends at once`() throws {
        let scratch = Scratch()
        try #require(scratch.run("truncate -s 2G x; tar cf - x | zstd -q -1 > a") == 0)
        let cancellation = Cancellation()
        try Threads.start(name: "cancel") {
            usleep(200_000)
            cancellation.cancel(.interrupt)
        }
        #expect(throws: (any Error).self) {
            try checkArchive(
                scratch.path.appending("a"), compression: nil, threads: 1, cancellation: cancellation,
                progress: SilentProgress())
        }
    }

    @Test func `with a digest only our own formats are looked at`() throws {
        let scratch = Scratch()
        try #require(scratch.run("mkdir tree; seq 1 9 > tree/f; bsdtar -C tree -cf a --format zip .") == 0)
        let error = #expect(throws: ArchiveError.self) {
            try unpack(
                scratch.path.appending("a"), into: scratch.folder("target"),
                UnpackOptions(expectedSHA256: String(repeating: "0", count: 64)))
        }
        #expect(error?.why == "it is no tar archive")
    }
}
