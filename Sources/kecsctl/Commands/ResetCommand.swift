// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs

struct ResetCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset", abstract: "Empty an instance's state after a backup; “undo” restores it.")

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init(
            "kecsctl reset dev --yes",
            "“dev” starts empty; its old state is a backup, and “undo” brings it back"
        ),
        .init("kecsctl reset dev --dry-run", "say what would be emptied"))

    @OptionGroup var instances: InstanceArguments
    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let names = try session.resolve(instances.selection, unnamed: .never, saysNone: false)
        let what = names.map { "“\($0)”" }.joined(separator: ", ")
        if !names.isEmpty { try session.confirm("Empty \(what)?", about: names, change: change) }
        return await session.operate(
            on: instances.selection, unnamed: .never, changes: !change.dryRun,
            .init(text: Self.text, warnings: \.notes, failures: { [$0.startError].compactMap(\.self) })
        ) { name in
            try await session.locked(name, change, duty: .leave) { instance in
                try await ResetInstance(site: session.site).run(
                    instance, force: force.force, dryRun: change.dryRun)
            }
        }
    }

    private static func text(_ name: InstanceName, _ report: ResetReport) -> String {
        let parts = report.parts.joined(separator: ", ")
        switch report.outcome {
        case .already: return "\(name): it is empty"
        case .planned: return "\(name): would be emptied (\(parts))"
        default:
            return "\(name): emptied (\(parts)), \(report.state)"
                + (report.backup.map { "; \($0.id) has what was there" } ?? "")
        }
    }
}
