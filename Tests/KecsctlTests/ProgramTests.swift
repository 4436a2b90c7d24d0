// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import kecsctl

@Suite struct ProgramTests {
    private let folder: TestFolder
    init() throws { folder = try TestFolder() }

    @Test func `the version is one line`() async throws {
        let caught = try await folder.kecsctl("--version")
        #expect(caught.status == 0 && caught.output == "\(Version.number)\n" && caught.errors == "")
    }

    @Test(arguments: ["--help", "-h", "help"])
    func `help goes to standard output`(word: String) async throws {
        let caught = try await folder.kecsctl(word)
        #expect(caught.status == 0 && caught.errors == "")
        #expect(caught.output.hasPrefix("EXAMPLES:\n"))
    }

    @Test func `wrong usage is 64, on standard error, with a way to help`() async throws {
        let caught = try await folder.kecsctl("completions", "tcsh")
        #expect(caught.status == 64 && caught.output == "")
        #expect(caught.errors.hasPrefix("kecsctl: error: the value 'tcsh' is invalid"))
        #expect(caught.errors.hasSuffix("\n  try:     kecsctl completions --help\n"))
    }

    @Test func `wrong usage is a document too when one was asked for`() async throws {
        let caught = try await folder.kecsctl("--output=json", "frobnicate")
        #expect(caught.status == 64)
        #expect(caught.output.contains("\"kind\" : \"Error\""))
        #expect(caught.output.contains("\"status\" : 64"))
    }

    @Test func `a bound without a unit is refused by showing what one looks like`() async throws {
        let caught = try await folder.kecsctl("completions", "bash", "--timeout", "5")
        #expect(caught.status == 64)
        #expect(caught.errors.contains("--timeout <90s|5m|1h>"))
    }

    @Test func `without any home nothing is guessed`() async throws {
        let caught = try await folder.kecsctl("completions", "bash", environment: ["KECS_HOME": ""])
        #expect(caught.status == 64)
        #expect(caught.errors.contains("neither --home nor KECS_HOME is given"))
    }
}
