// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct ListCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List all instances. A broken one is shown with its problem.", aliases: ["ls", "ps"])

    static let help = CommandHelp(
        ExitStatus.common, .init("kecsctl list", "all instances as a table"),
        .init("kecsctl list -o json", "the same for a script"))

    @Flag(
        name: [.customShort("A"), .customLong("all")],
        help: "List all instances, regardless of KECS_INSTANCE.")
    var isAll = false

    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let now = session.machine.clock.now()
        let listing = Session.Listing<InstanceSummary>(
            kind: "InstanceList", table: { Self.table($0, now).text(width: $1) }, name: \.name,
            nothing: "there is no instance yet; “kecsctl start dev --runtime local” makes one")
        return await session.list(listing) {
            try await ListInstances(site: session.site).run(
                try session.resolve(InstanceSelection(isAll: isAll), unnamed: .everything)
                    .map { try InstanceName(checking: $0) })
        }
    }

    private static func table(_ items: [InstanceSummary], _ now: Moment) -> Table {
        Table(
            header: ["NAME", "STATE", "RUNTIME", "API", "SIZE", "LAST BACKUP", "PROBLEMS"],
            rows: items.map { item in
                [
                    item.name, item.state, item.runtime, item.apiPort.map(String.init),
                    "\(ByteCount(item.sizeBytes))",
                    item.lastBackup.map { DurationText.age(of: $0.createdAt, at: now) },
                    item.problems.joined(separator: "; "),
                ]
            }, rightAligned: [3, 4])
    }
}
