// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Two homes, and an `ssh` between them that runs the command on this machine; it cuts and fails as a test says.
struct MoveScene {
    let root: FilePath
    let kecsctl: Kecsctl
    /// The other machine, asked directly.
    let there: Kecsctl
    let program: String

    static let ports = ["--api-port", "21881", "--admin-port", "21882"]
    static let otherPorts = ["--api-port", "21891", "--admin-port", "21892"]
    /// Writes as long as it runs, but only here: what is there afterwards was brought there.
    static let writer =
        #"sh -c 'case $PWD in */home/*) sqlite3 w.db "CREATE TABLE t (n)"; "#
        + #"while :; do sqlite3 w.db "INSERT INTO t VALUES (1)"; done;; esac; exec sleep 600'"#

    var address: String { "ssh://there.example\(root.appending("there"))" }
    /// What is said about the other end.
    var other: [String] { [address, "--program", program] + Self.otherPorts }
    var here: FilePath { kecsctl.home.appending("instances/dev") }
    var landed: FilePath { there.home.appending("instances/dev") }
    var arriving: FilePath { there.home.appending("backups/dev/.arriving") }

    static func with(command: String? = "sleep 600", _ body: (MoveScene) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            try root.appending("bin").createFolder()
            let ssh = root.appending("bin/ssh")
            try ssh.replaceContents(Array(script(root).utf8), mode: 0o755)
            let path = "\(root.appending("bin")):/usr/sbin:/usr/bin:/sbin:/bin"
            let scene = MoveScene(
                root: root,
                kecsctl: Kecsctl(home: root.appending("home"), environment: ["PATH": path]),
                there: Kecsctl(home: root.appending("there"), createsHome: false),
                program: try Kecsctl.program.realPath().string)
            do {
                try await scene.fill(command)
                try await body(scene)
            } catch {
                try await scene.stopAll()
                throw error
            }
            try await scene.stopAll()
        }
    }

    private func fill(_ command: String?) async throws {
        var start = ["start", "dev", "--runtime", "local", "--health-url", "none"] + Self.ports
        if let command { start += ["--command", command] }
        try await must(start)
        try SQLiteDatabase(here.appending("data/kecs.db"), .create).executeScript(
            "CREATE TABLE kept (id INTEGER PRIMARY KEY); INSERT INTO kept VALUES (1), (2), (3)")
        // What no compression makes small.
        var generator = SystemRandomNumberGenerator()
        let noise = (0..<500_000).flatMap { _ in withUnsafeBytes(of: generator.next(), Array.init) }
        try here.appending("data/noise").replaceContents(noise)
    }

    /// However the test ended: what a killed kecsctl was about to start, too, ends here. Whatever runs in the folder is ours.
    private func stopAll() async throws {
        _ = try? await kecsctl("stop", "--all", "--no-backup")
        _ = try? await there("stop", "--all", "--no-backup")
        for _ in 0..<20 {
            let pids = try FilePath("/proc").entries().compactMap { pid_t($0.string) }.filter {
                var buffer = [UInt8](repeating: 0, count: 4096)
                let count = readlink("/proc/\($0)/cwd", &buffer, buffer.count)
                return count > 0
                    && String(decoding: buffer[..<count], as: UTF8.self).hasPrefix("\(root)/")
            }
            if pids.isEmpty { return }
            for pid in pids { kill(pid, SIGKILL) }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("something still runs in \(root)")
    }

    @discardableResult
    func must(_ words: [String], at place: SourceLocation = #_sourceLocation) async throws -> Kecsctl.Answer {
        let answer = try await kecsctl.run(words)
        try #require(answer.status == 0, "\(words): \(answer.output)\(answer.errors)", sourceLocation: place)
        return answer
    }

    /// Of a writer that was stopped in the middle of a transaction SQLite takes that back first, and writes for it.
    func rows(_ folder: FilePath, _ file: String = "kecs.db", _ table: String = "kept") throws -> Int64? {
        try SQLiteDatabase(folder.appending("data").appending(file), .readWrite)
            .value("SELECT count(*) FROM \(table)")?.integer
    }

    func state(_ kecsctl: Kecsctl) async throws -> String? {
        try await kecsctl("status", "dev", "-o", "json").first()["state"]?.string
    }

    /// What the `ssh` does the next time that its command line has the word: `cut BYTES` lets so many through and kills
    /// the kecsctl that called it, `fail` is a connection that cannot be made.
    func next(_ word: String, _ what: String) throws {
        try root.appending("bin/\(word)").replaceContents(Array("\(what)\n".utf8))
    }

    private static func script(_ root: FilePath) -> String {
        """
        #!/bin/bash
        for last; do :; done
        for step in look offer receive land start end; do
            order='\(root)/bin/'$step
            case $last in *" $step "*) test -e "$order" || continue ;; *) continue ;; esac
            read -r what count <"$order"
            rm "$order"
            case $what in
            fail) echo 'ssh: connect to host there.example port 22: Connection refused' >&2; exit 255 ;;
            later) echo fail >"$order" ;;
            cut) head -c "$count" | sh -c "$last"; kill -KILL $PPID; exit ;;
            esac
        done
        exec sh -c "$last"

        """
    }
}
