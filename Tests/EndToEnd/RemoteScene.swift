// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// An instance with three rows, and a remote “usb”: a folder unless something else is said.
struct RemoteScene {
    static let hasRclone = access("/usr/bin/rclone", X_OK) == 0
    static let reason: Comment = "rclone is missing: scripts/setup tests installs it"

    let root: FilePath
    var kecsctl: Kecsctl
    var place: FilePath { root.appending("there") }
    var folder: FilePath { place.appending("dev") }
    var store: FilePath { kecsctl.home.appending("backups/dev") }

    static func with(
        address: String? = nil, settings: [String] = [], environment: [String: String] = [:],
        _ body: (RemoteScene) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { root in
            let scene = RemoteScene(
                root: root, kecsctl: Kecsctl(home: root.appending("home"), environment: environment))
            try scene.place.createFolder()
            _ = try await scene.must("start", "dev", "--runtime", "local")
            let database = scene.kecsctl.home.appending("instances/dev/data/kecs.db")
            try SQLiteDatabase(database, .readWrite).executeScript(
                "CREATE TABLE kept (id INTEGER PRIMARY KEY); INSERT INTO kept VALUES (1), (2), (3)")
            try await scene.must(["remote", "add", "usb", address ?? scene.place.string] + settings)
            try await body(scene)
        }
    }

    @discardableResult
    func must(
        _ words: String..., at place: SourceLocation = #_sourceLocation
    ) async throws -> Kecsctl.Answer {
        try await must(words, at: place)
    }

    @discardableResult
    func must(
        _ words: [String], at place: SourceLocation = #_sourceLocation
    ) async throws -> Kecsctl.Answer {
        let answer = try await kecsctl.run(words)
        #expect(answer.status == 0, "\(words): \(answer.output)\(answer.errors)", sourceLocation: place)
        return answer
    }

    func backUp(_ more: String...) async throws -> String {
        let answer = try await must(["backup", "dev", "-o", "json"] + more)
        return try #require(try answer.first()["backup"]?["id"]?.string)
    }

    func rows(_ home: FilePath? = nil) throws -> Int64? {
        let data = (home ?? kecsctl.home).appending("instances/dev/data/kecs.db")
        return try SQLiteDatabase(data, .readOnly).value("SELECT count(*) FROM kept")?.integer
    }

    /// A home that knows the remote and nothing else: what is left after the machine burnt down.
    func elsewhere(_ address: String? = nil) async throws -> RemoteScene {
        var other = self
        other.kecsctl = Kecsctl(home: root.appending("other"), environment: kecsctl.environment)
        try await other.must("remote", "add", "usb", address ?? place.string)
        return other
    }

    /// What is on the remote under a final name is all of the backup, byte for byte.
    func expectWholeOrAbsent(_ id: String, at place: SourceLocation = #_sourceLocation) throws -> Bool {
        let copy = folder.appending(id)
        guard try copy.appending("SHA256SUMS").isPresent else { return false }
        for name in try store.appending(id).entries() where name.string != "mark.json" {
            #expect(
                try copy.appending(name).contents() == store.appending(id).appending(name).contents(),
                "\(name)", sourceLocation: place)
        }
        return true
    }
}
