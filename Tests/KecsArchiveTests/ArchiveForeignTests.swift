// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import SystemPackage
import Testing

@Suite struct ArchiveForeignTests {
    private static let tree = """
        mkdir -p tree/sub/folder; cd tree; seq 1 5000 > text; printf x > sub/file; ln -s text link; ln text hard; : > empty
        long=$(printf 'n%.0s' $(seq 1 120)); mkdir -p "sub/$long/$long"; printf deep > "sub/$long/$long/$long"; chmod 640 sub/file
        truncate -s 2M holes; printf end >> holes; printf x > 'ümlaut'; cd ..
        """

    @Test(arguments: [
        "tar -C tree -czf a .", "tar -C tree -czf a --format=gnu .", "tar -C tree -czf a --format=pax .",
        "tar -C tree -cf a --format=pax .", "tar -C tree -cSf a --format=gnu .",
        "tar -C tree -cSzf a --format=pax .",
        "tar -C tree -cSf a --format=pax --sparse-version=0.0 .",
        "tar -C tree -cSf a --format=pax --sparse-version=0.1 .",
        "tar -C tree -cf - . | pigz > a", "cd tree && busybox tar -czf ../a .",
        "python3 -c 'import tarfile; t = tarfile.open(\"a\", \"w:gz\", format=tarfile.PAX_FORMAT); t.add(\"tree\", \".\"); t.close()'",
        "tar -C tree -cf - . | (head -c 5000 | gzip; gzip) > a",
    ])
    func `archives of other programs come back too`(command: String) throws {
        let scratch = Scratch()
        #expect(scratch.run(Self.tree + "\n" + command) == 0)
        let file = scratch.path.appending("a")
        try check(file)
        let target = scratch.folder("target")
        try unpack(file, into: target)
        let names =
            "find . -printf '%P %y %m %s %l\\n' | sed -E 's/^(.*) d (.*) [0-9]+ $/\\1 d \\2/' | LC_ALL=C sort"
        #expect(
            differences(
                lines(of: "cd '\(target)' && \(names)"), lines(of: "cd '\(scratch.path)/tree' && \(names)"))
                == [])
        #expect(scratch.run("diff -r --no-dereference tree target && [ target/text -ef target/hard ]") == 0)
    }

    @Test func `one top folder can become the root`() throws {
        let scratch = Scratch()
        #expect(scratch.run(Self.tree + "\ntar czf a tree; tar czf b tree /etc/hostname 2> /dev/null") == 0)
        let options = UnpackOptions(stripTopFolder: Array("tree".utf8))
        try unpack(scratch.path.appending("a"), into: scratch.folder("target"), options)
        #expect(scratch.run("diff -r --no-dereference tree target && [ target/text -ef target/hard ]") == 0)
        let error = #expect(throws: ArchiveError.self) {
            try unpack(scratch.path.appending("b"), into: scratch.folder("other"), options)
        }
        #expect(error?.kind == .hostile)
        #expect(error?.entry == Array("etc/hostname".utf8))
    }

    @Test func `the ACLs of GNU tar come back`() throws {
        let scratch = Scratch()
        scratch.run(
            "mkdir tree; printf x > tree/f; setfacl -m u:daemon:rw,g:1234:r tree/f; tar -C tree --acls -czf a ."
        )
        try unpack(scratch.path.appending("a"), into: scratch.folder("target"))
        let acl = "getfacl -cn f"
        #expect(
            lines(of: "cd '\(scratch.path)/target' && \(acl)")
                == lines(of: "cd '\(scratch.path)/tree' && \(acl)"))
        #expect(lines(of: "cd '\(scratch.path)/target' && \(acl)").contains("user:1:rw-"))
    }

    @Test func `folders that an archive does not mention are made`() throws {
        let scratch = Scratch()
        scratch.run("mkdir -p tree/a/b; printf x > tree/a/b/c; tar -C tree -cf f a/b/c")
        try unpack(scratch.path.appending("f"), into: scratch.folder("target"))
        #expect(try scratch.path.appending("target/a/b/c").contents() == [UInt8(ascii: "x")])
    }

    @Test func `Python and busybox read ours as GNU tar does`() throws {
        let scratch = Scratch()
        #expect(scratch.run(Self.tree) == 0)
        _ = try archive(scratch.path.appending("tree"), to: scratch.path.appending("a"))
        for program in [
            "python3 -c 'import tarfile; tarfile.open(\"a\").extractall(\"out\")'",
            "busybox tar -xzf a -C out",
        ] {
            #expect(
                scratch.run("rm -rf out; mkdir out; (\(program)) && diff -r --no-dereference tree out") == 0,
                "\(program)")
        }
    }
}
