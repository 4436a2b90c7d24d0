// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// Images saved beside the backups, and loaded where no registry has them.
    @Suite struct SavedImagesTests {
        private static let image = "kecs-test:saved"

        private func images(_ scene: DockerScene) async throws -> [JSONValue] {
            let shown = try await scene.must(["backups", "show", "latest", "--instance", "dev", "-o", "json"])
            let manifest = scene.root.appending("home/backups/dev")
                .appending(try #require(shown.first()["id"]?.string)).appending("manifest.json")
            return try JSONFile.read(JSONValue.self, from: manifest)["images"]?.array ?? []
        }

        @Test func `an image that is gone is loaded again by a start`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build(Self.image)
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", Self.image] + scene.ports)
                // Without the flag it is noted, and nothing is saved.
                try await scene.must(["backup", "dev"])
                var image = try #require(try await images(scene).first)
                #expect(image["reference"]?.string == Self.image && image["saved"] == nil)
                try await scene.must(["backup", "dev", "--with-images"])
                image = try #require(try await images(scene).first)
                let file = scene.root.appending("home/backups/dev").appending(
                    try #require(image["saved"]?["file"]?.string))
                #expect(
                    try digest(of: file, cancellation: Cancellation(), progress: SilentProgress()).sha256
                        == image["saved"]?["sha256"]?.string)
                // The next one needs no second archive, and keeps the first.
                let inode = try #require(try FileStatus.of(file)).inode
                try await scene.must(["backup", "dev", "--with-images", "--keep", "1"])
                #expect(try FileStatus.of(file)?.inode == inode)
                #expect(try await images(scene).first?["saved"] == image["saved"])

                try await scene.must(["destroy", "dev", "--yes"])
                try await Engine.docker("image", "rm", "--force", Self.image)
                let back = try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", Self.image] + scene.ports)
                #expect(back.errors.contains("was loaded from"), "\(back)")
                #expect(try await scene.must(["status", "dev", "-o", "json"]).first()["state"] == "running")
            }
        }

        @Test func `a damaged archive is not loaded, and retention removes what no backup names`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.build(Self.image)
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", Self.image] + scene.ports)
                try await scene.must(["backup", "dev", "--with-images"])
                let folder = scene.root.appending("home/backups/dev/images")
                let name = try #require(try folder.entries().first)
                var bytes = try folder.appending(name).contents()
                bytes[bytes.count / 2] ^= 1
                try folder.appending(name).replaceContents(bytes)
                try await scene.must(["stop", "dev", "--no-backup"])
                try await Engine.docker("container", "rm", "--force", "kecs-dev")
                try await Engine.docker("image", "rm", "--force", Self.image)
                let refused = try await scene.kecsctl("start", "dev")
                #expect(refused.status != 0)
                #expect(refused.errors.contains("is damaged and was not loaded"), "\(refused)")

                // Another image, and the backups that named the first one are gone.
                try await Engine.build(Self.image, version: "2")
                try await scene.must(["start", "dev"])
                try await scene.must(["backup", "dev", "--with-images", "--keep", "1"])
                try await scene.must(["backup", "dev", "--with-images", "--keep", "1"])
                let left = try folder.entries().map(\.string)
                #expect(left.count == 1 && left != [name.string], "\(left)")
            }
        }
    }
}
