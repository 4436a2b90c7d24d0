// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import KecsVelero
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes
@testable import standin

/// SIGKILL of kecsctl at random moments of `stop` and `start` of an instance with Velero. Whatever was in the cluster before is in
/// it after the next start: the one that was there all along, or a new one.
@Suite(.serialized) struct VeleroKillTests {
    @Test func `what stood in the cluster is there after a kill and a start`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            var seed = CampaignSeed("VeleroKillTests")
            var killed = 0
            var seen: [String: Int] = [:]
            for round in 0..<Rounds.count(ci: 6, full: 50) {
                try scene.deploy("\(round)")
                let verb = round % 2 == 0 ? "stop" : "start"
                if verb == "start" {
                    let stop = try await scene.stop()
                    try #require(stop.status == 0, "round \(round): \(stop.errors)")
                }
                let wasKilled = try await scene.here.kecsctl.killed(
                    after: .milliseconds(Int.random(in: 5...9000, using: &seed)),
                    verb == "stop" ? ["stop", "dev"] : ["start", "dev", "--no-recover"])
                if wasKilled { killed += 1 }
                let clusters = try scene.here.world().clusters.count
                seen["\(verb) \(wasKilled ? "killed" : "ended") \(clusters)", default: 0] += 1
                let context: Comment = "round \(round): \(verb), killed: \(wasKilled)"
                // What an engine was told by the killed one is done by now, too.
                usleep(200_000)
                let answer = try await scene.start()
                #expect(answer.status == 0, "\(context): \(answer.errors)")
                #expect(try scene.value() == "\(round)", context)
                #expect(try scene.config().degraded == nil, context)
                let folder = try scene.folder()
                #expect(try !folder.clusterRestore.isPresent && !folder.journal.isPresent, context)
                let location = try scene.objects()["backupstoragelocation/velero/default"]
                #expect(location?["spec"]?["accessMode"] == "ReadWrite", context)
                #expect(Set(try scene.bucketRoot()).isSubset(of: ["backups", "restores"]), context)
                #expect(try scene.backups().filter { $0.isRestorable }.count <= 6, context)
            }
            #expect(killed > 0)
            print("velero: killed \(killed) times, \(seen.sorted { $0.key < $1.key })")
        }
    }
}
