// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Disks that are full on the other side leave nothing that looks like a copy and is none.
@Suite(.enabled(if: RemoteScene.hasRclone, RemoteScene.reason)) struct RemoteDiskTests {
    @Test(.enabled(if: geteuid() == 0, "only root can mount"), arguments: RemoteKind.campaign(.folder, .s3))
    func `a full disk there is told, nothing there is taken for a copy, and with room it goes on`(
        kind: RemoteKind
    ) async throws {
        var random = CampaignSeed("RemoteDiskTests \(kind)")
        try await RemotePlace.with(kind, room: 64) { place in
            try await RemoteCampaign.with(place) { campaign in
                let wanted = Rounds.count(ci: 1, full: 40)
                var (full, rounds) = (0, 0)
                while full < wanted, rounds < 4 * wanted {
                    rounds += 1
                    try place.fill(leaving: Int.random(in: 0...campaign.bytes, using: &random))
                    let answer = try await campaign.scene.kecsctl.run(campaign.copying)
                    #expect(answer.status == 0 || answer.status == 14, "\(answer.status) \(answer.errors)")
                    if answer.status == 14 {
                        full += 1
                        #expect(try await campaign.look() != "complete")
                    }
                    try place.makeRoom()
                    if answer.status == 0 { #expect(try await campaign.look() == "complete") }
                }
                #expect(full == wanted)
                print("\(kind): \(full) times full in \(rounds) rounds, \(campaign.wholes) times whole")
            }
        }
    }
}
