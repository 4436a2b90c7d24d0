// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import KecsTesting
import KecsVelero
import SystemPackage
import Testing

/// versitygw keeps objects as files.
@Suite struct PlainLayoutTests {
    /// The good backups of the sample, each object as a file.
    private func withPlainStore(_ body: (FilePath, FilePath) throws -> Void) throws {
        try withTemporaryFolder { folder in
            let store = folder.appending("s")
            for name in [Sample.good, Sample.partial] {
                let target = store.appending("velero/backups/\(name)")
                try target.createFolder()
                for object in try Sample.folder.appending("velero/backups/\(name)").entries() {
                    let content = try #require(
                        try Sample.contents("velero/backups/\(name)/\(object.string)", in: Sample.folder))
                    try target.appending(object).replaceContents(content)
                }
            }
            // What the server has beside them.
            try store.appending("velero/.sgwtmp").createFolder()
            try body(store, store.appending("velero/backups/\(Sample.good)"))
        }
    }

    /// False where the file system has no attributes.
    private func setETag(_ etag: String, of path: FilePath) throws -> Bool {
        let file = open(path.string, O_RDWR | O_CLOEXEC)
        try #require(file >= 0)
        defer { close(file) }
        return Array(etag.utf8).withUnsafeBytes {
            clinux_set_xattr(file, "user.etag", $0.baseAddress, UInt64($0.count))
        } == 0
    }

    @Test func `the same backups have the same verdicts as files`() throws {
        try withPlainStore { store, backup in
            let all = try #require(try Sample.judge(store).all())
            #expect(all.map(\.name) == [Sample.partial, Sample.good])
            #expect(all.map(\.verdict) == [.withErrors, .restorable], "\(all.map(\.reasons))")
            #expect(all.allSatisfy { $0.objects.allSatisfy { $0.layout == .plain } })
            // Without an ETag nothing but gzip speaks for the bytes, and that is said.
            #expect(all[1].remarks.contains { $0.contains("has no checksum of the store") })
            let tarball = backup.appending("\(Sample.good).tar.gz")
            var bytes = try tarball.contents()
            bytes[bytes.count / 2] ^= 1
            try tarball.replaceContents(bytes)
            #expect(try Sample.judge(store).one(Sample.good).verdict == .damaged)
            try tarball.replaceContents(Array(bytes.prefix(1000)))
            #expect(try Sample.judge(store).one(Sample.good).verdict == .damaged)
            try tarball.remove()
            #expect(try Sample.judge(store, .sizes).one(Sample.good).verdict == .damaged)
            try backup.appending("velero-backup.json").remove()
            #expect(try Sample.judge(store).one(Sample.good).verdict == .notABackup)
        }
    }

    @Test func `an object is compared with the MD5 that versitygw noted`() throws {
        try withPlainStore { store, backup in
            let json = backup.appending("velero-backup.json")
            let bytes = try json.contents()
            // md5sum of what follows, as versitygw stores it.
            try json.replaceContents(Array("abc".utf8))
            guard try setETag("\"900150983cd24fb0d6963f7d28e17f72\"", of: json) else {
                print("skipped: the file system of the temporary folder has no extended attributes")
                return
            }
            #expect(
                try Sample.contents("velero/backups/\(Sample.good)/velero-backup.json", in: store)
                    == Array("abc".utf8))
            try json.replaceContents(Array("abd".utf8))
            _ = try setETag("900150983cd24fb0d6963f7d28e17f72", of: json)
            #expect(throws: ObjectProblem.self) {
                try Sample.contents("velero/backups/\(Sample.good)/velero-backup.json", in: store)
            }
            #expect(try Sample.judge(store, .sizes).one(Sample.good).hasDamage)
            // The digest of digests of a multipart upload cannot be computed again from the file alone.
            try json.replaceContents(bytes)
            _ = try setETag("900150983cd24fb0d6963f7d28e17f72-2", of: json)
            let judged = try Sample.judge(store).one(Sample.good)
            #expect(judged.verdict == .restorable)
            #expect(judged.remarks.contains { $0.contains("velero-backup.json has no checksum") })
        }
    }
}
