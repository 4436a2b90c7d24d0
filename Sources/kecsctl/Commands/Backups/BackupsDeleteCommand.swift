// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsBackups

struct BackupsDeleteCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Remove single backups. A pinned one is never removed, the only good one only with --force."
    )

    static let help = CommandHelp(
        ExitStatus.changes,
        .init("kecsctl backups delete dev/20261121T014530Z-manual --yes", "remove this one"),
        .init("kecsctl backups delete latest --instance dev --dry-run", "say which one would go"))

    @Argument(
        help: "latest, a backup's id or a prefix of it, or INSTANCE/ID.",
        completion: .custom(BackupCompletion.ids))
    var ids: [String]

    @OptionGroup var instance: BackupInstanceOption
    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let choices = try ids.map { try session.backup($0, of: instance) }
        let what = choices.map { "\($0.name)/\($0.backup.id)" }
        try session.confirm(
            "Permanently remove \(what.joined(separator: ", "))?", about: what, change: change)
        return await session.list(BackupsListCommand.listing(), over: choices) { choice in
            let summary = BackupSummary(choice.backup, instance: choice.name.description)
            try await session.lockedBackups(choice.name, change) {
                try KeepBackups(site: session.site).delete(
                    choice.backup, of: choice.name, force: force.force, dryRun: change.dryRun)
            }
            if !change.dryRun { session.record(summary, status: 0) }
            return [summary]
        }
    }
}
