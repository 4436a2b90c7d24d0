// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsBackups
import KecsSystem

struct BackupsCopyCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy", abstract: "Copy backups to a remote, read them back from there and compare.",
        discussion: """
            A copy gets its final name only after all of it was read back and found equal. One that was cut off continues \
            with the files that are not there yet. A copy there that is damaged is made whole again. Needs rclone.
            """)

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl backups copy --to offsite", "the newest good backup of the only instance"),
        .init("kecsctl backups copy --all --to offsite", "all good ones that are not there yet"),
        .init("kecsctl backups copy dev/20261121 prod/latest --to usb", "two, by prefixes of their ids"))

    @Argument(
        help: "latest, a backup's id or a prefix of it, or INSTANCE/ID; latest when none is given.",
        completion: .custom(BackupCompletion.ids))
    var ids: [String] = []

    @Flag(
        name: [.customShort("A"), .customLong("all")],
        help: "Copy all good backups, or with --instance all of that instance.")
    var isAll = false

    @Option(help: ArgumentHelp("The remote, as “remote list” shows it.", valueName: "name"))
    var to: String

    @OptionGroup var instance: BackupInstanceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func validate() throws {
        if isAll, !ids.isEmpty { throw ValidationError("ids and --all exclude each other") }
    }

    func run(_ session: Session) async throws -> Int32 {
        let listing = Session.Listing<CopyItem>(
            kind: "CopyReport", table: { items, _ in items.map { Self.text($0) + "\n" }.joined() },
            name: \.id.description, nothing: "there is no good backup to copy")
        let remote = try Remotes(site: session.site).find(to)
        let choices =
            try isAll
            ? all(session)
            : (ids.isEmpty ? ["latest"] : ids).map {
                try session.backup($0, of: instance)
            }
        return await session.list(listing, over: choices) { choice in
            let item = try await session.copy(
                choice.backup, of: choice.name, to: remote, change, prunes: false)
            if !change.dryRun { session.record(item, status: 0) }
            return [item]
        }
    }

    /// The oldest first, so that one that is cut off leaves what can be gone on with.
    private func all(_ session: Session) throws -> [BackupChoice] {
        let names = try instance.name.map { [try InstanceName(checking: $0)] } ?? session.namesWithBackups()
        return try names.flatMap { name in
            try session.site.home.backupStore(of: name).all().filter(\.isGood).reversed().map {
                BackupChoice(name: name, backup: $0)
            }
        }
    }

    static func text(_ item: CopyItem) -> String {
        let pruned = item.pruned.map {
            "\n  removed \($0) from \(item.remote), whose retention no longer keeps it"
        }
        return line(item) + pruned.joined() + item.refused.map { "\n  \($0.printable)" }.joined()
    }

    private static func line(_ item: CopyItem) -> String {
        switch item.result {
        case .planned: "\(item.instance)/\(item.id): would be copied to \(item.path.printable)"
        case .already: "\(item.instance)/\(item.id): is on \(item.remote) already"
        case .copied:
            "\(item.instance)/\(item.id): copied to \(item.path.printable), \(ByteCount(item.bytes)) in "
                + "\(DurationText.short(.seconds(item.durationSeconds))), read back and equal"
                + (item.sentBytes < item.bytes
                    ? "; \(ByteCount(item.bytes - item.sentBytes)) were there already" : "")
        }
    }
}

extension Session {
    /// One copy, told to those who want to know when it fails, and then the remote's retention.
    func copy(
        _ backup: StoredBackup, of name: InstanceName, to remote: Remote, _ change: ChangeOptions,
        prunes: Bool
    ) async throws -> CopyItem {
        let command = "kecsctl \(self.command)"
        var item: CopyItem
        do {
            item = try await CopyBackup(site: site).run(
                backup, of: name, to: remote, command: command, wait: change.waitLock?.duration,
                dryRun: change.dryRun)
        } catch {
            let failure = failure(error)
            if !change.dryRun {
                await notifyCopy(failed: failure, to: remote.name, of: "\(backup.id)", "\(name)")
            }
            throw failure
        }
        guard prunes, !change.dryRun, let retention = remote.retention else { return item }
        do {
            let items = try await PruneRemote(site: site).run(
                name, on: remote, [retention], command: command, wait: change.waitLock?.duration,
                taken: backup.id)
            item.pruned = items.filter { !$0.isKept }.map(\.id)
            item.refused = items.filter { $0.isRefused == true }.map {
                "\($0.id) stays on \(remote.name), although its retention no longer keeps it: \($0.reason)"
            }
        } catch { item.pruneError = failure(error) }
        return item
    }
}
