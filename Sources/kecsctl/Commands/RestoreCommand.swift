// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsArchive
import KecsSystem
import SystemPackage

struct RestoreCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Restore a backup or a file from elsewhere; “undo” rolls it back.",
        discussion: """
            A file may be a bundle of a backup, an archive of one part (tar, also compressed with gzip, bzip2, xz, zstd or \
            lz4, zip, 7z or cpio), an SQLite database or an SQL dump; - is standard input. It is recognised by its \
            content and goes where the server reads it: a database in the place of the server's own, an archive \
            to the part that it looks like, else --part. If anything else uses the data, the restore names it and stops; \
            --force continues anyway. The instance is stopped, its folders are exchanged in one step, and it is started \
            again; the previous trees are kept. With velero:NAME, Velero restores into the running cluster: existing \
            objects are left alone, and no database is touched.
            """)

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl restore dev --from latest", "the newest backup that can be restored"),
        .init(
            "cat data.tar.zst.* | kecsctl restore dev --from -",
            "an archive of another program, split in pieces"),
        .init("kecsctl restore dev --at 2026-11-20T18:00 --dry-run", "what would change, going back to then"),
        .init("kecsctl restore dev --from offsite/latest", "from a remote; the instance need not be here"),
        .init(
            "kecsctl restore dev --from velero:latest --dry-run",
            "what the cluster lacks of Velero's newest backup"),
        .init("kecsctl restore dev --from latest --into /tmp/look", "unpack it beside; “dev” is not touched"))

    @OptionGroup var instance: OneInstanceArgument

    @Option(
        help: ArgumentHelp(
            "latest, a backup's id or a prefix of it, REMOTE/ID, velero:NAME, a file, or - for standard input.",
            valueName: "latest|id|file"),
        completion: .custom(BackupCompletion.ids))
    var from: String?

    @Option(
        name: .customLong("at"),
        help: ArgumentHelp(
            "The newest backup at or before this time (UTC, or with an offset).", valueName: "time"))
    var moment: Moment?

    @Option(
        name: .customLong("part"),
        help: ArgumentHelp("Only this part. May be given again, or as data,minio.", valueName: "name"),
        completion: .custom(BackupCompletion.parts))
    var parts: [NamesArgument] = []

    @Option(
        help: ArgumentHelp(
            "The database that a database file replaces (default: the one that the server uses).",
            valueName: "PART/PATH"))
    var database: String?

    @Option(
        name: .customLong("path"),
        help: ArgumentHelp(
            "Only paths that match, in a part or as “backups ls” prints them; * also matches slashes. May be given again.",
            valueName: "glob")
    )
    var paths: [GlobArgument] = []

    @Option(
        help: ArgumentHelp("Unpack into this empty folder instead.", valueName: "dir"),
        completion: .directory)
    var into: PathArgument?

    @Option(help: ArgumentHelp("The owner of all files.", valueName: "uid[:gid]"))
    var owner: OwnerArgument?

    @Option(
        name: .customLong("map-owner"),
        help: ArgumentHelp("Map the user and group id a to b. May be given again.", valueName: "a:b"))
    var mappings: [OwnerArgument] = []

    @Option(help: "How a removed instance is to run (default: as it did).")
    var runtime: RuntimeKind?

    @Flag(name: .customLong("no-start"), help: "Do not start the instance afterwards.")
    var noStart = false

    @OptionGroup(title: "Backups of Velero") var cluster: ClusterRestoreOptions
    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Keys of encrypted backups") var keys: KeyOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func validate() throws {
        if from != nil, moment != nil { throw ValidationError("--from and --at exclude each other") }
        if owner != nil, !mappings.isEmpty {
            throw ValidationError("--owner and --map-owner exclude each other")
        }
        if from.flatMap(VeleroName.init) == nil, try !cluster.filter().isEmpty {
            throw ValidationError(
                "--namespace, --resource, --selector and --map-namespace are for backups of Velero: --from velero:NAME"
            )
        }
        if from.flatMap(VeleroName.init) != nil, into != nil || !parts.isEmpty || !paths.isEmpty || noStart {
            throw ValidationError(
                "a backup of Velero has no parts and no folders: it is restored into the cluster that runs")
        }
    }

    var makesHome: Bool { true }

    func run(_ session: Session) async throws -> Int32 {
        let session = try session.with(keys)
        if from == nil, moment == nil {
            throw Failure(
                .usage, "neither --from nor --at says what to restore",
                cause: "“latest” is the newest good backup",
                remedy: "kecsctl \(ShellWords.quote(session.words)) --from latest")
        }
        if let name = from.flatMap(VeleroName.init) { return await restoreCluster(session, name) }
        let source: RestoreFrom =
            if let moment { .at(moment) } else {
                try RestoreFrom(from ?? "latest", environment: session.machine.environment)
            }
        var request = RestoreRequest(
            from: source, parts: parts.isEmpty ? nil : parts.flatMap(\.names),
            paths: paths.map { Glob($0.pattern) },
            owners: owners, start: !noStart, force: force.force,
            dryRun: change.dryRun)
        request.acceptsStrangers = change.yes
        request.database = database
        let folder = try into?.path(session)
        let asked = request
        let remote = try from.flatMap { try RemoteSource($0, site: session.site) }
        return await session.operate(
            on: instance.selection, unnamed: .variable, changes: !change.dryRun, Self.telling.hooked
        ) { name in
            guard let remote else { return try await restore(session, name, source, asked, into: folder) }
            let fetched = try await FetchedBackup(
                remote, for: name, site: session.site, command: "kecsctl \(session.command)",
                dryRun: change.dryRun)
            var request = asked
            request.from = .file(fetched.folder)
            do {
                let done = try await restore(session, name, request.from, request, into: folder)
                try await fetched.close()
                return done
            } catch {
                // What failed is told; the next command removes what was fetched.
                try? await fetched.close()
                throw error
            }
        }
    }

    private func restore(
        _ session: Session, _ name: InstanceName, _ source: RestoreFrom, _ asked: RestoreRequest,
        into folder: FilePath?
    ) async throws -> Hooked<RestoreReport> {
        if let folder {
            // The instance is not touched, and so it has no hooks.
            return Hooked(report: try await ExtractBackup(site: session.site).run(name, asked, into: folder))
        }
        // Of one that is gone the hooks come before it is made again, of any other under its lock.
        if try session.site.home.folder(of: name).path.isFolder {
            return try await restore(session, name, source, asked) { body in
                try await session.hooked(.restore, of: name, change, body)
            }
        }
        return try await session.hooked(.restore, of: name, change) {
            try await restore(session, name, source, asked) { Hooked(report: try await $0()) }.report
        }
    }

    private func restore(
        _ session: Session, _ name: InstanceName, _ source: RestoreFrom, _ asked: RestoreRequest,
        between hooks: (() async throws -> RestoreReport) async throws -> Hooked<RestoreReport>
    ) async throws -> Hooked<RestoreReport> {
        let rebuild = RebuildInstance(site: session.site)
        var wanted = asked
        if !change.dryRun {
            let isNew = try await rebuild.run(name, source, runtime: runtime, lock: session.lock(change))
            // A new instance has nothing that another instance's backup could be confused with.
            if isNew { wanted.acceptsStrangers = true }
        } else if let planned = try await rebuild.planned(name, source, runtime: runtime) {
            return Hooked(report: try await RestoreBackup(site: session.site).run(planned, asked))
        }
        let request = wanted
        var hooked = try await session.locked(name, change, duty: noStart ? .leave : .after) { instance in
            try await hooks {
                try await RestoreBackup(site: session.site).run(instance, request) { question in
                    try session.confirm(
                        question, about: [instance.name.description, "--from", from ?? "latest"],
                        change: change)
                }
            }
        }
        if !change.dryRun { try await session.site.refresh(&hooked.report, of: name) }
        return hooked
    }

    private func restoreCluster(_ session: Session, _ backup: VeleroName) async -> Int32 {
        let telling = Session.Telling<ClusterRestoreReport>(
            text: Self.text, warnings: { $0.notes + ($0.restore?.errors ?? []) })
        return await session.operate(
            on: instance.selection, unnamed: .variable, changes: !change.dryRun, telling.hooked
        ) { name in
            if let other = backup.instance, other != name.description {
                throw Failure(
                    .usage, "a backup of the cluster of “\(other)” cannot be restored into “\(name)”",
                    cause: "each instance has a store of its own",
                    remedy: "kecsctl backups list --velero \(name)")
            }
            let filter = try cluster.filter()
            return try await session.locked(name, change, duty: .after) { instance in
                try await session.hooked(.restore, of: name, change) {
                    try await RestoreIntoCluster(site: session.site).run(
                        instance, backup: backup.backup, filter, limit: global.healthLimit,
                        dryRun: change.dryRun)
                }
            }
        }
    }

    private static func text(_ name: InstanceName, _ report: ClusterRestoreReport) -> String {
        if let plan = report.plan {
            let lines =
                plan.missing.map { "  + \($0)" } + plan.different.map { "  ~ \($0), which is left as it is" }
            let head =
                "\(name): would make \(plan.missing.count) objects; \(plan.different.count) are there and different, \(plan.same) are the same"
            return ([head] + lines).joined(separator: "\n")
        }
        guard let restore = report.restore else { return "\(name): nothing was restored" }
        return
            "\(name): restored its cluster from \(restore.backup) in \(DurationText.short(.seconds(restore.durationSeconds))) (\(restore.items) objects, \(restore.errorCount) errors)"
    }

    private var owners: OwnerMapping {
        if let owner { return .all(owner: owner.user, group: owner.group) }
        guard !mappings.isEmpty else { return .asRecorded }
        let pairs = Dictionary(mappings.map { ($0.user, $0.group) }) { $1 }
        return .map(users: pairs, groups: pairs)
    }

    static var telling: Session.Telling<RestoreReport> {
        .init(text: text, warnings: \.notes, failures: { $0.startError.map { [$0] } ?? [] })
    }

    private static func text(_ name: InstanceName, _ report: RestoreReport) -> String {
        let parts = report.parts.joined(separator: ", ")
        if report.outcome == .planned {
            let line = "\(name): would restore \(parts) from \(report.from.printable)"
            guard let changes = report.changes else { return line }
            return changes.isEmpty
                ? line + "; nothing would change"
                : line + "\n" + DifferenceTable.text(changes.parts, width: nil).trimmed
        }
        var lines = [
            "\(name): restored \(parts) from \(report.from.printable) in "
                + DurationText.short(.seconds(report.durationSeconds))
                + (report.state.isEmpty ? "" : ", \(report.state)")
        ]
        if report.undo != nil { lines.append("  “kecsctl undo \(name)” takes it back") }
        return lines.joined(separator: "\n")
    }
}

extension String {
    /// The text without its final newline.
    fileprivate var trimmed: String { hasSuffix("\n") ? String(dropLast()) : self }
}
