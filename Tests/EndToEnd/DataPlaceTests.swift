// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// No instance's data lies where another's parts do, or where kecsctl keeps its own: what is done to the one would be done
/// to the other.
@Suite struct DataPlaceTests {
    /// “a” has its data outside the home, so that nothing uses the `data/` of its folder.
    private func withA(_ body: (Kecsctl, _ root: FilePath) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            let started = try await kecsctl(
                "start", "a", "--runtime", "local", "--data-dir", root.appending("x/a").string)
            #expect(started.status == 0, "\(started.errors)")
            try await body(kecsctl, root)
        }
    }

    private static let places = [
        "home/instances/a/data", "home/instances/a/data/e", "home/instances/a/logs", "home/instances/a",
        "home/instances/e/minio-data", "home/instances/z/logs", "home/backups/a", "home/backups/e", "home/e",
        "x/a", "x/a/e", "x", "home",
    ]

    @Test(arguments: places) func `a new instance is not put in another's way`(place: String) async throws {
        try await withA { kecsctl, root in
            // A part of an own folder, and one behind a link, are no better.
            #expect(symlink(root.string, root.appending("l").string) == 0)
            for folder in [root.appending(place), root.appending("l").appending(place)] {
                for dry in [["-n"], []] {
                    let refused = try await kecsctl.run(
                        ["start", "e", "--runtime", "local", "--data-dir", folder.string] + dry)
                    // On the very folder of another's data a second server would start.
                    #expect(
                        refused.status == (place == "x/a" ? 11 : 64),
                        "\(folder) \(refused.output)\(refused.errors)")
                }
            }
            #expect(try !root.appending("home/instances/e").isPresent)
        }
    }

    @Test(arguments: places) func `an instance's data is not moved into another's way`(
        place: String
    ) async throws {
        try await withA { kecsctl, root in
            #expect(try await kecsctl("start", "e", "--runtime", "local").status == 0)
            let refused = try await kecsctl(
                "config", "set", "dataDir", root.appending(place).string, "--instance", "e")
            #expect(refused.status == (place == "x/a" ? 11 : 64), "\(refused.output)\(refused.errors)")
            let own = root.appending("home/instances/e/data").string
            #expect(try await kecsctl("config", "set", "dataDir", own, "--instance", "e").status == 0)
            let elsewhere = root.appending("x/e").string
            #expect(try await kecsctl("config", "set", "dataDir", elsewhere, "--instance", "e").status == 0)
        }
    }

    @Test func `the variable that places a new instance is no way around`() async throws {
        try await withA { kecsctl, root in
            var given = kecsctl
            given.environment["KECS_DATA_DIR"] = root.appending("home/instances/a/data").string
            let answer = try await given("start", "e", "--runtime", "local")
            #expect(answer.status == 64, "\(answer.errors)")
        }
    }

    @Test func `an instance recorded so is told, not started, and not destroyed with the other`() async throws
    {
        try await withA { kecsctl, root in
            let place = root.appending("x/e")
            #expect(
                try await kecsctl("start", "e", "--runtime", "local", "--data-dir", place.string).status == 0)
            let inA = root.appending("home/instances/a/data")
            let config = root.appending("home/instances/e/config.json")
            let text = String(decoding: try config.contents(), as: UTF8.self)
            try config.replaceContents(Array(text.replacing(place.string, with: inA.string).utf8))
            try inA.createFolder()
            try place.appending("kecs.db").renameWithoutReplacing(to: inA.appending("kecs.db"))
            let doctor = try await kecsctl("doctor", "--check", "instance.shared-folder", "-o", "json")
            #expect(doctor.output.contains("lies in a folder of “a”"), "\(doctor.output)\(doctor.errors)")
            let destroy = try await kecsctl("destroy", "a", "--yes")
            #expect(destroy.status == 11, "\(destroy.output)\(destroy.errors)")
            #expect(try inA.appending("kecs.db").isPresent)
            let start = try await kecsctl("start", "e")
            #expect(start.status == 64, "\(start.output)\(start.errors)")
            // What brings it out of there works.
            #expect(try await kecsctl("backup", "e").status == 0)
            #expect(
                try await kecsctl("config", "set", "dataDir", place.string, "--instance", "e").status == 0)
            let restored = try await kecsctl("restore", "e", "--from", "latest", "--yes")
            #expect(restored.status == 0, "\(restored.errors)")
            #expect(try await kecsctl("start", "e").status == 0)
            #expect(try await kecsctl("destroy", "a", "--yes").status == 0)
            #expect(try place.appending("kecs.db").isPresent)
        }
    }
}
