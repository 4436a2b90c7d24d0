// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsDoctor

struct UndoCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "undo", abstract: "Roll back the last change: a restore, or a repair by “doctor --fix”.",
        discussion: """
            Rolls back the newer of the two. Run it again to go back through the last three restores. --redo reverses the \
            last “undo” of a restore. “doctor --undo” rolls back what --fix changed in the home itself.
            """)

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init(
            "kecsctl undo dev", "put back what the last restore replaced, or the last “doctor --fix” changed"),
        .init("kecsctl undo dev --dry-run", "say what that is"),
        .init("kecsctl undo dev --list", "all that can be taken back, the newest first"))

    @OptionGroup var instance: OneInstanceArgument

    @Flag(name: .customLong("no-start"), help: "Do not start the instance afterwards.")
    var noStart = false

    @Flag(help: "Roll back the last “undo”.")
    var redo = false

    @Flag(help: "Show what can be rolled back and change nothing.")
    var list = false

    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        if list { return try listed(session) }
        return await session.operate(
            on: instance.selection, unnamed: .variable, changes: !change.dryRun,
            .init(
                text: Self.text, warnings: { $0.outcome == .planned ? [] : $0.notes },
                failures: RestoreCommand.telling.failures)
        ) { name in
            var report = try await session.locked(name, change, duty: noStart ? .leave : .after) { instance in
                try await UndoLastChange(site: session.site).run(
                    instance, start: !noStart, redo: redo, force: force.force, dryRun: change.dryRun)
            }
            try await session.site.refresh(&report, of: name)
            return report
        }
    }

    private func listed(_ session: Session) throws -> Int32 {
        let name = try session.one(instance.selection, unnamed: .variable)
        let kept = try UndoRestore(site: session.site).kept(try session.site.instance(name))
        session.answer(
            Answer(
                document: ListDocument(kind: "UndoList", items: kept),
                table: { width in
                    Table(
                        header: ["UNDO", "AT", "WHAT", "PARTS"],
                        rows: kept.map { one in
                            [
                                one.id, "\(one.at)",
                                (one.isUndo ? "" : "restore from ") + one.from.printable,
                                one.parts.joined(separator: ", "),
                            ]
                        }
                    ).text(width: width)
                }, names: kept.map(\.id)))
        return 0
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
