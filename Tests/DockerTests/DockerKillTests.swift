// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// SIGKILL of kecsctl at random moments: what ran before runs after the next kecsctl, once, and nothing is left over.
    @Suite struct DockerKillTests {
        @Test func `whoever was stopped or paused by a killed run is up again after the next status`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.build(
                    "kecs-test:busy", variables: "WRITE_EVERY_MS=5 OPAQUE_MIB=100 STOP_MS=300")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:busy"] + scene.ports)
                let inventory = try await Engine.inventory()
                let verbs = [
                    ["backup", "dev", "--consistency", "stopped"],
                    ["backup", "dev", "--consistency", "frozen"],
                    ["restart", "dev"], ["stop", "dev"], ["start", "dev"],
                ]
                var killed = 0
                var seed = CampaignSeed("DockerKillTests")
                for round in 0..<Rounds.count(ci: 15, full: 100) {
                    let verb = verbs[round % verbs.count]
                    if verb[0] == "start" { _ = try await scene.kecsctl("stop", "dev", "--no-backup") }
                    let wasKilled = try await scene.kecsctl.killed(
                        after: .milliseconds(Int.random(in: 5...1500, using: &seed)), verb)
                    if wasKilled { killed += 1 }
                    let state = try await scene.state()
                    // A stop that came to its end, or a start that never began, leave it stopped.
                    let mayBeStopped = verb[0] == "stop" || verb[0] == "start"
                    #expect(
                        state == "running" || mayBeStopped && state == "stopped",
                        "round \(round): \(verb) \(state ?? "")")
                    // What the engine was told to do by the killed one is done by now, too.
                    usleep(500_000)
                    #expect(try await scene.state() == state, "round \(round): \(verb), a moment later")
                    #expect(try await Engine.inventory() == inventory, "round \(round): \(verb)")
                    #expect(
                        try !scene.root.appending("home/instances/dev/journal.json").isPresent,
                        "round \(round)")
                    if state != "running" { try await scene.must(["start", "dev"]) }
                }
                #expect(killed > 0)
                print("docker: killed \(killed) times")
                for item in try await scene.kecsctl("backups", "list", "dev", "-o", "json").items()
                where item["verified"] == .bool(true) {
                    let id = try #require(item["id"]?.string)
                    #expect(try await scene.kecsctl("backups", "verify", id, "--instance", "dev").status == 0)
                }
            }
        }

        @Test func `volumes that a killed run was filling or exchanging hold one state or the other`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain", variables: "STOP_MS=200")
                // One whose mount point can be reached, and one that is mounted only while it is used.
                let device = scene.root.appending("device")
                try device.createFolder()
                try await Engine.docker(
                    "volume", "create", "--opt", "type=none", "--opt", "o=bind", "--opt", "device=\(device)",
                    "lent")
                try await scene.must(
                    [
                        "start", "dev", "--runtime", "docker", "--image", "kecs-test:plain", "--volume",
                        "lent:/lent", "--volume", "own:/own",
                    ] + scene.ports)
                let own = try #require(Engine.folder).appending("data/volumes/own/_data")
                func write(_ text: String) throws {
                    for folder in [device, own] {
                        for number in 0..<200 {
                            try folder.appending("file-\(number)").replaceContents(
                                Array(String(repeating: text, count: 5000).utf8))
                        }
                    }
                }
                /// "one", "two", or what is mixed up.
                func content(_ folder: FilePath) throws -> String {
                    let names = try folder.entries()
                    let words = try Set(
                        names.map {
                            String(decoding: try folder.appending($0).contents(), as: UTF8.self).prefix(3)
                        })
                    return names.count == 200 && words.count == 1
                        ? String(words.first ?? "") : "\(names.count) files, \(words)"
                }
                var backups: [String] = []
                for text in ["one", "two"] {
                    try write(text)
                    let report = try await scene.must(["backup", "dev", "-o", "json"]).first()
                    backups.append(try #require(report["backup"]?["id"]?.string))
                    try await scene.must(["backups", "pin", backups.last ?? "", "--instance", "dev"])
                }
                let inventory = try await Engine.inventory()
                var killed = 0
                var seen: [String: Int] = [:]
                var seed = CampaignSeed("DockerKillTests")
                for round in 0..<Rounds.count(ci: 4, full: 100) {
                    let verb =
                        round % 4 == 3
                        ? ["undo", "dev"]
                        : ["restore", "dev", "--from", backups[round % 2], "--part", "lent", "--part", "own"]
                    if try await scene.kecsctl.killed(
                        after: .milliseconds(Int.random(in: 50...6000, using: &seed)), verb)
                    {
                        killed += 1
                    }
                    let context: Comment = "round \(round): \(verb)"
                    #expect(try await scene.state() == "running", context)
                    usleep(300_000)
                    #expect(try await scene.state() == "running", context)
                    let states = [try content(device), try content(own)]
                    #expect(states == ["one", "one"] || states == ["two", "two"], "\(context) \(states)")
                    seen[states[0], default: 0] += 1
                    #expect(try await Engine.inventory() == inventory, context)
                    #expect(try !scene.root.appending("home/instances/dev/journal.json").isPresent, context)
                }
                #expect(killed > 0)
                print("volumes: killed \(killed) times, \(seen)")
            }
        }

        @Test func `a paused server is resumed although the engine was restarted in between`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:busy", variables: "WRITE_EVERY_MS=5 OPAQUE_MIB=100")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:busy"] + scene.ports)
                for verb in [
                    ["backup", "dev", "--consistency", "frozen"],
                    ["backup", "dev", "--consistency", "stopped"],
                ] {
                    let journal = scene.root.appending("home/instances/dev/journal.json")
                    var wasCaught = false
                    // Until one is caught in the act: the journal is there.
                    for _ in 0..<10 where !wasCaught {
                        let pid = try scene.kecsctl.spawn(verb)
                        var status: Int32 = 0
                        var isOver = false
                        while try !journal.isPresent, !isOver {
                            isOver = waitpid(pid, &status, WNOHANG) != 0
                            usleep(500)
                        }
                        if !isOver {
                            kill(pid, SIGKILL)
                            waitpid(pid, &status, 0)
                        }
                        wasCaught = try journal.isPresent
                    }
                    try #require(wasCaught)
                    try await Engine.order("kill")
                    try await Engine.order("start")
                    #expect(try await scene.state() == "running")
                    #expect(try !scene.root.appending("home/instances/dev/journal.json").isPresent)
                }
            }
        }
    }
}
