// SPDX-License-Identifier: Apache-2.0
import Glibc
import Kecs
import KecsDoctor
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// doctor, undo, check and status with the built program.
@Suite struct DoctorTests {
    private struct Report {
        let results: [JSONValue]
        let repairs: [JSONValue]
        let status: Int32

        init(_ answer: Kecsctl.Answer) throws {
            let document = try JSONFile.decode(JSONValue.self, from: Array(answer.output.utf8), at: "stdout")
            results = try #require(document["results"]?.array)
            repairs = document["repairs"]?.array ?? []
            status = answer.status
        }

        func ids(_ severity: String) -> [String] {
            results.filter { $0["severity"]?.string == severity }.compactMap { $0["id"]?.string }
        }
    }

    private func withInstance(
        _ body: (Kecsctl, FilePath) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { root in
            // Neither this machine's crontabs nor the scripts of the folder that the tests are run from.
            let kecsctl = Kecsctl(
                home: root.appending("home"), environment: ["HOME": root.string], folder: root)
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            try await body(kecsctl, root.appending("home/instances/dev"))
        }
    }

    @Test func `a healthy instance with a fresh backup has no warning`() async throws {
        try await withInstance { kecsctl, _ in
            #expect(try await kecsctl("backup", "dev").status == 0)
            let report = try Report(try await kecsctl("doctor", "dev", "-o", "json"))
            #expect(report.ids("error") == [])
            // What is the machine's own: a disk that is full, or a temporary folder in memory.
            var expected: [String] = []
            let use = try FileSystemUse.at(kecsctl.home)
            if use.isOver(percent: 90) { expected.append("disk.used") }
            if use.isOverInodes(percent: 90) { expected.append("disk.inodes") }
            if try MountTable.current().mount(of: kecsctl.home)?.kind == "tmpfs" {
                expected.append("fs.type")
            }
            #expect(report.ids("warning").sorted() == expected.sorted())
            #expect(report.ids("ok").count > 100)
            #expect(report.status == 0)
            let silent = try await kecsctl("doctor", "dev", "--quiet", "--fail-on", "warning")
            #expect(silent.status == (expected.isEmpty ? 0 : 20))
        }
    }

    @Test func `a fix changes what it says, twice changes nothing more, and undo takes it back`() async throws
    {
        try await withInstance { kecsctl, folder in
            #expect(try await kecsctl("backup", "dev").status == 0)
            let database = folder.appending("data/kecs.db")
            try database.setMode(0o666)
            try folder.appending("data").setMode(0o777)
            var lock = try ProcessIdentity.current()
            lock.bootId = "of another boot"
            let text = try JSONFile.encode(lock)
            try folder.appending("data/.lock").replaceContents(text)
            func modes() throws -> [UInt32?] {
                try [database, folder.appending("data")].map { try FileStatus.of($0)?.mode }
            }

            let planned = try Report(try await kecsctl("doctor", "dev", "--fix", "--dry-run", "-o", "json"))
            #expect(planned.repairs.count == 3)
            #expect(try modes() == [0o666, 0o777])

            let fixed = try Report(try await kecsctl("doctor", "dev", "--fix", "-o", "json"))
            #expect(fixed.repairs.map { $0["change"] } == planned.repairs.map { $0["change"] })
            #expect(fixed.repairs.allSatisfy { $0["outcome"] == "done" })
            #expect(fixed.ids("error") == [])
            #expect(try modes() == [0o664, 0o775])
            #expect(try !folder.appending("data/.lock").isPresent)
            let digest = try treeDigest(kecsctl.home)

            let again = try Report(try await kecsctl("doctor", "dev", "--fix", "-o", "json"))
            #expect(again.repairs == [])
            #expect(try treeDigest(kecsctl.home) == digest)

            let plan = try await kecsctl("undo", "dev", "--dry-run", "-o", "json").first()
            #expect(plan["outcome"] == "planned")
            #expect(plan["repairs"]?.array?.count == 3)
            #expect(try modes() == [0o664, 0o775])
            let undone = try await kecsctl("undo", "dev", "-o", "json")
            #expect(undone.status == 0)
            #expect(try undone.first()["repairs"]?.array?.allSatisfy { $0["outcome"] == "done" } == true)
            #expect(try modes() == [0o666, 0o777])
            #expect(try folder.appending("data/.lock").contents() == text)
            // There is nothing more to take back.
            #expect(try await kecsctl("undo", "dev").status == 10)
        }
    }

    @Test func `undo takes back the newer of a repair and a restore`() async throws {
        try await withInstance { kecsctl, folder in
            #expect(try await kecsctl("backup", "dev").status == 0)
            let data = folder.appending("data")
            #expect(try await kecsctl("restore", "dev", "--from", "latest").status == 0)
            try data.setMode(0o777)
            #expect(try await kecsctl("doctor", "dev", "--fix", "--check", "perm.world-writable").status == 0)
            #expect(try FileStatus.of(data)?.mode == 0o775)
            #expect(try await kecsctl("undo", "dev", "-o", "json").first()["from"] == "doctor --fix")
            #expect(try FileStatus.of(data)?.mode == 0o777)

            #expect(try await kecsctl("doctor", "dev", "--fix", "--check", "perm.world-writable").status == 0)
            #expect(try await kecsctl("restore", "dev", "--from", "latest").status == 0)
            let restore = try await kecsctl("undo", "dev", "-o", "json").first()
            #expect(restore["repairs"] == nil)
            #expect(restore["parts"]?.array?.contains("data") == true)
        }
    }

    @Test func `a lock whose process lives is never removed, and is when the process has ended`() async throws
    {
        guard try ProcessTable.current().gap == nil else {
            try Test.cancel(
                "not all processes of this machine can be seen: only identities prove something here")
        }
        try await withInstance { kecsctl, folder in
            let lock = folder.appending("data/.lock")
            let words = ["sleep", "600"]
            var arguments = words.map { strdup($0) } + [nil]
            defer { for argument in arguments { free(argument) } }
            var pid = pid_t()
            try #require(posix_spawn(&pid, "/bin/sleep", nil, nil, &arguments, nil) == 0)
            try lock.replaceContents(Array("\(pid)\n".utf8))
            #expect(try await kecsctl("doctor", "dev", "--fix", "--check", "lock.").status == 0)
            #expect(try lock.isPresent)
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
            #expect(try await kecsctl("doctor", "dev", "--fix", "--check", "lock.").status == 0)
            #expect(try !lock.isPresent)
            #expect(try await kecsctl("undo", "dev").status == 0)
            #expect(try lock.contents() == Array("\(pid)\n".utf8))
        }
    }

    @Test func `status and check tell a backup that is overdue`() async throws {
        try await withInstance { kecsctl, folder in
            func problems() async throws -> [String] {
                try await kecsctl("status", "dev", "-o", "json").first()["problems"]?.array?
                    .compactMap(\.string) ?? []
            }
            // Young instances need no backup yet.
            #expect(try await problems() == [])
            let file = folder.appending("config.json")
            var config = try JSONFile.read(InstanceConfig.self, from: file)
            config.createdAt = Moment(seconds: 1_600_000_000)
            try JSONFile.write(config, to: file)
            #expect(try await problems() == ["a backup is overdue: there is no good one"])
            #expect(try await kecsctl("status", "dev").output.contains("problem:      a backup is overdue"))
            #expect(try await kecsctl("check", "dev").status == 20)
            #expect(try await kecsctl("backup", "dev").status == 0)
            #expect(try await problems() == [])
            #expect(try await kecsctl("check", "dev").status == 0)
        }
    }

    @Test func `a backup that a schedule takes says so in its id`() async throws {
        try await withInstance { kecsctl, _ in
            let backup = try await kecsctl("backup", "dev", "--scheduled", "-o", "json").first()["backup"]
            #expect(backup?["id"]?.string?.hasSuffix("-schedule") == true)
            #expect(backup?["reason"] == "schedule")
        }
    }

    /// Whatever receives it: the backup is done, its status 0, and what went wrong is said.
    @Test func `a webhook that hangs, redirects or fails changes nothing`() async throws {
        try await withInstance { kecsctl, _ in
            let servers = [
                try TestServer(.hangs),
                try TestServer(
                    .answers(
                        "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n")),
                try TestServer(.answers("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")),
            ]
            for server in servers {
                try kecsctl.home.appending("kecsctl.json").replaceContents(
                    Array(
                        #"{"notify":{"webhook":{"url":"http://127.0.0.1:\#(server.port)/","on":["success"]}}}"#
                            .utf8
                    ))
                let answer = try await kecsctl("backup", "dev")
                #expect(answer.status == 0, "\(answer.errors)")
                #expect(answer.errors.contains("warning: the webhook was not reached"))
                #expect(!answer.errors.contains("root:"))
            }
            #expect(servers[1].requests.count == 1)
            #expect(servers[2].requests.count == 3)
            #expect(try await kecsctl("backups", "list", "dev", "-o", "json").items().count == 3)
        }
    }
}
