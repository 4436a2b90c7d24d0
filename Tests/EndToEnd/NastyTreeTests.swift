// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// A tree with everything in it that a file system allows, through backup and restore, byte for byte.
@Suite struct NastyTreeTests {
    @Test func `a nasty tree comes back as it was`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let live = root.appending("home/instances/dev/minio-data")
            let setID = try fill(live)
            let before = try treeDigest(live)
            #expect(try await kecsctl("backup", "dev").status == 0)
            let id = try #require(
                try await kecsctl("backups", "list", "dev", "-o", "json").first()["id"]?.string)
            let manifest = try JSONFile.decode(
                JSONValue.self, from: root.appending("home/backups/dev/\(id)/manifest.json").contents(),
                at: "manifest.json")
            let part = manifest["parts"]?.array?.first { $0["name"] == "minio" }
            // What the holes are not of.
            #expect((part?["sourceBytes"]?.integer ?? 0) > 1 << 30)
            #expect((1..<(64 << 20)).contains(part?["dataBytes"]?.integer ?? 0), "\(part as Any)")
            try live.removeTree()
            let answer = try await kecsctl("restore", "dev", "--from", "latest", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            // The set-id bits are gone, and that is said; with them back the tree is the same.
            #expect(try FileStatus.of(setID)?.mode == 0o755)
            let notes = try answer.first()["notes"]?.array?.compactMap(\.string) ?? []
            #expect(notes.contains { $0.contains("set-uid") })
            try setID.setMode(0o4755)
            let time = [
                timespec(tv_sec: 1_700_000_000, tv_nsec: 1), timespec(tv_sec: 1_700_000_000, tv_nsec: 1),
            ]
            _ = live.withPlatformString { utimensat(AT_FDCWD, $0, time, 0) }
            #expect(try treeDigest(live) == before)
            let sparse = try #require(try FileStatus.of(live.appending("sparse")))
            #expect(sparse.size == 1 << 30)
            #expect(sparse.blocks * 512 < 1 << 20)
            let colour = live.appending("attributes").withPlatformString {
                clinux_get_path_xattr($0, "user.colour", nil, 0)
            }
            #expect(colour == 4)
            let first = try #require(try FileStatus.of(live.appending("hard-1")))
            #expect(try FileStatus.of(live.appending("hard-2"))?.inode == first.inode)
        }
    }

    @Test func `an export holds no sparse file, and says what a restore needs`() async throws {
        try await withTemporaryFolder { root in
            var home = Kecsctl(home: root.appending("home"))
            #expect(try await home("start", "dev", "--runtime", "local").status == 0)
            let file = root.appending("home/instances/dev/minio-data/sparse")
            try file.replaceContents(Array("start".utf8))
            let size: Int64 = 1 << 30
            #expect(file.withPlatformString { truncate($0, off_t(size)) } == 0)
            #expect(try await home("backup", "dev", "--part", "minio").status == 0)
            var data: [Int64?] = []
            // An import is exported again, and its holes are zeros by then.
            for number in 1...2 {
                let bundle = root.appending("\(number).tar")
                let exported = try await home(
                    "backups", "export", "latest", "--instance", "dev", "--file", bundle.string)
                #expect(exported.status == 0, "\(exported.errors)")
                let unpacked = try await shell(
                    "mkdir '\(root)/\(number)' && cd '\(root)/\(number)' && busybox tar xf '\(bundle)' && cd */ && busybox tar xzf minio.tar.gz && [ $(stat -c %s sparse) = \(size) ]",
                    environment: ["PATH": "/usr/bin:/bin"])
                #expect(unpacked.succeeded, "\(unpacked.errorText)")
                home = Kecsctl(home: root.appending("home-\(number)"))
                let taken = try await home("backups", "import", bundle.string, "--as", "dev")
                #expect(taken.status == 0, "\(taken.errors)")
                let id = try #require(
                    try await home("backups", "list", "dev", "-o", "json").first()["id"]?.string)
                let manifest = try JSONFile.decode(
                    JSONValue.self,
                    from: home.home.appending("backups/dev/\(id)/manifest.json").contents(), at: "")
                data.append(manifest["parts"]?.array?.first?["dataBytes"]?.integer)
            }
            #expect(data[0] == data[1])
            #expect((5...(256 << 10)).contains(data[0] ?? 0), "\(data)")
        }
    }

    @Test func `an argument or a home that is no text is refused, and stands for no other name`() async throws
    {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            #expect(try await kecsctl("backup", "dev").status == 0)
            let before = try root.entries()
            for (line, said) in [
                (#"'\(K)' restore dev --from latest --into "$(printf '\(R)/\377')""#, #"\xff” is not UTF-8"#),
                (#"'\(K)' list --home "$(printf '\(R)/\377')""#, #"\xff” is not UTF-8"#),
                (
                    #"KECS_HOME="$(printf '\(R)/\377')" '\(K)' start dev --runtime local"#,
                    "KECS_HOME is not UTF-8"
                ),
                (
                    #"unset KECS_HOME; HOME="$(printf '\(R)/\377')" '\(K)' start dev --runtime local"#,
                    "HOME is not UTF-8"
                ),
            ] {
                let script = line.replacing(#"\(K)"#, with: Kecsctl.program.string)
                    .replacing(#"\(R)"#, with: root.string)
                let answer = try await shell(script, environment: kecsctl.variables)
                #expect(answer.end == .exited(64), "\(line): \(answer.errorText)")
                #expect(answer.errorText.contains(said), "\(line): \(answer.errorText)")
                #expect(try root.entries() == before)
            }
        }
    }

    private func shell(_ script: String, environment: [String: String]) async throws -> ProcessResult {
        try await SystemProcesses(environment: environment, cancellation: Cancellation()).run(
            ProcessCall("/bin/sh", ["-c", script]))
    }

    /// - Returns: The file with the set-uid bit.
    private func fill(_ root: FilePath) throws -> FilePath {
        func put(_ name: [UInt8], _ text: String = "x") throws {
            try root.appending(bytes: name).replaceContents(Array(text.utf8))
        }
        for name in [
            "a b", "-rf", "--", "new\nline", "tab\t", "*", "quote'\"", "\\", "ünïcödé", "\u{1B}[31m",
        ] {
            try put(Array(name.utf8), name)
        }
        try put([0xFF, 0xFE, UInt8(ascii: "x")], "not UTF-8")
        let long = [UInt8](repeating: UInt8(ascii: "l"), count: 255)
        _ = root.appending(bytes: long).withPlatformString { close(open($0, O_CREAT | O_WRONLY, 0o644)) }
        try root.appending("empty folder").createFolder()
        var deep = root
        for level in 0..<200 { deep.append("d\(level)") }
        try deep.createFolder()
        try deep.appending("bottom").replaceContents(Array("deep".utf8))
        for (link, target) in [
            ("dangling", "nowhere"), ("absolute", "/etc/passwd"), ("up", "../../.."), ("self", "self"),
        ] {
            _ = root.appending(link).withPlatformString { symlink(target, $0) }
        }
        try put(Array("hard-1".utf8), "linked")
        _ = root.appending("hard-1").withPlatformString { one in
            root.appending("hard-2").withPlatformString { two in Glibc.link(one, two) }
        }
        let sparse = root.appending("sparse").withPlatformString { open($0, O_CREAT | O_RDWR, 0o600) }
        pwrite(sparse, "middle", 6, 500 << 20)
        ftruncate(sparse, 1 << 30)
        close(sparse)
        try put(Array("attributes".utf8))
        let attributes = root.appending("attributes").withPlatformString { open($0, O_RDWR) }
        clinux_set_xattr(attributes, "user.colour", "blue", 4)
        close(attributes)
        try put(Array("locked".utf8), "nobody may read this")
        try root.appending("locked").setMode(0)
        try put(Array("owned".utf8))
        try root.appending("owned").setOwner((user: 65532, group: 12345))
        try put(Array("set-id".utf8), "#!/bin/sh")
        let setID = root.appending("set-id")
        try setID.setMode(0o4755)
        try root.appending("read-only folder").createFolder()
        try root.appending("read-only folder").setMode(0o555)
        let times = [
            timespec(tv_sec: 1, tv_nsec: 123_456_789), timespec(tv_sec: 1_234_567_890, tv_nsec: 987_654_321),
        ]
        _ = root.appending("a b").withPlatformString { utimensat(AT_FDCWD, $0, times, 0) }
        let now = [timespec(tv_sec: 1_700_000_000, tv_nsec: 1), timespec(tv_sec: 1_700_000_000, tv_nsec: 1)]
        _ = root.withPlatformString { utimensat(AT_FDCWD, $0, now, 0) }
        return setID
    }
}
