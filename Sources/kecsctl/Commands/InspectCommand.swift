// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsBackups
import KecsSystem

struct InspectCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show where an instance's state is: parts, databases, user, endpoints.")

    static let help = CommandHelp(
        ExitStatus.instances, .init("kecsctl inspect dev", "what every command works on"),
        .init("kecsctl inspect dev -o json", "the same for a script"))

    @OptionGroup var instance: OneInstanceArgument
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let name = try session.one(instance.selection, unnamed: .theOnlyOne)
        let listing = Session.Listing<InventoryReport>(
            kind: "InventoryList",
            table: { items, width in items.map { Self.text($0, width) }.joined(separator: "\n") },
            name: \.instance)
        return await session.list(listing, over: [name]) { name in
            [try await InspectInstance(site: session.site).run(try session.site.instance(name))]
        }
    }

    private static func text(_ report: InventoryReport, _ width: Int?) -> String {
        var text = Table(
            header: ["PART", "ROLE", "PLACE", "INSIDE", "SIZE", "PRESENCE"],
            rows: report.parts.map { part in
                [
                    part.name, part.role.rawValue, part.path ?? part.place.description, part.pathInside,
                    part.sizeBytes.map { "\(ByteCount($0))" },
                    part.presence + (part.why.map { ": \($0)" } ?? ""),
                ]
            }, rightAligned: [4]
        ).text(width: width)
        if !report.databases.isEmpty {
            text += "\n"
            text += Table(
                header: ["DATABASE", "ENGINE", "SIZE", "PRIMARY"],
                rows: report.databases.map { database in
                    [
                        database.name, database.engine, "\(ByteCount(database.sizeBytes))",
                        database.because.map { "yes, by \($0)" },
                    ]
                }, rightAligned: [2]
            ).text(width: width)
        }
        var facts: [(String, String)] = []
        if let problem = report.primaryProblem { facts.append(("no primary database", problem)) }
        if let user = report.user {
            facts.append(("user", "\(user.user):\(user.group)" + (user.name.map { " (\($0))" } ?? "")))
        }
        for endpoint in report.endpoints { facts.append((endpoint.name, endpoint.url)) }
        facts.append(("engine's host", report.engineHost))
        for holder in report.holders { facts.append(("used by", "\(holder.title), which \(holder.what)")) }
        for sentence in report.unseenHolders { facts.append(("not looked at", sentence)) }
        return text + "\n" + facts.map { "\($0.0): \($0.1.printable)\n" }.joined()
    }
}

struct VolumesCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "volumes",
        abstract: "List the folders and volumes that hold the state of instances.")

    static let help = CommandHelp(
        ExitStatus.instances, .init("kecsctl volumes dev", "those of “dev”"),
        .init("kecsctl volumes", "of every instance"))

    @OptionGroup var instances: InstanceArguments
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    struct Row: Encodable {
        var instance: String
        var part: InventoryReport.PartRow
    }

    func run(_ session: Session) async throws -> Int32 {
        let listing = Session.Listing<Row>(
            kind: "VolumeList",
            table: { rows, width in
                Table(
                    header: ["INSTANCE", "PART", "ROLE", "PLACE", "INSIDE", "SIZE", "PRESENCE"],
                    rows: rows.map { row in
                        [
                            row.instance, row.part.name, row.part.role.rawValue, row.part.place.description,
                            row.part.pathInside, row.part.sizeBytes.map { "\(ByteCount($0))" },
                            row.part.presence,
                        ]
                    }, rightAligned: [5]
                ).text(width: width)
            }, name: { "\($0.instance)/\($0.part.name)" },
            nothing: "there is no instance yet; “kecsctl start dev --runtime local” makes one")
        let names = try session.resolve(instances.selection, unnamed: .everything)
        return await session.list(listing, over: names) { text in
            let instance = try session.site.instance(try InstanceName(checking: text))
            let report = try await InspectInstance(site: session.site).run(instance)
            return report.parts.filter { $0.role != .config }.map { Row(instance: text, part: $0) }
        }
    }
}

struct DuCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "du", abstract: "Show the disk usage of instances: parts, databases, backups.")

    static let help = CommandHelp(
        ExitStatus.instances, .init("kecsctl du dev", "parts, databases, backups and the total"),
        .init("kecsctl du dev --history", "and how it grew from backup to backup"))

    @OptionGroup var instances: InstanceArguments
    @Flag(help: "Also show the size of the parts at each backup.")
    var history = false
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let listing = Session.Listing<DiskUsage>(
            kind: "DiskUsageList",
            table: { items, width in items.map { text($0, width) }.joined(separator: "\n") },
            name: \.instance,
            nothing: "there is no instance yet; “kecsctl start dev --runtime local” makes one")
        let names = try session.resolve(instances.selection, unnamed: .everything)
        return await session.list(listing, over: names) { text in
            let instance = try session.site.instance(try InstanceName(checking: text))
            return [try await MeasureInstance(site: session.site).run(instance)]
        }
    }

    private func text(_ usage: DiskUsage, _ width: Int?) -> String {
        func size(_ bytes: Int64?) -> String? { bytes.map { "\(ByteCount($0))" } }
        var rows: [[String?]] = usage.parts.map { [usage.instance, "part", $0.name, size($0.sizeBytes)] }
        rows += usage.databases.map { [usage.instance, "database", $0.name, size($0.sizeBytes)] }
        rows.append([usage.instance, "backups", nil, size(usage.backupsBytes)])
        if usage.previousBytes > 0 { rows.append([usage.instance, "undo", nil, size(usage.previousBytes)]) }
        rows.append([usage.instance, "total", nil, size(usage.totalBytes)])
        var text = Table(header: ["INSTANCE", "KIND", "NAME", "SIZE"], rows: rows, rightAligned: [3])
            .text(width: width)
        if history {
            text += "\n"
            text += Table(
                header: ["BACKUP", "TAKEN", "DATA", "ARCHIVES"],
                rows: usage.history.map {
                    ["\($0.backup)", "\($0.at)", size($0.sourceBytes), size($0.backupBytes)]
                }, rightAligned: [2, 3]
            ).text(width: width)
        }
        return text
    }
}
