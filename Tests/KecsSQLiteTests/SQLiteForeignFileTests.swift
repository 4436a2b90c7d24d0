// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage
import Testing
@testable import KecsArchive
@testable import KecsSQLite

@Suite struct SQLiteForeignFileTests {
    let folder: SQLiteScratchFolder

    init() throws { folder = try SQLiteScratchFolder() }

    private func sniff(_ bytes: [UInt8]) throws -> ForeignFile {
        try folder["file.txt"].replaceContents(bytes)
        return try ForeignFile.sniff(folder["file.txt"])
    }

    /// Runs a shell line in the folder and looks at the file `x` that it makes.
    private func made(by command: String) throws -> ForeignFile {
        #expect(system("cd \(folder.path.string) && rm -rf x && \(command)") == 0)
        return try ForeignFile.sniff(folder["x"])
    }

    @Test(arguments: [
        ("-- SQLite dump\nPRAGMA foreign_keys=OFF;", ForeignFile.sqlDump),
        ("\u{FEFF}BEGIN TRANSACTION;", .sqlDump),
        ("\n/* a */ ; create table t(a);", .sqlDump), ("insert into t values(1);", .sqlDump),
        ("--\n-- PostgreSQL database dump\n--\nSET statement_timeout = 0;", .unknown),
        ("begins with a word", .unknown),
        ("", .unknown), ("-- only a comment", .unknown), ("age-encryption.org/v1\n-> X25519 x", .age),
        ("-----BEGIN AGE ENCRYPTED FILE-----\n", .age), ("-----BEGIN PGP MESSAGE-----\n", .gpg),
        ("{\"a\": 1}", .unknown), ("\0\0\0\0\0\0\0\0DUCK", .duckdb), ("SQLite format 3\0", .sqlite),
        ("SQLite format 3 is a format", .unknown), ("CREATE\0TABLE", .unknown),
    ])
    func `text tells what it is`(text: String, kind: ForeignFile) throws {
        #expect(try sniff(Array(text.utf8)) == kind)
    }

    @Test func `archives are told from other compressed files`() throws {
        #expect(try made(by: "echo hello > f && tar cf x f") == .tar)
        #expect(try made(by: "tar --format=v7 -cf x f") == .tar)
        #expect(try made(by: "tar --format=pax -cf x f") == .tar)
        #expect(try made(by: "tar czf x f") == .tarGz)
        #expect(try made(by: "gzip -nc f > x") == .gzip)
        #expect(try made(by: "tar czf y f && head -c 15 y > x") == .gzip)
        #expect(try made(by: "head -c 2048 /dev/zero > x") == .unknown)
        for command in ["xz", "zstd -q", "bzip2", "lz4 -q"] {
            #expect(try made(by: "tar cf - f | \(command) -c > x") == .otherArchive, "\(command)")
            #expect(try made(by: "\(command) -c < f > x") == .compressed, "\(command)")
            // What is wrong with it is said when it is read.
            #expect(
                try made(by: "tar cf - f | \(command) -c > y && head -c 20 y > x") == .otherArchive,
                "\(command)")
        }
        for format in ["newc", "crc", "odc", "bin"] {
            #expect(try made(by: "echo f | cpio --quiet -o -H \(format) > x") == .otherArchive, "\(format)")
            #expect(
                try made(by: "echo f | cpio --quiet -o -H \(format) | gzip > x") == .otherArchive, "\(format)"
            )
        }
        #expect(try made(by: "bsdtar -cf x --format zip f") == .otherArchive)
        #expect(try made(by: "bsdtar -cf x --format 7zip f") == .otherArchive)
        #expect(try made(by: "printf '070701 is a number' > x") == .unknown)
        #expect(try made(by: "printf 'BZh is a word' > x") == .unknown)
        #expect(try made(by: "mkfifo x") == .unknown)
        #expect(try made(by: "mkdir x") == .unknown)
    }

    @Test(
        arguments: [
            ([0x85, 0x02, 0x0c, 0x03, 0x11], ForeignFile.gpg), ([0x84, 0x5e, 0x03, 0x11, 0x11], .gpg),
            ([0x8c, 0x0d, 0x04, 0x09, 0x03], .gpg), ([0xc3, 0x0d, 0x04, 0x09, 0x03], .gpg),
            ([0xc1, 0xc0, 0x4c, 0x03, 0x11], .gpg), ([0x85, 0x02, 0x0c, 0x09, 0x11], .unknown),
            ([0x89, 0x50, 0x4e, 0x47, 0x0d], .unknown), ([0x85], .unknown),
        ] as [([UInt8], ForeignFile)])
    func `an encrypted message is told by its first packet`(bytes: [UInt8], kind: ForeignFile) throws {
        #expect(try sniff(bytes) == kind)
    }

    @Test func `a database is told whatever its page size, and nothing is unknown silently`() throws {
        _ = try SQLiteDatabase.sample(folder["a.db"], rows: 1)
        #expect(try ForeignFile.sniff(folder["a.db"]) == .sqlite)
        #expect(throws: FileError.self) { try ForeignFile.sniff(folder["missing"]) }
    }
}
