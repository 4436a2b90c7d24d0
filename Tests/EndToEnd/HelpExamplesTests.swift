// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsBackups
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// The examples of all help pages, which are those of the man pages too, as somebody would type them.
@Suite struct HelpExamplesTests {
    /// Those that need a container engine, a cluster or its tools, Velero, cron or systemd, or that never end.
    /// `DocumentedCommandTests` parses them; DockerTests and the suites of k3d run such commands.
    private static let elsewhere = [
        "docker", "compose", "velero", "recover", "k3d", "kubectl", "volume:", "minio", "schedule install",
        "schedule remove", "--drill", "adopt", "ssh://",
    ]

    /// What an example is about is not so in the scene: nothing was lost, nothing is set, there is nothing from that time.
    private static let refused: [String: Int32] = [
        "kecsctl backup dev --accept-loss data/old.db": 64,
        "kecsctl backups drill dev --start": 64,
        "kecsctl backups import dev.tar --as dev": 64,
        "kecsctl config get apiPort dev --origin": 10,
        "kecsctl config get exclude dev -o json": 10,
        // Of the machine that this runs on it may find something wrong.
        "kecsctl doctor --all --quiet --fail-on warning": 20,
        // It was never proved to outlive anything, and nobody wrote a runbook.
        "kecsctl doctor prod --profile production": 20,
        "kecsctl restore dev --at 2026-11-20T18:00 --dry-run": 10,
        "kecsctl status dev --wait --timeout 60s --quiet": 64,
    ]

    private static let scene = """
        set -e
        kecsctl start dev --runtime local
        sqlite3 .kecs/instances/dev/data/kecs.db <"$SAMPLE"
        sqlite3 .kecs/instances/dev/data/kecs.db "CREATE TABLE executions (id INTEGER PRIMARY KEY, finished_at TEXT);
          INSERT INTO executions (finished_at) VALUES ('2020-01-01T00:00:00Z');"
        kecsctl backup dev --label before=upgrade
        kecsctl backup dev
        kecsctl restore dev --from latest
        sqlite3 db.sqlite 'CREATE TABLE users (x); INSERT INTO users VALUES (1)'
        mkdir -p migrations old usb look.parent .config/fish/completions
        echo 'CREATE TABLE added (x);' >migrations/20260101000000_added.sql
        cp db.sqlite old/kecs.db
        sqlite3 db.sqlite .dump >dump.sql
        cp dump.sql dev.sql
        kecsctl migrate export dev kecs-backup-20251119.tar.gz
        kecsctl backups export latest --file dev.tar
        cp dev.tar usb/dev.tar
        kecsctl state export dev >dev.json
        printf '#!/bin/sh\\nexec sleep 600\\n' >bin/kecs
        chmod 755 bin/kecs
        echo 'correct horse' >kecs.key
        chmod 600 kecs.key
        """

    private static let sample = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .appending("Fixtures/kecs/a_single_nginx.sql")

    private func shell(_ script: String, in root: FilePath) async throws -> ProcessResult {
        var call = ProcessCall("sh", ["-c", script])
        call.folder = root
        call.limit = .seconds(300)
        return try await SystemProcesses(
            environment: [
                "HOME": root.string, "SAMPLE": Self.sample.string,
                "PATH": "\(root)/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
            ], cancellation: Cancellation()
        ).run(call)
    }

    /// The lines below EXAMPLES of each man page.
    private func examples(_ folder: FilePath) async throws -> [String] {
        let written = try await shell("kecsctl __man \(folder)", in: folder.removingLastComponent())
        #expect(written.succeeded, "\(written.errorText)")
        let lines = try folder.entries().flatMap { name -> [String] in
            String(decoding: try folder.appending(name).contents(), as: UTF8.self).split(separator: "\n")
                .filter { $0.hasPrefix("kecsctl ") }
                .map {
                    String($0).replacing("\\-", with: "-").replacing("\\(ti", with: "~").replacing(
                        "\\e", with: "\\")
                }
        }
        return Set(lines).sorted()
    }

    /// Names and places of the scene instead of those of the examples.
    private func fitted(_ line: String, _ ids: [String]) -> String {
        line.replacing(/dev\/2026[0-9]+(T[0-9]+Z-manual)?/, with: "dev/\(ids[0])")
            .replacing("20261121T014530Z", with: ids[0])
            .replacing("--cluster default", with: "--cluster single-task-nginx")
            .replacing("/etc/kecs.key", with: "kecs.key").replacing("/mnt/usb/", with: "usb/").replacing(
                "/tmp/look", with: "look"
            )
            .replacing("/var/lib/node_exporter/", with: "")
    }

    /// What it writes must not be there, and whom it is about must.
    private func before(_ line: String) -> String {
        if line.contains("backups export") { return "rm dev.tar usb/dev.tar; " }
        if line.contains("migrate export dev") { return "rm dev.sql; " }
        let remotes = ["offsite", "usb"].filter { line.contains($0) && !line.contains("remote add") }
        if !remotes.isEmpty, !line.contains("/mnt/usb") {
            return (line.contains("prod/") ? "kecsctl start prod --runtime local; kecsctl backup prod; " : "")
                + remotes.map {
                    "mkdir at-\($0); kecsctl remote add \($0) $PWD/at-\($0); kecsctl backups copy --all --to \($0); "
                }
                .joined()
        }
        if line.contains(" prod ") { return "kecsctl start prod --runtime local; " }
        return line.contains(" app ") ? "kecsctl restore app --from db.sqlite; " : ""
    }

    @Test func `every example of the help does what it says, each in a fresh scene`() async throws {
        try await withTemporaryFolder { folder in
            let root = folder.appending("root")
            try root.appending("bin").createFolder()
            #expect(symlink(Kecsctl.program.string, root.appending("bin/kecsctl").string) == 0)
            let all = try await examples(root.appending("man"))
            #expect(all.count > 150)
            let made = try await shell(Self.scene, in: root)
            try #require(made.succeeded, "\(made.errorText)")
            let ids = try root.appending(".kecs/backups/dev").entries().map(\.string)
                .filter { BackupID($0) != nil }.sorted()
            let kept = try await shell("cp -a root template", in: folder)
            #expect(kept.succeeded, "\(kept.errorText)")
            var count = 0
            for line in all
            where !Self.elsewhere.contains(where: { line.contains($0) }) && !line.hasSuffix(" -f") {
                let restored = try await shell("rm -rf root && cp -a template root", in: folder)
                #expect(restored.succeeded, "\(restored.errorText)")
                let result = try await shell(before(line) + fitted(line, ids), in: root)
                count += 1
                #expect(
                    result.end == .exited(Self.refused[line] ?? 0),
                    "\(line): \(result.end) \(result.errorText)")
                if line.hasPrefix("kecsctl start dev --command") {
                    #expect(try await shell("kecsctl stop dev --no-backup", in: root).succeeded)
                }
            }
            #expect(count > 100, "\(count)")
        }
    }
}
