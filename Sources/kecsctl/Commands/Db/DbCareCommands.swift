// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem
import Logging

struct DbCheckCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check the integrity of the database; the exit status is 13 when it is damaged.")

    static let help = CommandHelp(
        ExitStatus.changes, .init("kecsctl db check dev", "every page, index and foreign key"),
        .init("kecsctl db check dev --quick", "without comparing indexes"))

    @Argument(
        help: ArgumentHelp("The instance.", valueName: "instance"),
        completion: .custom(InstanceCompletion.names))
    var name: String?

    @Flag(help: "Do not compare indexes with their tables.")
    var quick = false

    @OptionGroup var option: DatabaseOption
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let target = try await session.target(name, option)
        let report = try CheckDatabase(site: session.site).run(target, quick: quick)
        session.answer(
            Answer(
                document: ReportDocument(kind: "DatabaseCheckReport", report: report),
                table: { _ in Self.text(report) }, names: [report.database]))
        guard let failure = CheckDatabase.failure(report, of: target) else { return 0 }
        return session.end(failure)
    }

    private static func text(_ report: DatabaseCheckReport) -> String {
        let size = "\(report.database.printable): \(ByteCount(report.bytes))"
        if report.isSound { return "\(size), whole\n" }
        return "\(size), damaged\n"
            + report.problems.map { "  \($0.table.map { "\($0): " } ?? "")\($0.what.printable)\n" }.joined()
            + report.orphans.sorted { $0.key < $1.key }.map { "  \($0.value) rows of \($0.key)\n" }.joined()
    }
}

struct DbMaintainCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "maintain",
        abstract: "Run ANALYZE, VACUUM and a checkpoint, if there is enough free space.")

    static let help = CommandHelp(
        ExitStatus.changes, .init("kecsctl db maintain dev", "all of it"),
        .init("kecsctl db maintain dev --no-vacuum", "without the free space that VACUUM needs"))

    @Argument(
        help: ArgumentHelp("The instance.", valueName: "instance"),
        completion: .custom(InstanceCompletion.names))
    var name: String?

    @Flag(name: .customLong("no-vacuum"), help: "Do not run VACUUM.")
    var noVacuum = false

    @OptionGroup var option: DatabaseOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let report = try await session.withTarget(name, option, change) { target in
            try MaintainDatabase(site: session.site).run(
                target, vacuum: !noVacuum, dryRun: change.dryRun)
        }
        if !change.dryRun { session.record(report, status: 0) }
        session.answer(
            Answer(
                document: ReportDocument(kind: "MaintainReport", report: report),
                table: { _ in
                    "\(report.database.printable): "
                        + (report.outcome == .planned ? "would run " : "")
                        + "\(report.steps.joined(separator: ", ")); \(ByteCount(report.bytesBefore)) "
                        + (report.outcome == .planned
                            ? "now\n" : "before, \(ByteCount(report.bytesAfter)) now\n")
                }, names: [report.database]))
        return 0
    }
}

struct DbRescueCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "rescue",
        abstract: "Salvage a damaged database into a new file and report what was lost.",
        discussion: """
            The damaged one stays as it is. With --accept the new one takes its place, and “undo” brings the damaged one \
            back. Rows that were found and belong to no table are in the table lost_and_found of the new one.
            """)

    static let help = CommandHelp(
        ExitStatus.changes.union([14]), .init("kecsctl db rescue dev", "into a new file beside"),
        .init("kecsctl db rescue dev --accept", "and put it in place"))

    @Argument(
        help: ArgumentHelp("The instance.", valueName: "instance"),
        completion: .custom(InstanceCompletion.names))
    var name: String?

    @Flag(help: "Replace the damaged database with the salvaged one.")
    var accept = false

    @OptionGroup var option: DatabaseOption
    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let report = try await session.withTarget(name, option, change) { target in
            try await RescueDatabase(site: session.site).run(
                target, accept: accept, force: force.force, dryRun: change.dryRun)
        }
        if !change.dryRun { session.record(report, status: 0) }
        for note in report.notes { session.console.note(.warning, note) }
        session.answer(
            Answer(
                document: ReportDocument(kind: "RescueReport", report: report),
                table: { width in
                    Self.table(report).text(width: width) + Self.notes(report)
                        + (report.outcome == .planned ? "would write " : "")
                        + "\(report.rescued.printable)\n"
                }, names: [report.rescued]))
        return 0
    }

    private static func table(_ report: RescueReport) -> Table {
        Table(
            header: ["TABLE", "READABLE BEFORE", "RESCUED", "PAGES LOST", "IN BACKUP", "ROWS LOST"],
            rows: report.tables.map { table in
                [
                    table.table,
                    table.rowsBefore.map { "\($0)\(table.isCut ? " (cut)" : "")" } ?? "unreadable",
                    table.rowsAfter.map { "\($0)" }, table.pagesLost.map { "\($0)" },
                    table.rowsInBackup.map { "\($0)" },
                    table.rowsLost.map { $0 == 0 ? "0" : "about \($0)" }
                        ?? ((table.pagesLost ?? 0) > 0 ? "unknown" : nil),
                ]
            }, rightAligned: [1, 2, 3, 4, 5])
    }

    private static func notes(_ report: RescueReport) -> String {
        var lines = report.notMade.map { "not made again: \($0.printable)\n" }
        if report.lostAndFound > 0 {
            lines.append(
                "\(report.lostAndFound) rows belong to no table and are in \(report.lostAndFoundTable ?? "lost_and_found")\n"
            )
        }
        return lines.joined()
    }
}
