// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Where the machine gives less than it should.
@Suite(.enabled(if: geteuid() == 0, "only root can take these things away")) struct ScarcityTests {
    private func shell(
        _ script: String, _ root: FilePath, limit: Duration = .seconds(120)
    ) async throws -> ProcessResult {
        var call = ProcessCall("sh", "-c", script)
        call.limit = limit
        let environment = [
            "HOME": root.string, "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "K": Kecsctl.program.string,
            "ROOT": root.string,
        ]
        return try await SystemProcesses(environment: environment, cancellation: Cancellation()).run(call)
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 8, 12])
    func `with a limit of so many threads it works or says why not`(limit: Int) async throws {
        try await withTemporaryFolder { root in
            // A user that nobody else is, in a folder of its own; the program where that user can reach it.
            let script = """
                chmod 755 "$ROOT"; mkdir "$ROOT/home"; chown 64999 "$ROOT/home"
                cp "$K" "$ROOT/kecsctl"
                exec setpriv --reuid 64999 --clear-groups prlimit --nproc=\(limit) "$ROOT/kecsctl" list --home "$ROOT/home"
                """
            let result = try await shell(script, root)
            guard case .exited(let status) = result.end else {
                Issue.record("\(result.end): \(result.errorText)")
                return
            }
            #expect([0, 1].contains(status), "\(status): \(result.errorText)")
            if status == 1 { #expect(result.errorText.contains("error:"), "\(result.errorText)") }
        }
    }

    @Test func `without /proc the arguments arrive`() async throws {
        try await withTemporaryFolder { root in
            let result = try await shell(
                #"mkdir "$ROOT/x" && exec unshare -m sh -c 'umount -l /proc && exec "$K" config show --home "$ROOT/x" -o name'"#,
                root)
            #expect(result.end == .exited(0), "\(result.errorText)")
            #expect(result.outputText.hasPrefix("home\n"), "\(result.outputText)")
        }
    }

    @Test func `a trigger of 80,000 statements is loaded in linear time`() async throws {
        try await withTemporaryFolder { root in
            func dump(_ statements: Int) throws -> FilePath {
                let file = root.appending("\(statements).sql")
                let body = String(repeating: "INSERT INTO b VALUES (new.x, 'a;b');\n", count: statements)
                try file.replaceContents(
                    Array(
                        "CREATE TABLE a(x); CREATE TABLE b(x, y);\nCREATE TRIGGER t AFTER INSERT ON a BEGIN\n\(body)END;\n"
                            .utf8))
                return file
            }
            let kecsctl = Kecsctl(home: root.appending("home"))
            func seconds(_ statements: Int) async throws -> Double {
                let start = ContinuousClock.now
                let answer = try await kecsctl(
                    "db", "load", try dump(statements).string, "--into",
                    root.appending("\(statements).db").string)
                #expect(answer.status == 0, "\(answer.errors)")
                return (ContinuousClock.now - start) / .seconds(1)
            }
            // Eight times the work, at most twenty times the time, on any machine.
            let small = try await seconds(10_000)
            let large = try await seconds(80_000)
            #expect(large < small * 20 + 1, "\(small) s and \(large) s")
        }
    }

    @Test func `Ctrl-C is heard in the middle of one statement`() async throws {
        try await withTemporaryFolder { root in
            let file = root.appending("large.sql")
            let body = String(repeating: "INSERT INTO b VALUES (new.x, 'a;b');\n", count: 800_000)
            try file.replaceContents(
                Array(
                    "CREATE TABLE a(x); CREATE TABLE b(x, y);\nCREATE TRIGGER t AFTER INSERT ON a BEGIN\n\(body)END;\n"
                        .utf8))
            let kecsctl = Kecsctl(home: root.appending("home"))
            try root.appending("home").createFolder()
            let pid = try kecsctl.spawn(["db", "load", file.string, "--into", "\(root)/large.db"])
            // It has read much of the statement when it has worked for so long.
            let clock = SystemClock()
            _ = try await clock.wait(upTo: .seconds(60), every: .milliseconds(2)) {
                guard let line = try? FilePath("/proc/\(pid)/stat").contents() else { return true }
                let fields = String(decoding: line, as: UTF8.self).split(separator: " ")
                return fields.count > 13 && (Int(fields[13]) ?? 0) > 30
            }
            kill(pid, SIGINT)
            var status: Int32 = 0
            let hasEnded = try await clock.wait(upTo: .seconds(60), every: .milliseconds(2)) {
                waitpid(pid, &status, WNOHANG) == pid
            }
            if !hasEnded {
                kill(pid, SIGKILL)
                waitpid(pid, &status, 0)
            }
            #expect(hasEnded)
            #expect(status & 0x7F == 0 && (status >> 8) & 0xFF == 130, "\(status)")
            #expect(try !root.appending("large.db").isPresent)
        }
    }
}
