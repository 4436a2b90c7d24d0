// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsStorage
import KecsSystem

struct BackupsListCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List backups, the newest first; also those of instances that are gone.",
        aliases: ["ls"])

    static let help = CommandHelp(
        ExitStatus.instances, .init("kecsctl backups list", "of all instances"),
        .init("kecsctl backups list dev -o name", "only the ids"))

    @OptionGroup var instances: InstanceArguments
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let names = try session.namesWithBackups()
        let chosen = try session.resolve(
            instances.selection, unnamed: .everything, existing: names.map(\.description))
        return await session.list(
            Self.listing(nothing: "there is no backup yet; “kecsctl backup” takes one"), over: chosen
        ) { text in
            let name = try InstanceName(checking: text)
            guard names.contains(name) else {
                throw Failure(.notFound, "there is no instance “\(name)”", remedy: "kecsctl list")
            }
            return try session.site.home.backupStore(of: name).all().map { BackupSummary($0, instance: text) }
        }
    }

    static func listing(nothing: String = "") -> Session.Listing<BackupSummary> {
        .init(
            kind: "BackupList", table: { table($0).text(width: $1) }, name: \.id.description, nothing: nothing
        )
    }

    private static func table(_ items: [BackupSummary]) -> Table {
        Table(
            header: ["INSTANCE", "ID", "SIZE", "PARTS", "STATE", "NOTES"],
            rows: items.map { item in
                [
                    item.instance, item.id.description, "\(ByteCount(item.bytes))",
                    item.parts.map(\.name).joined(separator: ","),
                    item.state == "complete" && item.verified ? "verified" : item.state,
                    ([item.pinned ? "pinned" : nil, item.degraded ? "degraded" : nil, item.problem]
                        .compactMap(\.self)
                        + item.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })
                        .joined(separator: "; "),
                ]
            }, rightAligned: [2])
    }
}
