// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsStorage

struct BackupsPruneCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Remove the backups that the retention policy no longer keeps, with the reason for each.",
        discussion: """
            The newest good backup, a pinned one and the last good one from before an instance became degraded always \
            stay. Without flags the settings decide; “kecsctl config show” shows them.
            """)

    static let help = CommandHelp(
        ExitStatus.changes, .init("kecsctl backups prune dev --keep 3 --dry-run", "what would go, and why"),
        .init("kecsctl backups prune --all", "by the settings of each instance"))

    @OptionGroup var instances: InstanceArguments
    @OptionGroup(title: "Retention") var retention: RetentionOptions
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let listing = Session.Listing<PruneItem>(
            kind: "PruneReport", table: { Self.table($0).text(width: $1) }, name: \.id.description,
            nothing: "there is no backup")
        let names = try session.resolve(instances.selection, unnamed: .variable)
        return await session.list(listing, over: names) { text in
            let name = try InstanceName(checking: text)
            let items = try await session.locked(name, change, flags: retention.settings) { instance in
                try PruneBackups(site: session.site).run(instance, dryRun: change.dryRun)
            }
            if !change.dryRun { session.record(items, status: 0) }
            return items
        }
    }

    private static func table(_ items: [PruneItem]) -> Table {
        Table(
            header: ["INSTANCE", "ID", "VERDICT", "REASON"],
            rows: items.map { [$0.instance, $0.id.description, $0.verdict, $0.reason] })
    }
}
