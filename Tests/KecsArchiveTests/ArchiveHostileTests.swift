// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// One archive made to do harm, and what it must be called.
struct HostileCase: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var kind: ArchiveError.Kind
    var build: @Sendable (inout TarBuilder) -> Void

    init(
        _ name: String, _ kind: ArchiveError.Kind = .hostile,
        _ build: @escaping @Sendable (inout TarBuilder) -> Void
    ) {
        testDescription = name
        self.kind = kind
        self.build = build
    }
}

@Suite struct ArchiveHostileTests {
    static let cases: [HostileCase] = [
        HostileCase("a path that climbs out") { $0.file("../outside") },
        HostileCase("a path that climbs out in its middle") { $0.file("a/../../outside") },
        HostileCase("a path that climbs and comes back") { $0.file("a/../b") },
        HostileCase("a path that ends in dots") { $0.folder("a/..") },
        HostileCase("an absolute path") { $0.file("/tmp/outside") },
        HostileCase("an absolute path with more slashes") { $0.file("//tmp/outside") },
        HostileCase("a pax path that climbs out") {
            $0.pax([("path", "../outside")])
            $0.file("harmless")
        },
        HostileCase("a GNU long name that climbs out") {
            $0.add("././@LongLink") {
                $0.type = "L"
                $0.content = Array("../outside\0".utf8)
            }
            $0.file("harmless")
        },
        HostileCase("a prefix that climbs out") {
            $0.add("outside") {
                $0.prefix = Array("..".utf8)
                $0.content = [1]
            }
        },
        HostileCase("a file written through a link") {
            $0.link("way", to: "..", type: "2")
            $0.file("way/outside")
        },
        HostileCase("a file written over a link") {
            $0.link("way", to: "../outside", type: "2")
            $0.file("way")
        },
        HostileCase("a file written through a chain of links") {
            $0.folder("a")
            $0.link("a/b", to: "..", type: "2")
            $0.link("c", to: "a/b/..", type: "2")
            $0.file("c/outside")
        },
        HostileCase("a hard link to outside") { $0.link("passwd", to: "/etc/passwd", type: "1") },
        HostileCase("a hard link that climbs out") { $0.link("passwd", to: "../outside", type: "1") },
        HostileCase("a hard link to nothing") { $0.link("link", to: "missing", type: "1") },
        HostileCase("a hard link to a symlink") {
            $0.link("link", to: "/etc/passwd", type: "2")
            $0.link("hard", to: "link", type: "1")
        },
        HostileCase("a hard link through a symlink") {
            $0.link("link", to: "/etc", type: "2")
            $0.link("hard", to: "link/passwd", type: "1")
        },
        HostileCase("a hard link to a folder") {
            $0.folder("folder")
            $0.link("hard", to: "folder", type: "1")
        },
        HostileCase("a hard link over a file") {
            $0.file("a")
            $0.file("b")
            $0.link("b", to: "a", type: "1")
        },
        HostileCase("a pax hard link to outside") {
            $0.pax([("linkpath", "/etc/passwd")])
            $0.link("hard", to: "harmless", type: "1")
        },
        HostileCase("a character device") { $0.add("null") { $0.type = "3" } },
        HostileCase("a block device") { $0.add("sda") { $0.type = "4" } },
        HostileCase("a FIFO") { $0.add("fifo") { $0.type = "6" } },
        HostileCase("a file where a folder is") {
            $0.folder("a")
            $0.file("a")
        },
        HostileCase("a folder where a file is") {
            $0.file("a")
            $0.folder("a")
        },
        HostileCase("a folder where a large file is") {
            $0.file("a", String(repeating: "x", count: 5 << 20))
            $0.folder("a")
        },
        HostileCase("a folder below a file") {
            $0.file("a")
            $0.folder("a/b")
        },
        HostileCase("a large file below a file") {
            $0.file("a")
            $0.file("a/b", String(repeating: "x", count: 5 << 20))
        },
        HostileCase("a hard link where a folder comes") {
            $0.file("a")
            $0.link("b", to: "a", type: "1")
            $0.folder("b")
        },
        HostileCase("a file below a file") {
            $0.file("a")
            $0.file("a/b")
        },
        HostileCase("two symlinks of one name") {
            $0.link("a", to: "x", type: "2")
            $0.link("a", to: "y", type: "2")
        },
        HostileCase("the root as a file") { $0.file("./") },
        HostileCase("the root as a symlink") { $0.link(".", to: "/etc", type: "2") },
        HostileCase("no name") { $0.file("") },
        HostileCase("a name of 256 bytes") {
            $0.pax([("path", String(repeating: "n", count: 256))])
            $0.file("x")
        },
        HostileCase("a path of 70,000 bytes") {
            $0.pax([("path", String(repeating: "n/", count: 35_000))])
            $0.file("x")
        },
        HostileCase("a zero byte in a pax path", .damaged) {
            $0.pax([("path", "in\u{0}side")])
            $0.file("x")
        },
        HostileCase("a global header that names every entry") {
            $0.pax([("path", "all")], type: "g")
            $0.file("x")
        },
        HostileCase("a symlink with no target") { $0.link("a", to: "", type: "2") },
        HostileCase("a folder with content") {
            $0.add("a") {
                $0.type = "5"
                $0.content = [UInt8](repeating: 1, count: 512)
            }
        },
        HostileCase("a hard link with content") {
            $0.file("a")
            $0.add("b") {
                $0.type = "1"
                $0.link = Array("a".utf8)
                $0.content = [1]
            }
        },
        HostileCase("an extended header of 17 MiB") {
            $0.pax([], raw: [UInt8](repeating: 0x31, count: 17 << 20))
            $0.file("x")
        },
        HostileCase("a pax size that hides an entry", .damaged) {
            // Whoever believes the ustar size reads the content as further headers.
            $0.pax([("size", "512")])
            $0.add("cover") { $0.content = [UInt8](repeating: 0, count: 1536) }
            $0.file("next")
        },
        HostileCase("a pax record longer than its header", .damaged) {
            $0.pax([], raw: Array("99 path=x\n".utf8))
            $0.file("x")
        },
        HostileCase("a pax record of length zero", .damaged) {
            $0.pax([], raw: Array("0 path=x\n".utf8))
            $0.file("x")
        },
        HostileCase("a pax record with a signed length", .damaged) {
            $0.pax([], raw: Array("+9 path=x\n".utf8))
            $0.file("x")
        },
        HostileCase("a negative pax size", .damaged) {
            $0.pax([("size", "-1")])
            $0.file("x")
        },
        HostileCase("a pax size beyond 63 bits", .damaged) {
            $0.pax([("size", "9223372036854775808")])
            $0.file("x")
        },
        HostileCase("a pax size of all the bits there are", .damaged) {
            $0.pax([("size", "9223372036854775807")])
            $0.file("x")
        },
        HostileCase("a wrong header checksum", .damaged) { $0.add("a") { $0.breakChecksum = true } },
        HostileCase("a lone extended header", .damaged) { $0.pax([("path", "x")]) },
        HostileCase("two extended headers", .damaged) {
            $0.pax([("path", "x")])
            $0.pax([("path", "y")])
            $0.file("z")
        },
        HostileCase("a block of zeros between entries", .damaged) {
            $0.file("a")
            $0.zeroBlock()
            $0.file("b")
        },
        HostileCase("entries after the end", .damaged) {
            $0.file("a")
            $0.end()
            $0.file("b")
        },
        HostileCase("a file larger than the archive", .damaged) { $0.add("a") { $0.size = 1 << 40 } },
        HostileCase("a sparse map that overlaps", .damaged) {
            $0.pax([("GNU.sparse.map", "0,512,256,512"), ("GNU.sparse.size", "4096")])
            $0.add("a") { $0.content = [UInt8](repeating: 1, count: 1024) }
        },
        HostileCase("a sparse map beyond the size", .damaged) {
            $0.pax([("GNU.sparse.map", "4000,512"), ("GNU.sparse.size", "4096")])
            $0.add("a") { $0.content = [UInt8](repeating: 1, count: 512) }
        },
        HostileCase("a sparse map that overflows", .damaged) {
            $0.pax([
                ("GNU.sparse.map", "9223372036854775807,512"), ("GNU.sparse.size", "9223372036854775807"),
            ])
            $0.add("a") { $0.content = [UInt8](repeating: 1, count: 512) }
        },
        HostileCase("a sparse map with more than is there", .damaged) {
            $0.pax([("GNU.sparse.map", "0,1024"), ("GNU.sparse.size", "4096")])
            $0.add("a") { $0.content = [UInt8](repeating: 1, count: 512) }
        },
        HostileCase("a sparse map of a billion lines", .damaged) {
            $0.pax([
                ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "4096"),
                ("GNU.sparse.name", "a"),
            ])
            $0.add("a") { $0.content = Array("1000000000\n".utf8) + [UInt8](repeating: 0, count: 501) }
        },
        HostileCase("a sparse name that climbs out") {
            $0.pax([
                ("GNU.sparse.map", "0,512"), ("GNU.sparse.size", "512"), ("GNU.sparse.name", "../outside"),
            ])
            $0.add("a") { $0.content = [UInt8](repeating: 1, count: 512) }
        },
        HostileCase("a multi-volume continuation", .unsupported) { $0.add("a") { $0.type = "M" } },
        HostileCase("a kind nobody knows", .unsupported) { $0.add("a") { $0.type = "!" } },
    ]

    @Test(arguments: cases, [false, true])
    func `a hostile archive is refused and nothing outside is written`(
        hostile: HostileCase, isCompressed: Bool
    ) throws {
        let scratch = Scratch()
        var tar = TarBuilder()
        hostile.build(&tar)
        tar.end()
        let file = scratch.path.appending("archive")
        try file.write(tar.bytes)
        scratch.run(
            "mkdir -p guarded/target; printf precious > guarded/outside; \(isCompressed ? "gzip -n archive; mv archive.gz archive" : "")"
        )
        let guarded = scratch.path.appending("guarded")
        let before = facts(of: guarded).filter { !$0.hasPrefix("target") }
        let error = #expect(throws: ArchiveError.self) {
            try unpack(file, into: guarded.appending("target"))
        }
        #expect(error?.kind == hostile.kind)
        #expect(error?.file == file)
        #expect(differences(facts(of: guarded).filter { !$0.hasPrefix("target") }, before) == [])
        #expect(
            scratch.run("[ $(find guarded/target -not -type d -not -type f -not -type l | wc -l) = 0 ]") == 0)
        #expect(try !FilePath("/tmp/outside").isPresent)
    }

    @Test func `set-id bits and capabilities are taken away and counted, the sticky bit stays`() throws {
        let scratch = Scratch()
        var tar = TarBuilder()
        tar.add("suid") { $0.mode = 0o6755 }
        tar.add("sticky") {
            $0.type = "5"
            $0.mode = 0o1777
        }
        tar.pax([
            ("SCHILY.xattr.security.capability", "\u{1}\u{0}\u{0}\u{2}"), ("SCHILY.xattr.user.fine", "yes"),
        ])
        tar.file("capable")
        tar.end()
        try scratch.path.appending("a").write(tar.bytes)
        let summary = try unpack(scratch.path.appending("a"), into: scratch.folder("target"))
        #expect(summary.setIDRemoved == 1)
        #expect(summary.attributesNotSet == 1)
        #expect(
            lines(
                of:
                    "cd '\(scratch.path)/target' && stat -c '%n %a' suid sticky; getfattr -d -m - capable | grep ="
            )
                == ["suid 755", "sticky 1777", "user.fine=\"yes\""])
    }

    @Test func `links are restored as they were and never followed`() throws {
        let scratch = Scratch()
        var tar = TarBuilder()
        tar.link("absolute", to: "/etc/passwd", type: "2")
        tar.link("climbing", to: "../../../etc", type: "2")
        tar.link("dangling", to: "nowhere", type: "2")
        tar.end()
        try scratch.path.appending("a").write(tar.bytes)
        try unpack(scratch.path.appending("a"), into: scratch.folder("target"))
        #expect(
            lines(of: "cd '\(scratch.path)/target' && readlink absolute climbing dangling")
                == ["/etc/passwd", "../../../etc", "nowhere"])
        #expect(lines(of: "stat -c %Y '\(scratch.path)/target/absolute'") == ["1600000000"])
    }

    @Test func `the last of several files of one name wins, and other names of the first keep it`() throws {
        let scratch = Scratch()
        var tar = TarBuilder()
        tar.file("a", "first")
        tar.link("b", to: "a", type: "1")
        tar.file("a", "second")
        tar.end()
        try scratch.path.appending("archive").write(tar.bytes)
        try unpack(scratch.path.appending("archive"), into: scratch.folder("target"))
        #expect(
            lines(of: "cd '\(scratch.path)/target' && head -c 99 a; echo; head -c 99 b") == [
                "second", "first",
            ])
    }

    @Test func `caps on entries, bytes and paths hold`() throws {
        let scratch = Scratch()
        var tar = TarBuilder()
        for index in 0..<10 { tar.file("folder/file-\(index)", "ten bytes.") }
        tar.end()
        let file = scratch.path.appending("a")
        try file.write(tar.bytes)
        for (name, options) in [
            ("entries", UnpackOptions(maxEntries: 9)), ("bytes", UnpackOptions(maxBytes: 99)),
            ("paths", UnpackOptions(maxPathBytes: 12)),
        ] {
            let error = #expect(throws: ArchiveError.self) {
                try unpack(file, into: scratch.folder(name), options)
            }
            #expect(error?.kind == .hostile)
        }
        let exact = UnpackOptions(maxEntries: 10, maxBytes: 100, maxPathBytes: 13)
        #expect(try unpack(file, into: scratch.folder("fits"), exact).entries == 10)
    }

    @Test func `the target must be an empty folder`() throws {
        let scratch = Scratch()
        scratch.run("mkdir tree target; printf precious > target/file")
        let file = scratch.path.appending("a")
        _ = try archive(scratch.path.appending("tree"), to: file)
        #expect(throws: FileError("unpack into", scratch.path.appending("target"), .directoryNotEmpty)) {
            try unpack(file, into: scratch.path.appending("target"))
        }
        #expect(throws: FileError("open", scratch.path.appending("missing"), .noSuchFileOrDirectory)) {
            try unpack(file, into: scratch.path.appending("missing"))
        }
    }

    @Test func `an error tells a hostile name without its escapes`() throws {
        let scratch = Scratch()
        var tar = TarBuilder()
        tar.file("../\u{1b}]0;owned\u{7}")
        tar.end()
        try scratch.path.appending("a").write(tar.bytes)
        let error = #expect(throws: ArchiveError.self) {
            try unpack(scratch.path.appending("a"), into: scratch.folder("target"))
        }
        #expect(error?.description.hasSuffix("a at “../\\x1b]0;owned\\x07”: its path contains “..”") == true)
    }

    @Test func `two sparse members of the largest size are refused`() throws {
        try withTemporaryFolder { folder in
            var tar = TarBuilder()
            for name in ["a", "b"] {
                tar.pax([
                    ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", name),
                    ("GNU.sparse.realsize", "9223372036854775807"),
                ])
                tar.add("GNUSparseFile.0/" + name) {
                    $0.content = Array("0\n".utf8) + [UInt8](repeating: 0, count: 510)
                }
            }
            let file = folder.appending("sparse.tar")
            try file.replaceContents(tar.bytes + [UInt8](repeating: 0, count: 1024))
            #expect(throws: ArchiveError.self) {
                try checkArchive(
                    file, compression: nil, threads: 1, cancellation: Cancellation(),
                    progress: SilentProgress())
            }
        }
    }
}
