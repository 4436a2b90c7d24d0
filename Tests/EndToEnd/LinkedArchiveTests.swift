// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsBackups
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// An archive that did not change is linked, and is read before that only when it was not read lately.
@Suite struct LinkedArchiveTests {
    private struct Scene {
        let kecsctl: Kecsctl
        var store: FilePath { kecsctl.home.appending("backups/dev") }

        /// - Returns: The folder of the new backup, and its record of the object store.
        func backUp() async throws -> (folder: FilePath, minio: JSONValue) {
            let answer = try await kecsctl("backup", "dev", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            let folder = store.appending(try #require(try answer.first()["backup"]?["id"]?.string))
            let manifest = try JSONValue(
                parsing: String(decoding: folder.appending("manifest.json").contents(), as: UTF8.self))
            let parts = try #require(manifest["parts"]?.array)
            return (folder, try #require(parts.first { $0["name"] == "minio" }))
        }

        func isLinked(_ left: FilePath, _ right: FilePath) throws -> Bool {
            let files = try [left, right].map { try FileStatus.of($0.appending("minio.tar.gz"))?.inode }
            return files[0] != nil && files[0] == files[1]
        }

        /// Changes a byte in the middle of the archive, where it lies.
        func rot(_ folder: FilePath, keepingTime: Bool) throws {
            let file = folder.appending("minio.tar.gz")
            let status = try #require(try FileStatus.of(file))
            var byte = try file.contents()[Int(status.size) / 2]
            byte ^= 1
            let descriptor = file.withPlatformString { open($0, O_WRONLY) }
            try #require(descriptor >= 0)
            defer { close(descriptor) }
            #expect(pwrite(descriptor, &byte, 1, off_t(status.size / 2)) == 1)
            guard keepingTime else { return }
            let time = timespec(
                tv_sec: Int(status.modified.seconds), tv_nsec: Int(status.modified.nanoseconds))
            #expect(futimens(descriptor, [time, time]) == 0)
        }
    }

    private func withScene(_ body: (Scene) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            let scene = Scene(kecsctl: Kecsctl(home: root.appending("home")))
            #expect(try await scene.kecsctl("start", "dev", "--runtime", "local").status == 0)
            let bucket = scene.kecsctl.home.appending("instances/dev/minio-data/bucket")
            try bucket.createFolder()
            try bucket.appending("object").replaceContents((0..<90_000).map { UInt8($0 * $0 % 251) })
            // What was written a moment ago is written again.
            try await Task.sleep(for: .seconds(2.1))
            try await body(scene)
        }
    }

    @Test func `what was read within verifyAge is linked unread, and keeps the time of its reading`()
        async throws
    {
        try await withScene { scene in
            let first = try await scene.backUp()
            #expect(first.minio["lastRead"]?["at"]?.string != nil)
            // As a disk rots: no time of the file says so.
            try scene.rot(first.folder, keepingTime: true)
            let second = try await scene.backUp()
            #expect(try scene.isLinked(first.folder, second.folder))
            #expect(second.minio["lastRead"] == first.minio["lastRead"])

            #expect(try await scene.kecsctl("config", "set", "verifyAge", "1s").status == 0)
            try await Task.sleep(for: .seconds(2.1))
            let third = try await scene.backUp()
            #expect(try !scene.isLinked(second.folder, third.folder))
            #expect(try await scene.kecsctl("backups", "verify", "dev/latest").status == 0)
            let damaged = try await scene.kecsctl("backups", "list", "dev", "-o", "json").items()
            #expect(damaged.filter { $0["state"] == "damaged" }.count >= 1)
        }
    }

    @Test func `what was written since it was read is read again`() async throws {
        try await withScene { scene in
            let first = try await scene.backUp()
            try scene.rot(first.folder, keepingTime: false)
            let second = try await scene.backUp()
            #expect(try !scene.isLinked(first.folder, second.folder))
            #expect(try await scene.kecsctl("backups", "verify", "dev/latest").status == 0)
        }
    }

    @Test func `a reading repeated because of its age is noted`() async throws {
        try await withScene { scene in
            let first = try await scene.backUp()
            #expect(try await scene.kecsctl("config", "set", "verifyAge", "1s").status == 0)
            try await Task.sleep(for: .seconds(2.1))
            let second = try await scene.backUp()
            #expect(try scene.isLinked(first.folder, second.folder))
            #expect(second.minio["lastRead"]?["at"] != first.minio["lastRead"]?["at"])
            #expect(second.minio["lastRead"]?["modified"] == first.minio["lastRead"]?["modified"])
        }
    }

    @Test func `rot that was found under another backup's name of the archive is not linked on`() async throws
    {
        try await withScene { scene in
            let first = try await scene.backUp()
            let second = try await scene.backUp()
            #expect(try scene.isLinked(first.folder, second.folder))
            try scene.rot(second.folder, keepingTime: true)
            let name = try #require(first.folder.lastComponent?.string)
            #expect(try await scene.kecsctl("backups", "verify", "dev/\(name)").status == 13)
            // The newer one is not marked, and its archive is the same file.
            let third = try await scene.backUp()
            #expect(try !scene.isLinked(second.folder, third.folder))
            #expect(try await scene.kecsctl("backups", "verify", "dev/latest").status == 0)
        }
    }
}
