// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct DestroyCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "destroy", abstract: "Remove instances after a last backup. Their backups stay.",
        aliases: ["rm"])

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init(
            "kecsctl destroy dev --yes", "remove “dev”; “kecsctl restore dev --from latest” brings it back"),
        .init("kecsctl destroy dev --dry-run", "say what would go"))

    @OptionGroup var instances: InstanceArguments

    @Flag(help: "Take no backup and remove all backups.")
    var deleteBackups = false

    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let names = try session.resolve(instances.selection, unnamed: .never, saysNone: false)
        let what =
            names.map { "“\($0)”" }.joined(separator: ", ") + (deleteBackups ? " and all their backups" : "")
        if !names.isEmpty, change.asks {
            // A question about a missing instance would hide that it is missing.
            for name in try names.map({ try InstanceName(checking: $0) })
            where try !session.site.home.folder(of: name).path.isPresent {
                throw session.site.notFound(name)
            }
            try session.confirm("Remove \(what)?", about: names, change: change)
        }
        let schedule = InstallSchedule(site: session.site, program: ScheduleText.program(session))
        return await session.operate(
            on: instances.selection, unnamed: .never, changes: !change.dryRun,
            .init(text: Self.text, warnings: \.notes)
        ) { name in
            try await session.locked(name, change, duty: .leave) { instance in
                try await DestroyInstance(site: session.site, schedule: schedule).run(
                    instance, deleteBackups: deleteBackups, force: force.force, dryRun: change.dryRun)
            }
        }
    }

    private static func text(_ name: InstanceName, _ report: DestroyReport) -> String {
        let backups = report.backupsDeleted ? " with all its backups" : ""
        if report.outcome == .planned { return "\(name): would be removed\(backups)" }
        let kept = report.backup.map { "; \($0.id) is its last backup" } ?? ""
        return "\(name): removed\(backups)\(kept)"
    }
}
