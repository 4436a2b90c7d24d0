// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import KecsSystem
import SystemPackage
import Testing

@testable import kecsctl

/// Programs that run around backup, restore and stop.
@Suite struct HooksTests {
    private let folder: TestFolder
    private var home: FilePath { folder.path.appending("home") }
    private var log: FilePath { folder.path.appending("log") }
    private var backups: FilePath { home.appending("backups/dev") }

    init() async throws {
        folder = try TestFolder()
        #expect(try await run("start", "dev", "--runtime", "local").status == 0)
    }

    private func run(_ words: String...) async throws -> Caught {
        try await folder.kecsctl(words, environment: ["PATH": "/usr/bin:/bin", "HOME": folder.path.string])
    }

    /// A hook that writes a line into the log, and what a script does then.
    private func hook(
        _ operation: String, _ phase: String, _ script: String = "", more: [String: JSONValue] = [:]
    ) -> JSONValue {
        let line =
            "echo \"\(phase) $KECSCTL_HOOK_OPERATION $KECSCTL_HOOK_INSTANCE $KECSCTL_HOOK_STATUS\" >> \(log); "
        let fields: [String: JSONValue] = [
            "on": .string(operation), "when": .string(phase),
            "argv": .array(["/bin/sh", "-c", .string(line + script)]),
        ]
        return .object(fields.merging(more) { $1 })
    }

    private func set(_ hooks: JSONValue...) throws {
        try home.appending("kecsctl.json").replaceContents(
            Array(JSONValue.object(["hooks": .array(hooks)]).description.utf8))
    }

    private func lines() throws -> [String] {
        guard try log.isPresent else { return [] }
        return String(decoding: try log.contents(), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test func `they run before and after, in their order, with the facts of the run`() async throws {
        let facts = folder.path.appending("facts")
        let input = folder.path.appending("input")
        try set(
            hook("backup", "before"), hook("backup", "before"),
            hook("backup", "after", "env | grep ^KECSCTL_HOOK_ > \(facts); cat > \(input)"),
            hook("stop", "before"), hook("restore", "after"))
        let backup = try await run("backup", "dev", "-o", "name")
        #expect(backup.status == 0, "\(backup.errors)")
        #expect(try lines() == ["before backup dev ", "before backup dev ", "after backup dev 0"])
        let id = backup.output.trimmed
        let text = String(decoding: try facts.contents(), as: UTF8.self)
        for line in [
            "KECSCTL_HOOK_OUTCOME=done", "KECSCTL_HOOK_WHEN=after", "KECSCTL_HOOK_BACKUP=\(id)",
            "KECSCTL_HOOK_BACKUP_PATH=\(backups.appending(id))", "KECSCTL_HOOK_HOME=\(home)",
        ] { #expect(text.contains(line + "\n"), "\(text)") }
        let result = try JSONDecoder().decode(JSONValue.self, from: Data(try input.contents()))
        #expect(result["instance"] == "dev" && result["backup"]?["id"]?.string == id)
    }

    @Test func `one before that fails stops the operation before it did anything`() async throws {
        try set(
            hook("backup", "before", "echo not now >&2; exit 7"), hook("backup", "before"),
            hook("backup", "after"))
        let caught = try await run("backup", "dev")
        #expect(caught.status == 1 && caught.output == "")
        #expect(caught.errors.contains("failed before the backup of “dev”, and nothing was done"))
        #expect(
            caught.errors.contains("the status 7") && caught.errors.contains("not now"), "\(caught.errors)")
        #expect(try !backups.isPresent)
        // The second one did not run; the one after it, which ends what the others began, did.
        #expect(try lines() == ["before backup dev ", "after backup dev 1"])
        let history = try await run("history", "dev", "--last", "1")
        #expect(history.output.contains("failed (1)"), "\(history.output)")
    }

    @Test func `a restore and a stop are stopped likewise, and nothing of the instance is touched`()
        async throws
    {
        #expect(try await run("backup", "dev").status == 0)
        let file = home.appending("instances/dev/data/live")
        try file.replaceContents(Array("live".utf8))
        try set(hook("restore", "before", "exit 1"), hook("stop", "before", "exit 1"))
        #expect(try await run("restore", "dev", "--from", "latest").status == 1)
        #expect(try file.contents() == Array("live".utf8))
        #expect(try await run("stop", "dev").status == 1)
        #expect(try backups.entries().count == 1)
        // An instance that is gone is not even made.
        try set()
        #expect(try await run("destroy", "dev", "--yes").status == 0)
        try set(hook("restore", "before", "exit 1"))
        #expect(try await run("restore", "dev", "--from", "latest").status == 1)
        #expect(try !home.appending("instances/dev").isPresent)
        try set(hook("restore", "before"), hook("restore", "after"))
        #expect(try await run("restore", "dev", "--from", "latest").status == 0)
        #expect(try lines().suffix(2) == ["before restore dev ", "after restore dev 0"])
    }

    @Test func `one after that fails makes a part of what is done, and keeps it`() async throws {
        try set(hook("backup", "after", "exit 3"), hook("backup", "after"))
        let caught = try await run("backup", "dev", "-o", "json")
        #expect(caught.status == 3 && caught.errors.contains("failed after the backup of “dev”"))
        let document = try JSONDecoder().decode(JSONValue.self, from: Data(caught.output.utf8))
        let result = try #require(document["results"]?.array?.first)
        #expect(result["outcome"] == "partial")
        #expect(result["hookErrors"]?.array?.count == 1 && result["backup"]?["good"] == .bool(true))
        #expect(try lines().count == 2)
        #expect(try backups.entries().count == 1)
    }

    @Test func `what runs after is told how it failed, and changes nothing of that`() async throws {
        try set(hook("restore", "after", "exit 9"))
        let caught = try await run("restore", "dev", "--from", "20200101")
        #expect(caught.status == 10, "\(caught.errors)")
        #expect(caught.errors.contains("the status 9"))
        #expect(try lines() == ["after restore dev 10"])
    }

    @Test func `one that takes too long is ended`() async throws {
        try set(hook("backup", "before", "sleep 600", more: ["limit": "300ms"]))
        let caught = try await run("backup", "dev")
        #expect(
            caught.status == 1 && caught.errors.contains("it did not end within 300ms"), "\(caught.errors)")
    }

    @Test func `a dry run runs none, and other instances have none of those that name one`() async throws {
        try set(hook("backup", "before", more: ["instances": .array(["other"])]), hook("stop", "before"))
        #expect(try await run("backup", "dev").status == 0)
        #expect(try await run("stop", "dev", "--dry-run").status == 0)
        #expect(try lines() == [])
    }

    @Test(arguments: [
        (#"{"on": "backup"}"#, "“when” must be before, after"),
        (
            #"{"on": "backups", "when": "before", "argv": ["/bin/true"]}"#,
            "“on” must be backup, restore, stop"
        ),
        (#"{"on": "backup", "when": "before", "argv": "/bin/true"}"#, "“argv”"),
        (#"{"on": "backup", "when": "before", "argv": ["true"]}"#, "absolute path"),
        (#"{"on": "backup", "when": "before", "argv": ["/bin/true"], "limit": 30}"#, "“limit”"),
        (
            #"{"on": "backup", "when": "before", "argv": ["/bin/true"], "instances": ["Bad_Name"]}"#,
            "“instances”"
        ),
        (#"{"on": "backup", "when": "before", "argv": ["/bin/true"], "instance": ["dev"]}"#, "“instances”"),
        (#""/bin/true""#, "it is no object"),
    ])
    func `a hook that could not run is refused, not left out`(hook: String, why: String) async throws {
        try home.appending("kecsctl.json").replaceContents(
            Array(#"{"hooks": [{"on": "stop", "when": "after", "argv": ["/bin/true"]}, \#(hook)]}"#.utf8))
        let caught = try await run("backup", "dev")
        #expect(caught.status == 64 && caught.errors.contains(why), "\(caught.errors)")
        #expect(caught.errors.contains("hook 2 in "))
        #expect(try !backups.isPresent)
        let check = try await run("config", "check")
        #expect(check.output.contains("hook 2"), "\(check.output) \(check.errors)")
    }

    @Test func `an instance's own configuration, which a backup may bring, holds none`() async throws {
        let file = home.appending("instances/dev/config.json")
        var config = try JSONFile.read([String: JSONValue].self, from: file)
        config["settings"] = .object(["hooks": .array([hook("backup", "before")])])
        try JSONFile.write(config, to: file)
        #expect(try await run("backup", "dev").status == 64)
        #expect(try lines() == [])
    }
}

extension String {
    fileprivate var trimmed: String { hasSuffix("\n") ? String(dropLast()) : self }
}
