// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// The pages of `docs/guides` that need an engine.
    @Suite struct GuidePagesTests {
        @Test(arguments: try GuidePages.names(onEngine: true))
        func `the commands of a page print what it shows`(page: String) async throws {
            let result = try await GuidePages.run(
                page, program: Kecsctl.program,
                environment: [
                    "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                    "DOCKER_HOST": Engine.host, "KECSCTL_TEST_ENGINE": Engine.folder?.string ?? "",
                ])
            if result.end == .exited(77) { try Test.cancel("\(result.errorText)") }
            #expect(result.succeeded, "\(result.outputText)\(result.errorText)")
            #expect(result.outputText.hasSuffix(" commands, 0 differ\n"))
        }
    }
}
