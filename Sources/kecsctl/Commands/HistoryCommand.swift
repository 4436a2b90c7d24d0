// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem
import Logging
import SystemPackage

struct HistoryCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show past commands: what, when, how long and with which result, the newest last.",
        discussion: """
            Every command that changes an instance adds a line to history.jsonl in the home. The last 16 MiB of it are read; \
            lines that are broken are counted.
            """)

    static let help = CommandHelp(
        ExitStatus.common.union([10]), .init("kecsctl history dev --last 20", "the last 20 of “dev”"),
        .init("kecsctl history --since 24h -o json", "of all instances, a day back, for a script"))

    @OptionGroup var instances: InstanceArguments

    @Option(help: ArgumentHelp("Only commands that ended after this.", valueName: "7d|time"))
    var since: WhenArgument?

    @Option(help: ArgumentHelp("Only the N newest.", valueName: "count"))
    var last: Int?

    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func validate() throws {
        if let last, last < 1 { throw ValidationError("--last wants a number from 1") }
    }

    func run(_ session: Session) async throws -> Int32 {
        let contents = try History(session.site.home).read()
        let names = try self.names(session, contents)
        let items = HistoryQuery(
            instances: names, since: since?.moment(at: session.machine.clock.now()), last: last
        ).items(in: contents)
        if contents.brokenLines > 0 {
            session.console.note(
                .warning,
                "\(contents.brokenLines) broken line\(contents.brokenLines == 1 ? " is" : "s are") left out",
                details: ["file": session.site.home.history.string])
        }
        if contents.isCut {
            session.console.note(
                .warning, "only the newest part of the history was read",
                details: ["file": session.site.home.history.string])
        }
        session.answer(
            Answer(
                document: HistoryDocument(
                    items: items, brokenLines: contents.brokenLines, isCut: contents.isCut),
                table: { items.isEmpty ? "" : Self.table(items).text(width: $0) },
                names: items.map { "\($0.at) \($0.command)" + ($0.instance.map { " \($0)" } ?? "") }))
        if items.isEmpty, session.options.format == .table, !session.options.quiet {
            session.console.line("nothing is recorded\n")
        }
        return 0
    }

    /// Returns the names. An instance that is gone has a history too. A name that is neither an instance nor in the
    /// history is a typo.
    private func names(_ session: Session, _ contents: History.Contents) throws -> Set<String> {
        var selection = instances.selection
        if selection.isAll, selection.names.isEmpty { return [] }
        if selection.names.isEmpty {
            guard let name = session.machine.environment["KECS_INSTANCE"], !name.isEmpty else { return [] }
            selection.names = [name]
        }
        let recorded = Set(HistoryQuery().items(in: contents).compactMap(\.instance))
        for text in selection.names where !recorded.contains(text) {
            let name = try InstanceName(checking: text)
            guard try session.namesWithBackups().contains(name) else { throw session.site.notFound(name) }
        }
        return Set(selection.names)
    }

    private static func table(_ items: [HistoryItem]) -> Table {
        Table(
            header: ["WHEN", "COMMAND", "INSTANCE", "RESULT", "TOOK", "WHAT"],
            rows: items.map { item in
                [
                    "\(item.at)", item.command, item.instance, result(item),
                    item.durationSeconds.map { DurationText.short(.seconds($0)) },
                    item.message ?? item.backup,
                ]
            }, rightAligned: [4])
    }

    private static func result(_ item: HistoryItem) -> String {
        let outcome = item.outcome ?? (item.status == 0 ? "done" : "failed")
        return item.status == 0 ? outcome : "\(outcome) (\(item.status))"
    }
}

struct HistoryDocument: Encodable {
    let apiVersion = kecsctl.apiVersion
    let kind = "HistoryList"
    var items: [HistoryItem]
    var brokenLines: Int
    var isCut: Bool

    private enum CodingKeys: CodingKey { case apiVersion, kind, items, brokenLines, isCut }
}
