// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// What ran before runs again, and what was interrupted is not half-done.
@Suite(.serialized) struct FaultServerTests {
    /// Ends half a second after it is told to: time enough to interrupt whoever waits for it.
    private static let slowToEnd = "sh -c 'trap \"sleep 0.5; exit 0\" TERM; while :; do sleep 0.05; done'"

    private func start(_ root: FilePath, command: String = slowToEnd) async throws -> Kecsctl {
        let kecsctl = Kecsctl(home: root.appending("home"))
        let started = try await kecsctl(
            "start", "dev", "--runtime", "local", "--command", command, "--health-url", "none")
        #expect(started.status == 0, "\(started.errors)")
        return kecsctl
    }

    private func state(_ kecsctl: Kecsctl) async throws -> String? {
        try await kecsctl("status", "dev", "-o", "json").first()["state"]?.string
    }

    /// Starts kecsctl, sends it `signal` as soon as the server has been told to end, and waits for its end.
    private func interrupted(_ kecsctl: Kecsctl, _ signal: CInt, _ words: [String]) throws -> Int32 {
        let server = kecsctl.home.appending("instances/dev/server.json")
        let pid = try #require(
            try JSONFile.read(JSONValue.self, from: server)["identity"]?["pid"].flatMap { value -> pid_t? in
                if case .integer(let number) = value { return pid_t(number) }
                return nil
            })
        let child = try kecsctl.spawn(words)
        // Told to end: it runs `sleep 0.5` now.
        var isEnding = false
        while !isEnding, kill(child, 0) == 0 {
            let children = try FilePath("/proc/\(pid)/task/\(pid)/children").contents()
            for word in String(decoding: children, as: UTF8.self).split(separator: " ") {
                let line = try? FilePath("/proc/\(word)/cmdline").contents()
                if line?.elementsEqual(Array("sleep\u{0}0.5\u{0}".utf8)) == true { isEnding = true }
            }
            usleep(1000)
        }
        #expect(isEnding)
        kill(child, signal)
        var status: Int32 = 0
        waitpid(child, &status, 0)
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F)
    }

    @Test(arguments: [
        ["stop", "dev", "--no-backup"], ["restart", "dev"], ["restore", "dev", "--from", "latest"],
        ["backup", "dev", "--consistency", "stopped"], ["destroy", "dev", "--yes"],
    ])
    func `Ctrl-C while the server is being stopped leaves it running`(words: [String]) async throws {
        try await withTemporaryFolder { root in
            let kecsctl = try await start(root)
            #expect(try await kecsctl("backup", "dev").status == 0)
            try root.appending("home/instances/dev/data/later").replaceContents([1])
            let before = try treeDigest(root.appending("home/instances/dev/data"))
            #expect(try interrupted(kecsctl, SIGINT, words) == 130)
            #expect(try !root.appending("home/instances/dev/journal.json").isPresent)
            #expect(try await state(kecsctl) == "running")
            #expect(try treeDigest(root.appending("home/instances/dev/data")) == before)
            #expect(try await kecsctl("stop", "dev", "--no-backup").status == 0)
        }
    }

    @Test func `SIGTERM ends with 143, and nothing half-done is left`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = try await start(root)
            #expect(try interrupted(kecsctl, SIGTERM, ["restart", "dev"]) == 143)
            #expect(try await state(kecsctl) == "running")
            #expect(try await kecsctl("stop", "dev", "--no-backup").status == 0)
        }
    }

    @Test func `a server that cannot be started again does not block the instance`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = try await start(root)
            #expect(try await kecsctl("stop", "dev", "--no-backup").status == 0)
            #expect(
                try await kecsctl("config", "set", "command", "/does/not/exist", "--instance", "dev").status
                    == 0)
            let journal = root.appending("home/instances/dev/journal.json")
            try journal.replaceContents(
                Array(
                    """
                    {"version": 1, "operation": "restart", "startedAt": "2026-01-01T00:00:00Z",
                     "runsAfterwards": true, "mayBeFrozen": false}
                    """.utf8))
            // Each one that changes something tries again, and says so, until the user says that it need not run.
            for _ in 0..<2 {
                let backup = try await kecsctl("backup", "dev")
                #expect(backup.status == 0, "\(backup.errors)")
                #expect(backup.errors.contains("warning: “dev” is down since"), "\(backup.errors)")
                #expect(backup.errors.contains("kecsctl start dev"))
                #expect(try !journal.isPresent)
            }
            let status = try await kecsctl("status", "dev", "-o", "json").first()
            #expect(status["down"]?["tries"] == 2)
            #expect(try await kecsctl("doctor", "dev", "--check", "instance.down").status == 20)
            #expect(try await kecsctl("stop", "dev").status == 0)
            #expect(try await kecsctl("status", "dev", "-o", "json").first()["down"] == nil)
            #expect(try await kecsctl("backup", "dev").errors == "")
        }
    }

    @Test func `a restart whose server is not well ends there, and looking restarts nothing`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = try await start(root)
            // Nobody listens there.
            #expect(
                try await kecsctl(
                    "config", "set", "healthUrl", "http://127.0.0.1:1/health", "--instance", "dev"
                ).status == 0)
            let restart = try await kecsctl("restart", "dev", "--timeout", "10s")
            #expect(restart.status == 15, "\(restart.errors)")
            let folder = root.appending("home/instances/dev")
            #expect(try !folder.appending("journal.json").isPresent)
            #expect(try !folder.appending("duty.json").isPresent, "it runs")
            let server = try folder.appending("server.json").contents()
            for words in [
                ["list"], ["status", "dev"], ["check", "dev"], ["logs", "dev"], ["backups", "list"],
            ] {
                _ = try await kecsctl.run(words, limit: .seconds(60))
                #expect(try folder.appending("server.json").contents() == server, "\(words)")
            }
            #expect(try await state(kecsctl) == "running")
            #expect(try await kecsctl("stop", "dev", "--no-backup").status == 0)
        }
    }

    @Test func `an instance comes back from its backup with its command and its ports`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = try await start(root)
            let config = root.appending("home/instances/dev/config.json")
            let before = try JSONFile.read(JSONValue.self, from: config)
            #expect(try await kecsctl("destroy", "dev", "--yes").status == 0)
            let back = try await kecsctl("restore", "dev", "--from", "latest")
            #expect(back.status == 0, "\(back.errors)")
            #expect(try JSONFile.read(JSONValue.self, from: config) == before)
        }
    }

    @Test func `a configuration of another version is not taken for a broken one`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            #expect(try await kecsctl("backup", "dev").status == 0)
            let config = root.appending("home/instances/dev/config.json")
            let newer = Array(#"{"version": 99, "precious": true}"#.utf8)
            try config.replaceContents(newer)
            #expect(try await kecsctl("restore", "dev", "--from", "latest").status == 13)
            #expect(try config.contents() == newer)
        }
    }

    @Test func `what a killed destroy left is removed by the next run that changes anything`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let instances = root.appending("home/instances")
            for words in [["backup", "dev"], ["destroy", "dev", "--yes"]] {
                try instances.appending("other").createFolder()
                try instances.appending("other").rename(to: instances.appending(".other.destroying"))
                _ = try await kecsctl.run(words)
                #expect(try !instances.appending(".other.destroying").isPresent, "\(words)")
            }
            try instances.appending(".dev.destroying").createFolder()
            #expect(try await kecsctl("destroy", "dev", "--yes").status == 10)
            #expect(try instances.entries() == [])
        }
    }
}
