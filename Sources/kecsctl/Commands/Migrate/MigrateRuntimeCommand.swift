// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct MigrateRuntimeCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "runtime",
        abstract:
            "Run an instance with another runtime: backup, change, start; rolled back if it does not become healthy.",
        discussion: """
            The data is copied to where the new runtime looks for it, compared, and given to the user that the new \
            server runs as. Data in a volume or in somebody's folder also stays there. Data in the instance's own folder \
            is kept for “undo”, which goes back to the moment of the change. Flags are saved in the instance's \
            config.json and stay in effect.
            """)

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl migrate runtime dev --to docker", "in a container from now on"),
        .init(
            "kecsctl migrate runtime dev --to compose --compose-file docker-compose.yml --service kecs",
            "as a service of a compose project"),
        .init("kecsctl migrate runtime dev --to local --dry-run", "say what would be done"))

    @OptionGroup var instance: OneInstanceArgument

    @Option(help: "local, docker, compose or k3d.")
    var to: RuntimeKind

    @OptionGroup var options: RuntimeOptions
    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let request = MigrateRuntimeRequest(
            to: to, settings: try options.settings(session), limit: global.timeout?.duration ?? .seconds(300),
            force: force.force, dryRun: change.dryRun)
        return await session.operate(
            on: instance.selection, unnamed: .variable, changes: !change.dryRun,
            .init(text: { Self.text("\($0)", $1) }, warnings: \.notes)
        ) { name in
            try await session.locked(name, change) { instance in
                try await MigrateRuntime(site: session.site).run(instance, request)
            }
        }
    }

    private static func text(_ name: String, _ report: MigrateRuntimeReport) -> String {
        let move =
            report.dataFrom == report.dataTo
            ? "" : "\n  data: from \(report.dataFrom.printable) to \(report.dataTo.printable)"
        switch report.outcome {
        case .already: return "\(name): runs with \(report.to) already"
        case .planned: return "\(name): would run with \(report.to) instead of \(report.from)" + move
        default:
            return "\(name): runs with \(report.to) instead of \(report.from), \(report.state)" + move
                + "\n  “kecsctl undo \(name)” goes back to the moment before"
        }
    }
}
