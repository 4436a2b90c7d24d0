// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsBackups
import KecsSystem

struct BackupsListCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List backups, the newest first, including those of removed instances.")

    static let help = CommandHelp(
        ExitStatus.instances.union([14]), .init("kecsctl backups list", "of all instances"),
        .init("kecsctl backups list dev --label before=upgrade --last 1", "the newest one with this label"),
        .init("kecsctl backups list dev --since 7d -o name", "only the ids of a week"),
        .init("kecsctl backups list --remote offsite", "those on a remote, of all instances"),
        .init("kecsctl backups list --velero", "those that Velero made, read with no cluster running"))

    @OptionGroup var instances: InstanceArguments
    @OptionGroup var filter: BackupFilterOptions

    @Flag(
        name: .customLong("velero"),
        help: "List the backups of Velero in the instances' object stores (implied by --folder).")
    var isVelero = false

    @Option(help: ArgumentHelp("List the backups on this remote.", valueName: "name"))
    var remote: String?

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
        if let remote { return try await list(remote, session) }
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

    private func list(_ remote: String, _ session: Session) async throws -> Int32 {
        guard filter.filter(at: session.machine.clock.now()).meansAll else {
            throw Failure(
                .usage, "backups on a remote are listed all of them, without --since, --label and --last")
        }
        let found = try Remotes(site: session.site).find(remote)
        let now = session.machine.clock.now()
        let listing = Session.Listing<RemoteBackup>(
            kind: "RemoteBackupList",
            table: { items, width in
                Table(
                    header: ["INSTANCE", "ID", "AGE", "SIZE", "STATE", "VERIFIED", "NOTES"],
                    rows: items.map {
                        [
                            $0.instance, $0.id.description, DurationText.age(of: $0.id.createdAt, at: now),
                            "\(ByteCount($0.bytes))", $0.state.rawValue,
                            $0.verifiedAt.map { DurationText.age(of: $0, at: now) },
                            $0.problem ?? ($0.isOurs ? nil : "not copied by this home"),
                        ]
                    }, rightAligned: [3]
                ).text(width: width)
            }, name: \.id.description, nothing: "there is no backup on “\(remote)” yet")
        // An instance need not be here any more.
        let selection = instances.selection
        let names: [String?] = selection.names.isEmpty ? [nil] : selection.names
        return await session.list(listing, over: names.map(NamedInstance.init)) { named in
            try await ListRemoteBackups(site: session.site).run(
                found, of: try named.name.map { try InstanceName(checking: $0) })
        }
    }

    private struct NamedInstance: CustomStringConvertible {
        var name: String?
        var description: String { name ?? "" }
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
                            item.copies.isEmpty ? nil : "on " + item.copies.joined(separator: ", "),
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
    /// Returns the instances that have backups or could have some, for a list of backups.
    func backupNames(_ selection: InstanceSelection) throws -> [String] {
        try resolve(selection, unnamed: .everything, existing: try namesWithBackups().map(\.description))
    }

    func backups(of name: InstanceName, _ filter: BackupFilter) throws -> [BackupSummary] {
        let copies = try PastCopies(site.home.backupStore(of: name))
        return try stored(name, filter).map { backup in
            var summary = BackupSummary(backup, instance: name.description)
            summary.copies = copies.remotes(of: backup.id)
            return summary
        }
    }

    func stored(_ name: InstanceName, _ filter: BackupFilter) throws -> [StoredBackup] {
        guard try namesWithBackups().contains(name) else {
            throw Failure(.notFound, "there is no instance “\(name)”", remedy: "kecsctl list")
        }
        return filter.chosen(from: try site.home.backupStore(of: name).all())
    }
}
