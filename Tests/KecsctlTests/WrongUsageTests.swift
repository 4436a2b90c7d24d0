// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage
import Testing

@testable import Kecs
@testable import kecsctl

/// Command lines that are wrong, as people type them: each one ends with its status, names the true cause, advises
/// something that works when it is pasted, and changes nothing.
@Suite struct WrongUsageTests {
    struct Wrong: Sendable, CustomTestStringConvertible {
        var line: String
        var status: Int32
        /// What the error must say.
        var cause: String

        init(_ line: String, _ status: Int32, _ cause: String) {
            self.line = line
            self.status = status
            self.cause = cause
        }

        var testDescription: String { line }
    }

    /// “dev” has a backup, “two” has none, /etc/hostname is a file that is nothing of ours.
    private static let lines: [Wrong] = [
        // Names.
        .init("start", 64, "no instance was named"),
        .init("start Dev", 64, "lower-case letters"),
        .init("start dev/x", 64, "lower-case letters"),
        .init("stop nosuch", 10, "there is no instance “nosuch”"),
        .init("stop dve", 10, "the nearest is “dev”"),
        .init("stop", 64, "there are: dev, two"),
        .init("stop dev --all", 64, "instances were named and --all was given"),
        .init("backup", 64, "no instance was named"),
        .init("backup nosuch", 10, "there is no instance “nosuch”"),
        .init("status nosuch", 10, "there is no instance “nosuch”"),
        .init("inspect nosuch", 10, "there is no instance “nosuch”"),
        .init("logs nosuch", 10, "there is no instance “nosuch”"),
        .init("recover nosuch", 10, "there is no instance “nosuch”"),
        .init("check nosuch", 10, "there is no instance “nosuch”"),
        .init("doctor nosuch", 10, "there is no instance “nosuch”"),
        .init("undo nosuch", 10, "there is no instance “nosuch”"),
        .init("destroy nosuch", 10, "there is no instance “nosuch”"),
        .init("migrate status nosuch", 10, "there is no instance “nosuch”"),
        .init("render compose nosuch", 10, "there is no instance “nosuch”"),
        .init("restore nosuch --from latest", 10, "there is no instance “nosuch”"),
        // Commands and options.
        .init("wait", 64, "unknown command “wait”"),
        .init("migrate up dev", 64, "unknown command “up”"),
        .init("confg show", 64, "the nearest is “kecsctl config”"),
        .init("help nosuch", 64, "unknown command “nosuch”"),
        .init("start two --port 8080", 64, "the nearest is --admin-port"),
        .init("start two --env FOO", 64, "“start” has no option --env"),
        .init("db load dev --file x.sql", 64, "“db load” has no option --file"),
        .init("doctor --severity bad", 64, "“doctor” has no option --severity"),
        .init("list nosuch", 64, "nosuch"),
        .init("backups show", 64, "<id>"),
        .init("backups export latest", 64, "--file"),
        .init("backups find", 64, "<pattern>"),
        // Values.
        .init("start new --runtime podman", 64, "'k3d', 'docker', 'compose' or 'local'"),
        .init("backup dev --keep x", 64, "--keep"),
        .init("backup dev --consistency hot", 64, "'live', 'frozen' or 'stopped'"),
        .init("backup dev --max-pause fast", 64, "--max-pause"),
        .init("backup dev --label novalue", 64, "--label"),
        .init("backup dev --part nosuch", 64, "its parts are data"),
        .init("restore dev --at 2026-13-45", 64, "--at"),
        .init("restore dev", 64, "neither --from nor --at"),
        .init("recover dev --parallel 0", 64, "from 1 to 64"),
        .init("check dev --max-age 5", 64, "--max-age"),
        .init("logs dev --tail x", 64, "--tail"),
        .init("history --since bad", 64, "--since"),
        .init("list -o xml", 64, "'table', 'json', 'yaml' or 'name'"),
        .init("status dev --wait --timeout x", 64, "--timeout"),
        .init("schedule install dev --every 5x", 64, "--every"),
        .init("config set keep abc", 64, "a whole number from 1"),
        .init("config set keep", 64, "either a value or --unset"),
        .init("config set kep 3", 64, "the nearest is “keep”"),
        .init("config set dataDir /etc/hostname --instance dev", 64, "/etc/hostname is no folder"),
        .init("db trim dev clusters --column created_at --older x", 64, "--older"),
        .init("db query dev", 64, "“dev” is the name of an instance"),
        .init("db csv dev nosuch", 64, "nosuch"),
        .init("render nosuch dev", 64, "compose, docker"),
        .init("doctor --check nosuch", 64, "there is no check “nosuch”"),
        // What is not there, or is nothing that could be taken.
        .init("restore dev --from nosuch", 10, "“dev” has no backup “nosuch”"),
        .init("restore dev --from /nonexistent/x.tar.gz", 10, "there is no file “/nonexistent/x.tar.gz”"),
        .init("restore dev --from /etc/hostname", 64, "is nothing that can be restored"),
        .init("restore dev --at 2020-01-01", 10, "the oldest is"),
        .init("restore dev --from latest --path nosuch", 10, "matches --path"),
        .init("undo dev", 10, "there is no restore of “dev” to take back"),
        .init("migrate import /nonexistent dev", 10, "/nonexistent"),
        .init("migrate import /etc/hostname dev", 64, "is nothing that can be imported"),
        .init("backups show nosuch", 10, "there is no backup “nosuch”"),
        .init("backups delete nosuch --yes", 10, "there is no backup “nosuch”"),
        .init("backups verify nosuch", 10, "there is no backup “nosuch”"),
        .init("start new --runtime local --data-dir /etc/hostname", 64, "/etc/hostname is no folder"),
        .init("start new --runtime docker --container /x", 64, "“/x” cannot be the name of a container"),
        .init("backups show latest", 64, "no instance was named"),
        .init("backups ls latest data", 64, "no instance was named"),
        .init("backups cat latest data/kecs.db", 64, "no instance was named"),
        .init("config profile staging", 64, "'dev' and 'prod'"),
        .init("config profile dev --instance nosuch", 10, "there is no instance “nosuch”"),
        .init("test mount nosuch", 10, "there is no instance “nosuch”"),
        .init("test mounts dev", 64, "unknown command “mounts”"),
    ]

    @Test(arguments: lines)
    func `the true cause is told, and what is advised works`(wrong: Wrong) async throws {
        let folder = try TestFolder()
        let home = folder.path.appending("home").string
        // The variable is not the home that is meant: a remedy must name it.
        func run(_ words: [String]) async throws -> Caught {
            try await folder.kecsctl(words, environment: ["KECS_HOME": "/nonexistent/home"])
        }
        for line in ["start dev --runtime local", "start two --runtime local", "backup dev"] {
            let caught = try await run(line.split(separator: " ").map(String.init) + ["--home", home])
            #expect(caught.status == 0, "\(line): \(caught.errors)")
        }
        let before = try settings(of: home)
        let caught = try await run(wrong.line.split(separator: " ").map(String.init) + ["--home", home])
        #expect(caught.status == wrong.status, "\(caught.errors)")
        #expect(caught.errors.contains(wrong.cause), "\(caught.errors)")
        #expect(try settings(of: home) == before)
        let line = try #require(
            caught.errors.split(separator: "\n").first { $0.hasPrefix("  try:     ") }, "\(caught.errors)")
        let words = try ShellWords(String(line.dropFirst("  try:     ".count))).words
        guard words.first == "kecsctl" else {
            #expect(["ls", "file"].contains(words.first), "\(line)")
            return
        }
        #expect(CommandPath.accepts(Array(words.dropFirst())), "\(line)")
        #expect(words.contains("--help") || words.contains(home), "\(line)")
        let advised = try await run(Array(words.dropFirst()))
        #expect(advised.status == 0, "\(line): \(advised.errors)")
    }

    /// What a command line that is refused must leave alone.
    private func settings(of home: String) throws -> [String] {
        let home = FilePath(home)
        let names = try home.appending("instances").entries().map(\.string).sorted()
        return try names
            + names.map { name in
                let file = home.appending("instances").appending(name).appending("config.json")
                return String(decoding: try file.contents(), as: UTF8.self)
            }
    }

    @Test func `a data folder belongs to the folder in which it was typed`() async throws {
        let folder = try TestFolder()
        let home = folder.path.appending("home")
        func run(_ words: String...) async throws -> Caught {
            try await folder.kecsctl(words, environment: ["KECS_HOME": home.string])
        }
        #expect(try await run("start", "dev", "--runtime", "local").status == 0)
        let set = try await run("config", "set", "dataDir", "nowhere/data", "--instance", "dev", "-o", "json")
        #expect(set.status == 0, "\(set.errors)")
        let config = home.appending("instances/dev/config.json")
        let kept = String(decoding: try config.contents(), as: UTF8.self)
        let here = try #require(WorkingFolder.current)
        #expect(kept.contains("\(here)/nowhere/data"), "\(kept)")
        // As an editor leaves it.
        try config.replaceContents(
            Array(kept.replacing("\(here)/nowhere/data", with: "nowhere/data").utf8))
        let caught = try await run("backup", "dev")
        #expect(caught.status == 64 && caught.errors.contains("not an absolute path"), "\(caught.errors)")
        #expect(try await run("config", "set", "dataDir", "--unset", "--instance", "dev").status == 0)
        #expect(try await run("backup", "dev").status == 0)
    }
}
