// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import Testing

@testable import Kecs

/// How a place in a backup is typed, and which entries it means.
@Suite struct BackupPathTests {
    private func manifest() throws -> Manifest {
        let id = try #require(BackupID("20261121T014530Z-manual"))
        func part(_ name: String, _ root: String) -> Manifest.Part {
            Manifest.Part(
                name: name, file: "\(name).tar.gz", root: PartRoot(root), compression: .fast, bytes: 1,
                sourceBytes: 1, entries: 1, sha256: "", consistency: .live, fingerprint: "", databases: [],
                warnings: [])
        }
        return Manifest(
            id: id, instance: "dev", instanceId: "", tool: .init(name: "kecsctl", version: "0"),
            runtime: .init(kind: "local"), degraded: false, schemaVersion: nil, labels: [:], verified: true,
            parts: [
                part("data", "data"), part("minio", "minio-data"), part("config", "."),
                part("vol", "volume:a_b"),
            ])
    }

    private func path(_ text: String) throws -> BackupPath {
        let id = try #require(BackupID("20261121T014530Z-manual"))
        let place = BackupPlace(instance: "dev", id: id.description, createdAt: id.createdAt)
        return try BackupPath(text, in: try manifest(), of: place)
    }

    @Test(arguments: [
        ("data", "data", ""), ("data/", "data", ""), ("data/a/b", "data", "a/b"), ("/data//a", "data", "a"),
        ("./data/a", "data", "a"), ("minio/x", "minio", "x"), ("minio-data/x", "minio", "x"),
        ("config/config.json", "config", "config.json"), ("volume:a_b/x", "vol", "x"), ("vol", "vol", ""),
    ])
    func `a part is called by its name or its folder's`(text: String, part: String, rest: String) throws {
        let path = try path(text)
        #expect(path.part.name == part && path.text == rest)
    }

    @Test(arguments: [("nothing/x", Failure.Kind.notFound), ("", .notFound), ("data/../x", .usage)])
    func `what names no part is refused`(text: String, kind: Failure.Kind) throws {
        #expect { try path(text) } throws: { ($0 as? Failure)?.kind == kind }
    }

    @Test(
        arguments: [
            ("data", "a/b", "a/b"), ("data/a", "a", ""), ("data/a", "a/b/c", "b/c"), ("data/a", "ab", nil),
            ("data/a/b", "a", nil), ("data/a", "", nil),
        ] as [(String, String, String?)])
    func `what lies below is told from what has the same beginning`(
        text: String, entry: String, below: String?
    ) throws {
        let found = try path(text).below(Array(entry.utf8))
        #expect(found.map { String(decoding: $0, as: UTF8.self) } == below)
    }

    @Test func `a name that is no text is meant by how answers write it`() throws {
        let raw = Array("d".utf8) + [0xFF]
        #expect(try path("data/d\\xff").names(raw))
        #expect(try path("data/d\\xff").below(raw + Array("/x/y".utf8)).map(Array.init) == Array("x/y".utf8))
        #expect(try !path("data/d\\xfe").names(raw))
        // A backslash is a character like any other, and is written twice in answers.
        #expect(try path("data/a\\b").names(Array("a\\b".utf8)))
        #expect(try path("data/a\\\\b").names(Array("a\\b".utf8)))
    }
}
