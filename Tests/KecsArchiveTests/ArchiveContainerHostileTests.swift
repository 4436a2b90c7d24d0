// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import SystemPackage
import Testing

/// The rules for tars hold for what is in any container.
@Suite struct ArchiveContainerHostileTests {
    @Test(arguments: ["xz", "zstd -q", "bzip2", "lz4 -q"])
    func `every hostile tar is refused when it is compressed, too`(compressor: String) throws {
        for hostile in ArchiveHostileTests.cases {
            let scratch = Scratch()
            var builder = TarBuilder()
            hostile.build(&builder)
            builder.end()
            try scratch.path.appending("b").write(builder.bytes)
            try #require(scratch.run("\(compressor) -c b > a; : > outside") == 0)
            #expect(throws: ArchiveError.self, "\(hostile.testDescription)") {
                try unpack(scratch.path.appending("a"), into: scratch.folder("target"))
            }
            #expect(scratch.run("[ -e target ] && [ ! -s outside ] && [ ! -e /tmp/outside ]") == 0)
        }
    }

    /// What bsdtar makes of each may have lost what was hostile in it.
    @Test(arguments: ["zip", "7zip", "newc", "odc"])
    func `nothing comes to be outside, whatever the container`(format: String) throws {
        var refused: [String] = []
        for hostile in ArchiveHostileTests.cases {
            let scratch = Scratch()
            var builder = TarBuilder()
            hostile.build(&builder)
            builder.end()
            try scratch.path.appending("b").write(builder.bytes)
            scratch.run(
                "bsdtar -P -cf a --format \(format) @b 2> /dev/null; mkdir target; echo kept > outside")
            do {
                try unpack(scratch.path.appending("a"), into: scratch.path.appending("target"))
            } catch is ArchiveError { refused.append(hostile.testDescription) }
            #expect(
                scratch.run("[ \"$(cat outside)\" = kept ] && [ ! -e /tmp/outside ] && [ $(ls | wc -l) = 4 ]")
                    == 0,
                "\(hostile.testDescription)")
        }
        for name in [
            "a path that climbs out", "a path that climbs out in its middle", "an absolute path",
            "a file written through a link", "a file below a file",
        ] { #expect(refused.contains(name), "\(name) was not refused: \(refused)") }
    }

    @Test(arguments: [
        "z.writestr('../outside', 'x')", "z.writestr('/tmp/outside', 'x')",
        "z.writestr('a/../../outside', 'x')",
        "i = zipfile.ZipInfo('way'); i.external_attr = 0o120777 << 16; z.writestr(i, '..'); z.writestr('way/outside', 'x')",
        "i = zipfile.ZipInfo('way'); i.create_system = 3; i.external_attr = 0o020666 << 16; z.writestr(i, '')",
        "z.writestr('a', 'x'); z.writestr('a/b', 'x')", "z.writestr('n' * 300, 'x')",
    ])
    func `a hostile zip is refused`(script: String) throws {
        let scratch = Scratch()
        try scratch.path.appending("z.py").write(
            "import zipfile\nz = zipfile.ZipFile('a', 'w')\nz.writestr('first', '1')\n\(script)\nz.close()\n")
        try #require(scratch.run("python3 z.py; mkdir -p target") == 0)
        let error = #expect(throws: ArchiveError.self) {
            try unpack(scratch.path.appending("a"), into: scratch.path.appending("target"))
        }
        #expect(error?.kind == .hostile, "\(error.map(String.init(describing:)) ?? "")")
        #expect(scratch.run("[ $(ls | wc -l) = 3 ] && [ ! -e /tmp/outside ]") == 0)
    }

    @Test(arguments: ["xz", "zstd -q", "bzip2", "lz4 -q", "zip", "7z", "cpio"])
    func `limits hold for what comes out`(format: String) throws {
        let scratch = Scratch()
        let command =
            switch format {
            case "zip": "bsdtar -cf a --format zip tree"
            case "7z": "bsdtar -cf a --format 7zip tree"
            case "cpio": "find tree | cpio --quiet -o -H newc > a"
            default: "tar cf - tree | \(format) -c > a"
            }
        try #require(
            scratch.run("mkdir tree; truncate -s 64M tree/big; touch tree/a tree/b; \(command)") == 0)
        for options in [UnpackOptions(maxBytes: 1 << 20), UnpackOptions(maxEntries: 2)] {
            let scratchTarget = scratch.path.appending("target")
            scratch.run("rm -rf target; mkdir target")
            let error = #expect(throws: ArchiveError.self) {
                try unpack(scratch.path.appending("a"), into: scratchTarget, options)
            }
            #expect(error?.kind == .hostile)
        }
    }

    @Test func `a name that comes again replaces the file, as in a tar`() throws {
        let scratch = Scratch()
        try scratch.path.appending("z.py").write(
            "import zipfile\nz = zipfile.ZipFile('a', 'w')\nz.writestr('f', 'old')\nz.writestr('f', 'new')\nz.close()\n"
        )
        try #require(scratch.run("python3 -W ignore z.py") == 0)
        try unpack(scratch.path.appending("a"), into: scratch.folder("target"))
        #expect(try scratch.path.appending("target/f").contents() == Array("new".utf8))
    }

    /// Two hundred changes with known seeds: an error, or the tree as it was.
    @Test(arguments: ContainerCase.damaged)
    func `flipped bits and cut ends are found`(container: ContainerCase) throws {
        let scratch = Scratch()
        try #require(
            scratch.run(
                """
                mkdir -p tree/sub; cd tree; seq 1 3000 > text; printf x > sub/file; ln -s text link; : > empty
                head -c 9000 /dev/urandom > noise; find . -exec touch -h -d '2025-09-20 09:00:02' {} +; cd ..

                """ + container.command) == 0)
        let whole = try scratch.path.appending("a").contents()
        let file = scratch.path.appending("b")
        try unpack(scratch.path.appending("a"), into: scratch.folder("first"))
        let expected = try TreeFacts(scratch.path.appending("first"))
        // A container's command may have made a “b”, too.
        let around = Set(try scratch.path.entries().map(\.string)).union(["b", "target"]).count
        var noise = Noise(state: 0x16)
        var found = 0
        for number in 0..<200 {
            var bytes = whole
            if number % 4 == 3 {
                bytes = Array(whole.prefix(Int.random(in: 0..<whole.count, using: &noise)))
            } else {
                for _ in 0..<[1, 1, 8][number % 4] {
                    bytes[Int.random(in: 0..<whole.count, using: &noise)] ^=
                        1 << UInt8.random(in: 0..<8, using: &noise)
                }
            }
            try file.write(bytes)
            let target = scratch.folder("target")
            defer { try? target.removeTree() }
            do {
                try unpack(file, into: target, UnpackOptions(maxEntries: 1000, maxBytes: 64 << 20))
                let now = try TreeFacts(target)
                if container.isChecked {
                    #expect(now == expected, "\(number)")
                } else if !container.testDescription.hasPrefix("cpio") {
                    // zip has checksums of contents, and none of names, modes and times.
                    #expect(now.contents.isSubset(of: expected.contents), "\(number)")
                }
            } catch is ArchiveError {
                found += 1
            } catch let error as FileError {
                // A name that no file system takes.
                #expect(!container.isChecked, "\(number): \(error)")
            }
            #expect(try scratch.path.entries().count == around, "\(number)")
        }
        #expect(found > (container.isChecked ? 120 : 40), "\(found)")
    }
}
