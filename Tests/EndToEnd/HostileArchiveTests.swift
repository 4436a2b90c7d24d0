// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Archives made with plain `tar` that would write elsewhere.
@Suite struct HostileArchiveTests {
    /// Shell lines that make `evil.tar` in an empty folder; `$OUT` is a folder that must stay as it is.
    static let recipes: [(name: String, script: String)] = [
        ("a name with ..", "echo x > x; tar cPf evil.tar --transform 's,^x,../../x,' x"),
        ("an absolute name", "echo x > \"$OUT/abs\"; tar cPf evil.tar \"$OUT/abs\"; rm \"$OUT/abs\""),
        (
            "a link out, and a write through it",
            "ln -s \"$OUT\" link; echo x > evil; tar cf evil.tar link; tar rf evil.tar --transform 's,^evil,link/evil,' evil"
        ),
        (
            "a hard link to outside",
            "echo x > x; ln x y; tar cPf evil.tar --transform \"s,^x,$OUT/canary,RSh\" x y"
        ),
        ("a FIFO", "mkdir d; mkfifo d/pipe; echo x > d/x; tar cf evil.tar d"),
        ("a device", "mkdir d; mknod d/null c 1 3; tar cf evil.tar d"),
        ("a file cut off", "seq 100000 > x; tar cf whole.tar x; head -c 100000 whole.tar > evil.tar"),
    ]

    @Test(arguments: recipes.map(\.name), [false, true])
    func `it is refused, and nothing is written anywhere`(name: String, compressed: Bool) async throws {
        let recipe = try #require(Self.recipes.first { $0.name == name })
        try await withTemporaryFolder { root in
            let outside = root.appending("outside")
            try outside.createFolder()
            try outside.appending("canary").replaceContents(Array("alive".utf8))
            let workshop = root.appending("workshop")
            try workshop.createFolder()
            var call = ProcessCall(
                "/bin/sh", "-ec",
                recipe.script + (compressed ? "\ngzip evil.tar\nmv evil.tar.gz evil.tar" : ""))
            call.folder = workshop
            call.environment = ["OUT": outside.string]
            let made = try await SystemProcesses(
                environment: ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin"], cancellation: Cancellation()
            ).run(call)
            try #require(made.succeeded, "\(made.errorText)")
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let live = root.appending("home/instances/dev/data")
            let before = try treeDigest(live)
            let beforeOutside = try treeDigest(outside)
            let answer = try await kecsctl(
                "restore", "dev", "--from", workshop.appending("evil.tar").string)
            #expect(answer.status == 13, "\(answer.errors)")
            #expect(answer.errors.contains("because:"))
            #expect(try treeDigest(live) == before)
            #expect(try treeDigest(outside) == beforeOutside)
            let left = Set(try root.entries().map(\.string))
            #expect(left == ["outside", "workshop", "home"])
            #expect(try !root.appending("home/instances/dev/.restoring").isPresent)
        }
    }
}
