// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsBackups

struct BackupsPinCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "pin",
        abstract: "Keep backups until they are unpinned, regardless of the retention policy.")

    static let help = CommandHelp(
        ExitStatus.changes, .init("kecsctl backups pin latest --instance dev", "keep the newest one"),
        .init("kecsctl backups pin dev/20261121", "by the beginning of its id"))

    @OptionGroup var pinning: PinningArguments
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        try await pinning.run(session, change, pinned: true)
    }
}

struct BackupsUnpinCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpin", abstract: "Apply the retention policy to backups again.")

    static let help = CommandHelp(
        ExitStatus.changes, .init("kecsctl backups unpin latest --instance dev", "the newest one"),
        .init("kecsctl backups unpin dev/20261121", "by the beginning of its id"))

    @OptionGroup var pinning: PinningArguments
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        try await pinning.run(session, change, pinned: false)
    }
}

struct PinningArguments: ParsableArguments {
    @Argument(
        help: "latest, a backup's id or a prefix of it, or INSTANCE/ID.",
        completion: .custom(BackupCompletion.ids))
    var ids: [String]

    @OptionGroup var instance: BackupInstanceOption

    func run(_ session: Session, _ change: ChangeOptions, pinned: Bool) async throws -> Int32 {
        let choices = try ids.map { try session.backup($0, of: instance) }
        return await session.list(BackupsListCommand.listing(), over: choices) { choice in
            let store = session.site.home.backupStore(of: choice.name)
            if !change.dryRun {
                try await session.lockedBackups(choice.name, change) {
                    try KeepBackups(site: session.site).pin(choice.backup, of: choice.name, pinned)
                }
            }
            return [BackupSummary(store.look(at: choice.backup.id), instance: choice.name.description)]
        }
    }
}
