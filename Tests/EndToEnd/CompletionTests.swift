// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsBackups
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// What the shells offer, asked as they ask: with the generated scripts, in the shells themselves.
@Suite struct CompletionTests {
    private struct Scene {
        let root: FilePath
        let kecsctl: Kecsctl
        let ids: [String]

        func shell(_ program: String, _ script: String) async throws -> [String] {
            let file = root.appending("script")
            try file.replaceContents(Array(script.utf8))
            var call = ProcessCall(program, [file.string])
            call.limit = .seconds(120)
            var variables = kecsctl.variables
            variables["PATH"] = "\(Kecsctl.program.removingLastComponent()):/usr/bin:/bin"
            variables["HOME"] = root.string
            variables["LC_ALL"] = "C.UTF-8"
            do {
                let result = try await SystemProcesses(environment: variables, cancellation: Cancellation())
                    .run(call)
                #expect(result.succeeded, "\(result.errorText)")
                return result.outputText.split(separator: "\n").map(String.init)
            } catch ProcessError.notFound {
                try Test.cancel("\(program) is not installed: scripts/setup does that")
            }
        }

        /// - Returns: What the line printed that was typed on a terminal, with `<TAB>` for the key.
        func typed(_ line: String, in shell: String) async throws -> String {
            let tool = FilePath(#filePath).removingLastComponent().removingLastComponent()
                .appending("Tools/complete-in-shell")
            var call = ProcessCall(tool.string, [shell, line])
            call.limit = .seconds(600)
            let variables = ["PATH": "\(Kecsctl.program.removingLastComponent()):/usr/bin:/bin"]
            let processes = SystemProcesses(environment: variables, cancellation: Cancellation())
            do {
                _ = try await processes.run(ProcessCall(shell, ["-c", ":"]))
                let result = try await processes.run(call)
                #expect(result.succeeded, "\(result.errorText)")
                return result.outputText
            } catch ProcessError.notFound {
                try Test.cancel("\(shell) or python3 is not installed: scripts/setup does that")
            }
        }

        /// - Parameter line: What was typed; the cursor is at its end.
        func bash(_ line: String) async throws -> [String] {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            let quoted = words.map { "'\($0)'" }.joined(separator: " ")
            return try await shell(
                "bash",
                """
                source <(kecsctl completions bash)
                COMP_WORDS=(\(quoted)); COMP_CWORD=\(words.count - 1); COMP_LINE='\(line)'; COMP_POINT=${#COMP_LINE}
                COMP_TYPE=9; COMP_KEY=9
                _kecsctl kecsctl '\(words.last ?? "")' '\(words.dropLast().last ?? "")'
                printf '%s\\n' "${COMPREPLY[@]}"
                """)
        }
    }

    private func scene(_ body: (Scene) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            #expect(try await kecsctl("start", "shop", "--runtime", "local").status == 0)
            #expect(try await kecsctl("backup", "dev").status == 0)
            #expect(try await kecsctl("backup", "dev").status == 0)
            let ids = try root.appending("home/backups/dev").entries().map(\.string)
                .filter { BackupID($0) != nil }.sorted(by: >)
            try await body(Scene(root: root, kecsctl: kecsctl, ids: ids))
        }
    }

    @Test func `bash offers ids, parts, checks and values, and nothing that stands there already`()
        async throws
    {
        try await scene { scene in
            let shown = try await scene.bash("kecsctl backups show ")
            #expect(shown == ["latest"] + scene.ids)
            #expect(try await scene.bash("kecsctl backups verify \(scene.ids[0]) 2") == [scene.ids[1]])
            #expect(try await scene.bash("kecsctl stop ") == ["dev", "shop"])
            #expect(try await scene.bash("kecsctl stop dev ") == ["shop"])
            #expect(try await scene.bash("kecsctl backup dev --part d") == ["data"])
            #expect(try await scene.bash("kecsctl doctor --check docker.sock.m") == ["docker.sock.missing"])
            #expect(try await scene.bash("kecsctl config set compression ") == ["fast", "small", "none"])
            #expect(try await scene.bash("kecsctl config set excludeCaches t") == ["true"])
            #expect(try await scene.bash("kecsctl start dev --restore n") == ["none"])
            #expect(try await scene.bash("kecsctl db dump dev --dialect p") == ["postgres"])
        }
    }

    @Test func `fish gets each backup's age, and zsh as _describe takes it, with colons kept apart`()
        async throws
    {
        try await scene { scene in
            func asked(_ shell: String) async throws -> [Substring] {
                let answer = try await scene.kecsctl(
                    "__complete", shell, "3", "", "kecsctl", "backups", "show", "")
                #expect(answer.status == 0, "\(answer.errors)")
                return answer.output.split(separator: "\n")
            }
            let fish = try await asked("fish")
            #expect(fish.prefix(2) == ["words", "latest"])
            #expect(fish.dropFirst(2).map { String($0.prefix { $0 != "\t" }) } == scene.ids)
            #expect(fish.dropFirst(2).allSatisfy { $0.hasSuffix(" ago") }, "\(fish)")
            let zsh = try await asked("zsh")
            #expect(zsh.dropFirst(2).first?.hasPrefix(scene.ids[0] + ":") == true, "\(zsh)")
        }
    }

    @Test func `the question of an older script is answered, also behind a home`() async throws {
        try await scene { scene in
            var kecsctl = scene.kecsctl
            kecsctl.environment["KECS_HOME"] = "/nonexistent"
            let answer = try await kecsctl(
                "--home", scene.kecsctl.home.string, "---completion", "stop", "--", "positional@0", "2", "0",
                "kecsctl", "stop", "")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(answer.output == "dev\nshop\n", "\(answer.output)")
        }
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func `a tab completes on a terminal, with a home before the command and glued to its option`(
        shell: String
    ) async throws {
        try await scene { scene in
            let home = scene.kecsctl.home
            for (line, expected) in [
                ("kecsctl --home \(home) stop de<TAB>--dry-run", "dev: already stopped\n"),
                (
                    "kecsctl --home=\(home) backups cat late<TAB>data/kecs.db --instance dev | head -c 15",
                    "SQLite format 3"
                ),
                ("kecsctl --ho<TAB>\(home) list -o na<TAB>", "dev\nshop\n"),
                ("kecsctl comp<TAB>ba<TAB>| head -n 1", "#!/bin/bash\n"),
            ] {
                let printed = try await scene.typed(line, in: shell)
                #expect(printed == expected, "\(line)")
            }
        }
    }
}
