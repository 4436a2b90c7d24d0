// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem
import Logging

struct DbTrimCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "trim",
        abstract: "Remove old rows of a table, after a backup.",
        discussion: """
            The column must hold nothing but times: ISO 8601, or seconds, milliseconds or microseconds since 1970. Rows \
            without a time stay. All go in one transaction, with what their foreign keys take along. The file does not \
            become smaller: “kecsctl db maintain” does that.
            """)

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl db trim dev tasks --older 30d --column created_at --dry-run", "how many would go"),
        .init("kecsctl db trim dev executions --older 90d --column finished_at", "remove them"))

    @Argument(help: "The instance and the table. The instance may be omitted when KECS_INSTANCE names it.")
    var words: [String]

    @Option(help: ArgumentHelp("Remove rows older than this.", valueName: "30d"))
    var older: TimeSpan

    @Option(help: ArgumentHelp("The column with the time of a row.", valueName: "name"))
    var column: String

    @Option(
        help: ArgumentHelp(
            "The database, as “inspect” names it.", valueName: "part/path"))
    var database: String?

    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func validate() throws {
        if words.isEmpty || words.count > 2 {
            throw ValidationError("an instance and one table are expected")
        }
        if older.milliseconds == 0 { throw ValidationError("--older wants a length of time above zero") }
    }

    func run(_ session: Session) async throws -> Int32 {
        let selection = InstanceSelection(names: words.count == 2 ? [words[0]] : [])
        return await session.operate(
            on: selection, unnamed: .variable, changes: !change.dryRun,
            .init(text: Self.text, warnings: \.notes)
        ) { name in
            try await session.locked(name, change) { instance in
                try await TrimTable(site: session.site).run(
                    instance, .of(instance, named: database, site: session.site),
                    table: words[words.count - 1],
                    column: column, older: older.duration, force: force.force, dryRun: change.dryRun)
            }
        }
    }

    private static func text(_ name: InstanceName, _ report: TrimReport) -> String {
        let what = "\(report.removed) of \(report.rows) rows of \(report.table)"
        let when = "older than \(report.before) by \(report.column)"
        let stay = report.withoutTime > 0 ? "; \(report.withoutTime) without a time stay" : ""
        switch report.outcome {
        case .planned: return "\(name): would remove \(what), \(when)\(stay)"
        case .already: return "\(name): nothing of \(report.table) is \(when)\(stay)"
        default:
            let others = report.alsoRemoved.sorted { $0.key < $1.key }.map { ", \($0.value) of \($0.key)" }
            let backup = report.backup.map { "; \($0.id) was taken before" } ?? ""
            return "\(name): removed \(what)\(others.joined()), \(when)\(stay)\(backup)"
        }
    }
}
