// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// The exit statuses of the contract, each with a message that says what to try.
@Suite struct StatusTests {
    private func expectRemedy(_ answer: Kecsctl.Answer, _ status: Int32) {
        #expect(answer.status == status, "\(answer.errors)")
        #expect(answer.errors.contains("kecsctl: error: "))
        #expect(answer.errors.contains("try: "), "\(answer.errors)")
        #expect(answer.output == "")
    }

    @Test func `10 for an instance or a backup that is not there`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            expectRemedy(try await kecsctl("backup", "nobody"), 10)
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            expectRemedy(try await kecsctl("stop", "nobody"), 10)
            expectRemedy(try await kecsctl("restore", "dev", "--from", "latest"), 10)
            expectRemedy(try await kecsctl("restore", "dev", "--from", "20200101T000000Z-manual"), 10)
            expectRemedy(try await kecsctl("undo", "dev"), 10)
            #expect(try !root.appending("home/instances/nobody").isPresent)
        }
    }

    @Test func `11 while another one works, naming it, and --wait-lock waits`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let lock = try await FileLock.acquire(
                root.appending("home/instances/dev/lock"), command: "a test that holds on",
                clock: SystemClock(),
                cancellation: Cancellation())
            let busy = try await kecsctl("backup", "dev")
            expectRemedy(busy, 11)
            #expect(busy.errors.contains("a test that holds on"))
            #expect(busy.errors.contains("\(getpid())"))
            #expect(try await kecsctl("list").status == 0)
            async let waiting = kecsctl("backup", "dev", "--wait-lock", "30s")
            lock.unlock()
            #expect(try await waiting.status == 0)
        }
    }

    @Test func `16 when there is no room, before a byte is written`() async throws {
        try await withTemporaryFolder { root in
            let small = root.appending("small")
            try small.createFolder()
            let mounted = try await shell("mount -t tmpfs -o size=3m tmpfs \(small)")
            guard mounted.succeeded else {
                try Test.cancel("a tmpfs cannot be mounted here: \(mounted.errorText)")
            }
            do {
                let kecsctl = Kecsctl(home: small.appending("home"))
                let elsewhere = root.appending("data")
                try elsewhere.createFolder()
                #expect(
                    try await kecsctl("start", "dev", "--runtime", "local", "--data-dir", elsewhere.string)
                        .status == 0)
                var noise = SystemRandomNumberGenerator()
                try elsewhere.appending("big").replaceContents(
                    (0..<4_000_000).map { _ in UInt8.random(in: .min ... .max, using: &noise) })
                let answer = try await kecsctl("backup", "dev")
                expectRemedy(answer, 16)
                #expect(answer.errors.contains("are free"))
                let backups = small.appending("home/backups/dev")
                #expect(try !backups.isPresent || backups.entries().isEmpty)
            } catch {
                _ = try await shell("umount \(small)")
                throw error
            }
            _ = try await shell("umount \(small)")
        }
    }

    @Test(arguments: [
        ["backup", "dev", "--nonsense"], ["start", "../x"], ["start", "UPPER"], ["frobnicate"],
        ["restore", "dev", "--at", "yesterday", "--from", "latest"], ["backup", "dev", "--part", "nothing"],
        ["destroy", "dev"], ["backups", "prune", "dev", "--keep", "minus"],
    ])
    func `64 for wrong usage, which changes nothing`(words: [String]) async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let before = try treeDigest(root, leavingOut: ["lock"])
            let answer = try await kecsctl.run(words)
            expectRemedy(answer, 64)
            #expect(try treeDigest(root, leavingOut: ["lock"]) == before)
        }
    }

    @Test func `cron's bare environment, a deleted working directory, --quiet: nothing is said`() async throws
    {
        try await withTemporaryFolder { root in
            let home = root.appending(".kecs")
            #expect(try await Kecsctl(home: home)("start", "dev", "--runtime", "local").status == 0)
            let gone = root.appending("gone")
            try gone.createFolder()
            let result = try await shell(
                "cd \(gone) && rmdir \(gone) && env -i HOME=\(root) PATH=/usr/bin:/bin \(Kecsctl.program) backup --all --quiet"
            )
            #expect(result.end == .exited(0), "\(result.errorText)")
            #expect(result.outputText == "")
            #expect(result.errorText == "")
            let found = try home.appending("backups/dev").entries()
            #expect(found.count == 1)
        }
    }

    private func shell(_ script: String) async throws -> ProcessResult {
        try await SystemProcesses(
            environment: ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin"], cancellation: Cancellation()
        ).run(ProcessCall("/bin/sh", "-c", script))
    }
}
