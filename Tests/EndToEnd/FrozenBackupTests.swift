// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// What changes while it is read: frozen, or lacking, and never a good backup of no moment at all.
@Suite(.enabled(if: try FilePath("/usr/bin/perl").isPresent, "perl is not installed"))
struct FrozenBackupTests {
    /// A server that writes its generation into each page of each file, in order, again and again: at one moment the
    /// pages are so many of one generation and then those of the one before.
    private static let server = """
        use strict; my ($pages, @files) = @ARGV; my @handles;
        for my $file (@files) { open(my $h, "+<", $file) or die; push @handles, $h; }
        for (my $g = 1; ; $g++) {
            my $page = sprintf("%08d", $g) x 512;
            for my $h (@handles) { for my $p (0 .. $pages - 1) { sysseek($h, $p * 4096, 0); syswrite($h, $page); } }
        }
        """

    private struct Scene {
        let root: FilePath
        let kecsctl: Kecsctl
        var data: FilePath { root.appending("data") }
    }

    /// - Parameter files: Below the data folder.
    private func withServer(
        pages: Int, _ files: [String], _ body: (Scene) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { root in
            let scene = Scene(root: root, kecsctl: Kecsctl(home: root.appending("home")))
            let script = root.appending("server.pl")
            try script.replaceContents(Array(Self.server.utf8))
            for file in files {
                let path = scene.data.appending(file)
                try path.removingLastComponent().createFolder()
                try path.replaceContents(Self.page(0, count: pages))
            }
            let paths = files.map { scene.data.appending($0).string }
            let start = try await scene.kecsctl(
                "start", "dev", "--runtime", "local", "--data-dir", scene.data.string, "--health-url", "none",
                "--command",
                (["/usr/bin/perl", script.string, "\(pages)"] + paths).joined(separator: " "))
            #expect(start.status == 0, "\(start.errors)")
            do {
                for file in files { try await waitForWriter(of: scene.data.appending(file)) }
                try await body(scene)
            } catch {
                _ = try await scene.kecsctl("stop", "dev", "--no-backup")
                throw error
            }
            #expect(try await scene.kecsctl("stop", "dev", "--no-backup").status == 0)
        }
    }

    /// A process that has only been started does not write yet.
    private func waitForWriter(of file: FilePath) async throws {
        let first = Array(Self.page(0, count: 1).prefix(8))
        try #require(try await SystemClock().wait(upTo: .seconds(60)) { try file.prefix(8) != first })
    }

    private static func page(_ generation: Int, count: Int) -> [UInt8] {
        let digits = String(generation)
        let word = String(repeating: "0", count: 8 - digits.count) + digits
        return Array(String(repeating: word, count: 512 * count).utf8)
    }

    /// Whether the files, read in the server's order, are what they were at one moment.
    private func isOfOneMoment(_ files: [FilePath]) throws -> Bool {
        var generations: [Int] = []
        for file in files {
            let bytes = try file.contents()
            for offset in stride(from: 0, to: bytes.count, by: 4096) {
                generations.append(
                    try #require(Int(String(decoding: bytes[offset..<offset + 8], as: UTF8.self))))
            }
        }
        let first = try #require(generations.first)
        let rest = generations.drop { $0 == first }
        return rest.allSatisfy { $0 == first - 1 }
    }

    private func restored(_ id: String, _ scene: Scene) async throws -> FilePath {
        let target = scene.root.appending("out-\(id)")
        let answer = try await scene.kecsctl("restore", "dev", "--from", id, "--into", target.string)
        #expect(answer.status == 0, "\(answer.errors)")
        return target.appending("data")
    }

    private func backUp(_ scene: Scene, _ more: String...) async throws -> (id: String, report: JSONValue) {
        let answer = try await scene.kecsctl.run(
            ["backup", "dev", "-o", "json", "--max-pause", "5m", "--no-prune"] + more, limit: .seconds(600))
        #expect(answer.status == 0, "\(answer.errors)")
        let report = try answer.first()
        return (try #require(report["backup"]?["id"]?.string), report)
    }

    private func pause(_ report: JSONValue) -> Double {
        switch report["pauseSeconds"] {
        case .real(let seconds): seconds
        case .integer(let seconds): Double(seconds)
        default: 0
        }
    }

    private func consistency(_ report: JSONValue) -> String? {
        report["backup"]?["parts"]?.array?.first { $0["name"] == "data" }?["consistency"]?.string
    }

    /// As SQLCipher keeps it: noise with a write-ahead log beside.
    @Test func `a database of noise with a write-ahead log is copied frozen`() async throws {
        try await withServer(pages: 64, ["vault.db", "vault.db-wal"]) { scene in
            for _ in 0..<4 {
                let (id, report) = try await backUp(scene)
                #expect(consistency(report) == "frozen")
                #expect(pause(report) > 0)
                let data = try await restored(id, scene)
                #expect(try isOfOneMoment([data.appending("vault.db"), data.appending("vault.db-wal")]))
            }
            let live = try await scene.kecsctl("backup", "dev", "--consistency", "live")
            #expect(live.status == 64, "\(live.errors)")
        }
    }

    @Test func `frozen freezes whatever is found`() async throws {
        let files = (0..<400).map {
            "vectors/" + String(repeating: "0", count: 3 - String($0).count) + "\($0)"
        }
        try await withServer(pages: 1, files) { scene in
            for _ in 0..<3 {
                let (id, report) = try await backUp(scene, "--consistency", "frozen")
                #expect(consistency(report) == "frozen")
                #expect(pause(report) > 0)
                let data = try await restored(id, scene)
                #expect(try isOfOneMoment(files.map { data.appending($0) }))
            }
        }
    }

    /// Reading 32 MiB takes longer than a server waits for its turn, but on a busy machine not each time: what is read in
    /// between is of one moment, too.
    @Test func `a file that is different at every reading is captured again, frozen`() async throws {
        try await withServer(pages: 8192, ["index.bin"]) { scene in
            var isFrozen = false
            for _ in 0..<50 where !isFrozen {
                let (id, report) = try await backUp(scene)
                isFrozen = consistency(report) == "frozen"
                let data = try await restored(id, scene)
                #expect(try isOfOneMoment([data.appending("index.bin")]))
            }
            #expect(isFrozen)
        }
    }

    @Test func `what nobody can freeze is lacking, unless it may change`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let data = root.appending("home/instances/dev/data")
            try data.appending("index.bin").replaceContents(Self.page(0, count: 8192))
            let script = root.appending("server.pl")
            try script.replaceContents(Array(Self.server.utf8))
            let pid = try background("perl '\(script)' 8192 '\(data.appending("index.bin"))'")
            defer { kill(pid, SIGKILL) }
            try await waitForWriter(of: data.appending("index.bin"))
            var torn = try await kecsctl("backup", "dev")
            for _ in 0..<50 where torn.status == 0 { torn = try await kecsctl("backup", "dev") }
            #expect(torn.status == 3)
            #expect(torn.errors.contains("data/index.bin is torn"), "\(torn.errors)")
            let set = try await kecsctl("config", "set", "ignoreChanging", "*.bin", "--instance", "dev")
            #expect(set.status == 0, "\(set.errors)")
            let ignored = try await kecsctl("backup", "dev")
            #expect(ignored.status == 0, "\(ignored.errors)")
        }
    }

    @Test func `a database of noise that another program has open is lacking`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let vault = root.appending("home/instances/dev/data/vault.db")
            try vault.replaceContents(Self.page(1, count: 4))
            try FilePath("\(vault)-wal").replaceContents(Self.page(1, count: 1))
            let pid = try background("exec 3<>'\(vault)'; exec sleep 1000")
            let busy = try await kecsctl("backup", "dev")
            kill(pid, SIGKILL)
            var end: Int32 = 0
            waitpid(pid, &end, 0)
            #expect(busy.status == 3)
            #expect(busy.errors.contains("data/vault.db is open in the process \(pid)"), "\(busy.errors)")
            #expect(try await kecsctl("backup", "dev").status == 0)
        }
    }

    /// A log of 20 MB that grows while it is read.
    @Test func `a file that only grows is in the archive once`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let log = root.appending("home/instances/dev/data/app.txt")
            try log.replaceContents([UInt8](repeating: UInt8(ascii: "x"), count: 20_000_000))
            let pid = try background(
                "perl -e 'open(F, \">>\", $ARGV[0]); while (1) { syswrite(F, \"y\" x 4000); select(undef, undef, undef, 0.001) }' '\(log)'"
            )
            defer { kill(pid, SIGKILL) }
            let grows = try await SystemClock().wait(upTo: .seconds(60)) {
                (try FileStatus.of(log)?.size ?? 0) > 20_000_000
            }
            try #require(grows)
            let answer = try await kecsctl("backup", "dev", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            let path = try #require(try answer.first()["backup"]?["path"]?.string)
            let data = try #require(
                try answer.first()["backup"]?["parts"]?.array?.first { $0["name"] == "data" })
            #expect(data["warnings"]?.array?.isEmpty == true)
            var members = 0
            try listArchive(
                FilePath(path).appending("data.tar.gz"), .contents, cancellation: Cancellation()
            ) { entry in
                if String(decoding: entry.path, as: UTF8.self).hasSuffix("app.txt") { members += 1 }
            }
            #expect(members == 1)
        }
    }

    /// Starts a shell's command that the caller ends.
    private func background(_ script: String) throws -> pid_t {
        var pid = pid_t()
        let words: [String] = ["sh", "-c", script]
        var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var envp = [strdup("PATH=/usr/bin:/bin"), nil]
        defer { for pointer in argv + envp { free(pointer) } }
        // The command takes the shell's place, so that the pid is its own.
        if let old = argv[2], !script.hasPrefix("exec") {
            free(old)
            argv[2] = strdup("exec \(script)")
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        let code = posix_spawn(&pid, "/bin/sh", &actions, nil, &argv, &envp)
        try #require(code == 0)
        return pid
    }
}
