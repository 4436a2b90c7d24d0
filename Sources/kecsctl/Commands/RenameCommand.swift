// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs

struct RenameCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "rename", abstract: "Rename an instance; its data, backups and ports stay.",
        discussion: "Its entries in this user's crontab and its systemd units are renamed, too.")

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl rename dev shop", "“dev” is called “shop” from then on, with its backups"),
        .init("kecsctl rename dev shop --dry-run", "say what would be renamed, and what is in the way"))

    @Argument(
        help: ArgumentHelp("The instance.", valueName: "instance"),
        completion: .custom(InstanceCompletion.names))
    var name: String

    @Argument(help: ArgumentHelp("The new name.", valueName: "new-name"))
    var newName: String

    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let new = try InstanceName(checking: newName)
        let schedules = InstallSchedule(site: session.site, program: ScheduleText.program(session))
        return await session.operate(
            on: InstanceSelection(names: [name]), unnamed: .never, changes: !change.dryRun,
            .init(text: Self.text, names: { _, report in [report.to] }, warnings: \.notes)
        ) { name in
            try await session.locked(name, change, duty: .leave) { instance in
                try await RenameInstance(site: session.site, schedules: schedules).run(
                    instance, to: new, lock: session.lock(change), dryRun: change.dryRun)
            }
        }
    }

    private static func text(_ name: InstanceName, _ report: RenameReport) -> String {
        guard report.outcome != .already else { return "\(name): it is called that" }
        let isPlanned = report.outcome == .planned
        var lines = ["\(name): \(isPlanned ? "would be renamed" : "renamed") to \(report.to)"]
        if report.backups > 0 {
            lines[0] += ", with \(report.backups == 1 ? "its backup" : "its \(report.backups) backups")"
        }
        lines += report.removed.map {
            isPlanned
                ? "  \($0) would be removed; the next start creates it"
                : "  \($0) was removed; the next start creates it"
        }
        lines += report.schedule.map {
            "  \(isPlanned ? "would be scheduled" : "scheduled"): \($0.printable)"
        }
        return lines.joined(separator: "\n")
    }
}
