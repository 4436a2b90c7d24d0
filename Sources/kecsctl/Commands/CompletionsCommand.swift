// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

struct CompletionsCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions",
        abstract: "Print the completion script of a shell.")

    static let help = CommandHelp(
        ExitStatus.common,
        .init("source <(kecsctl completions bash)", "for this shell"),
        .init("kecsctl completions fish > ~/.config/fish/completions/kecsctl.fish", "for every fish"))

    enum Shell: String, CaseIterable, ExpressibleByArgument, Sendable { case bash, zsh, fish }

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    var makesHome: Bool { true }
    var hasForms: Bool { false }

    func run(_ session: Session) async throws -> Int32 {
        session.console.answer(Self.script(shell))
        return 0
    }

    static func script(_ shell: Shell) -> String { CompletionScript.text(shell) }
}
