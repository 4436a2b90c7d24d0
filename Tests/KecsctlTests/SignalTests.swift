// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import kecsctl

/// The built program as a process: signals, streams and folders as a shell, cron or an operator may hand them over.
@Suite struct SignalTests {
    /// Beside the test runner in the build folder.
    private static var program: String {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return FilePath(bundle).removingLastComponent().appending("kecsctl").string
    }

    /// Runs a script of bash with `$K`, the program, and an instance whose log has one line.
    ///
    /// - Returns: What it printed on standard output.
    private func bash(_ script: String) async throws -> String {
        try await withTemporaryFolder { folder in
            var call = ProcessCall(
                "bash", "-c",
                """
                set -eu
                $K start dev --runtime local --quiet
                echo ready > "$KECS_HOME/instances/dev/logs/server.log"
                # Follows the log in the background and waits until it has printed its line: it listens then.
                follow() { "$@" logs dev -f > out 2> err & pid=$!; until [ -s out ]; do sleep 0.02; done; }
                ended() { set +e; wait "$pid"; echo "$?"; set -e; }
                \(script)
                """)
            call.folder = folder
            // For what hangs; a machine may be slow.
            call.limit = .seconds(600)
            let runner = SystemProcesses(
                environment: [
                    "PATH": "/usr/bin:/bin", "HOME": folder.string,
                    "KECS_HOME": folder.appending("kecs").string,
                    "K": Self.program,
                ], cancellation: Cancellation())
            let result = try await runner.run(call)
            #expect(result.end == .exited(0), "\(result.errorText)")
            return result.outputText
        }
    }

    @Test(arguments: [
        ("TERM", "143\n", "terminated"), ("HUP", "143\n", "terminated"), ("INT", "130\n", "interrupted"),
    ])
    func `a signal ends a command cleanly with its status`(
        signal: String, status: String, word: String
    ) async throws {
        // With job control a job in the background does not ignore SIGINT. A shell says 143 of a program that the
        // signal killed as well, so the program's own last words are looked at.
        #expect(
            try await bash("set -m; follow $K; kill -\(signal) $pid; ended; cat err")
                == status + "kecsctl: error: \(word); nothing half-done is left\n")
    }

    @Test func `what the caller ignores stays ignored`() async throws {
        let script = """
            trap '' HUP INT
            follow $K
            kill -HUP $pid; kill -INT $pid
            echo more >> "$KECS_HOME/instances/dev/logs/server.log"
            until grep -q more out; do sleep 0.02; done
            kill -TERM $pid; ended; cat err
            """
        #expect(try await bash(script) == "143\nkecsctl: error: terminated; nothing half-done is left\n")
    }

    @Test func `a bound on the time ends with 15`() async throws {
        #expect(try await bash("set +e; $K logs dev -f --timeout 100ms; echo $?") == "ready\n15\n")
    }

    @Test func `closed streams are no files of ours`() async throws {
        #expect(try await bash("$K backup dev <&- >&- 2>&-; $K backups list dev -o name | wc -l") == "1\n")
    }

    @Test func `an answer that cannot be written is an error, a reader that went away is none`() async throws
    {
        let script = """
            set +e
            $K list -o json >/dev/full 2>err; echo $?
            set -o pipefail; $K backup dev --dry-run | true; echo $?
            cat err
            """
        let lines = try await bash(script).split(separator: "\n")
        #expect(lines.prefix(2) == ["16", "0"])
        #expect(
            lines.dropFirst(2).first == "kecsctl: error: the answer could not be written to standard output")
    }

    @Test func `a folder that is gone and an empty environment are no hindrance`() async throws {
        let script = """
            mkdir gone; cd gone; rmdir ../gone
            env -i HOME="$HOME" KECS_HOME="$KECS_HOME" PATH=/usr/bin:/bin $K backup --all --quiet; echo $?
            """
        #expect(try await bash(script) == "0\n")
    }

    @Test func `a question without a terminal is refused, and names the flag`() async throws {
        let script = "set +e; $K destroy dev </dev/zero 2>&1; echo $?; $K list -o name"
        #expect(
            try await bash(script) == """
                kecsctl: error: “destroy” needs confirmation
                  because: Remove “dev”? There is no terminal to ask on.
                  try:     kecsctl destroy dev --yes
                64
                dev

                """)
    }
}
