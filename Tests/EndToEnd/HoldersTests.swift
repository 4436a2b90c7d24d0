// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Nothing that somebody else holds open is replaced, removed or started on: status 11, and who it is.
@Suite(.serialized) struct HoldersTests {
    /// The program as one user, with a home of that user's.
    private struct Scene {
        let root: FilePath
        let user: UInt32?
        let kecsctl: Kecsctl

        var data: FilePath { root.appending("home/instances/dev/data") }
        var database: FilePath { data.appending("kecs.db") }

        func run(_ words: [String]) async throws -> Kecsctl.Answer {
            guard let user else { return try await kecsctl.run(words) }
            var call = ProcessCall(
                "setpriv",
                ["--reuid", "\(user)", "--regid", "\(user)", "--clear-groups", Kecsctl.program.string] + words
            )
            call.limit = .seconds(300)
            let result = try await SystemProcesses(
                environment: kecsctl.variables.merging(["HOME": root.string]) { $1 },
                cancellation: Cancellation()
            ).run(call)
            guard case .exited(let code) = result.end else { throw FileError("run", "kecsctl", .timedOut) }
            return Kecsctl.Answer(status: code, output: result.outputText, errors: result.errorText)
        }

        func must(_ words: String..., at place: SourceLocation = #_sourceLocation) async throws {
            let answer = try await run(words)
            try #require(answer.status == 0, "\(words): \(answer.errors)", sourceLocation: place)
        }
    }

    private static let otherUser: UInt32 = 4000

    private func with(_ user: UInt32?, _ body: (Scene) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            if let user {
                try root.setMode(0o755)
                try root.setOwner((user, user))
            }
            try await body(
                Scene(root: root, user: user, kecsctl: Kecsctl(home: root.appending("home"))))
        }
    }

    /// What is refused, in an order in which each can be done once the holder is gone.
    private func verbs(_ root: FilePath) -> [[String]] {
        [
            ["start", "dev"], ["restore", "dev", "--from", "latest"], ["undo", "dev"],
            ["migrate", "import", root.appending("other.sqlite").string, "dev"],
            ["db", "rescue", "dev", "--accept"], ["destroy", "dev", "--yes"],
        ]
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        /// With FILE for the database.
        var script: String
        var asUser: Bool
        /// Whether the holder is another user's, of whom only the lock is to be seen.
        var isOthers = false
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "a writer", script: "exec 7<>FILE", asUser: false),
        Case(name: "a lock holder", script: "exec 7<FILE; flock -n 7", asUser: false),
        Case(name: "a writer, for an ordinary user", script: "exec 7<>FILE", asUser: true),
        Case(
            name: "another user's lock, for an ordinary user", script: "exec 7<FILE; flock -n 7",
            asUser: true,
            isOthers: true),
    ]

    @Test(arguments: cases)
    func `whoever holds the database stops every verb that would replace it`(_ one: Case) async throws {
        guard !one.asUser || geteuid() == 0 else { return print("not root: \(one.name) is not tried") }
        try await with(one.asUser ? Self.otherUser : nil) { scene in
            try await scene.must("start", "dev", "--runtime", "local")
            try await scene.must("backup", "dev")
            _ = try captureSQLite(
                scene.database, to: scene.root.appending("other.sqlite"), cancellation: Cancellation())
            try scene.root.appending("other.sqlite").setMode(0o644)
            // For `undo`.
            try await scene.must("restore", "dev", "--from", "latest")
            let script = one.script.replacing("FILE", with: scene.database.string)
            try await HoldingProcess.with(
                script, in: scene.root, user: one.asUser && !one.isOthers ? scene.user : nil
            ) { holder in
                let before = try treeDigest(
                    scene.root.appending("home"), leavingOut: ["lock", "history.jsonl"])
                for words in verbs(scene.root) {
                    let answer = try await scene.run(words)
                    #expect(answer.status == 11, "\(words): \(answer.status) \(answer.errors)")
                    #expect(answer.errors.contains("kecs.db"), "\(words): \(answer.errors)")
                    if !one.isOthers {
                        #expect(
                            answer.errors.contains("process \(holder.pid) (sh -c"),
                            "\(words): \(answer.errors)")
                    }
                    #expect(
                        try treeDigest(
                            scene.root.appending("home"), leavingOut: ["lock", "history.jsonl"]) == before,
                        "\(words) changed something")
                }
                // Whoever is overridden is told.
                let forced = try await scene.run(["restore", "dev", "--from", "latest", "--force"])
                #expect(forced.status == 0, "\(forced.errors)")
                #expect(forced.errors.contains("overridden with --force"), "\(forced.errors)")
            }
            for words in verbs(scene.root) {
                let answer = try await scene.run(words)
                #expect(answer.status == 0, "\(words): \(answer.errors)")
            }
        }
    }

    @Test func `the instance's own server is no holder, and who only reads is no second one`() async throws {
        try await with(nil) { scene in
            try await scene.must("start", "dev", "--runtime", "local")
            try await scene.must("backup", "dev")
            try await HoldingProcess.with("exec 7<\(scene.database)", in: scene.root) { _ in
                try await scene.must("start", "dev")
                #expect(try await scene.run(["restore", "dev", "--from", "latest"]).status == 11)
            }
            try await scene.must(
                "start", "dev", "--command",
                "sh -c 'exec 7<>kecs.db; trap \"exit 0\" TERM; while :; do sleep 0.05; done'", "--health-url",
                "none")
            try await scene.must("restore", "dev", "--from", "latest")
            #expect(try await scene.run(["status", "dev", "-o", "json"]).first()["state"] == "running")
            try await scene.must("restart", "dev")
            try await HoldingProcess.with("exec 7<>\(scene.database)", in: scene.root) { holder in
                let answer = try await scene.run(["restart", "dev"])
                #expect(answer.status == 11, "\(answer.errors)")
                #expect(answer.errors.contains("process \(holder.pid) "), "\(answer.errors)")
                try await scene.must("restart", "dev", "--force")
            }
            try await scene.must("stop", "dev", "--no-backup")
        }
    }

    @Test func `a restart does not end what may still have open what is gone`() async throws {
        try await with(nil) { scene in
            try await scene.must("start", "dev", "--runtime", "local")
            try await scene.must("backup", "dev")
            try await scene.must(
                "start", "dev", "--command",
                "sh -c 'exec 7<>kecs.db; trap \"exit 0\" TERM; while :; do sleep 0.05; done'", "--health-url",
                "none")
            try scene.database.remove()
            for words in [["restart", "dev"], ["start", "dev"]] {
                let answer = try await scene.run(words)
                #expect(answer.status == 3, "\(words): \(answer.errors)")
                #expect(answer.errors.contains("kecsctl restore dev"), "\(words): \(answer.errors)")
                #expect(try await scene.run(["status", "dev", "-o", "json"]).first()["state"] == "running")
            }
            try await scene.must("restore", "dev", "--from", "latest")
            try await scene.must("restart", "dev")
            try await scene.must("stop", "dev", "--no-backup")
        }
    }

    @Test func `an instance is not started on the folder of another, whichever way it leads there`()
        async throws
    {
        try await with(nil) { scene in
            let server = "sh -c 'exec 7<>kecs.db; trap \"exit 0\" TERM; while :; do sleep 0.05; done'"
            try await scene.must("start", "dev", "--runtime", "local")
            try await scene.must("start", "two", "--runtime", "local")
            try await scene.must("start", "dev", "--command", server, "--health-url", "none")
            #expect(symlink(scene.data.string, scene.root.appending("link").string) == 0)
            for folder in [scene.data, scene.root.appending("link"), scene.data.appending("deep")] {
                try await refused("two", folder, by: "dev", scene)
            }
            // The one that was there first is not kept from its own folder.
            try await scene.must("stop", "dev", "--no-backup")
            try await scene.must("start", "dev")
            try await scene.must("stop", "dev", "--no-backup")
            // Nor may the older one take the younger one's own, whether a server runs on it or not.
            try await refused("dev", scene.root.appending("home/instances/two/data"), by: "two", scene)
        }
    }

    /// The setting refuses the folder, and so does the start when somebody wrote it into the file by hand.
    private func refused(_ name: String, _ folder: FilePath, by owner: String, _ scene: Scene) async throws {
        let file = scene.root.appending("home/instances/\(name)/config.json")
        let before = try file.contents()
        let set = try await scene.run(["config", "set", "dataDir", folder.string, "--instance", name])
        #expect(try file.contents() == before)
        let text = String(decoding: before, as: UTF8.self)
        let opening = "\"settings\" : {"
        let hasOthers = !text.contains(opening + "\n\n")
        let setting = "\"dataDir\": \"\(folder)\"" + (hasOthers ? "," : "")
        let changed = text.replacing(opening, with: "\(opening) \(setting)")
        try file.replaceContents(Array(changed.utf8))
        for answer in [set, try await scene.run(["start", name])] {
            #expect([11, 64].contains(answer.status), "\(folder): \(answer.status) \(answer.errors)")
            #expect(answer.errors.contains("“\(owner)”"), "\(folder): \(answer.errors)")
        }
        try file.replaceContents(before)
    }

    /// The root of a chroot is in no table of mounts.
    @Test(.enabled(if: geteuid() == 0, "only root can chroot")) func `in a chroot a holder is found too`()
        async throws
    {
        try await withTemporaryFolder { root in
            let inside = """
                export HOME=/root KECS_HOME=/home PATH=/usr/sbin:/usr/bin:/sbin:/bin
                /program/kecsctl start dev --runtime local && /program/kecsctl backup dev || exit 99
                (exec 7<>/home/instances/dev/data/kecs.db && exec sleep 1000) & holder=$!
                while ! ls -l /proc/$holder/fd | grep -q kecs.db; do sleep 0.05; done
                /program/kecsctl restore dev --from latest; status=$?
                echo "held: $status, holder: $holder"
                kill $holder; wait $holder
                /program/kecsctl restore dev --from latest; echo "free: $?"
                """
            let script = """
                set -e; mount --make-rprivate /; cd "$1"
                for folder in /*; do
                    case $folder in /tmp | /home | /root | /program) continue ;; esac
                    [ -d "$folder" ] || continue
                    mkdir ".$folder"; mount --rbind "$folder" ".$folder"
                done
                mkdir root tmp home program; mount --bind "$2" program
                exec chroot . sh -c "$3"
                """
            let result = try await SystemProcesses(
                environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"], cancellation: Cancellation()
            ).run(
                ProcessCall(
                    "unshare", "--mount", "sh", "-c", script, "sh", root.string,
                    Kecsctl.program.removingLastComponent().string, inside))
            let text = result.outputText
            let holder = text.split(separator: "\n").lazy.compactMap { line in
                line.hasPrefix("held: 11, holder: ") ? line.split(separator: " ").last : nil
            }.first
            let pid = try #require(holder, "\(text)\(result.errorText)")
            #expect(result.errorText.contains("process \(pid) (sleep 1000)"), "\(result.errorText)")
            #expect(result.errorText.contains("in a chroot"), "\(result.errorText)")
            #expect(text.contains("free: 0"), "\(text)\(result.errorText)")
        }
    }
}
