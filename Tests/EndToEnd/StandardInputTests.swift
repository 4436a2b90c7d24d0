// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// `restore --from -`, and what else than tar and gzip comes from elsewhere.
@Suite struct StandardInputTests {
    private struct Scene {
        let root: FilePath
        let kecsctl: Kecsctl
        var assets: FilePath { root.appending("dev_assets") }
        var store: FilePath { root.appending("home/backups/dev") }

        /// `$k` is the program.
        @discardableResult
        func shell(_ script: String) async throws -> (status: Int32, output: String, errors: String) {
            let result = try await SystemProcesses(
                environment: kecsctl.variables, cancellation: Cancellation()
            ).run(
                ProcessCall(
                    "bash", ["-c", "set -o pipefail; cd '\(root)'; k='\(Kecsctl.program)'\n\(script)"]))
            guard case .exited(let status) = result.end else {
                return (-1, result.outputText, result.errorText)
            }
            return (status, result.outputText, result.errorText)
        }

        func drafts() throws -> [String] {
            try store.isFolder ? store.entries().map(\.string).filter { $0.hasPrefix(".") } : []
        }
    }

    /// An instance on a folder `dev_assets` with `db.sqlite` (3 rows), and a newer state of it in `new/dev_assets` (7).
    private func with(_ body: (Scene) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            let scene = Scene(root: root, kecsctl: Kecsctl(home: root.appending("home")))
            let made = try await scene.shell(
                """
                set -e
                make() { mkdir -p $1; seq 1 $2 | sed 's/.*/INSERT INTO note VALUES(&);/' | (echo 'CREATE TABLE note (id);'; cat) | sqlite3 $1/db.sqlite; }
                make dev_assets 3; make new/dev_assets 7; echo asset > new/dev_assets/logo; chmod 640 new/dev_assets/logo
                mkdir -p home; chmod 700 home
                $k start dev --runtime local --data-dir "$PWD/dev_assets"
                """)
            try #require(made.status == 0, "\(made.errors)")
            try await body(scene)
        }
    }

    private static let rows = "sqlite3 dev_assets/db.sqlite 'SELECT count(*) FROM note'"

    @Test(arguments: [
        "cd new; bsdtar -cf ../it --format zip dev_assets",
        "cd new; bsdtar -cf ../it --format 7zip dev_assets",
        "tar -C new -cf - dev_assets | xz > it", "tar -C new/dev_assets -cf - . | zstd -q > it",
        "tar -C new -cf - dev_assets | bzip2 > it", "tar -C new -cf - dev_assets | lz4 -q > it",
        "cd new; find dev_assets | cpio --quiet -o -H newc > ../it", "cp new/dev_assets/db.sqlite it",
        "sqlite3 new/dev_assets/db.sqlite .dump > it",
    ])
    func `what a file is taken for, it is taken for from a pipe, too`(command: String) async throws {
        try await with { scene in
            let before = try await scene.shell("(\(command)) && split -b 700 it it.")
            try #require(before.status == 0, "\(before.errors)")
            let planned = try await scene.shell("cat it.* | $k restore dev --from - --dry-run")
            #expect(planned.status == 0, "\(planned.errors)")
            #expect(try await scene.shell(Self.rows).output == "3\n")
            let answer = try await scene.shell("cat it.* | $k restore dev --from -")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(answer.output.contains("standard-input"))
            #expect(try await scene.shell(Self.rows).output == "7\n")
            if !command.contains("sqlite ") {
                #expect(try await scene.shell("stat -c %a dev_assets/logo").output == "640\n")
            }
            #expect(try scene.drafts() == [])
            // And as a file.
            #expect(try await scene.shell("$k undo dev && \(Self.rows)").output.hasSuffix("3\n"))
            let direct = try await scene.shell("$k restore dev --from it")
            // “it” alone would be an id.
            #expect(direct.status == 10)
            let file = try await scene.shell("$k restore dev --from ./it")
            #expect(file.status == 0, "\(file.errors)")
            #expect(try await scene.shell(Self.rows).output == "7\n")
        }
    }

    @Test func `a bundle comes from a pipe, and another instance's is asked about`() async throws {
        try await with { scene in
            #expect(
                try await scene.shell("$k backup dev && $k backups export latest --instance dev --file b.tar")
                    .status == 0)
            #expect(try await scene.shell("sqlite3 dev_assets/db.sqlite 'DELETE FROM note'").status == 0)
            let answer = try await scene.shell("cat b.tar | $k restore dev --from -")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try await scene.shell(Self.rows).output == "3\n")
            #expect(try scene.drafts() == [])
        }
    }

    @Test func `nothing, an unknown content and a cut archive are refused, and nothing is left`() async throws
    {
        try await with { scene in
            for (script, status) in [
                (": | $k restore dev --from -", Int32(64)), ("$k restore dev --from - < /dev/null", 64),
                ("echo nonsense | $k restore dev --from -", 64), ("seq 9 | xz | $k restore dev --from -", 64),
                ("tar -C new -cf - . | zstd -q | head -c 300 | $k restore dev --from -", 13),
                ("$k restore dev --from - <&-", 64),
            ] {
                let answer = try await scene.shell(script)
                #expect(answer.status == status, "\(script): \(answer.errors)")
                #expect(!answer.errors.contains(".draft"), "\(script): \(answer.errors)")
                #expect(try scene.drafts() == [], "\(script)")
                #expect(try await scene.shell(Self.rows).output == "3\n")
            }
        }
    }

    @Test func `what a killed restore had read goes with the next command`() async throws {
        try await with { scene in
            let killed = try await scene.shell(
                """
                mkfifo pipe; $k restore dev --from - < pipe > /dev/null 2>&1 & pid=$!
                exec 3> pipe; head -c 3000000 /dev/zero >&3
                while ! ls -A home/backups/dev/.*.draft/standard-input; do sleep 0.05; done
                stat -c %a home/backups/dev/.*.draft home/backups/dev/.*.draft/standard-input
                kill -9 $pid; wait $pid; true
                """)
            #expect(killed.status == 0, "\(killed.errors)")
            #expect(killed.output.hasSuffix("700\n600\n"))
            #expect(try scene.drafts().count == 1)
            #expect(try await scene.shell("$k backup dev").status == 0)
            #expect(try scene.drafts() == [])
        }
    }
}
