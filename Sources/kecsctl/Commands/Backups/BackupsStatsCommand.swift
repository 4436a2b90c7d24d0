// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct BackupsStatsCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Show the number, age and size of each instance's backups.")

    static let help = CommandHelp(
        ExitStatus.instances, .init("kecsctl backups stats", "of all instances"),
        .init("kecsctl backups stats dev --since 30d -o json", "of the last 30 days, for a script"))

    @OptionGroup var instances: InstanceArguments
    @OptionGroup var filter: BackupFilterOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let now = session.machine.clock.now()
        let listing = Session.Listing<BackupStats>(
            kind: "BackupStatsList", table: { Self.table($0, now).text(width: $1) }, name: \.instance,
            nothing: "there is no backup yet; “kecsctl backup” takes one")
        let filter = filter.filter(at: now)
        let names = try session.backupNames(instances.selection)
        return await session.list(listing, over: names) { text in
            let name = try InstanceName(checking: text)
            return [try BackupStats(name, try session.backups(of: name, filter))]
        }
    }

    private static func table(_ items: [BackupStats], _ now: Moment) -> Table {
        Table(
            header: [
                "INSTANCE", "BACKUPS", "GOOD", "NOT GOOD", "PINNED", "OLDEST", "NEWEST", "NEWEST GOOD",
                "SIZE", "ON DISK", "CONTENT",
            ],
            rows: items.map { item in
                func age(_ moment: Moment?) -> String? { moment.map { DurationText.age(of: $0, at: now) } }
                return [
                    item.instance, "\(item.totals.backups)", "\(item.good)", "\(item.notGood)",
                    "\(item.pinned)",
                    age(item.oldest), age(item.newest), age(item.newestGood),
                    "\(ByteCount(item.totals.bytes))", "\(ByteCount(item.totals.storedBytes))",
                    item.sourceBytes.map { "\(ByteCount($0))" },
                ]
            }, rightAligned: [1, 2, 3, 4, 8, 9, 10])
    }
}
