// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// `kecsctl state`: from one instance to another, through a file.
@Suite struct StateTests {
    private func scene(_ root: FilePath) async throws -> Kecsctl {
        let kecsctl = Kecsctl(home: root.appending("home"))
        for name in ["one", "two"] {
            #expect(try await kecsctl("start", name, "--runtime", "local").status == 0)
        }
        let fixtures = FilePath(#filePath).removingLastComponent().removingLastComponent()
            .appending("Fixtures/kecs")
        let sql = try fixtures.appending("c_mixed_edge_cases.sql").contents()
        try SQLiteDatabase(root.appending("home/instances/one/data/kecs.db"), .readWrite)
            .executeScript(String(decoding: sql, as: UTF8.self))
        return kecsctl
    }

    @Test func `a state goes to another instance, after a backup and in one piece`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = try await scene(root)
            let export = try await kecsctl("state", "export", "one")
            #expect(export.status == 0, "\(export.errors)")
            let file = root.appending("one.json")
            try file.replaceContents(Array(export.output.utf8))

            let plan = try await kecsctl("state", "import", "two", file.string, "-n")
            #expect(plan.status == 0, "\(plan.errors)")
            #expect(plan.output.contains("+ services default/service-with-secrets\n"))
            #expect(plan.output.hasSuffix("two: would be 24 added, 0 changed, 0 removed\n"))
            #expect(try await kecsctl("state", "export", "two").output != export.output)
            #expect(try await kecsctl("backups", "list", "two", "-o", "json").items().isEmpty)

            let first = try await kecsctl("state", "import", "two", file.string, "-o", "json")
            #expect(first.status == 0, "\(first.errors)")
            let report = try first.first()
            #expect(report["outcome"] == "done")
            #expect(report["changes"]?.array?.count == 24)
            let backup = try #require(report["backup"]?.string)
            #expect(try await kecsctl("state", "export", "two").output == export.output)
            let again = try await kecsctl("state", "import", "two", file.string, "-o", "json")
            #expect(try again.first()["outcome"] == "already")
            #expect(try again.first()["backup"] == nil)
            #expect(try await kecsctl("backups", "list", "two", "-o", "json").items().count == 1)

            #expect(try await kecsctl("restore", "two", "--from", backup).status == 0)
            let empty = try JSONValue(parsing: try await kecsctl("state", "export", "two").output)
            #expect(empty == ["apiVersion": "kecsctl/v1", "kind": "StateDocument"])
        }
    }

    @Test func `a document with one bad row changes nothing`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = try await scene(root)
            let file = root.appending("bad.json")
            let text = #"""
                {"clusters": [{"clusterArn": "arn:aws:ecs:r:1:cluster/a", "clusterName": "a", "status": "ACTIVE"}],
                 "services": [{"serviceArn": "s", "serviceName": "s", "clusterArn": "nowhere", "status": "ACTIVE",
                    "desiredCount": 1}]}
                """#
            try file.replaceContents(Array(text.utf8))
            let answer = try await kecsctl("state", "import", "two", file.string)
            #expect(answer.status == 64)
            #expect(
                answer.errors.contains("rows would refer to nothing: services → clusters (1)"),
                "\(answer.errors)")
            #expect(try await !kecsctl("state", "export", "two").output.contains("clusterArn"))
            try file.replaceContents(Array("{".utf8))
            #expect(try await kecsctl("state", "import", "two", file.string).status == 64)
            #expect(try await kecsctl("state", "import", "two", "/nowhere.json").status == 10)
            #expect(try await kecsctl("state", "export", "one", "--cluster", "defualt").status == 10)
        }
    }
}
