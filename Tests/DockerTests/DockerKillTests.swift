// SPDX-License-Identifier: Apache-2.0
import KecsStorage
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
                try await Engine.build("kecs-test:busy", variables: "WRITE_EVERY_MS=5 OPAQUE_MIB=100")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:busy"] + scene.ports)
                let inventory = try await Engine.inventory()
                let verbs = [
                    ["backup", "dev", "--consistency", "stopped"],
                    ["backup", "dev", "--consistency", "frozen"],
                    ["restart", "dev"], ["stop", "dev"], ["start", "dev"],
                ]
                var killed = 0
                for round in 0..<Rounds.count(ci: 15, full: 100) {
                    let verb = verbs[round % verbs.count]
                    if verb[0] == "start" { _ = try await scene.kecsctl("stop", "dev", "--no-backup") }
                    let wasKilled = try scene.kecsctl.killed(
                        after: .milliseconds(Int.random(in: 5...1500)), verb)
                    if wasKilled { killed += 1 }
                    let state = try await scene.state()
                    // A stop that came to its end, or a start that never began, leave it stopped.
                    let mayBeStopped = verb[0] == "stop" || verb[0] == "start"
                    #expect(
                        state == "running" || mayBeStopped && state == "stopped",
                        "round \(round): \(verb) \(state ?? "")")
                    #expect(try await Engine.inventory() == inventory, "round \(round): \(verb)")
                    #expect(
                        !scene.root.appending("home/instances/dev/journal.json").isPresent, "round \(round)")
                    if state != "running" { try await scene.must(["start", "dev"]) }
                }
                #expect(killed > 0)
                for item in try await scene.kecsctl("backups", "list", "dev", "-o", "json").items()
                where item["verified"] == .bool(true) {
                    let id = try #require(item["id"]?.string)
                    #expect(try await scene.kecsctl("backups", "verify", id, "--instance", "dev").status == 0)
                }
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
                    var wasCaught = false
                    // Until one is caught in the act: the journal is there.
                    for _ in 0..<40 where !wasCaught {
                        _ = try scene.kecsctl.killed(after: .milliseconds(Int.random(in: 50...900)), verb)
                        wasCaught = scene.root.appending("home/instances/dev/journal.json").isPresent
                    }
                    try #require(wasCaught)
                    try await Engine.order("kill")
                    try await Engine.order("start")
                    #expect(try await scene.state() == "running")
                    #expect(!scene.root.appending("home/instances/dev/journal.json").isPresent)
                }
            }
        }
    }
}
