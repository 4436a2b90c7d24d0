// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import KecsVelero
import SystemPackage
import Testing

/// A data folder that somebody made to do harm: whoever runs a pod may write in it.
@Suite struct HostileStoreTests {
    private func withStore(_ body: (FilePath, FilePath) throws -> Void) throws {
        try withTemporaryFolder { folder in
            let store = folder.appending("s")
            try Sample.copy(to: store)
            try body(store, store.appending("velero/backups/\(Sample.good)"))
        }
    }

    private func link(_ target: FilePath, _ path: FilePath) {
        #expect(symlink(target.string, path.string) == 0)
    }

    @Test func `no link is followed, wherever it stands`() throws {
        try withStore { store, backup in
            let secret = store.removingLastComponent().appending("secret")
            try secret.createFolder()
            let object = WrittenObject(partSizes: [6], inline: Array("secret".utf8))
            try object.write(to: secret.appending("o"))
            try secret.appending("plain").replaceContents(Array("secret".utf8))

            link(secret.appending("o"), backup.appending("a"))
            link(secret.appending("plain"), backup.appending("b"))
            try backup.appending("c").createFolder()
            link(secret.appending("o/xl.meta"), backup.appending("c/xl.meta"))
            try WrittenObject(partSizes: [6]).write(to: backup.appending("d"))
            link(secret, backup.appending("d/\(WrittenObject.dataFolder)"))
            link(secret, store.appending("velero/backups/linked"))
            link(secret, store.appending("other"))

            for name in ["a", "b", "c", "d"] {
                #expect(throws: ObjectProblem.self, "\(name)") {
                    try Sample.contents("velero/backups/\(Sample.good)/\(name)", in: store)
                }
            }
            let judged = try Sample.judge(store).one(Sample.good)
            #expect(judged.verdict == .damaged)
            #expect(judged.objects.count { $0.problem != nil } == 4, "\(judged.reasons)")
            #expect(try Sample.judge(store).all()?.contains { $0.name == "linked" } == false)
            #expect(try ObjectStore(store).buckets() == ["velero"])
            #expect(throws: ObjectProblem.self) { try ObjectStore(store).object("other/o") }
            #expect(throws: (any Error).self) { try ObjectStore(store).object("velero/../../secret/o") }
        }
    }

    @Test func `a FIFO, a socket and a folder in a file's place are named and not waited for`() throws {
        try withStore { store, backup in
            #expect(mkfifo(backup.appending("fifo").string, 0o600) == 0)
            try backup.appending("in").createFolder()
            #expect(mkfifo(backup.appending("in/xl.meta").string, 0o600) == 0)
            try backup.appending("folder/xl.meta").createFolder()
            let judged = try Sample.judge(store).one(Sample.good)
            #expect(judged.verdict == .damaged)
            #expect(
                Set(judged.objects.filter { $0.problem != nil }.map(\.name)) == ["fifo", "in", "folder"],
                "\(judged.reasons)")
        }
    }

    @Test func `a part that lies about its size takes no memory and no time`() throws {
        try withStore { store, backup in
            try WrittenObject(partSizes: [1 << 55]).write(to: backup.appending("huge"), parts: [[1]])
            try WrittenObject(partSizes: [1 << 55], inline: [1]).write(to: backup.appending("inline"))
            try WrittenObject(partSizes: Array(repeating: 1 << 50, count: 10_000))
                .write(to: backup.appending("many"))
            // A sparse file as long as it says: the first block has no checksum.
            let sparse = backup.appending("sparse")
            let size = 1 << 42
            try WrittenObject(partSizes: [Int64(size)]).write(to: sparse, parts: [[1]])
            let part = sparse.appending("\(WrittenObject.dataFolder)/part.1")
            #expect(truncate(part.string, size + size / (1 << 20) * 32) == 0)
            // And xl.meta itself.
            try backup.appending("meta").createFolder()
            let meta = backup.appending("meta/xl.meta")
            try meta.replaceContents([])
            #expect(truncate(meta.string, 1 << 42) == 0)
            let judged = try Sample.judge(store).one(Sample.good)
            #expect(
                Set(judged.objects.filter { $0.problem != nil }.map(\.name))
                    == ["huge", "inline", "many", "sparse", "meta"], "\(judged.reasons)")
        }
    }

    @Test func `a tarball whose names lead outside is refused, not listed`() async throws {
        try await withTemporaryFolder { folder in
            let store = folder.appending("s")
            try Sample.copy(to: store)
            let backup = store.appending("velero/backups/\(Sample.good)")
            let script = """
                import sys,tarfile,io
                t=tarfile.open(sys.argv[1],'w:gz')
                i=tarfile.TarInfo(sys.argv[2]); i.size=1
                t.addfile(i,io.BytesIO(b'x'))
                t.close()
                """
            let file = store.removingLastComponent().appending("t.tar.gz")
            for name in ["../../etc/cron.d/x", "/etc/passwd", "resources/../../x"] {
                try await Shell.run("python3", "-c", script, file.string, name)
                let content = try file.contents()
                let tarball = backup.appending("\(Sample.good).tar.gz")
                try tarball.removeTree()
                try WrittenObject(partSizes: [Int64(content.count)], inline: content).write(to: tarball)
                let judged = try Sample.judge(store).one(Sample.good)
                #expect(judged.verdict == .damaged, "\(judged.reasons)")
            }
        }
    }

    @Test func `an object that may not be read makes a backup unreadable, not damaged or gone`() throws {
        guard geteuid() == 0 else {
            print("skipped: only root can look as somebody else")
            return
        }
        try withStore { store, backup in
            // Root may read everything, so another user looks.
            let judge = try Sample.judge(store)
            for folder in ["", "velero", "velero/backups", "velero/backups/\(Sample.good)"] {
                #expect(chmod(store.appending(folder).string, 0o755) == 0)
            }
            let judged = try asUser(12_345) { try judge.one(Sample.good) }
            #expect(judged.verdict == .unreadable && !judged.hasDamage, "\(judged.reasons)")
            #expect(judged.reasons.contains { $0.contains("Permission denied") }, "\(judged.reasons)")
        }
    }
}
