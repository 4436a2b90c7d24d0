// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// `schedule` with the crontab programs of two systems, on a spool of their own that nobody else sees.
@Suite(.enabled(if: geteuid() == 0, "only root can mount a spool")) struct CrontabTests {
    /// Bytes that are no UTF-8, a per cent sign, a mark that is nearly ours, blanks at the end, no line for us.
    private static let foreign =
        Array("# mine\nMAILTO=x\n\n*/5 * * * * date +\\%F # kecsctl:developer\n1 1 * * * true  \t\n# ".utf8)
        + [0xE4, 0xFF] + Array("\n".utf8)

    @Test(arguments: ["/usr/bin/crontab", "/usr/bin/busybox"])
    func `a foreign crontab survives install and remove byte for byte`(program: String) async throws {
        guard try FilePath(program).isPresent else {
            try Test.cancel("\(program) is not installed: scripts/setup does that")
        }
        try await withTemporaryFolder { root in
            let tools = root.appending("tools")
            try tools.createFolder()
            #expect(symlink(program, tools.appending("crontab").string) == 0)
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            try root.appending("foreign").replaceContents(Self.foreign)
            let script = """
                set -eu
                mount -t tmpfs tmpfs /var/spool/cron
                mkdir -m 1730 /var/spool/cron/crontabs
                cd '\(root)'
                export PATH='\(tools)':/usr/sbin:/usr/bin:/sbin:/bin KECS_HOME='\(root)/home' HOME='\(root)'
                k='\(Kecsctl.program)'
                # Into none at all, and out of it again.
                "$k" schedule install dev --cron --at 02:05 -q
                crontab -l >alone
                "$k" schedule remove dev -q
                crontab -l >nothing 2>&1 || true
                # Among foreign lines, twice, another time, and out.
                crontab - <foreign
                crontab -l >before
                "$k" schedule install dev --cron --at 02:05 --keep-daily 7 -q
                crontab -l >once
                "$k" config show dev --origin -o json >policy
                "$k" schedule install dev --cron --at 02:05 --keep-daily 7 -q
                crontab -l >twice
                "$k" schedule install dev --cron --every 6h --boot -q
                crontab -l >changed
                "$k" schedule remove dev -q
                crontab -l >after
                # What is destroyed is not backed up every night.
                "$k" schedule install dev --cron -q
                "$k" destroy dev --yes -q
                crontab -l >destroyed
                """
            let result = try await runWithOwnMounts(script)
            try #require(result.succeeded, "\(result.errorText)")
            func bytes(_ name: String) throws -> [UInt8] { try root.appending(name).contents() }
            func lines(_ name: String) throws -> [String] {
                String(decoding: try bytes(name), as: UTF8.self).split(separator: "\n").map(String.init)
            }
            #expect(try bytes("before") == Self.foreign)
            #expect(try bytes("after") == Self.foreign)
            #expect(try bytes("destroyed") == Self.foreign)
            #expect(try bytes("once").starts(with: Self.foreign))
            #expect(try bytes("twice") == bytes("once"))
            #expect(try bytes("changed").starts(with: Self.foreign))
            let mine = try lines("once").filter { $0.hasSuffix(" # kecsctl:dev") }
            #expect(mine.count == 1)
            #expect(mine[0].hasPrefix("5 2 * * * PATH="))
            #expect(mine[0].contains(" backup dev --scheduled --home \(root)/home --quiet"))
            // The policy is the instance's, so that a backup by hand follows it too.
            #expect(!mine[0].contains("--keep"))
            let policy = try JSONFile.decode(JSONValue.self, from: bytes("policy"), at: "policy")
            let daily = policy["items"]?.array?.first { $0["key"] == "keepDaily" }
            #expect(daily?["value"] == .integer(7))
            #expect(daily?["origin"]?.string?.hasSuffix("/instances/dev/config.json") == true)
            #expect(try lines("changed").filter { $0.hasSuffix(" # kecsctl:dev") }.count == 2)
            #expect(try lines("alone").count == 1)
            #expect(try !lines("nothing").contains { $0.contains("kecsctl:dev") })
        }
    }

    /// The installed line, run as cron runs it: by a shell, with next to no environment, from a folder that is gone.
    @Test func `the installed line takes a backup that says that a schedule took it`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let plan = try await kecsctl(
                "schedule", "install", "dev", "--cron", "--at", "02:05", "--dry-run", "-o", "json"
            ).first()
            let line = try #require(plan["lines"]?.array?.first?.string)
            let command = line.split(separator: " ", maxSplits: 5).last.map(String.init) ?? ""
            let script =
                "mkdir gone && cd gone && rmdir ../gone && exec env -i HOME=/ PATH=/usr/bin:/bin sh -c "
            var call = ProcessCall("sh", "-c", script + ShellWords.quote([command]))
            call.folder = root
            let result = try await SystemProcesses(
                environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation()
            ).run(call)
            #expect(result.succeeded && result.output.isEmpty, "\(result.errorText)")
            let backups = try await kecsctl("backups", "list", "dev", "-o", "json").items()
            #expect(backups.count == 1)
            #expect(backups[0]["reason"] == "schedule")
        }
    }
}
