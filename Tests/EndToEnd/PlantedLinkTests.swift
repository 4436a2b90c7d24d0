// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Links at the names under which a restore could be expected to stage what it unpacks.
@Suite(.serialized, .enabled(if: geteuid() == 0, "only root can act for two users")) struct PlantedLinkTests {
    /// A file system on which the home is not: there a tree is staged next to the data folder, in a folder that may belong to
    /// anybody.
    private static let disk = FilePath("/dev/shm")

    @Test func `a link at a foreseeable staging name leads nowhere`() async throws {
        try await HostileScene.with { scene in
            guard try Self.disk.isFolder, try device(Self.disk) != device(scene.root) else {
                try Test.cancel("\(Self.disk) is no other file system")
            }
            let theirs = Self.disk.appending("kecsctl-test-\(UInt64.random(in: 0...UInt64.max))")
            try theirs.createFolder(mode: 0o755)
            do {
                try await restore(scene, theirs)
            } catch {
                try? theirs.removeTree()
                throw error
            }
            try theirs.removeTree()
        }
    }

    private func device(_ path: FilePath) throws -> UInt {
        var status = stat()
        try #require(stat(path.string, &status) == 0)
        return UInt(status.st_dev)
    }

    private func restore(_ scene: HostileScene, _ theirs: FilePath) async throws {
        let data = theirs.appending("data")
        try data.createFolder(mode: 0o755)
        try scene.makeDatabase(data.appending("kecs.db"))
        try data.appending("file").replaceContents(Array("backed up".utf8), mode: 0o644)
        for path in [theirs, data, data.appending("kecs.db"), data.appending("file")] {
            try path.setOwner((HostileScene.stranger, HostileScene.stranger))
        }
        let kecsctl = scene.kecsctl
        #expect(
            try await kecsctl("start", "two", "--runtime", "local", "--data-dir", data.string).status == 0)
        #expect(try await kecsctl("backup", "two").status == 0)
        try data.appending("file").replaceContents(Array("live".utf8))
        let behind = scene.outside.appending("empty")
        try behind.createFolder()
        // As the first release named it, for each second of the next minutes.
        let now = Int64(time(nil))
        for second in 0..<900 {
            let id = "\(Moment(seconds: now + Int64(second)).compact)-restore"
            let trap = theirs.appending(".data.kecsctl-restoring-\(id)")
            try #require(symlink(behind.string, trap.string) == 0)
            try #require(lchown(trap.string, HostileScene.stranger, HostileScene.stranger) == 0)
        }
        let before = try scene.outsideDigest()
        let answer = try await kecsctl("restore", "two", "--from", "latest")
        #expect(answer.status == 0, "\(answer.errors)")
        #expect(try scene.outsideDigest() == before)
        #expect(try FileStatus.of(data)?.kind == .folder)
        #expect(try data.appending("file").contents() == Array("backed up".utf8))
    }
}
