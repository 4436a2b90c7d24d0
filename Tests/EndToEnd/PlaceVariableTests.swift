// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Variables that say where an instance is, in the shell of somebody who calls kecsctl, and in that of cron.
@Suite struct PlaceVariableTests {
    private func with(_ variables: [String: String], _ kecsctl: Kecsctl) -> Kecsctl {
        var other = kecsctl
        other.environment.merge(variables) { _, new in new }
        return other
    }

    @Test func `a variable of another place stores nothing of that place in any backup`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            for name in ["dev", "two"] {
                #expect(try await kecsctl("start", name, "--runtime", "local").status == 0)
            }
            let other = root.appending("x")
            try other.createFolder()
            try other.appending("note").replaceContents([1])
            let answer = try await with(["KECS_DATA_DIR": other.string], kecsctl)("backup", "--all")
            #expect(answer.status != 0)
            #expect(answer.errors.contains("KECS_DATA_DIR says “\(other)”"), "\(answer.errors)")
            #expect(try await kecsctl("backups", "list", "-o", "name").output == "")
        }
    }

    @Test func `what a start was given is what cron, which has no variable, backs up`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            let place = root.appending("y")
            let given = with(["KECS_DATA_DIR": place.string], kecsctl)
            #expect(try await given("start", "dev", "--runtime", "local").status == 0)
            try place.appending("note").replaceContents(Array("kept".utf8))
            #expect(try await kecsctl("backup", "dev", "--quiet").status == 0)
            let target = root.appending("out")
            #expect(
                try await kecsctl("restore", "dev", "--from", "latest", "--into", target.string).status == 0)
            #expect(try target.appending("data/note").isPresent)
        }
    }

    @Test func `container mode in another shell moves no instance to the root of the machine`() async throws {
        // A machine that has such a folder keeps it as it is.
        let wasThere = try FilePath("/data").isPresent
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            let started = try await kecsctl(
                "start", "dev", "--runtime", "local", "--command", "sleep 1000", "--health-url", "none")
            #expect(started.status == 0, "\(started.errors)")
            let answer = try await with(["KECS_CONTAINER_MODE": "true"], kecsctl)("restart", "dev")
            #expect(answer.status == 64, "\(answer.errors)")
            #expect(answer.errors.contains("KECS_CONTAINER_MODE"), "\(answer.errors)")
            #expect(try FilePath("/data").isPresent == wasThere)
            #expect(try await kecsctl("status", "dev", "-o", "json").first()["state"] == "running")
            _ = try await kecsctl("stop", "dev", "--no-backup")
        }
    }

    /// The others are where they were made, whatever this call says of the new one.
    @Test func `a variable places a new instance beside others, and two never share a folder`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let place = root.appending("y")
            let given = with(["KECS_DATA_DIR": place.string], kecsctl)
            let started = try await given("start", "two", "--runtime", "local")
            #expect(started.status == 0, "\(started.errors)")
            #expect(try place.appending("kecs.db").isPresent)
            // The variable that is right for one hides the other from nobody.
            let data = root.appending("home/instances/dev/data")
            let config = root.appending("home/instances/two/config.json")
            let text = String(decoding: try config.contents(), as: UTF8.self)
            try config.replaceContents(Array(text.replacing(place.string, with: data.string).utf8))
            let shared = with(["KECS_DATA_DIR": data.string], kecsctl)
            let refused = try await shared("start", "two")
            #expect(refused.status == 11, "\(refused.output)\(refused.errors)")
            #expect(refused.errors.contains("belongs to “dev” already"), "\(refused.errors)")
        }
    }
}
