// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsStorage
import KecsSystem

struct BackupsListCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List backups, the newest first, including those of removed instances.")

    static let help = CommandHelp(
        ExitStatus.instances, .init("kecsctl backups list", "of all instances"),
        .init("kecsctl backups list dev --label before=upgrade --last 1", "the newest one with this label"),
        .init("kecsctl backups list dev --since 7d -o name", "only the ids of a week"),
        .init("kecsctl backups list --velero", "those that Velero made, read with no cluster running"))

    @OptionGroup var instances: InstanceArguments
    @OptionGroup var filter: BackupFilterOptions

    @Flag(
        name: .customLong("velero"),
        help: "List the backups of Velero in the instances' object stores (implied by --folder).")
    var isVelero = false

    @OptionGroup(title: "Backups of Velero") var velero: VeleroOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    var makesHome: Bool { velero.folder != nil }

    func validate() throws {
        if velero.bucket != nil, !isVelero, velero.folder == nil {
            throw ValidationError("--bucket needs --velero or --folder")
        }
    }

    func run(_ session: Session) async throws -> Int32 {
        if isVelero || velero.folder != nil {
            guard filter.filter(at: session.machine.clock.now()).meansAll else {
                throw Failure(.usage, "backups of Velero have no labels, and are listed all of them")
            }
            return try await session.listVeleroBackups(instances.selection, velero)
        }
        let names = try session.backupNames(instances.selection)
        let now = session.machine.clock.now()
        let filter = filter.filter(at: now)
        var listing = Self.listing(
            nothing: "there is no backup yet; “kecsctl backup” takes one", at: now)
        if !filter.meansAll { listing.nothing = "no backup fits" }
        listing.totals = { try BackupTotals($0) }
        return await session.list(listing, over: names) { text in
            try session.backups(of: try InstanceName(checking: text), filter)
        }
    }

    /// - Parameter now: For the age of each; nil leaves it out.
    static func listing(nothing: String = "", at now: Moment? = nil) -> Session.Listing<BackupSummary> {
        .init(
            kind: "BackupList", table: { table($0, now).text(width: $1) }, name: \.id.description,
            nothing: nothing)
    }

    private static func table(_ items: [BackupSummary], _ now: Moment?) -> Table {
        let age = now == nil ? [] : ["AGE"]
        return Table(
            header: ["INSTANCE", "ID"] + age + ["SIZE", "PARTS", "STATE", "LABELS", "NOTES"],
            rows: items.map { item in
                [item.instance, item.id.description]
                    + (now.map { [DurationText.age(of: item.createdAt, at: $0)] } ?? [])
                    + [
                        "\(ByteCount(item.bytes))",
                        item.parts.map(\.name).joined(separator: ","),
                        item.state == "complete" && item.verified ? "verified" : item.state,
                        item.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                            .joined(separator: ","),
                        [
                            item.pinned ? "pinned" : nil, item.degraded ? "degraded" : nil,
                            drill(item, now), item.problem,
                        ]
                        .compactMap(\.self).joined(separator: "; "),
                    ]
            }, rightAligned: [2 + age.count])
    }

    /// One that failed is told as the backup's problem, with what was wrong.
    private static func drill(_ item: BackupSummary, _ now: Moment?) -> String? {
        guard item.state != "drill-failed" else { return nil }
        return item.drill.map { drill in
            (drill.passed ? "drilled " : "drill failed ")
                + (now.map { DurationText.age(of: drill.at, at: $0) } ?? "\(drill.at)")
        }
    }
}

extension Session {
    /// Instances that have backups or could have some, as a list of backups is asked for.
    func backupNames(_ selection: InstanceSelection) throws -> [String] {
        try resolve(selection, unnamed: .everything, existing: try namesWithBackups().map(\.description))
    }

    func backups(of name: InstanceName, _ filter: BackupFilter) throws -> [BackupSummary] {
        try stored(name, filter).map { BackupSummary($0, instance: name.description) }
    }

    func stored(_ name: InstanceName, _ filter: BackupFilter) throws -> [StoredBackup] {
        guard try namesWithBackups().contains(name) else {
            throw Failure(.notFound, "there is no instance “\(name)”", remedy: "kecsctl list")
        }
        return filter.chosen(from: try site.home.backupStore(of: name).all())
    }
}
