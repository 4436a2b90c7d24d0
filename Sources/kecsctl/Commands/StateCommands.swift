// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsState
import KecsSystem

struct StateCommand: HelpedCommand {
    static let configuration = CommandConfiguration(
        commandName: "state",
        abstract: "Export and import the state database as JSON in the format of the ECS API.",
        subcommands: [StateExportCommand.self, StateImportCommand.self])

    static let help = CommandHelp(
        ExitStatus.changes, .init("kecsctl state export dev > dev.json", "for git, or for another instance"),
        .init("kecsctl state import dev dev.json --dry-run", "what it would change"))
}

struct StateExportCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write the state as JSON to standard output.",
        discussion: """
            Each object is as “aws ecs describe-…” prints it; what KECS has beside that is in its member kecs. The same \
            state is always the same text. Logs of tasks are left out.
            """)

    static let help = CommandHelp(
        ExitStatus.changes, .init("kecsctl state export dev > dev.json", "all clusters"),
        .init("kecsctl state export dev --cluster default", "one, and what its services need"))

    @Argument(
        help: ArgumentHelp("The instance.", valueName: "instance"),
        completion: .custom(InstanceCompletion.names))
    var name: String?

    @Option(help: ArgumentHelp("Only this ECS cluster.", valueName: "name"))
    var cluster: String?

    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    var hasForms: Bool { false }

    func run(_ session: Session) async throws -> Int32 {
        let name = try session.one(InstanceSelection(names: [name].compactMap(\.self)), unnamed: .theOnlyOne)
        let document = try await DescribeState(site: session.site).run(
            try session.site.instance(name), cluster: cluster)
        session.console.answer(document.text(pretty: true))
        return 0
    }
}

struct StateImportCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Import JSON in the format of the ECS API into the state database.",
        discussion: """
            Objects that are not there are added, those that differ are changed, everything else stays, unless --prune is \
            given. A backup is taken first, and all is one transaction.
            """)

    static let help = CommandHelp(
        ExitStatus.changes, .init("kecsctl state import dev dev.json --dry-run", "what it would change"),
        .init(
            "kecsctl state import dev dev.json --prune", "and remove what its clusters do not have any more"))

    @Argument(
        help: ArgumentHelp("The instance.", valueName: "instance"),
        completion: .custom(InstanceCompletion.names))
    var name: String

    @Argument(help: ArgumentHelp("A file of “state export”.", valueName: "file"))
    var file: PathArgument

    @Flag(help: "Remove what is missing from the file, in the clusters of the file.")
    var prune = false

    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let request = DocumentRequest(
            file: try file.path(session), prune: prune, force: force.force, dryRun: change.dryRun)
        return await session.operate(
            on: InstanceSelection(names: [name]), unnamed: .variable, changes: !change.dryRun,
            .init(text: { Self.text("\($0)", $1) }, warnings: Self.warnings)
        ) { name in
            try await session.locked(name, change) { instance in
                try await ImportDocument(site: session.site).run(instance, request)
            }
        }
    }

    private static func warnings(_ report: DocumentReport) -> [String] {
        report.ignored.map { "it has no place for \($0)" } + report.remarks
    }

    private static func text(_ name: String, _ report: DocumentReport) -> String {
        var lines: [String] = []
        for change in report.changes {
            let sign =
                switch change.verb {
                case .add: "+"
                case .change: "~"
                case .remove: "-"
                }
            lines.append("\(sign) \(change.table) \(change.object.printable)")
            for value in change.values {
                lines.append(
                    "    \(value.name): \((value.from ?? "not set").printable) → \((value.to ?? "not set").printable)"
                )
            }
        }
        func count(_ verb: StateChange.Verb) -> Int { report.changes.count { $0.verb == verb } }
        let counts = "\(count(.add)) added, \(count(.change)) changed, \(count(.remove)) removed"
        lines.append(
            report.changes.isEmpty
                ? "\(name): nothing differs"
                : "\(name): \(report.outcome == .planned ? "would be " : "")\(counts)")
        if let backup = report.backup {
            lines.append("  “kecsctl restore \(name) --from \(backup)” takes it back")
        }
        return lines.joined(separator: "\n")
    }
}
