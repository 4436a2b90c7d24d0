// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsArchive
import KecsSystem

struct MigrateImportCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Import a state from elsewhere into an instance; “undo” rolls it back.",
        discussion: """
            The source may be volume:NAME, a data folder, an archive, an SQLite or DuckDB database or an SQL dump; it is \
            recognised by its content and only read. Rows that do not fit are kept as rejects and told.
            """)

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl migrate import kecs-backup-20251119.tar.gz dev", "an archive of the data folder"),
        .init("kecsctl migrate import volume:kecs-data dev --owner 65532:65532", "a docker volume"),
        .init("kecsctl migrate import old/kecs.db dev", "a database of DuckDB"))

    @Argument(help: "volume:NAME or a path.")
    var source: String

    @Argument(
        help: ArgumentHelp("The instance (created if missing).", valueName: "instance"),
        completion: .custom(InstanceCompletion.names))
    var name: String

    @Option(
        name: .customLong("part"),
        help: ArgumentHelp(
            "The part that the folder or archive belongs to (default: by content).", valueName: "name"))
    var part: String?

    @Option(
        help: ArgumentHelp(
            "The database that a single file replaces (default: the one that the server uses).",
            valueName: "PART/PATH"))
    var database: String?

    @Option(help: ArgumentHelp("The owner of all files.", valueName: "uid[:gid]"))
    var owner: OwnerArgument?

    @Option(
        name: .customLong("map-owner"),
        help: ArgumentHelp("Map the user and group id a to b. May be given again.", valueName: "a:b"))
    var mappings: [OwnerArgument] = []

    @Flag(name: .customLong("no-start"), help: "Do not start the instance afterwards.")
    var noStart = false

    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let place = try StatePlace(source, environment: session.machine.environment)
        let request = ImportRequest(
            source: place, owners: owners, start: !noStart, force: force.force, dryRun: change.dryRun,
            parts: part.map { [$0] }, database: database)
        return await session.operate(
            on: InstanceSelection(names: [name]), unnamed: .variable, existing: [name],
            changes: !change.dryRun,
            .init(text: { Self.text("\($0)", $1) }, warnings: \.notes)
        ) { name in
            let state = ImportState(site: session.site)
            if !change.dryRun {
                try await state.makeInstance(name, for: place, lock: session.lock(change))
            } else if let planned = try await state.plannedInstance(name, for: place) {
                return try await state.run(planned, request)
            }
            return try await session.locked(name, change) { instance in
                try await state.run(instance, request)
            }
        }
    }

    private var owners: OwnerMapping {
        if let owner { return .all(owner: owner.user, group: owner.group) }
        guard !mappings.isEmpty else { return .asRecorded }
        let pairs = Dictionary(mappings.map { ($0.user, $0.group) }) { $1 }
        return .map(users: pairs, groups: pairs)
    }

    private static func text(_ name: String, _ report: ImportReport) -> String {
        let verb = report.outcome == .planned ? "would import" : "imported"
        var lines = ["\(name): \(verb) \(report.from.printable) (\(report.form))"]
        for table in report.tables where table.rowsIn > 0 {
            let rejects = table.rejects.sorted { $0.key < $1.key }.map { ", \($0.value) rejected: \($0.key)" }
            lines.append("  \(table.table): \(table.rowsOut) of \(table.rowsIn) rows" + rejects.joined())
        }
        if report.undo != nil { lines.append("  “kecsctl undo \(name)” takes it back") }
        return lines.joined(separator: "\n")
    }
}

struct MigrateExportCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Export the state of an instance in a form that needs no kecsctl.",
        discussion: """
            By the target's name: .tar.gz, .tgz or .tar the data folder, .sqlite or .db the database, .sql its dump, \
            volume:NAME a docker volume, anything else a folder. Nothing that exists is replaced.
            """)

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl migrate export dev kecs-export.tar.gz", "the data folder as one archive"),
        .init("kecsctl migrate export dev dev.sql", "the database as SQL"))

    @Argument(
        help: ArgumentHelp("The instance.", valueName: "instance"),
        completion: .custom(InstanceCompletion.names))
    var name: String

    @Argument(help: "volume:NAME or a path.")
    var target: String

    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let place = try StatePlace(target, environment: session.machine.environment)
        return await session.operate(
            on: InstanceSelection(names: [name]), unnamed: .variable, changes: !change.dryRun,
            .init(text: { name, report in
                report.outcome == .planned
                    ? "\(name): would export to \(report.to.printable) (\(report.form))"
                    : "\(name): exported to \(report.to.printable), \(ByteCount(report.bytes))"
            })
        ) { name in
            try await session.locked(name, change) { instance in
                try await ExportState(site: session.site).run(instance, to: place, dryRun: change.dryRun)
            }
        }
    }
}
