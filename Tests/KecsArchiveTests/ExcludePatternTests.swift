// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import SystemPackage
import Testing

@Suite struct ExcludePatternTests {
    /// What is left of a tree that is walked through, as `find` would list it.
    private func kept(_ scratch: Scratch, _ patterns: [String], caches: Bool = false) throws -> [String] {
        var source = TreeSource(root: scratch.path.appending("tree"))
        source.excluded = ExcludePatterns(
            try patterns.map { try #require(ExcludePattern($0), "\($0)") }, caches: caches)
        let found = Names()
        try walkTree(source, cancellation: Cancellation()) { path, status in
            if status.kind != .folder { found.names.append(printable(path)) }
        }
        return found.names
    }

    private final class Names { var names: [String] = [] }

    private static let tree = """
        mkdir -p tree/a/b/c tree/cache/deep tree/build tree/x/cache tree/x/y/z 'tree/sp ace' tree/logs.d; cd tree
        touch a.tmp a/b.tmp a/b/c/d.tmp a/keep.tmp cache/one cache/deep/two build/out x/cache/three x/build x/y/z/f
        touch 'sp ace/f' '#hash' '!bang' 'br[ack' 'back\\slash' 'end ' logs.d/1.log logs.d/2.log x/1.log star*star
        touch a/cache foo foobar x/foo
        """

    /// git itself says what its syntax means.
    @Test(arguments: [
        ["*.tmp"], ["*.tmp", "!keep.tmp"], ["cache/"], ["/cache/"], ["/cache"], ["cache"], ["a/b"], ["/a/b/"],
        ["a/**"], ["a/**", "!a/keep.tmp"], ["a/**/d.tmp"], ["**/cache"], ["**/c/"], ["x/**/f"], ["/**/f"],
        ["build"], ["build/"], ["/build"], ["sp ace"], ["\\#hash"], ["\\!bang"], ["br\\[ack"],
        ["back\\\\slash"],
        ["end\\ "], ["end   "], ["*.log", "!/x/"], ["*", "!*.log"], ["*", "!*/", "!*.log"], ["/*", "!/x"],
        ["fo?"], ["foo*"], ["[fx]oo"], ["[!f]oo"], ["/x/*/three"], ["x/*"], ["**"], ["star\\*star"],
        ["star*"],
        ["logs.d/[0-9].log"], ["logs.d/[!1].log"], ["a/b/"], ["!a"], ["a", "!a/b"], ["**/**/three"],
        ["x/**/cache"],
        ["/x/y/**/"], ["y/z"], ["z/"],
    ])
    func `patterns leave out what git ignores`(patterns: [String]) throws {
        let scratch = Scratch()
        #expect(scratch.run(Self.tree) == 0)
        let lines = patterns.map { "'\($0)'" }.joined(separator: " ")
        #expect(
            scratch.run(
                """
                git init -q tree; printf '%s\\n' \(lines) > tree/.git/info/exclude
                git -C tree -c core.quotePath=false ls-files -z --others --exclude-standard > listed
                rm -rf tree/.git
                """) == 0)
        let listed = try scratch.path.appending("listed").contents().split(separator: 0).map {
            printable(Array($0))
        }
        #expect(try kept(scratch, patterns).sorted() == listed.sorted())
    }

    @Test(arguments: [
        "", " ", "#x", "!", "/", "//", "a\\", "[", "a[b", "[!", "[]", "a/[b/c", "../x", "a/./b", "a\0b",
    ])
    func `what would never match is no pattern, and why is said`(text: String) {
        #expect(ExcludePattern(text) == nil)
        #expect(ExcludePattern.problem(of: text)?.isEmpty == false)
    }

    @Test func `many asterisks take no time`() throws {
        let pattern = try #require(
            ExcludePattern(Array(repeating: "**/a", count: 40).joined(separator: "/") + "/b"))
        var source = ExcludePatterns([pattern])
        source.caches = false
        let path = Array(Array(repeating: "a", count: 400).joined(separator: "/").utf8)
        #expect(try source.reason(toLeaveOut: path, isFolder: false, below: "/nowhere") == nil)
    }

    @Test func `of a tagged folder the tag is kept, and only with its signature`() throws {
        let scratch = Scratch()
        scratch.run(
            """
            mkdir -p tree/real/in tree/fake tree/link; cd tree; touch real/f real/in/g fake/f link/f CACHEDIR
            printf 'Signature: 8a477f597d28d172789f06886806bc55\\n# more' > real/CACHEDIR.TAG
            printf 'Signature: 8a477f597d28d172789f06886806bc56' > fake/CACHEDIR.TAG
            ln -s ../real/CACHEDIR.TAG link/CACHEDIR.TAG; cp real/CACHEDIR.TAG CACHEDIR.TAG
            """)
        #expect(
            try kept(scratch, [], caches: true) == [
                "CACHEDIR", "CACHEDIR.TAG", "fake/CACHEDIR.TAG", "fake/f", "link/CACHEDIR.TAG", "link/f",
                "real/CACHEDIR.TAG",
            ])
        #expect(try kept(scratch, []).count == 9)
    }

    @Test func `a folder that is left out is not even opened, and the scan and the archive agree`() throws {
        let scratch = Scratch()
        scratch.run("mkdir -p tree/secret/in tree/kept; cd tree; touch kept/a kept/b.tmp secret/in/c")
        var source = TreeSource(root: scratch.path.appending("tree"))
        source.excluded = ExcludePatterns(["secret/", "*.tmp"].compactMap { ExcludePattern($0) })
        let scan = try scanTree(source, cancellation: Cancellation())
        #expect(scan.entries == 3)
        #expect(scan.excluded == 2)
        let summary = try writeArchive(
            of: source, to: scratch.path.appending("a.tar.gz"), compression: .fast, threads: 1,
            cancellation: Cancellation(), progress: SilentProgress())
        #expect(summary.entries == 3)
        #expect(summary.fingerprint == scan.fingerprint)
    }

    @Test func `what belongs to a database that is left out goes with it`() throws {
        let scratch = Scratch()
        scratch.run("mkdir tree; cd tree; touch a.sqlite a.sqlite-wal a.sqlite-shm b.db b.db-wal")
        #expect(try kept(scratch, ["*.sqlite"]) == ["b.db", "b.db-wal"])
    }
}
