// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct MoveCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "move", abstract: "Move an instance to another machine, by ssh.",
        discussion:
            "Both ends are checked first: version, free space, runtime, ports. A backup is sent and verified there, the "
            + "instance is started there, and only then stopped here; what was written until then follows. Nothing is "
            + "removed here. Run the same command again to resume an interrupted move. The other machine needs the same "
            + "kecsctl or a newer one, and an ssh key that works without a prompt.")

    static let help = CommandHelp(
        ExitStatus.changes.union([3, 13, 14, 15, 16]),
        .init("kecsctl move dev ssh://new.example", "into the home ~/.kecs there"),
        .init("kecsctl move dev ssh://ana@new.example:2222/srv/kecs --dry-run", "ask both ends, send nothing")
    )

    @Argument(
        help: ArgumentHelp("The instance.", valueName: "instance"),
        completion: .custom(InstanceCompletion.names))
    var name: String

    @Argument(
        help: ArgumentHelp(
            "The other machine: ssh://[USER@]HOST[:PORT], and the path of the home there (default: ~/.kecs).",
            valueName: "address"))
    var address: String

    @OptionGroup(title: "Options of the other machine") var other: OtherMachineOptions
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let request = MoveRequest(
            to: address, program: other.program, settings: other.settings, dryRun: change.dryRun)
        return await session.operate(
            on: InstanceSelection(names: [name]), unnamed: .never, changes: !change.dryRun,
            .init(text: Self.text, warnings: Self.warnings)
        ) { name in
            try await session.locked(name, change, duty: .leave) { instance in
                try await MoveInstance(site: session.site).run(instance, request)
            }
        }
    }

    private static func warnings(_ report: MoveReport) -> [String] {
        report.notes + (report.startError.map { ["the start there says: \($0)"] } ?? [])
    }

    private static func text(_ name: InstanceName, _ report: MoveReport) -> String {
        let ports = ["apiPort", "adminPort"].compactMap { key in report.ports[key].map { "\(key) \($0)" } }
        let parts = ([report.parts.joined(separator: ", ")] + ports).joined(separator: "; ")
        switch report.outcome {
        case .already: return "\(name): has moved to \(report.to) already"
        case .planned:
            return
                "\(name): would \(report.resumed ? "go on moving" : "move") to \(report.to) (\(parts)) and "
                + (report.state == "running" ? "run there" : "stay stopped")
        default:
            let sent = "\(ByteCount(report.sentBytes)) sent"
            let pause =
                report.state == "stopped"
                ? "" : ", down for \(DurationText.short(.seconds(report.pauseSeconds))) at most"
            return "\(name): moved to \(report.to) (\(parts); \(sent)), \(report.state) there\(pause)\n"
                + "  nothing was removed here; once all is well there: kecsctl destroy \(name)"
        }
    }
}

/// What `move` and `clone --to` say about the other machine.
struct OtherMachineOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The kecsctl on the other machine (default: the one that its PATH leads to).", valueName: "path"))
    var program: String?

    @Option(
        help: ArgumentHelp("The port of the API there, 1 to 65535 (default: as here).", valueName: "port"))
    var apiPort: Int?

    @Option(
        help: ArgumentHelp(
            "The port of the admin API there, 1 to 65535 (default: as here).", valueName: "port"))
    var adminPort: Int?

    var settings: [SettingKey: String] {
        var settings: [SettingKey: String] = [:]
        settings[.apiPort] = apiPort.map { "\($0)" }
        settings[.adminPort] = adminPort.map { "\($0)" }
        return settings
    }
}
