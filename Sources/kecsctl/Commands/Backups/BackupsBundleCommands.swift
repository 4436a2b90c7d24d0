// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct BackupsExportCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write a verified backup into one file that can be moved elsewhere.")

    static let help = CommandHelp(
        ExitStatus.changes, .init("kecsctl backups export latest --file /mnt/usb/dev.tar", "the newest one"),
        .init("kecsctl backups export dev/20261121 --file dev.tar", "by the beginning of its id"))

    @Argument(
        help: "latest, a backup's id or a prefix of it, or INSTANCE/ID.",
        completion: .custom(BackupCompletion.ids))
    var id: String

    @Option(help: "The new file. It must not exist.")
    var file: PathArgument

    @Flag(
        help: "Keep the holes of sparse files as holes. Not every tar knows them; without it they are zeros.")
    var sparse = false

    @OptionGroup var instance: BackupInstanceOption
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let target = try file.path(session)
        return await session.list(BackupsListCommand.listing()) {
            let choice = try session.backup(id, of: instance)
            let copy = try MoveBackup(site: session.site).export(
                choice.backup, of: choice.name, to: target, keepsHoles: sparse)
            session.record(copy, status: 0)
            return [BackupSummary(choice.backup, instance: choice.name.description)]
        }
    }
}

struct BackupsImportCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Import a file of “backups export” into the backups of an instance, after verification.")

    static let help = CommandHelp(
        ExitStatus.changes, .init("kecsctl backups import dev.tar --as dev", "into the backups of “dev”"),
        .init("kecsctl backups import /mnt/usb/dev.tar --as copy", "of an instance that need not exist yet"))

    @Argument(help: "The file.")
    var file: PathArgument

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("The instance that the backup is added to.", valueName: "instance"),
        completion: .custom(InstanceCompletion.names))
    var name: String

    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let source = try file.path(session)
        let name = try InstanceName(checking: name)
        var listing = BackupsListCommand.listing()
        listing.table = { items, _ in
            items.map { Self.text($0, dryRun: change.dryRun) }.joined()
        }
        return await session.list(listing) {
            let stored = try await session.lockedBackups(name, change) {
                try MoveBackup(site: session.site).importBundle(source, to: name, dryRun: change.dryRun)
            }
            let summary = BackupSummary(stored, instance: name.description)
            if !change.dryRun { session.record(summary, status: 0) }
            return [summary]
        }
    }

    private static func text(_ item: BackupSummary, dryRun: Bool) -> String {
        let parts = item.parts.map { "\($0.name) \(ByteCount($0.bytes))" }.joined(separator: ", ")
        return "\(item.instance)/\(item.id): \(dryRun ? "would be imported" : "imported"), verified\n"
            + (dryRun ? "" : "  path:  \(item.path.printable)\n") + "  parts: \(parts)\n"
            + "  total: \(ByteCount(item.bytes))\n"
    }
}
