// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import SystemPackage
import Testing

@Suite struct TreeScanTests {
    private func scan(_ scratch: Scratch, leftOut: Set<[UInt8]> = []) throws -> TreeScan {
        try scanTree(
            TreeSource(root: scratch.path.appending("tree"), leftOut: leftOut), cancellation: Cancellation())
    }

    @Test func `databases are known by their bytes, with what belongs to them`() throws {
        let scratch = Scratch()
        scratch.run(
            """
            mkdir -p tree/sub; cd tree
            sqlite3 'with space.db' 'pragma journal_mode=wal; create table t(a)' > /dev/null; touch 'with space.db-wal' 'with space.db-shm'
            (head -c 8 /dev/urandom; printf DUCK; head -c 500 /dev/zero) > sub/kecs.db; touch sub/kecs.db.wal sub/kecs.db-journal-not sub/other-wal
            printf 'SQLite format 3\\0' > short; (printf 'SQLite format 3 '; head -c 496 /dev/zero) > nearly; ln -s 'with space.db' link.db
            """)
        let result = try scan(scratch)
        #expect(result.databases.map { printable($0.path) } == ["sub/kecs.db", "with space.db"])
        #expect(result.databases.map(\.engine) == [.duckdb, .sqlite])
        #expect(result.databases[0].sidecars.map(printable) == ["sub/kecs.db.wal"])
        #expect(result.databases[1].sidecars.map(printable) == ["with space.db-shm", "with space.db-wal"])
        #expect(result.entries == 12)
    }

    @Test(arguments: [
        "touch -d @1 f", "chmod 600 f", "printf xy > f", "mv f g", "cp -p f g && mv g f", "mkdir new", "rm f",
        "ln -sfn other l", "setfattr -n user.a -v b f", "rmdir e", "chmod 700 .",
        "printf y > f && touch -r g f",
    ])
    func `the fingerprint shows every change`(change: String) throws {
        let scratch = Scratch()
        scratch.run(
            "mkdir -p tree/e; cd tree; printf x > f; printf g > g; ln -s target l; touch -d @1000 f g")
        let before = try scan(scratch).fingerprint
        #expect(try scan(scratch).fingerprint == before)
        #expect(scratch.run("cd tree && \(change)") == 0)
        #expect(try scan(scratch).fingerprint != before)
    }

    @Test func `the fingerprint does not show what happens to databases and to what is left out`() throws {
        let scratch = Scratch()
        scratch.run(
            "mkdir -p tree/db tree/x; cd tree; sqlite3 db/a 'create table t(a)'; printf x > x/lock; printf y > y"
        )
        let leftOut: Set<[UInt8]> = [Array("x/lock".utf8)]
        let before = try scan(scratch, leftOut: leftOut)
        scratch.run(
            "cd tree; sqlite3 db/a 'insert into t values (1)'; touch db/a-wal db/a-journal; printf z > x/lock"
        )
        #expect(try scan(scratch, leftOut: leftOut).fingerprint == before.fingerprint)
        scratch.run("cd tree; touch db/b")
        #expect(try scan(scratch, leftOut: leftOut).fingerprint != before.fingerprint)
    }

    @Test func `sizes and the newest change`() throws {
        let scratch = Scratch()
        scratch.run(
            "mkdir tree; head -c 1000 /dev/zero > tree/a; head -c 234 /dev/zero > tree/b; ln -s a tree/l")
        let result = try scan(scratch)
        #expect(result.bytes == 1234)
        #expect(result.entries == 4)
        let status = try #require(try FileStatus.of(scratch.path.appending("tree")))
        #expect(result.newest == status.changed)
    }

    @Test func `other file systems stay out when asked`() throws {
        let scratch = Scratch()
        scratch.run("mkdir -p tree/mounted")
        guard
            scratch.run("mount -t tmpfs none tree/mounted 2> /dev/null && printf x > tree/mounted/file") == 0
        else {
            return
        }
        defer { scratch.run("umount tree/mounted") }
        #expect(try scan(scratch).entries == 3)
        let source = TreeSource(root: scratch.path.appending("tree"), stayOnDevice: true)
        #expect(try scanTree(source, cancellation: Cancellation()).entries == 2)
    }
}
