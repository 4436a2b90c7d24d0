// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// A database whose files only mean something together: a real PostgreSQL server, written to all the time.
@Suite(.serialized) struct PostgresTests {
    /// Debian's and the tarballs' places.
    private static func programs() throws -> FilePath {
        let folder = FilePath("/usr/lib/postgresql")
        let versions = try folder.isFolder ? folder.entries().map(\.string).sorted() : []
        guard let version = try versions.last(where: { try folder.appending("\($0)/bin/postgres").isPresent })
        else {
            try Test.cancel("there is no PostgreSQL server here; apt-get install postgresql-15 gives one")
        }
        return folder.appending("\(version)/bin")
    }

    private struct Scene {
        let programs: FilePath
        let root: FilePath
        let kecsctl: Kecsctl
        let data: FilePath

        /// PostgreSQL refuses to run as root; nobody has no files of its own.
        var unprivileged: [String] {
            geteuid() == 0 ? ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
        }

        func run(_ words: String..., expecting succeeds: Bool = true) async throws -> String {
            let all = unprivileged + words
            let result = try await SystemProcesses(
                environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"], cancellation: Cancellation()
            ).run(ProcessCall(all[0], Array(all.dropFirst())))
            #expect(result.succeeded == succeeds, "\(words): \(result.errorText)")
            return result.outputText
        }

        func sql(_ text: String) async throws -> String {
            try await run(
                "\(programs)/psql", "-h", data.string, "-U", "kecs", "-d", "postgres", "-XAtq", "-c", text)
        }

        func waitUntilReady() async throws {
            let words = unprivileged + ["\(programs)/pg_isready", "-h", data.string]
            let processes = SystemProcesses(
                environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation())
            let isReady = try await SystemClock().wait(upTo: .seconds(60), every: .milliseconds(100)) {
                try await processes.run(ProcessCall(words[0], Array(words.dropFirst()))).succeeded
            }
            try #require(isReady)
        }
    }

    private func withServer(_ body: (Scene) async throws -> Void) async throws {
        let programs = try Self.programs()
        try await withTemporaryFolder { root in
            try root.setMode(0o755)
            let data = root.appending("data")
            let scene = Scene(
                programs: programs, root: root, kecsctl: Kecsctl(home: root.appending("home")), data: data)
            try data.createFolder()
            if geteuid() == 0 { try data.setOwner((65_534, 65_534)) }
            _ = try await scene.run(
                "\(programs)/initdb", "-D", "\(data)/pg", "-U", "kecs", "-A", "trust", "-N")
            let command =
                scene.unprivileged + [
                    "\(programs)/postgres", "-D", "\(data)/pg", "-k", data.string, "-c", "listen_addresses=",
                ]
            let started = try await scene.kecsctl(
                "start", "dev", "--runtime", "local", "--data-dir", data.string, "--command",
                command.joined(separator: " "), "--health-url", "none")
            #expect(started.status == 0, "\(started.errors)")
            do {
                try await scene.waitUntilReady()
                try await body(scene)
            } catch {
                _ = try await scene.kecsctl("stop", "dev", "--no-backup")
                throw error
            }
            let stopped = try await scene.kecsctl("stop", "dev", "--no-backup")
            #expect(stopped.status == 0, "\(stopped.errors)")
        }
    }

    /// Writes the same row into two tables, transaction by transaction, until its server goes.
    private static let writer = """
        DO $$ BEGIN LOOP
            INSERT INTO debit DEFAULT VALUES; INSERT INTO credit DEFAULT VALUES; COMMIT;
        END LOOP; END $$
        """

    @Test func `a backup beside a writer is of one moment, and a server starts from it`() async throws {
        try await withServer { scene in
            _ = try await scene.sql(
                "CREATE TABLE debit (id serial, note text DEFAULT repeat('d', 200));"
                    + "CREATE TABLE credit (id serial, note text DEFAULT repeat('c', 200))")
            async let writing = try? scene.run(
                "\(scene.programs)/psql", "-h", scene.data.string, "-U", "kecs", "-d", "postgres", "-Xq",
                "-c",
                Self.writer, expecting: false)
            for round in 1...3 {
                let before = try #require(Int(try await scene.sql("SELECT count(*) FROM debit").trimmed))
                let report = try await scene.kecsctl("backup", "dev", "-o", "json")
                #expect(report.status == 0, "\(report.errors)")
                let parts = try #require(try report.first()["backup"]?["parts"]?.array)
                let part = try #require(parts.first { $0["name"]?.string == "data" })
                #expect(part["consistency"]?.string == "frozen")
                #expect(part["warnings"]?.array?.contains { "\($0)".contains("changed") } != true)
                // It goes on writing, and none of its processes was left frozen.
                let later = try #require(Int(try await scene.sql("SELECT count(*) FROM debit").trimmed))
                #expect(later > before, "round \(round)")
            }
            let atLeast = try #require(Int(try await scene.sql("SELECT count(*) FROM debit").trimmed))
            _ = try await scene.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DO %'")
            _ = await writing
            let restored = try await scene.kecsctl("restore", "dev", "--from", "latest")
            #expect(restored.status == 0, "\(restored.errors)")
            try await scene.waitUntilReady()
            let counts = try await scene.sql(
                "SELECT (SELECT count(*) FROM debit), (SELECT count(*) FROM credit)"
            ).trimmed.split(separator: "|")
            #expect(counts.count == 2 && counts[0] == counts[1], "\(counts)")
            let count = try #require(counts.first.flatMap { Int($0) })
            #expect(count > 0 && count <= atLeast)
            _ = try await scene.run(
                "\(scene.programs)/pg_amcheck", "-h", scene.data.string, "-U", "kecs", "--install-missing",
                "postgres")
        }
    }

    @Test func `live is refused, and too long a pause ends without a backup and with a running server`()
        async throws
    {
        try await withServer { scene in
            let live = try await scene.kecsctl("backup", "dev", "--consistency", "live")
            #expect(live.status == 64)
            #expect(live.errors.contains("pg/"), "\(live.errors)")
            let short = try await scene.kecsctl("backup", "dev", "--max-pause", "1ms")
            #expect(short.status == 15, "\(short.errors)")
            #expect(short.errors.contains("would have to be paused for longer"))
            #expect(try await scene.sql("SELECT 1").trimmed == "1")
            let stopped = try await scene.kecsctl("backup", "dev", "--consistency", "stopped", "-o", "json")
            #expect(stopped.status == 0, "\(stopped.errors)")
            try await scene.waitUntilReady()
            let list = try await scene.kecsctl("backups", "list", "dev", "-o", "json")
            #expect(try list.items().count == 1)
        }
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0 == "\n" }.reversed().drop { $0 == "\n" }.reversed())
    }
}
