// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsRuntimes
import KecsSystem
import KecsVelero

struct BackupsGarbageCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Remove what belongs to no backup of Velero from an instance's object store.",
        discussion: """
            Failed uploads, parts of objects that were overwritten, unfinished writes; and once the cluster is gone, reports of \
            restores and the data of volumes that no backup has. Damaged backups stay. The instance must be down, because what \
            is being written looks the same; with --dry-run it may run.
            """)

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl backups gc --velero dev --dry-run", "what would go, why, and its size"),
        .init("kecsctl backups gc --velero dev --yes", "remove it"))

    @OptionGroup var instances: InstanceArguments
    @Flag(name: .customLong("velero"), help: "In the object stores of Velero. There is no other garbage yet.")
    var isVelero = false

    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func validate() throws {
        guard isVelero else { throw ValidationError("say --velero: only object stores have such garbage") }
    }

    func run(_ session: Session) async throws -> Int32 {
        let listing = Session.Listing<OrphanItem>(
            kind: "VeleroOrphanList", table: { Self.table($0).text(width: $1) }, name: \.orphan.path,
            nothing: "everything in the object store belongs to a backup")
        let names = try session.resolve(instances.selection, unnamed: .variable)
        return await session.list(listing, over: names) { text in
            let name = try InstanceName(checking: text)
            return try await session.locked(name, change) { instance in
                let collect = CollectOrphans(site: session.site)
                let found = try await collect.run(instance, dryRun: true)
                guard !change.dryRun, !found.isEmpty else { return found }
                try await collect.checkIsAtRest(instance)
                let size = ByteCount(found.total(\.orphan.bytes))
                try session.confirm(
                    "Permanently remove \(size) in \(found.count == 1 ? "one place" : "\(found.count) places") of “\(name)”?",
                    about: ["\(name)"], change: change)
                let items = try await collect.run(instance, dryRun: false)
                session.record(items, status: 0)
                return items
            }
        }
    }

    private static func table(_ items: [OrphanItem]) -> Table {
        Table(
            header: ["INSTANCE", "WHAT", "SIZE", "PATH", "WHY"],
            rows: items.map { item in
                [
                    item.instance, item.orphan.kind.rawValue + (item.isRemoved ? ", removed" : ""),
                    "\(ByteCount(item.orphan.bytes))", item.orphan.path, item.orphan.why,
                ]
            }, rightAligned: [2])
    }
}
