// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// A remote that has one whole copy, and a second backup that shares half of its bytes with it: what is broken while that is
/// copied must leave the first one whole, and the second one whole or absent.
struct RemoteCampaign {
    let place: RemotePlace
    private(set) var scene: RemoteScene
    let other: RemoteScene
    let first: String
    let second: String
    /// How long a copy takes, and how many bytes of it go there, when nothing breaks.
    let duration: Duration
    let bytes: Int
    private(set) var wholes = 0

    static func with(_ place: RemotePlace, _ body: (inout RemoteCampaign) async throws -> Void) async throws {
        // By itself rclone tries for minutes.
        let impatience = ["RCLONE_RETRIES": "1", "RCLONE_LOW_LEVEL_RETRIES": "1"]
        let environment = place.environment.merging(impatience) { $1 }
        try await RemoteScene.with(address: place.address, environment: environment) { scene in
            try await scene.must("config", "set", "segmentsFrom", "1MiB")
            try write(0..<120, scene)
            try await Task.sleep(for: .seconds(2.1))
            let first = try await scene.backUp("--copy-to", "usb")
            try write(40..<90, scene)
            try await Task.sleep(for: .seconds(2.1))
            let second = try await scene.backUp()
            let sent = try place.line?.sent ?? 0
            var copied: JSONValue = .null
            let duration = try await ContinuousClock().measure {
                copied = try await scene.must("backups", "copy", "dev/\(second)", "--to", "usb", "-o", "json")
                    .first()
            }
            #expect(copied["result"] == "copied", "\(copied)")
            let own = Int(try #require(copied["sentBytes"]?.integer))
            try await place.remove(second)
            var campaign = RemoteCampaign(
                place: place, scene: scene, other: try await scene.elsewhere(place.address), first: first,
                second: second, duration: duration, bytes: max(own, (try place.line?.sent ?? 0) - sent))
            try await body(&campaign)
            // Whatever was broken: now it goes on, and is whole. As users have it, so a server that answers one call with an
            // error of its own (rclone's WebDAV server does after its disk was full) is asked again.
            _ = try await campaign.look(removes: false)
            for name in impatience.keys { campaign.scene.kecsctl.environment[name] = nil }
            try await campaign.copy("--wait-lock", "1m")
            let list = try await campaign.look(removes: false)
            #expect(list == "complete")
            try await campaign.other.must("restore", "dev", "--from", "usb/\(second)", "--yes")
            #expect(try campaign.other.rows(campaign.other.kecsctl.home) == 3)
        }
    }

    private static func write(_ numbers: Range<Int>, _ scene: RemoteScene) throws {
        var random = SystemRandomNumberGenerator()
        for number in numbers {
            let file = scene.kecsctl.home.appending("instances/dev/minio-data/bucket/o\(number)/xl.meta")
            try file.removingLastComponent().createFolder()
            try file.replaceContents(
                (0..<50_000).map { _ in UInt8.random(in: .min ... .max, using: &random) })
        }
    }

    var copying: [String] { ["backups", "copy", "dev/\(second)", "--to", "usb", "--wait-lock", "1m"] }

    @discardableResult
    func copy(_ more: String...) async throws -> Kecsctl.Answer {
        try await scene.must(["backups", "copy", "dev/\(second)", "--to", "usb"] + more)
    }

    /// What is there is told as what it is: the first copy is whole, and the second one is, byte for byte, when it is called that.
    ///
    /// - Parameter removes: Takes the second copy away when it is whole, so that there is something to break again.
    /// - Returns: The state of the second one; nil when nothing of it is there.
    mutating func look(
        removes: Bool = true, at place: SourceLocation = #_sourceLocation
    ) async throws -> String? {
        let list = try await scene.must("backups", "list", "--remote", "usb", "-o", "json", at: place).items()
        let old = list.first { $0["id"]?.string == first }
        #expect(old?["state"] == "complete" && old?["verifiedAt"] != nil, "\(list)", sourceLocation: place)
        let new = list.filter { $0["id"]?.string == second }
        guard let state = new.first(where: { $0["state"] != "incomplete" })?["state"]?.string else {
            #expect(new.allSatisfy { $0["verifiedAt"] == nil }, "\(list)", sourceLocation: place)
            return new.isEmpty ? nil : "incomplete"
        }
        #expect(state == "complete", "\(list)", sourceLocation: place)
        for id in [first, second] {
            try await other.must("backups", "verify", id, "--remote", "usb", "--instance", "dev", at: place)
        }
        wholes += 1
        if removes { try await self.place.remove(second) }
        return state
    }
}
