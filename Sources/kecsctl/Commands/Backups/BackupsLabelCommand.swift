// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs

struct BackupsLabelCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "label", abstract: "Set or remove labels of a backup.",
        discussion:
            "Labels are stored next to the manifest, which never changes. A bundle does not contain them.")

    static let help = CommandHelp(
        ExitStatus.changes,
        .init("kecsctl backups label latest before=upgrade --instance dev", "name what it was taken for"),
        .init("kecsctl backups label dev/20261121 before-", "take that label away"))

    @Argument(
        help: "latest, a backup's id or a prefix of it, or INSTANCE/ID.",
        completion: .custom(BackupCompletion.ids))
    var id: String

    @Argument(help: ArgumentHelp("KEY=VALUE sets a label, KEY- removes it.", valueName: "label"))
    var changes: [LabelChange]

    @OptionGroup var instance: BackupInstanceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        await session.list(BackupsListCommand.listing()) {
            let choice = try session.backup(id, of: instance)
            let labels = try await session.lockedBackups(choice.name, change) {
                try LabelBackup(site: session.site).run(
                    choice.backup, of: choice.name, changes, dryRun: change.dryRun)
            }
            var summary = BackupSummary(choice.backup, instance: choice.name.description)
            summary.labels = labels
            if !change.dryRun { session.record(summary, status: 0) }
            return [summary]
        }
    }
}

extension LabelChange: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
