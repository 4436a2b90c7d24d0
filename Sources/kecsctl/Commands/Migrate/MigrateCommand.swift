// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSQLite
import KecsSystem

struct MigrateCommand: HelpedCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Migrate an instance's schema, state or runtime: rehearsed on a copy, after a backup.",
        subcommands: [
            MigrateStatusCommand.self, MigrateSchemaCommand.self, MigrateImportCommand.self,
            MigrateExportCommand.self, MigrateRuntimeCommand.self, MigrateVeleroCommand.self,
        ])

    static let help = CommandHelp(
        ExitStatus.changes, .init("kecsctl migrate status dev", "which version the database of “dev” has"),
        .init("kecsctl migrate schema dev --dry-run", "try the migration on a copy"))
}

/// The migrations of another tool, for an instance's database or any file.
struct ForeignDatabaseOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "With an instance: the database, as “inspect” names it. Without one: any SQLite file.",
            valueName: "part/path|file"), completion: .file())
    var database: String?

    @Option(
        help: ArgumentHelp(
            "The folder of the migrations of sqlx, golang-migrate or dbmate.", valueName: "dir"),
        completion: .directory)
    var migrations: PathArgument?

    @Option(
        help:
            "The tool of the migrations: sqlx, golang-migrate or dbmate (default: by the database's ledger).")
    var tool: MigrationTool?

    func validate() throws {
        if database != nil, migrations == nil {
            throw ValidationError("--database needs --migrations, the folder of its migrations")
        }
    }

    /// Returns a database that belongs to no instance; nil when an instance is meant.
    func foreign(_ session: Session, _ selection: InstanceSelection) throws -> ForeignMigrations? {
        guard selection.names.isEmpty, let database, let migrations else { return nil }
        return ForeignMigrations(
            database: try session.path(database), folder: try migrations.path(session), tool: tool)
    }

    /// Returns the instance's own database with migrations of its project; nil when they are KECS's.
    func foreign(_ session: Session, of instance: Instance) async throws -> (ForeignMigrations, part: String)?
    {
        guard let migrations else { return nil }
        let chosen = try await session.site.sqliteDatabase(of: instance, named: database)
        return (
            ForeignMigrations(database: chosen.file, folder: try migrations.path(session), tool: tool),
            chosen.database.part
        )
    }
}

extension MigrationTool: ExpressibleByArgument {}

struct MigrateStatusCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the version of a database, pending migrations and changed ones.")

    static let help = CommandHelp(
        ExitStatus.changes, .init("kecsctl migrate status dev", "the control plane's database of “dev”"),
        .init("kecsctl migrate status --database db.sqlite --migrations migrations", "any SQLite database"))

    @OptionGroup var instance: OneInstanceArgument
    @OptionGroup var other: ForeignDatabaseOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let foreign = try other.foreign(session, instance.selection)
        return await session.list(Self.listing) {
            if let foreign { return [try MigrateDatabase(site: session.site).status(foreign)] }
            let name = try session.one(instance.selection, unnamed: .theOnlyOne)
            let instance = try session.site.instance(name)
            if let (foreign, _) = try await other.foreign(session, of: instance) {
                return [try MigrateDatabase(site: session.site).status(foreign)]
            }
            return [try await MigrateSchema(site: session.site).status(instance)]
        }
    }

    private static var listing: Session.Listing<MigrationStatus> {
        .init(kind: MigrationStatus.kind, table: table, name: { "\($0.version)" })
    }

    private static func table(_ items: [MigrationStatus], _ width: Int?) -> String {
        items.map { status in
            var text = "\(status.database): version \(status.version) of \(status.newest)"
            text += status.isRecognised ? ", told by its columns\n" : "\n"
            text += Table(
                header: ["VERSION", "NAME", "STATE", "APPLIED"],
                rows: status.migrations.map {
                    ["\($0.version)", $0.name, $0.state.rawValue, $0.appliedAt]
                }
            ).text(width: width)
            return text + status.drift.map { "drift: \($0)\n" }.joined()
        }.joined()
    }
}

struct MigrateSchemaCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Migrate a database to another version: backup, rehearsal on a copy, one transaction.",
        discussion: """
            The migration is rehearsed on a copy of the real data: forward, back, and forward again. The rehearsal \
            reports what would be lost. Only then does the migration run on the real database, in one transaction: a \
            failure rolls it back.
            """)

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl migrate schema dev", "to the newest version"),
        .init("kecsctl migrate schema dev --to 20250926", "back to the version of that day"),
        .init(
            "kecsctl migrate schema app --migrations migrations", "the project's own, of the instance “app”"),
        .init(
            "kecsctl migrate schema --database db.sqlite --migrations migrations", "any SQLite database"))

    @OptionGroup var instance: OneInstanceArgument
    @OptionGroup var other: ForeignDatabaseOptions

    @Option(help: ArgumentHelp("The version; 0 means before the first migration.", valueName: "version"))
    var to: Int64?

    @Flag(help: "Only rehearse; the same as --dry-run.")
    var rehearse = false

    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let isDry = change.dryRun || rehearse
        let request = MigrateRequest(
            target: to, limit: global.timeout?.duration, force: force.force, dryRun: isDry)
        if let foreign = try other.foreign(session, instance.selection) {
            return await session.list(Self.listing) {
                [try await MigrateDatabase(site: session.site).run(foreign, request)]
            }
        }
        return await session.operate(
            on: instance.selection, unnamed: .variable, changes: !isDry,
            .init(text: { name, report in Self.text("\(name)", report) }, warnings: Self.warnings)
        ) { name in
            try await session.locked(name, change) { instance in
                if let (foreign, part) = try await other.foreign(session, of: instance) {
                    return try await MigrateDatabase(site: session.site).run(
                        foreign, request, of: instance, part: part)
                }
                return try await MigrateSchema(site: session.site).run(instance, request)
            }
        }
    }

    private static var listing: Session.Listing<MigrateReport> {
        .init(
            kind: MigrateReport.kind,
            table: { items, _ in items.map { text($0.database, $0) + "\n" }.joined() }, name: \.database)
    }

    private static func warnings(_ report: MigrateReport) -> [String] {
        report.notes
            + report.rejects.sorted { $0.key < $1.key }.map {
                "\($0.value) rows of \($0.key) did not fit and are kept in kecsctl_import_rejects"
            }
    }

    private static func text(_ name: String, _ report: MigrateReport) -> String {
        switch report.outcome {
        case .already: return "\(name): is at \(report.from) already"
        case .planned:
            let steps = report.applied.map {
                "  \($0.direction.rawValue) \($0.version) \($0.name), \(DurationText.short(.seconds($0.seconds)))"
            }
            let findings = (report.rehearsal?.findings ?? []) + report.lint.map(\.description)
            return
                (["\(name): rehearsed from \(report.from) to \(report.to); nothing was changed"] + steps
                + findings.map { "  found: \($0)" }).joined(separator: "\n")
        default:
            return "\(name): migrated from \(report.from) to \(report.to), \(report.applied.count) steps in "
                + DurationText.short(.seconds(report.durationSeconds))
                + (report.backup.map { "\n  Backup available at: \($0)" } ?? "")
        }
    }
}
