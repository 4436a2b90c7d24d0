// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs

struct CloneCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "clone", abstract: "Copy an instance to a new one. The source may keep running.",
        discussion:
            "The clone has an id, a name, paths and free ports of its own, and the source's other settings. It is not "
            + "started. With --to it is made on another machine, by ssh, from a backup that the source keeps."
    )

    static let help = CommandHelp(
        ExitStatus.changes.union([13, 14, 16]),
        .init("kecsctl clone dev try", "“try” has what “dev” has now"),
        .init("kecsctl clone dev old --from 20261121T014530Z", "from a backup of “dev”"),
        .init("kecsctl clone dev try --to ssh://lab.example/srv/kecs", "on another machine"))

    @Argument(
        help: ArgumentHelp("The instance.", valueName: "instance"),
        completion: .custom(InstanceCompletion.names))
    var name: String

    @Argument(help: ArgumentHelp("The name of the clone.", valueName: "new-name"))
    var newName: String

    @Option(
        help: ArgumentHelp(
            "Copy this backup instead of the instance's current state: latest, or an id or a prefix of it.",
            valueName: "backup"),
        completion: .custom(BackupCompletion.ids))
    var from: String?

    @Option(
        help: ArgumentHelp(
            "Make it on another machine: ssh://[USER@]HOST[:PORT], and the path of the home there (default: ~/.kecs).",
            valueName: "address"))
    var to: String?

    @Option(
        help: ArgumentHelp(
            "With --to: the kecsctl on the other machine (default: the one that its PATH leads to).",
            valueName: "path"))
    var program: String?

    @Option(help: ArgumentHelp("The port of the API, 1 to 65535 (default: a free one).", valueName: "port"))
    var apiPort: Int?

    @Option(
        help: ArgumentHelp("The port of the admin API, 1 to 65535 (default: a free one).", valueName: "port"))
    var adminPort: Int?

    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func validate() throws {
        if program != nil, to == nil { throw ValidationError("--program is about the other machine of --to") }
    }

    func run(_ session: Session) async throws -> Int32 {
        let new = try InstanceName(checking: newName)
        var settings: [SettingKey: String] = [:]
        settings[.apiPort] = apiPort.map { "\($0)" }
        settings[.adminPort] = adminPort.map { "\($0)" }
        let request = CloneRequest(from: from, settings: settings, dryRun: change.dryRun)
        return await session.operate(
            on: InstanceSelection(names: [name]), unnamed: .never, changes: !change.dryRun,
            .init(text: Self.text, names: { _, report in [report.to] }, warnings: \.notes)
        ) { name in
            try await session.locked(name, change, duty: .leave) { instance in
                if let to {
                    return try await CloneElsewhere(site: session.site).run(
                        instance, as: new, request, to: to, program: program)
                }
                return try await CloneInstance(site: session.site).run(
                    instance, as: new, request, lock: session.lock(change))
            }
        }
    }

    private static func text(_ name: InstanceName, _ report: CloneReport) -> String {
        let verb = report.outcome == .planned ? "would be cloned" : "cloned"
        let from =
            (report.host.map { " on \($0), in \(report.home ?? "")" } ?? "")
            + (report.from.map { " from \($0)" } ?? "")
        let ports = ["apiPort", "adminPort"].compactMap { key in report.ports[key].map { "\(key) \($0)" } }
        return "\(name): \(verb) as \(report.to)\(from) (\(report.parts.joined(separator: ", ")))"
            + (ports.isEmpty ? "" : ", \(ports.joined(separator: ", "))")
    }
}
