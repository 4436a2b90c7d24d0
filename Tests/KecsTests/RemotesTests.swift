// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs

@Suite struct RemotesTests {
    @Test func `an ssh address has a host and an absolute path, and no password`() {
        let address = SSHAddress("ssh://backup@nas.example:2222/srv/kecs")
        #expect(address?.user == "backup" && address?.host == "nas.example")
        #expect(address?.port == 2222 && address?.path == "/srv/kecs")
        #expect(SSHAddress("ssh://nas/x")?.user == nil)
        for text in [
            "ssh://nas", "ssh:///x", "ssh://me:secret@nas/x", "ssh://-oProxyCommand=x/x", "ssh://nas:0/x",
            "ssh://nas:x/x", "ssh://nas,key_file=y/x", "nas:x", "ssh://na s/x", "ssh://@nas/x",
        ] {
            #expect(SSHAddress(text) == nil, "\(text)")
        }
    }

    @Test func `what a remote keeps and how fast it is come back as they were given`() async throws {
        try await CheckScene.with { scene in
            let remotes = Remotes(site: scene.site)
            let settings: [String: JSONValue] = [
                "keep": .integer(3), "keepWithin": "7d", "bandwidth": .integer(1000),
            ]
            #expect(try remotes.add("usb", "box:kecs", settings: settings, dryRun: true).isNew)
            #expect(try remotes.all().isEmpty)
            #expect(try remotes.add("usb", "box:kecs", settings: settings, dryRun: false).isNew)
            #expect(try !remotes.add("usb", "box:kecs", settings: settings, dryRun: false).isNew)
            let remote = try remotes.find("usb")
            #expect(remote.retention == Retention(last: 3, within: 7 * 86_400))
            #expect(remote.bandwidth == 1000 && remote.path("dev") == "box:kecs/dev")
            // Without a policy all stays.
            #expect(try remotes.add("usb", "box:kecs", dryRun: false).isNew)
            #expect(try remotes.find("usb").retention == nil)
            for broken: JSONValue in [
                "text", ["keep": .integer(3)], ["address": "b:", "keeep": .integer(3)],
            ] {
                try JSONFile.write(["remotes": ["usb": broken]] as JSONValue, to: scene.site.home.settings)
                #expect(throws: Failure.self, "\(broken)") { try remotes.all() }
            }
        }
    }

    @Test func `a good copy that is verified counts, until its backup fails a drill`() async throws {
        try await CheckScene.with { scene in
            let old = try scene.addBackup(.seconds(7200))
            let new = try scene.addBackup(.seconds(60))
            let store = scene.site.home.backupStore(of: scene.name)
            func copy(_ state: PastCopies.Copy.State, isGood: Bool = true) -> PastCopies.Copy {
                .init(
                    state: state, path: "dev/x", files: [], sums: "", verifiedAt: scene.clock.now(),
                    isGood: isGood)
            }
            var past = try PastCopies(store)
            try past.set(old.id, copy(.verified), at: "usb")
            for state: PastCopies.Copy.State in [.copying, .damaged, .removing] {
                try past.set(new.id, copy(state), at: "usb")
                #expect(try PastCopies(store).newest(at: "usb")?.id == old.id, "\(state)")
            }
            try past.set(new.id, copy(.verified, isGood: false), at: "usb")
            #expect(past.newest(at: "usb")?.id == old.id)
            try past.set(new.id, copy(.verified), at: "usb")
            #expect(past.newest(at: "usb")?.id == new.id)
            try store.mark(new.id) { $0.drill = .init(at: scene.clock.now(), passed: false, why: "x") }
            #expect(past.newest(at: "usb")?.id == old.id)
            let now = scene.clock.now()
            #expect(past.age(at: "usb", limit: TimeSpan(milliseconds: 7_200_000), now: now).overdue == nil)
            #expect(past.age(at: "usb", limit: TimeSpan(milliseconds: 7_199_000), now: now).overdue != nil)
            #expect(past.age(at: "nas", limit: TimeSpan(milliseconds: 7_200_000), now: now).overdue != nil)
        }
    }

    @Test func `long lists of files go to rclone in batches`() {
        let names = (0..<600).map { "minio/\($0).tar.gz" }
        #expect(Rclone.batches(names).map(\.count) == [256, 256, 88])
        #expect(Rclone.batches(names).flatMap(\.self) == names)
        #expect(Rclone.batches([]).isEmpty)
    }
}
