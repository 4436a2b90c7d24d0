// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Within a large file a copy goes on where it was cut off, where the other side lets it.
@Suite(.serialized, .enabled(if: RemoteScene.hasRclone, RemoteScene.reason)) struct RemoteResumeTests {
    private static let size = 48 << 20

    /// A copy over ssh that was cut off in the middle of a file of 48 MB, and a look at what lies there.
    private func afterCut(
        _ body: (RemotePlace, RemoteScene, _ id: String, _ draft: FilePath) async throws -> Void
    ) async throws {
        try await RemotePlace.with(.ssh) { place in
            let line = try #require(place.line)
            try await RemoteScene.with(address: place.address, environment: place.environment) { scene in
                var random = SystemRandomNumberGenerator()
                let bytes = (0..<(Self.size / 8)).flatMap { _ in
                    withUnsafeBytes(of: random.next(), Array.init)
                }
                try scene.kecsctl.home.appending("instances/dev/data/big").replaceContents(bytes)
                let id = try await scene.backUp()
                try line.cut(after: 30 << 20)
                let cut = try await scene.kecsctl("backups", "copy", "--to", "usb")
                #expect(cut.status == 14, "\(cut.errors)")
                try line.mend()
                let list = try await scene.must("backups", "list", "--remote", "usb", "-o", "json").items()
                #expect(list.map { $0["state"] } == ["incomplete"], "\(list)")
                let draft = try #require(place.files).appending("dev/.\(id).draft/data.tar.gz")
                let there = try #require(try FileStatus.of(draft)).size
                #expect(there > 20 << 20 && there < Self.size, "\(there)")
                try await body(place, scene, id, draft)
                try await scene.elsewhere(place.address).must(
                    "backups", "verify", id, "--remote", "usb", "--instance", "dev")
            }
        }
    }

    @Test func `over ssh it goes on where the line was cut`() async throws {
        try await afterCut { place, scene, _, draft in
            let line = try #require(place.line)
            let there = try #require(try FileStatus.of(draft)).size
            let before = try line.sent
            let copy = try await scene.must("backups", "copy", "--to", "usb", "-o", "json").first()
            let (bytes, sent) = (copy["bytes"]?.integer ?? 0, copy["sentBytes"]?.integer ?? 0)
            #expect(bytes > Self.size && sent == bytes - there, "\(copy)")
            let went = try line.sent - before
            #expect(went < Int(sent) + (8 << 20), "\(went) went there")
        }
    }

    @Test func `what lies there and is not its beginning is sent again`() async throws {
        try await afterCut { _, scene, _, draft in
            var bytes = try draft.contents()
            bytes[1 << 20] ^= 1
            try draft.replaceContents(bytes)
            let copy = try await scene.must("backups", "copy", "--to", "usb", "-o", "json").first()
            #expect(copy["result"] == "copied", "\(copy)")
        }
    }
}
