// SPDX-License-Identifier: Apache-2.0
import KecsRuntimes
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor

/// A server of somebody's own with five volumes, one of which cannot be opened here: each check is asked of each.
@Suite struct PartCheckTests {
    private func withParts(
        user: ServerUser? = nil, variables: [String: String] = ["MIMIR_DATABASE_PATH": "/app/data/mimir.db"],
        _ body: (CheckScene, FilePath) async throws -> Void
    ) async throws {
        try await CheckScene.with(runtime: .docker) { scene in
            let root = scene.home.folder.appending("volumes")
            var parts: [InventoryPart] = []
            for name in ["data", "logs", "config", "plugins", "pipelines"] {
                let folder = root.appending("mimir_\(name)")
                try folder.createFolder()
                try folder.appending("kept").replaceContents(Array("x".utf8), mode: 0o644)
                let part = Part(name: "mimir_\(name)", place: .volume("mimir_\(name)", at: folder))
                parts.append(
                    InventoryPart(
                        part: part, role: PartRole(of: part, inside: "/app/\(name)"),
                        pathInside: "/app/\(name)",
                        presence: .missing))
            }
            let closed = Part(name: "mimir_closed", place: .volume("mimir_closed", at: nil))
            parts.append(
                InventoryPart(
                    part: closed, role: .data, pathInside: "/app/closed",
                    presence: .unreadable("its mount point is not open to this user")))
            try makeDatabase(root.appending("mimir_data/mimir.db"))
            let setup = ServerSetup(
                parts: parts, variables: variables,
                mounts: parts.map { part in
                    ServerMount(source: .volume(part.part.name), inside: FilePath(part.pathInside ?? "/"))
                }, user: user, isKECS: false)
            scene.site.runtime = { _ in SetupRuntime(setup: setup) }
            try await body(scene, root)
        }
    }

    private func expect(
        _ scene: CheckScene, _ id: String, _ severity: Severity, part: String, _ words: String,
        at place: SourceLocation = #_sourceLocation
    ) async throws {
        let all = try await scene.findings(ofCheck: id)
        let fitting = all.filter { $0.severity == severity && $0.message.contains(words) }
        #expect(!fitting.isEmpty, "\(all.map(\.message))", sourceLocation: place)
        #expect(
            fitting.allSatisfy {
                // The only database needs no name.
                $0.evidence["part"] == .string(part) || id.hasPrefix("db.") || id.hasPrefix("sqlite.")
            }, sourceLocation: place)
        #expect(
            all.contains { $0.severity == .notLooked && $0.message.contains("mimir_closed") },
            "\(all.map(\.message))", sourceLocation: place)
    }

    @Test func `a foreign lock, a fifo and a file of 11 GiB are found in whatever volume they lie`()
        async throws
    {
        try await withParts { scene, root in
            try scene.write(root.appending("mimir_plugins/.lock"), "999999999")
            try await expect(scene, "lock.foreign", .warning, part: "mimir_plugins", ".lock")
            try scene.sparse(root.appending("mimir_logs/huge"), 11 << 30)
            try await expect(scene, "data.size", .warning, part: "mimir_logs", "more than")
        }
    }

    @Test func `a damaged database under another name is found, and one in another journal mode`()
        async throws
    {
        try await withParts { scene, root in
            let file = root.appending("mimir_data/mimir.db")
            var bytes = try file.contents()
            try await expect(scene, "sqlite.journal_mode", .info, part: "mimir_data", "not in WAL mode")
            for index in 4096..<bytes.count { bytes[index] = 0xA5 }
            try file.replaceContents(bytes, mode: 0o644)
            try await expect(scene, "db.integrity", .error, part: "mimir_data", "is damaged")
        }
    }

    @Test func `the owner of every part is held against the server's user`() async throws {
        try await withParts(user: ServerUser(user: 1001, group: 1001, name: "mimir")) { scene, root in
            let all = try await scene.findings(ofCheck: "perm.owner")
            let wrong = all.filter { $0.severity == .error }.compactMap { $0.evidence["part"]?.string }
            // Whoever runs the tests is not 1001.
            #expect(
                Set(wrong) == [
                    "mimir_data", "mimir_logs", "mimir_config", "mimir_plugins", "mimir_pipelines",
                ])
            #expect(all.allSatisfy { $0.severity != .ok })
            #expect(try await scene.findings(ofCheck: "uid-match").contains { $0.severity == .error })
        }
        // Nobody knows whom it runs as: that is no answer, and none is made up.
        try await withParts { scene, root in
            let all = try await scene.findings(ofCheck: "perm.owner")
            #expect(all.allSatisfy { $0.severity == .notLooked }, "\(all.map(\.message))")
        }
    }

    @Test func `a volume that is gone is an error, and so is what the newest good backup holds of it`()
        async throws
    {
        try await withParts { scene, root in
            try root.appending("mimir_pipelines").removeTree()
            let missing = try await scene.findings(ofCheck: "data.missing")
            #expect(missing.map { $0.evidence["part"] } == ["mimir_pipelines"])
            #expect(missing.first?.severity == .error)
        }
    }

    @Test func `a database that the server keeps where nothing is mounted goes with the container`()
        async throws
    {
        try await withParts(variables: ["DATABASE_URL": "sqlite:///app/dev_asset/db.sqlite"]) { scene, root in
            let found = try await scene.findings(ofCheck: "db.not-mounted")
            #expect(found.first?.severity == .error)
            #expect(found.first?.message.contains("/app/dev_asset/db.sqlite") == true)
        }
    }

    @Test func `a container that is gone with its volumes is an error, not a checklist that passed`()
        async throws
    {
        struct Gone: Runtime, RuntimeServer, RuntimeProvision {
            func serverSetup() async throws -> ServerSetup {
                throw Failure(.notFound, "there is no container “mimir”")
            }
            func state() async -> RuntimeState { .absent }
            func start(limit: Duration) async throws {}
            func stop(limit: Duration) async throws {}
            func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
                try await body()
            }
            func thaw() async throws {}
            func parts() async throws -> [Part] { throw Failure(.notFound, "there is no container “mimir”") }
            func endpoints() -> [Endpoint] { [] }
            var runsSomething: Bool { true }
            var choosesPorts: Bool { false }
        }
        try await CheckScene.with(runtime: .docker) { scene in
            scene.site.runtime = { _ in Gone() }
            let gone = try await scene.findings(ofCheck: "data.missing")
            #expect(gone.map(\.severity) == [.error])
            #expect(gone.first?.message.contains("there is no container “mimir”") == true)
            for id in ["db.integrity", "perm.owner", "data.size", "lock.foreign"] {
                let all = try await scene.findings(ofCheck: id)
                #expect(
                    !all.isEmpty && all.allSatisfy { $0.severity == .notLooked },
                    "\(id): \(all.map(\.message))")
            }
        }
    }

    @Test func `sizes are those of the volumes`() async throws {
        try await withParts { scene, root in
            let text = try await CollectMetrics(site: scene.site).run()
            #expect(text.contains("kecsctl_part_bytes{instance=\"dev\",part=\"mimir_logs\"} 1"))
            #expect(text.contains("kecsctl_part_present{instance=\"dev\",part=\"mimir_closed\"} 0"))
            // One part was not seen, so the whole has no size.
            #expect(!text.contains("kecsctl_data_bytes{"))
        }
    }
}
