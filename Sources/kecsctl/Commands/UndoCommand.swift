// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs

struct UndoCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "undo", abstract: "Take back the last change: a restore, or a repair by “doctor --fix”.",
        discussion: """
            The newer of the two. A restore that was taken back comes again with a second “undo”; a repair does not, and a \
            second “undo” then takes back what was before it. What --fix changed of the home itself, “doctor --undo” \
            takes back.
            """)

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init(
            "kecsctl undo dev", "put back what the last restore replaced, or the last “doctor --fix” changed"),
        .init("kecsctl undo dev --dry-run", "say what that is"))

    @OptionGroup var instance: OneInstanceArgument

    @Flag(name: .customLong("no-start"), help: "Do not start it again.")
    var noStart = false

    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        await session.operate(
            on: instance.selection, unnamed: .variable, changes: !change.dryRun,
            .init(
                text: Self.text, warnings: { $0.outcome == .planned ? [] : $0.notes },
                failures: RestoreCommand.telling.failures)
        ) { name in
            try await session.locked(name, change, duty: noStart ? .leave : .after) { instance in
                try await UndoLastChange(site: session.site).run(
                    instance, start: !noStart, dryRun: change.dryRun)
            }
        }
    }

    private static func text(_ name: InstanceName, _ report: RestoreReport) -> String {
        if let repairs = report.repairs {
            return repairs.map { repair in
                let verb =
                    switch repair.outcome {
                    case .planned: "would take back a repair"
                    case .done: "took back a repair"
                    case .failed: "could not take back a repair"
                    default: "changed since, and left as it is"
                    }
                return "\(name): \(verb): \(repair.change.printable)"
                    + (repair.error.map { " (\($0.printable))" } ?? "")
            }.joined(separator: "\n")
        }
        let parts = report.parts.joined(separator: ", ")
        if report.outcome == .planned {
            return "\(name): would put back \(parts): \(report.notes.joined(separator: "; "))"
        }
        return "\(name): \(report.from.printable) took back \(parts)"
            + (report.state.isEmpty ? "" : ", \(report.state)")
    }
}
