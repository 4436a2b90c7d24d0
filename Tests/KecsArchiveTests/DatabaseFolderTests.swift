// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing
@testable import KecsArchive

@Suite struct DatabaseFolderTests {
    @Test(arguments: [
        ("global/pg_control", "", DatabaseFolder.Server.postgresql),
        ("postgres/pgdata/global/pg_control", "postgres/pgdata", .postgresql),
        ("mysql/ibdata1", "mysql", .mysql), ("ibdata1", "", .mysql),
        ("db/WiredTiger.turtle", "db", .mongodb), ("a/b/MANIFEST-000004", "a/b", .rocksdb),
        ("MANIFEST-123456789", "", .rocksdb), ("etcd/member/snap/db", "etcd", .etcd),
    ])
    func `a server's own file names its folder`(file: String, folder: String, server: DatabaseFolder.Server) {
        let found = DatabaseFolder(markedBy: Array(file.utf8))
        #expect(found?.path == Array(folder.utf8))
        #expect(found?.server == server)
    }

    @Test(arguments: [
        "pg_control", "xglobal/pg_control", "global/pg_control.bak", "ibdata10", "ibdata1/x",
        "MANIFEST-00000",
        "MANIFEST-00000x", "MANIFEST", "MANIFEST-000004/x", "snap/db", "xmember/snap/db", "",
    ])
    func `what only looks like it does not`(file: String) {
        #expect(DatabaseFolder(markedBy: Array(file.utf8)) == nil)
    }

    @Test func `the file that names a live server is no part of its database`() {
        let folder = DatabaseFolder(markedBy: Array("pg/global/pg_control".utf8))
        #expect(folder?.lockFile == Array("pg/postmaster.pid".utf8))
        #expect(
            DatabaseFolder(markedBy: Array("global/pg_control".utf8))?.lockFile
                == Array("postmaster.pid".utf8))
        #expect(DatabaseFolder(markedBy: Array("ibdata1".utf8))?.lockFile == nil)
    }

    @Test func `a tree tells its folders once, an object store has none`() throws {
        try withTemporaryFolder { root in
            for file in [
                "pg/global/pg_control", "pg/PG_VERSION", "cache/MANIFEST-000001", "cache/MANIFEST-000002",
            ] {
                let path = root.appending(file)
                try path.removingLastComponent().createFolder()
                try path.replaceContents([1])
            }
            var source = TreeSource(root: root)
            let scan = try scanTree(source, cancellation: Cancellation())
            #expect(scan.databaseFolders.map { printable($0.path) } == ["cache", "pg"])
            let archived = try writeArchive(
                of: source, to: root.appending("../\(root.lastComponent?.string ?? "").tar"),
                compression: .none,
                threads: 1, cancellation: Cancellation(), progress: SilentProgress())
            #expect(archived.databaseFolders == scan.databaseFolders)
            source.findsDatabases = false
            #expect(try scanTree(source, cancellation: Cancellation()).databaseFolders.isEmpty)
        }
    }
}
