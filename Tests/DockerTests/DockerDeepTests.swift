// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// What only the server itself can tell.
    @Suite struct DockerDeepTests {
        @Test
        func `a database that the server does not see is a problem, and so is a cluster it does not tell of`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:plain"] + scene.ports)
                try SQLiteDatabase(scene.data.appending("kecs.db"), .readWrite)
                    .execute("INSERT INTO clusters VALUES ('arn:aws:ecs:us-east-1:0:cluster/prod', 'prod')")
                let good = try await scene.kecsctl("status", "dev", "--deep", "-o", "json")
                #expect(good.status == 0)
                let deep = try #require(good.first()["deep"])
                #expect(deep["api"]?["clusters"] == ["prod"])
                #expect(deep["server"]?["inode"] == deep["host"]?["inode"])
                #expect(deep["server"]?["userVersion"] == deep["host"]?["userVersion"])
                // The name and the ARN no longer agree: the API tells of another one than the database.
                try SQLiteDatabase(scene.data.appending("kecs.db"), .readWrite)
                    .execute("UPDATE clusters SET name = 'other'")
                let differs = try await scene.kecsctl("status", "dev", "--deep", "-o", "json")
                #expect(differs.status == 20)
                // A restore by hand under the running server: it still has the old folder.
                try await scene.must(["backup", "dev"])
                let old = scene.root.appending("old")
                try scene.data.rename(to: old)
                try scene.data.createFolder()
                try old.appending("kecs.db").copyContents(to: scene.data.appending("kecs.db"))
                let wrong = try await scene.kecsctl("status", "dev", "--deep", "-o", "json")
                #expect(wrong.status == 20)
                let problems = try #require(wrong.first()["problems"]?.array).compactMap(\.string)
                #expect(problems.contains { $0.contains("is not") && $0.contains("of this host") })
            }
        }

        @Test func `the log of a container is shown, both streams of it`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:plain"] + scene.ports)
                let log = try await scene.must(["logs", "dev"])
                #expect(log.output == "serving /data\n")
                #expect(log.errors == "warning: a server of the tests\n")
                // One line of the restarted one: which of the two came last is the engine's to say.
                try await scene.must(["restart", "dev"])
                let last = try await scene.must(["logs", "dev", "--tail", "1", "--since", "1h"])
                let line = last.output + last.errors
                #expect(["warning: a server of the tests\n", "serving /data\n"].contains(line), "\(line)")
            }
        }
    }
}
