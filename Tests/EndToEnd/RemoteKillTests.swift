// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Killed while it copies, at any moment from its start to about its end.
@Suite(.serialized, .enabled(if: RemoteScene.hasRclone, RemoteScene.reason)) struct RemoteKillTests {
    @Test(arguments: RemoteKind.campaign(.s3, .ssh))
    func `a copy that is killed is cleanly absent or whole, and goes on`(kind: RemoteKind) async throws {
        var random = CampaignSeed("RemoteKillTests \(kind)")
        try await RemotePlace.with(kind) { place in
            try await RemoteCampaign.with(place) { campaign in
                let wanted = Rounds.count(ci: 1, full: 40)
                var (kills, rounds) = (0, 0)
                while kills < wanted, rounds < 4 * wanted {
                    rounds += 1
                    let delay = campaign.duration * Double.random(in: 0...1.1, using: &random)
                    if try await campaign.scene.kecsctl.killed(after: delay, campaign.copying) { kills += 1 }
                    _ = try await campaign.look()
                }
                #expect(kills == wanted)
                print("\(kind): \(kills) kills in \(rounds) rounds, \(campaign.wholes) times whole")
            }
        }
    }
}
