// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsSQLite
import KecsSystem
import KecsTesting
import KecsVelero
import SystemPackage
import Testing

/// What belongs to no backup, and what only looks so.
@Suite struct OrphanTests {
    private func withStore(_ body: (FilePath) throws -> Void) throws {
        try withTemporaryFolder { folder in
            let store = folder.appending("s")
            try Sample.copy(to: store)
            try body(store)
        }
    }

    private func find(_ store: FilePath, isClusterGone: Bool = false) throws -> [Orphan] {
        try FindOrphans(
            VeleroBucket(try ObjectStore(store), path: "velero"), isClusterGone: isClusterGone,
            cancellation: Cancellation()
        ).run()
    }

    private func put(_ content: String, _ path: FilePath) throws {
        let bytes = Array(content.utf8)
        try WrittenObject(partSizes: [Int64(bytes.count)], inline: bytes).write(to: path)
    }

    @Test func `only the upload that failed is an orphan of the sample, and none that is damaged`() throws {
        try withStore { store in
            let found = try find(store)
            #expect(found.map(\.path) == ["velero/backups/\(Sample.noMetadata)"])
            #expect(found.first?.kind == .upload && found.first?.bytes ?? 0 > 0)
        }
    }

    @Test func `a description that cannot be read keeps its backup`() throws {
        try withStore { store in
            let file = store.appending("velero/backups/\(Sample.good)/velero-backup.json/xl.meta")
            var bytes = try file.contents()
            bytes[40] ^= 1
            try file.replaceContents(bytes)
            #expect(try find(store).map(\.path) == ["velero/backups/\(Sample.noMetadata)"])
        }
    }

    @Test func `parts that no version names go, and those of an older version stay`() throws {
        try withStore { store in
            let object = store.appending(
                "velero/backups/\(Sample.goodWithPart)/\(Sample.goodWithPart).tar.gz")
            let old = "0aaaaaaa-0000-4000-8000-00000000000f"
            try object.appending(old).createFolder()
            try object.appending("\(old)/part.1").replaceContents([1, 2, 3])
            let found = try find(store).filter { $0.kind == .data }
            #expect(
                found.map(\.path) == [
                    "velero/backups/\(Sample.goodWithPart)/\(Sample.goodWithPart).tar.gz/\(old)"
                ])
            #expect(found.first?.bytes == 3)

            // The newest version is a delete marker, and an older one has parts.
            var versions = WrittenObject(partSizes: [1 << 20])
            versions.before = [(flags: 0, type: 2, body: WrittenObject.deleteMarker(at: 2))]
            let folder = store.appending("velero/backups/\(Sample.good)/versions")
            try versions.write(to: folder, parts: [[]])
            #expect(try folder.appending(WrittenObject.dataFolder).isFolder)
            #expect(try !find(store).contains { $0.path.contains("/versions/") })
            // Of a version that kecsctl cannot read, nothing is known.
            versions.before = [
                (flags: 0, type: 2, body: WrittenObject.deleteMarker(at: 2)),
                (flags: 0, type: 3, body: .map([("Type", .integer(3))])),
            ]
            try folder.removeTree()
            try versions.write(to: folder, parts: [[]])
            try folder.appending(old).createFolder()
            #expect(try !find(store).contains { $0.path.contains("/versions/") })
        }
    }

    @Test func `reports of restores and volumes go only once the cluster is gone`() throws {
        try withStore { store in
            try put("x", store.appending("velero/restores/r/restore-r-logs.gz"))
            try put("x", store.appending("velero/kopia/web/kopia.repository"))
            try put("x", store.appending("velero/kopia/gone/kopia.repository"))
            #expect(try find(store).allSatisfy { $0.kind == .upload })
            let list = store.appending(
                "velero/backups/\(Sample.good)/\(Sample.good)-podvolumebackups.json.gz")
            func write(_ json: String) throws {
                try list.removeTree()
                let content = Gzip.stored(Array(json.utf8))
                try WrittenObject(partSizes: [Int64(content.count)], inline: content).write(to: list)
            }
            try write(#"[{"spec":{"pod":{"namespace":"web"}},"status":{"phase":"Completed"}}]"#)
            let kinds = Dictionary(grouping: try find(store, isClusterGone: true), by: \.kind)
            #expect(kinds[.restore]?.map(\.path) == ["velero/restores/r"])
            #expect(kinds[.volumes]?.map(\.path) == ["velero/kopia/gone"])
            // While one list cannot be read, any repository may be needed.
            try write("[")
            #expect(try !find(store, isClusterGone: true).contains { $0.kind == .volumes })
        }
    }

    @Test func `unfinished writes of both stores are found, and links are not followed`() throws {
        try withStore { store in
            for place in [".minio.sys/tmp/a", ".minio.sys/multipart/b", "velero/.sgwtmp/c"] {
                try store.appending(place).createFolder()
                try store.appending("\(place)/x").replaceContents([1])
            }
            try store.appending(".minio.sys/tmp/empty").createFolder()
            try store.removingLastComponent().appending("outside").createFolder()
            try store.removingLastComponent().appending("outside/file").replaceContents([1])
            #expect(symlink("../../../outside", store.appending(".minio.sys/tmp/link").string) == 0)
            let found = try find(store).filter { $0.kind == .scratch }
            #expect(
                found.map(\.path) == [".minio.sys/multipart/b", ".minio.sys/tmp/a", "velero/.sgwtmp/c"])
        }
    }
}
