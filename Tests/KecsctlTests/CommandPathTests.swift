// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import kecsctl

@Suite struct CommandPathTests {
    @Test(arguments: [
        (["--home", "/x", "completions", "bash"], ["completions", "--home", "/x", "bash"]),
        (
            ["-o", "json", "-q", "completions", "bash", "-v"],
            ["completions", "-o", "json", "-q", "bash", "-v"]
        ),
        (["--home=/x", "completions"], ["completions", "--home=/x"]),
        (["completions", "bash", "--home", "/x"], ["completions", "bash", "--home", "/x"]),
        (["--home", "completions"], ["--home", "completions"]),
        (["--version"], ["--version"]),
        (["--", "completions"], ["--", "completions"]),
        (["---completion", "completions"], ["---completion", "completions"]),
        ([], []),
    ])
    func `global flags may stand in front of the command`(words: [String], expected: [String]) {
        #expect(CommandPath.globalsBehindCommand(words) == expected)
    }

    @Test(arguments: [
        (["completions", "--help"], "completions"), (["help", "completions"], "completions"), (["-h"], ""),
        (["help"], ""), (["-o", "json", "completions", "bash", "-h"], "completions"),
    ])
    func `help is asked for in three ways`(words: [String], name: String) {
        #expect(CommandPath(words).helpRequest?.name == name)
    }

    @Test func `what stands behind two dashes asks for nothing`() {
        #expect(CommandPath(["completions", "--", "--help"]).helpRequest == nil)
    }

    @Test(
        arguments: [
            (["-o", "json"], "json"), (["-ojson"], "json"), (["--output=yaml"], "yaml"),
            (["x", "--output", "name"], "name"), (["--", "-o", "json"], nil), (["--others"], nil),
            (["-o"], ""),
        ] as [([String], String?)])
    func `the output form is found in words that cannot be parsed`(words: [String], value: String?) {
        #expect(CommandPath.value(of: ["-o", "--output"], in: words) == value)
    }

    @Test func `every option with a value that is everywhere is known`() throws {
        let command = try #require(
            try ToolInfo.ofKecsctl().subcommands?.first { $0.commandName == "completions" })
        let options = (command.arguments ?? []).filter { $0.kind == .option }
        #expect(!options.isEmpty)
        for option in options {
            for name in option.names ?? [] { #expect(CommandPath.withValue.contains(name.text)) }
        }
    }
}
