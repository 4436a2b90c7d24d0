// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsSystem
import SystemPackage
import Testing

@Suite struct ArchiveRoundTripTests {
    /// One of everything that a folder can hold and a backup must bring back.
    static func makeNastyTree(_ scratch: Scratch) {
        let status = scratch.run(
            #"""
            set -e; mkdir tree && cd tree && umask 022
            printf plain > plain; : > empty; mkdir empty-folder
            printf x > 'with space'; printf x > $'new\nline'; printf x > -rf; printf x > $'\xff\xfe-no-utf8'; printf x > 'ümlaut ☃'
            printf x > $'\e[2Jterminal'; printf x > 'back\slash'; printf x > '*'
            long=$(printf 'n%.0s' $(seq 1 255)); printf long > "$long"
            mkdir -p "a/$(printf 'd%.0s' $(seq 1 90))/$(printf 'e%.0s' $(seq 1 90))"; (cd a/*/*; printf x > "$(printf 'f%.0s' $(seq 1 90))")
            mkdir "ä$(printf 'g%.0s' $(seq 1 150))"; (cd ä*; printf x > "$(printf 'ö%.0s' $(seq 1 100))"; ln -s "$(printf 'ü%.0s' $(seq 1 120))" link)
            (d=$PWD; for i in $(seq 1 220); do mkdir "deep-$i" && cd "deep-$i" || exit 1; done; printf deep > bottom)
            ln -s plain link; ln -s /etc/passwd absolute; ln -s nowhere/at/all dangling; ln -s "$(printf 't%.0s' $(seq 1 300))" long-target
            ln plain hard-1; mkdir z; ln plain z/hard-2
            printf '#!/bin/sh\n' > setuid; chmod 4755 setuid; mkdir sticky setgid; chmod 1777 sticky; chmod 2755 setgid
            mkdir closed; printf in > closed/in; chmod 0500 closed
            head -c 1048576 /dev/urandom > exactly-1-MiB; head -c 1048577 /dev/urandom > over-1-MiB; head -c 3000000 /dev/urandom > noise
            seq 1 400000 > text; head -c 511 /dev/urandom > b511; head -c 512 /dev/urandom > b512; head -c 513 /dev/urandom > b513
            truncate -s 1G sparse; printf start | dd of=sparse conv=notrunc status=none; printf middle | dd of=sparse bs=1 seek=536870912 conv=notrunc status=none
            truncate -s 1M all-hole; truncate -s 70000 hole-then-data; printf end >> hole-then-data
            # Files from 4 MiB on go past the page cache, but for databases.
            head -c 4194304 /dev/urandom > exactly-4-MiB; head -c 4194305 /dev/urandom > over-4-MiB
            (head -c 5000000 /dev/urandom; head -c 3000000 /dev/zero; head -c 2000001 /dev/urandom) > large-zeros
            head -c 5000000 /dev/urandom > large-holes; dd if=/dev/urandom of=large-holes bs=1000 count=3 seek=9001 status=none; truncate -s 12345678 large-holes
            ln over-4-MiB z/large-link
            mkdir many; for i in $(seq 1 700); do : > many/empty-$i; ln plain many/link-$i; done
            printf t > times; touch -d '2001-02-03 04:05:06.123456789 UTC' times; printf t > early; touch -d '1969-12-31 23:59:58.25 UTC' early
            printf t > future; touch -d '2300-01-01 UTC' future; touch -h -d '1999-09-09 09:09:09.000000009 UTC' link
            printf x > xattr; setfattr -n user.plain -v value xattr; setfattr -n 'user.odd=%name' -v 0x000a3dff xattr; setfattr -n user.empty xattr; setfattr -n user.folder -v f empty-folder
            printf x > acl; setfacl -m u:1000:rw,g:2000:r,m::rw acl; mkdir acl-folder; setfacl -m u:33:rwx -d -m u:34:r-x acl-folder; printf x > acl-folder/inherits
            if [ "$(id -u)" = 0 ]; then printf secret > none; chmod 0000 none; mkdir nothing; chmod 0 nothing; setfattr -n trusted.mine -v 1 xattr; chown 12345:54321 times; chown -h 77:88 link; chown 3000000000:4000000000 future; fi
            find . -type d -exec touch -d '2020-05-05 05:05:05.555555555 UTC' {} +
            """#)
        #expect(status == 0)
    }

    @Test(arguments: [Compression.fast, .small, .none])
    func `a tree of everything comes back as it was`(compression: Compression) throws {
        let scratch = Scratch()
        Self.makeNastyTree(scratch)
        let tree = scratch.path.appending("tree")
        let file = scratch.path.appending("archive")
        let before = facts(of: tree)
        let contentsBefore = contents(of: tree)

        let scan = try scanTree(TreeSource(root: tree), cancellation: Cancellation())
        let summary = try archive(tree, to: file, compression)
        #expect(differences(facts(of: tree), before) == [])
        #expect(summary.fingerprint == scan.fingerprint)
        #expect(summary.changed.isEmpty && summary.vanished.isEmpty && summary.special.isEmpty)
        #expect(before.count > 265)
        #expect(summary.entries == before.count)

        let seen = try check(file, compression)
        #expect(seen.sha256 == summary.sha256)
        #expect(seen.bytes == summary.bytes)
        #expect(seen.entries == summary.entries)
        #expect(seen.sourceBytes == summary.sourceBytes)
        #expect(try digest(of: file).sha256 == summary.sha256)

        let target = scratch.folder("target")
        let unpacked = try unpack(
            file, into: target,
            UnpackOptions(
                expectedSHA256: summary.sha256, maxEntries: summary.entries, maxBytes: summary.sourceBytes))
        #expect(unpacked.entries == summary.entries)
        #expect(unpacked.setIDRemoved == 2)
        #expect(unpacked.attributesNotSet == 0)
        #expect(unpacked.ownersNotSet == (geteuid() == 0 ? 0 : unpacked.ownersNotSet))
        scratch.run("chmod u-s,g-s tree/setuid tree/setgid")
        #expect(differences(facts(of: target), facts(of: tree)) == [])
        #expect(differences(contents(of: target), contents(of: tree)) == [])
        #expect(contentsBefore.count > 100)
        // 1 GiB apparent, some blocks real.
        #expect(
            scratch.run(
                "[ $(stat -c %b target/sparse) -le 64 ] && [ $(stat -c %b target/large-zeros) -lt 14500 ] && [ $(tail -c +536870913 target/sparse | head -c 6) = middle ] && [ $(stat -c %b target/all-hole) -eq 0 ]"
            )
                == 0)
        #expect(
            scratch.run("[ target/plain -ef target/hard-1 ] && [ target/plain -ef target/z/hard-2 ]") == 0)
        #expect(try #require(try FileStatus.of(file)).mode == 0o600)

        // Written again from what is read of it, it has the same bytes.
        let again = scratch.path.appending("again")
        let joined = try joinArchives(
            of: file, sha256: summary.sha256, to: again, compression: compression, keepsHoles: true,
            threads: 2,
            cancellation: Cancellation(), progress: SilentProgress())
        #expect(joined.sha256 == summary.sha256)
        #expect(joined.dataBytes == summary.dataBytes)
    }

    @Test(arguments: [Compression.fast, .small, .none])
    func `plain tar unpacks the same tree, and warns of nothing`(compression: Compression) throws {
        let scratch = Scratch()
        Self.makeNastyTree(scratch)
        let tree = scratch.path.appending("tree")
        let summary = try archive(tree, to: scratch.path.appending("archive"), compression)
        if compression != .none { #expect(scratch.run("gzip -t < archive") == 0) }
        for locale in ["C", "C.UTF-8"] {
            #expect(
                scratch.run(
                    "LC_ALL=\(locale) tar tf archive > list 2> said && ! [ -s said ] || { cat said; false; }")
                    == 0)
            #expect(lines(of: "wc -l < '\(scratch.path)/list'").first == "\(summary.entries)")
            let flags = compression == .none ? "xf" : "xzf"
            #expect(
                scratch.run(
                    "chmod -R u+w out 2> /dev/null; rm -rf out; mkdir out; LC_ALL=\(locale) tar \(flags) archive -C out -p --warning=no-timestamp --numeric-owner --acls --xattrs "
                        + "--xattrs-include='*' 2> said && ! [ -s said ] || { cat said; false; }") == 0)
            let out = scratch.path.appending("out")
            #expect(differences(facts(of: out), facts(of: tree)) == [])
            #expect(differences(contents(of: out), contents(of: tree)) == [])
            #expect(scratch.run("[ $(stat -c %b out/sparse) -le 64 ]") == 0)
        }
    }

    @Test func `paths longer than the system takes at once come back`() throws {
        let scratch = Scratch()
        #expect(
            scratch.run(
                """
                mkdir tree; cd tree; umask 022; name=$(printf 'd%.0s' $(seq 1 200))
                for i in $(seq 1 60); do mkdir $name-$i && cd $name-$i && printf $i > file || exit 1; done; printf x > bottom; ln bottom hard; ln -s bottom link
                """) == 0)
        let file = scratch.path.appending("a")
        let first = try archive(scratch.path.appending("tree"), to: file)
        try unpack(file, into: scratch.folder("target"))
        let again = scratch.path.appending("b")
        let second = try archive(scratch.path.appending("target"), to: again)
        #expect(first.entries == 60 * 2 + 4)
        // The archive of the copy is the archive: every name, mode, time and byte.
        #expect(first.sha256 == second.sha256)
        #expect(scratch.run("tar tf a | wc -l | grep -qx 124") == 0)
    }

    @Test func `archives of one tree are the same, whatever the number of threads`() throws {
        let scratch = Scratch()
        scratch.run(
            "mkdir tree; for i in $(seq 1 300); do seq 1 $((i * 40)) > tree/f$i; done; head -c 9000000 /dev/urandom > tree/noise"
        )
        let tree = scratch.path.appending("tree")
        let one = try archive(tree, to: scratch.path.appending("one"), threads: 1)
        let four = try archive(tree, to: scratch.path.appending("four"), threads: 4)
        #expect(one.sha256 == four.sha256)
        let small = try archive(tree, to: scratch.path.appending("small"), .small)
        #expect(small.bytes < one.bytes)
        #expect(one.bytes < one.sourceBytes)
    }

    @Test func `what is left out and what is substituted`() throws {
        let scratch = Scratch()
        scratch.run(
            """
            mkdir -p tree/sub/cache tree/sub/keep; cd tree; printf live > kecs.db; chmod 640 kecs.db; setfattr -n user.k -v v kecs.db
            touch -d '2011-11-11 UTC' kecs.db; printf wal > kecs.db-wal; printf x > sub/cache/x; printf y > sub/keep/y; printf snapshot > ../snapshot
            """)
        let tree = scratch.path.appending("tree")
        let file = scratch.path.appending("archive.tar.gz")
        let summary = try archive(
            tree, to: file, leftOut: [Array("kecs.db-wal".utf8), Array("sub/cache".utf8)],
            substitutes: [
                Array("kecs.db".utf8): scratch.path.appending("snapshot"),
                Array("gone.db".utf8): scratch.path.appending("snapshot"),
            ])
        #expect(summary.vanished == [Array("gone.db".utf8)])
        let target = scratch.folder("target")
        try unpack(file, into: target)
        #expect(
            lines(of: "cd '\(target)' && find . | LC_ALL=C sort") == [
                ".", "./kecs.db", "./sub", "./sub/keep", "./sub/keep/y",
            ])
        #expect(try target.appending("kecs.db").contents() == Array("snapshot".utf8))
        #expect(
            lines(of: "cd '\(target)' && stat -c '%a %Y' kecs.db; getfattr --only-values -n user.k kecs.db")
                == ["640 1320969600", "v"])
    }

    @Test func `FIFOs, sockets and devices are named and left out, and nothing waits for them`() throws {
        let scratch = Scratch()
        scratch.run(
            "mkdir tree; mkfifo tree/fifo; printf x > tree/file; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"tree/socket\")'"
        )
        let summary = try archive(scratch.path.appending("tree"), to: scratch.path.appending("a"))
        #expect(summary.special.map(printable) == ["fifo"])
        #expect(summary.entries == 2)
        let scan = try scanTree(
            TreeSource(root: scratch.path.appending("tree")), cancellation: Cancellation())
        #expect(scan.special.map(printable) == ["fifo"])
        #expect(scan.sockets.map(printable) == ["socket"])
        #expect(scan.fingerprint == summary.fingerprint)
    }

    @Test func `an archive is never written over a file`() throws {
        let scratch = Scratch()
        scratch.run("mkdir tree; printf precious > there")
        #expect(throws: FileError("create", scratch.path.appending("there"), .fileExists)) {
            try archive(scratch.path.appending("tree"), to: scratch.path.appending("there"))
        }
        #expect(try scratch.path.appending("there").contents() == Array("precious".utf8))
    }

    @Test func `a failed archive leaves no file behind`() throws {
        let scratch = Scratch()
        #expect(throws: FileError.self) {
            try archive(scratch.path.appending("missing"), to: scratch.path.appending("a"))
        }
        #expect(try !scratch.path.appending("a").isPresent)
    }

    @Test func `a selection brings the folders above it, as they were`() throws {
        let scratch = Scratch()
        scratch.run(
            """
            mkdir -p tree/a/b tree/c; cd tree; printf 1 > a/b/one; printf 2 > a/two; printf 3 > c/three; ln a/two c/hard
            chmod 0750 a; chmod 0710 a/b; touch -d '2010-10-10 UTC' a/b a
            """)
        let file = scratch.path.appending("archive")
        _ = try archive(scratch.path.appending("tree"), to: file)
        let target = scratch.folder("target")
        let summary = try unpack(
            file, into: target,
            UnpackOptions(select: { $0.starts(with: "a/b/".utf8) || $0.elementsEqual("c/hard".utf8) }))
        #expect(summary.entries > 0)
        #expect(
            lines(of: "cd '\(target)' && find a -printf '%p %m %Ts\\n' | sort")
                == ["a 750 1286668800", "a/b 710 1286668800"]
                + lines(of: "cd '\(scratch.path)/tree' && find a/b/one -printf '%p %m %Ts\\n'"))
    }

    @Test(.enabled(if: geteuid() == 0)) func `owners are mapped`() throws {
        let scratch = Scratch()
        scratch.run("mkdir tree; printf x > tree/f; chown 5:6 tree/f; ln -s f tree/l; chown -h 5:7 tree/l")
        let file = scratch.path.appending("archive")
        _ = try archive(scratch.path.appending("tree"), to: file)
        let mapped = scratch.folder("mapped")
        try unpack(file, into: mapped, UnpackOptions(owners: .map(users: [5: 1005], groups: [6: 1006])))
        let same = scratch.folder("same")
        try unpack(file, into: same, UnpackOptions(owners: .all(owner: 42, group: 43)))
        let format = "stat -c '%u:%g' f l"
        #expect(lines(of: "cd '\(mapped)' && \(format)") == ["1005:1006", "1005:7"])
        #expect(lines(of: "cd '\(same)' && \(format); stat -c '%u:%g' .") == ["42:43", "42:43", "42:43"])
    }
}
