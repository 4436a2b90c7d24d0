// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import standin

/// SIGKILL of kecsctl at random moments while it starts, stops and backs up a cluster. k3d, kubectl and docker are the
/// stand-ins, which keep their world between calls, and whose engine goes on although nobody waits for it.
@Suite(.serialized) struct K3dKillTests {
    private struct Scene {
        let root: FilePath
        let tools: FakeTools
        let kecsctl: Kecsctl
        var world: FilePath { root.appending("world") }
        var instance: FilePath { root.appending("home/instances/dev") }

        init(_ root: FilePath) throws {
            self.root = root
            tools = try FakeTools(in: root.appending("tools"))
            try root.appending("world").createFolder()
            try World(stopMilliseconds: 150, createMilliseconds: 150, rolloutQuestions: 1)
                .write(to: root.appending("world"))
            try tools.addStandIns(
                Kecsctl.program.removingLastComponent().appending("standin"), world: root.appending("world"))
            kecsctl = Kecsctl(
                home: root.appending("home"),
                environment: ["PATH": tools.path, "HOME": root.string, "TMPDIR": root.string])
        }

        /// After the next command that changes the instance, which heals; `status` only looks.
        func state() async throws -> String? {
            _ = try await kecsctl("backups", "prune", "dev", "--keep", "1000")
            let answer = try await kecsctl("status", "dev", "-o", "json")
            return try answer.first()["state"]?.string
        }

        /// Everything that k3d and docker have, one line each.
        func inventory() throws -> [String] {
            let world = try World.read(from: world)
            return
                (world.containers.map { "container \($0.name) \($0.status)" }
                + world.networks.map { "network \($0.name)" } + world.volumes.map { "volume \($0.name)" }
                + world.clusters.map { "cluster \($0.name) \($0.isReachable)" }).sorted()
        }
    }

    private let running = [
        "cluster kecs-dev true", "container k3d-kecs-dev-server-0 running",
        "container k3d-kecs-dev-serverlb running", "network k3d-kecs-dev", "volume k3d-kecs-dev-images",
    ]

    @Test func `after the next status the cluster is there once and whole, or not at all`() async throws {
        try await withTemporaryFolder { root in
            let scene = try Scene(root)
            let start = ["start", "dev", "--runtime", "k3d", "--health-url", "none"]
            let verbs = [
                start, ["stop", "dev"], ["restart", "dev"], ["backup", "dev", "--consistency", "stopped"],
                ["backup", "dev", "--consistency", "frozen"],
            ]
            var killed = 0
            var seen: [String: Int] = [:]
            var seed = CampaignSeed("K3dKillTests")
            for round in 0..<Rounds.count(ci: 8, full: 100) {
                let verb = verbs[round % verbs.count]
                if verb == start {
                    if try scene.instance.isPresent { try await must(scene, ["stop", "dev", "--no-backup"]) }
                } else {
                    try await must(scene, start)
                    // An opaque database: only frozen or stopped may it be copied.
                    let opaque = scene.instance.appending("data/vectors.db")
                    try opaque.replaceContents(
                        [UInt8](repeating: UInt8(round & 0xff), count: 8) + Array("DUCK".utf8)
                            + [UInt8](repeating: 7, count: 4 << 20))
                }
                let wasKilled = try await scene.kecsctl.killed(
                    after: .milliseconds(Int.random(in: 5...1800, using: &seed)), verb)
                if wasKilled { killed += 1 }
                let context: Comment = "round \(round): \(verb), killed: \(wasKilled)"
                guard try scene.instance.isPresent else {
                    #expect(verb == start, context)
                    #expect(try scene.inventory() == [], context)
                    continue
                }
                let state = try await scene.state()
                // A stop that came to its end, and a start that had not begun, leave nothing; all else runs.
                let mayBeGone = verb == start || verb[0] == "stop"
                #expect(state == "running" || mayBeGone && ["absent", "stopped"].contains(state), context)
                // What the engine was told by the killed one is done by now, too.
                usleep(200_000)
                #expect(try await scene.state() == state, context)
                switch state {
                case "running": #expect(try scene.inventory() == running, context)
                case "absent": #expect(try scene.inventory() == [], context)
                default: #expect(try scene.inventory().count == running.count, context)
                }
                #expect(try !scene.instance.appending("journal.json").isPresent, context)
                seen["\(verb[0]) \(state ?? "")", default: 0] += 1
            }
            let unexpected = try World.read(from: scene.world).unexpected
            #expect(unexpected == [])
            #expect(killed > 0)
            print("k3d: killed \(killed) times, \(seen.sorted { $0.key < $1.key })")
            // Whatever it went through, it works.
            try await must(scene, start)
            try await must(scene, ["backup", "dev"])
            try await must(scene, ["destroy", "dev", "--yes"])
            #expect(try scene.inventory() == [])
        }
    }

    private func must(
        _ scene: Scene, _ arguments: [String], _ place: SourceLocation = #_sourceLocation
    ) async throws {
        let answer = try await scene.kecsctl.run(arguments)
        try #require(answer.status == 0, "\(arguments): \(answer.errors)", sourceLocation: place)
    }
}
