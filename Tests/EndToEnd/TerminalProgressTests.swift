// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// The line of progress on a real terminal that changes its size while somebody watches.
@Suite struct TerminalProgressTests {
    /// Runs its arguments with standard error on a pseudo terminal of 200 columns, makes that narrower and wider again, and
    /// prints what was drawn, each with the columns that it may take.
    private static let driver = #"""
        import fcntl, json, os, pty, re, struct, subprocess, sys, termios
        master, slave = pty.openpty()
        def resize(columns):
            fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        widths = [200, 80, 40, 15, 80]
        resize(widths[0])
        child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave)
        os.close(slave)
        drawn, rest, now, since = [], "", 0, 0
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            # Not to continue on the next line takes no column.
            rest = re.sub("\x1b\\[\\?7[hl]", "", rest + piece.decode())
            parts = re.split("\r\x1b\\[K", rest)
            rest = parts.pop()
            for part in parts:
                if not part:
                    continue
                # What was on its way when the size changed was made for the one before.
                allowed = widths[now] if since >= 2 else max(widths[now], widths[max(0, now - 1)])
                drawn.append([allowed, part])
                since += 1
                if since == 4 and now + 1 < len(widths):
                    now, since = now + 1, 0
                    resize(widths[now])
        print(json.dumps({"drawn": drawn, "rest": rest, "status": child.wait()}))
        """#

    @Test func `in tmux, made narrower and wider, the bar goes forward to its end and floods nothing`()
        async throws
    {
        try await withTemporaryFolder { root in
            let home = root.appending("home")
            let kecsctl = Kecsctl(home: home)
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let blob = home.appending("instances/dev/data/blob")
            let processes = SystemProcesses(
                environment: kecsctl.variables.merging(["LC_ALL": "C.UTF-8"]) { $1 },
                cancellation: Cancellation())
            let made = try await processes.run(
                ProcessCall("sh", "-c", "head -c 268435456 /dev/urandom >'\(blob)'"))
            #expect(made.succeeded, "\(made.errorText)")
            let tool = FilePath(#filePath).removingLastComponent().removingLastComponent()
                .appending("Tools/watch-progress")
            var call = ProcessCall(
                tool.string, ["--show", Kecsctl.program.string, "backup", "dev", "--compression", "small"])
            call.limit = .seconds(600)
            do {
                _ = try await processes.run(ProcessCall("tmux", "-V"))
            } catch ProcessError.notFound {
                try Test.cancel("tmux is not installed: scripts/setup does that")
            }
            let result = try await processes.run(call)
            #expect(result.succeeded, "\(result.outputText)\(result.errorText)")
        }
    }

    @Test func `each line fits into the terminal of its moment, and none is left behind`() async throws {
        try await withTemporaryFolder { root in
            let home = root.appending("home")
            let kecsctl = Kecsctl(home: home)
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            var generator = SystemRandomNumberGenerator()
            let block = (0..<(1 << 20)).map { _ in
                UInt8(truncatingIfNeeded: (generator.next() as UInt64) & 0x3F)
            }
            let file = home.appending("instances/dev/data/blob").withPlatformString {
                open($0, O_WRONLY | O_CREAT, 0o600)
            }
            try #require(file >= 0)
            for _ in 0..<256 { #expect(write(file, block, block.count) == block.count) }
            close(file)
            var call = ProcessCall(
                "python3",
                ["-c", Self.driver, Kecsctl.program.string, "backup", "dev", "--compression", "small"])
            call.limit = .seconds(600)
            let result = try await SystemProcesses(
                environment: kecsctl.variables.merging(["TERM": "xterm"]) { $1 }, cancellation: Cancellation()
            ).run(call)
            #expect(result.succeeded, "\(result.errorText)")
            let said = try JSONFile.decode(JSONValue.self, from: Array(result.outputText.utf8), at: "stdout")
            #expect(said["status"] == .integer(0))
            let drawn = (said["drawn"]?.array ?? []).compactMap { item -> (Int64, String)? in
                guard let pair = item.array, pair.count == 2, case .integer(let width) = pair[0],
                    let text = pair[1].string
                else { return nil }
                return (width, text)
            }
            #expect(drawn.count >= 3, "\(said)")
            for (width, text) in drawn {
                #expect(text.count < width && !text.contains("\n"), "\(width): \(text)")
            }
            #expect(drawn.contains { $0.1.contains("%") && $0.1.contains("left") }, "\(drawn)")
            // The last one is cleared: the terminal is as it was.
            #expect(said["rest"]?.string == "")
        }
    }
}
