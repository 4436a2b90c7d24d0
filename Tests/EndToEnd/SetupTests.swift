// SPDX-License-Identifier: Apache-2.0
import KecsTesting
import KecsSystem
import SystemPackage
import Testing

/// Which packages `scripts/setup` would install; it installs nothing here.
@Suite struct SetupTests {
    static let script = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent().appending("scripts/setup")

    private func list(_ release: String, tests: Bool = false) async throws -> [String] {
        try await withTemporaryFolder { folder in
            let file = folder.appending("os-release")
            try file.replaceContents(Array(release.utf8))
            let call = ProcessCall(
                "/bin/sh", [Self.script.string, "--list"] + (tests ? ["tests"] : []))
            let result = try await SystemProcesses(
                environment: ["PATH": "/usr/bin:/bin", "KECSCTL_OS_RELEASE": file.string],
                cancellation: Cancellation()
            ).run(call)
            #expect(result.end == .exited(0), "\(result.errorText)")
            return result.outputText.split(separator: "\n").map(String.init)
        }
    }

    @Test(arguments: [
        ("ID=debian\nVERSION_ID=\"12\"\n", ["libstdc++-12-dev", "libcurl4"]),
        ("ID=debian\nVERSION_ID=\"13\"\n", ["libstdc++-14-dev", "libcurl4t64"]),
        ("ID=ubuntu\nVERSION_ID=\"24.04\"\n", ["libstdc++-13-dev", "libcurl4t64"]),
    ])
    func `a release gets the packages that it has`(_ release: String, _ wanted: [String]) async throws {
        let packages = try await list(release)
        for name in wanted + ["gcc", "git", "make", "sqlite3", "libncurses6", "libxml2", "tzdata"] {
            #expect(packages.contains(name), "\(name) is missing")
        }
        #expect(packages.count { $0.hasPrefix("libstdc++-") } == 1)
    }

    @Test func `building asks for no engine and no daemon`() async throws {
        let packages = try await list("ID=debian\nVERSION_ID=\"12\"\n")
        for name in ["docker.io", "docker-compose", "systemd", "cron", "python3", "shellcheck"] {
            #expect(!packages.contains(name), "\(name) is for tests only")
        }
        let all = try await list("ID=debian\nVERSION_ID=\"12\"\n", tests: true)
        #expect(Set(all).isSuperset(of: packages))
        #expect(all.contains("shellcheck"))
    }
}
