// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// The pages of `docs/guides` that need no engine. Those that do are run by `DockerTests`.
@Suite(.serialized) struct GuidePagesTests {
    private static let path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

    @Test(arguments: try GuidePages.names(onEngine: false))
    func `the commands of a page print what it shows`(page: String) async throws {
        let result = try await GuidePages.run(
            page, program: Kecsctl.program, environment: ["PATH": Self.path])
        #expect(result.succeeded, "\(result.outputText)\(result.errorText)")
        #expect(result.outputText.hasSuffix(" commands, 0 differ\n"))
    }

    @Test(arguments: [
        ("echo wrong", "right", "+wrong"), ("false", "", "status 1 of: false"),
        // What is compared by its form must have the form, and the same backup must stay the same one.
        ("echo 12 apples", "12 kB", "+12 apples"),
        (
            "echo 20270101T000000Z-a 20270101T000001Z-a", "20261101T000000Z-a 20261101T000000Z-a",
            "+<backup 1>-a <backup 2>-a"
        ),
    ])
    func `a page that is wrong is found, and said how`(
        command: String, shown: String, says: String
    )
        async throws
    {
        try await withTemporaryFolder { root in
            let page = root.appending("page.md")
            let output = shown.isEmpty ? "" : "\(shown)\n"
            try page.replaceContents(Array("# Page\n\n```console\n$ \(command)\n\(output)```\n".utf8))
            let result = try await GuidePages.run(
                page.string, program: Kecsctl.program, environment: ["PATH": Self.path])
            #expect(result.end == .exited(1))
            #expect(result.outputText.contains(says), "\(result.outputText)")
        }
    }

    @Test func `a page without a command is an error`() async throws {
        try await withTemporaryFolder { root in
            let page = root.appending("page.md")
            try page.replaceContents(Array("# Page\n\n```sh\nls\n```\n".utf8))
            let result = try await GuidePages.run(
                page.string, program: Kecsctl.program, environment: ["PATH": Self.path])
            #expect(!result.succeeded)
            #expect(result.errorText.contains("has no command"), "\(result.errorText)")
        }
    }
}
