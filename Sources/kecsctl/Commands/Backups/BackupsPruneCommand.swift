// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsBackups
import KecsSystem

struct BackupsPruneCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Remove the backups that the retention policy no longer keeps, with the reason for each.",
        discussion: """
            The newest good backup, a pinned one and the last good one from before an instance became degraded always \
            stay. Without flags the settings decide; “kecsctl config show” shows them. A flag replaces all of them for this run.
            """)

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl backups prune dev --keep 3 --dry-run", "what would go, and why"),
        .init("kecsctl backups prune dev --remote offsite --keep 30", "what this home copied there"),
        .init("kecsctl backups prune --all", "by the settings of each instance"))

    @OptionGroup var instances: InstanceArguments
    @Option(
        help: ArgumentHelp(
            "Prune the copies on this remote instead, by its own policy; only those that this home wrote there.",
            valueName: "name"))
    var remote: String?

    @OptionGroup(title: "Retention") var retention: RetentionOptions
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let listing = Session.Listing<PruneItem>(
            kind: "PruneReport", table: { Self.table($0).text(width: $1) }, name: \.id.description,
            nothing: "there is no backup")
        if let remote { return try await prune(remote, listing, session) }
        let names = try session.resolve(instances.selection, unnamed: .variable)
        return await session.list(listing, over: names) { text in
            let name = try InstanceName(checking: text)
            let items = try await session.locked(name, change, flags: retention.settings) { instance in
                try PruneBackups(site: session.site).run(instance, dryRun: change.dryRun, flagsAlone: true)
            }
            if !change.dryRun { session.record(items, status: 0) }
            return items
        }
    }

    private func prune(
        _ remote: String, _ listing: Session.Listing<PruneItem>, _ session: Session
    ) async throws -> Int32 {
        let remote = try Remotes(site: session.site).find(remote)
        let flags = Dictionary(
            retention.settings.compactMap { key, text in key.parse(text).map { (key.rawValue, $0) } }
        ) { $1 }
        let policies = [Remote.retention(flags), remote.retention].compactMap(\.self)
        guard !policies.isEmpty else {
            throw Failure(
                .usage, "the remote “\(remote.name)” keeps everything", cause: "it has no retention policy",
                remedy: "kecsctl remote add \(remote.name) \(ShellWords.quote([remote.address])) --keep 30")
        }
        // The instance itself need not be here any more.
        let names = try session.resolve(
            instances.selection, unnamed: .variable, existing: session.namesWithBackups().map(\.description))
        return await session.list(listing, over: names) { text in
            let name = try InstanceName(checking: text)
            guard try session.namesWithBackups().contains(name) else {
                throw Failure(.notFound, "there is no instance “\(name)”", remedy: "kecsctl list")
            }
            let items = try await PruneRemote(site: session.site).run(
                name, on: remote, policies, command: "kecsctl \(session.command)",
                wait: change.waitLock?.duration, dryRun: change.dryRun)
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
