// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct TestCommand: HelpedCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Test what cannot be checked by looking.",
        subcommands: [TestPersistenceCommand.self])

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl test persistence dev", "does “dev” keep what is written?"),
        .init("kecsctl test persistence --help", "what is tried"))
}

struct TestPersistenceCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "persistence",
        abstract:
            "Write a row, then restart, rebuild, and take down and up, and look for the row each time. Leaves nothing behind."
    )

    static let help = CommandHelp(
        ExitStatus.changes.union([14]), .init("kecsctl test persistence dev", "restarts “dev”"),
        .init("kecsctl test persistence dev -o json", "which of restart, rebuild and down it outlived"))

    @OptionGroup var instance: OneInstanceArgument
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        await session.operate(
            on: instance.selection, unnamed: .variable, changes: !change.dryRun, .init(text: Self.text)
        ) { name in
            try await session.locked(name, change) { instance in
                try await TestPersistence(site: session.site).run(instance, dryRun: change.dryRun)
            }
        }
    }

    private static func text(_ name: InstanceName, _ report: PersistenceReport) -> String {
        if report.outcome == .planned { return "\(name): would write a row, restart, and look for it" }
        let skipped = report.skipped.isEmpty ? "" : "; not tried: \(report.skipped.joined(separator: ", "))"
        return "\(name): the data outlived \(report.survived.joined(separator: ", "))\(skipped)"
    }
}
