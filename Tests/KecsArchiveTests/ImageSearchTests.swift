// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing
@testable import KecsArchive

/// Streams as `docker image save` writes them, put together by tar and gzip.
@Suite struct ImageSearchTests {
    private let database = Array("SQLite format 3\0".utf8) + [UInt8](repeating: 7, count: 4080)

    private func run(_ program: String, _ arguments: String...) async throws {
        var call = ProcessCall(program, arguments)
        // Other tests may keep the few threads for a while.
        call.limit = .seconds(600)
        let result = try await SystemProcesses(
            environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation()
        ).run(call)
        try #require(result.succeeded, "\(program): \(result.errorText)")
    }

    /// - Parameters:
    ///   - layers: By their name in the stream, the files of each.
    ///   - pack: What is done to a layer's tar before it is put in.
    private func saved(
        _ layers: [String: [String: [UInt8]]], format: String = "pax", pack: String? = nil
    ) async throws -> [UInt8] {
        try await withTemporaryFolder { folder in
            let out = folder.appending("out")
            for (index, layer) in layers.sorted(by: { $0.key < $1.key }).enumerated() {
                let root = folder.appending("root\(index)")
                try root.createFolder()
                for (name, bytes) in layer.value {
                    let file = FilePath("\(root)/\(name)")
                    try file.removingLastComponent().createFolder()
                    try file.replaceContents(bytes)
                }
                let file = FilePath("\(out)/\(layer.key)")
                try file.removingLastComponent().createFolder()
                try await run("tar", "--format=\(format)", "-C", root.string, "-cf", file.string, ".")
                if let pack {
                    try await run(
                        "sh", "-c", "\(pack) <'\(file)' >'\(file).new' && mv '\(file).new' '\(file)'")
                }
            }
            try out.appending("manifest.json").replaceContents(Array("[{}]".utf8))
            try await run("tar", "-C", out.string, "-cf", folder.appending("s.tar").string, ".")
            return try folder.appending("s.tar").contents()
        }
    }

    private func search(_ bytes: [UInt8], pieces: Int = 1 << 16) throws -> ImageSearch {
        let search = ImageSearch()
        var rest = bytes[...]
        while !rest.isEmpty {
            try search.take(Array(rest.prefix(pieces)))
            rest = rest.dropFirst(pieces)
        }
        return search
    }

    private func paths(_ bytes: [UInt8], pieces: Int = 1 << 16) throws -> [String] {
        try search(bytes, pieces: pieces).found.map(\.path).sorted()
    }

    @Test(arguments: ["pax", "gnu", "ustar"])
    func `a database is found by its content, in any layer, whatever it is called`(
        format: String
    ) async throws {
        let duck = [UInt8](repeating: 0, count: 8) + Array("DUCK".utf8) + [UInt8](repeating: 1, count: 1000)
        let saved = try await saved(
            [
                "aaa/layer.tar": ["app/db.sqlite": Array(repeating: 65, count: 5000), "app/seed": database],
                "bbb/layer.tar": ["data/x": duck, "app/readme": [1]],
            ], format: format)
        let search = try search(saved)
        #expect(search.isComplete)
        #expect(
            search.found.sorted { $0.path < $1.path } == [
                .init(path: "app/seed", engine: .sqlite, bytes: 4096),
                .init(path: "data/x", engine: .duckdb, bytes: 1012),
            ])
    }

    @Test func `layers named by their digest are read, compressed ones too, and JSON is passed over`()
        async throws
    {
        let layer = ["blobs/sha256/0123": ["srv/state": database]]
        #expect(try await paths(saved(layer)) == ["srv/state"])
        let gzipped = try await saved(layer, pack: "gzip -9")
        #expect(try paths(gzipped) == ["srv/state"])
        #expect(try search(gzipped).unreadLayers == 0)
    }

    @Test func `a layer that is packed in another way is counted as unread`() async throws {
        let search = try await search(
            saved(
                ["blobs/sha256/0123": ["srv/state": database]],
                pack: "{ printf '\\050\\265\\057\\375'; cat; }"))
        #expect(search.found == [])
        #expect(search.unreadLayers == 1)
    }

    @Test func `wherever the stream is cut into pieces, the same is found`() async throws {
        let name = "app/" + String(repeating: "long-", count: 40) + "name"
        let plain = try await saved(["a/layer.tar": [name: database, "b": [1, 2, 3]]])
        let packed = try await saved(["blobs/sha256/0": [name: database, "b": [1, 2, 3]]], pack: "gzip")
        for pieces in [1, 7, 511, 512, 513, 10_000] {
            #expect(try paths(plain, pieces: pieces) == [name])
            #expect(try paths(packed, pieces: pieces) == [name])
        }
    }

    @Test func `databases of the system's own are passed over`() async throws {
        let saved = try await saved([
            "a/layer.tar": [
                "var/lib/rpm/rpmdb.sqlite": database, "usr/lib/python3/test.db": database,
                "etc/pki/nssdb/cert9.db": database, "usr/src/app/db": database,
                "app/node_modules/x/y.db": database,
            ]
        ])
        #expect(try paths(saved) == ["usr/src/app/db"])
    }

    @Test func `a stream that was cut off, or that is none, is not complete`() async throws {
        let saved = try await saved(["a/layer.tar": ["b": [1]]])
        #expect(try search(saved).isComplete)
        #expect(try !search(Array(saved.prefix(3000))).isComplete)
        #expect(try !search(Array("Error response from daemon".utf8)).isComplete)
        #expect(try !search([UInt8](repeating: 0xAB, count: 5000)).isComplete)
    }
}
