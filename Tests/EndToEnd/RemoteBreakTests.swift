// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Lines that break leave nothing that looks like a copy and is none.
@Suite(.serialized, .enabled(if: RemoteScene.hasRclone, RemoteScene.reason)) struct RemoteBreakTests {
    @Test(arguments: RemoteKind.campaign(.webDAV, of: RemoteKind.far))
    func `a copy whose line is cut is cleanly absent or whole, and goes on`(kind: RemoteKind) async throws {
        var random = CampaignSeed("RemoteBreakTests \(kind)")
        try await RemotePlace.with(kind) { place in
            let line = try #require(place.line)
            try await RemoteCampaign.with(place) { campaign in
                let wanted = Rounds.count(ci: 1, full: 40)
                var (cuts, rounds) = (0, 0)
                while cuts < wanted, rounds < 4 * wanted {
                    rounds += 1
                    try line.cut(after: Int.random(in: 0...campaign.bytes, using: &random))
                    let answer = try await campaign.scene.kecsctl.run(campaign.copying)
                    #expect(answer.status == 0 || answer.status == 14, "\(answer.status) \(answer.errors)")
                    try line.mend()
                    let state = try await campaign.look()
                    #expect(answer.status != 0 || state == "complete")
                    if answer.status == 14 { cuts += 1 }
                }
                #expect(cuts == wanted)
                print("\(kind): \(cuts) cuts in \(rounds) rounds, \(campaign.wholes) times whole")
            }
        }
    }
}
