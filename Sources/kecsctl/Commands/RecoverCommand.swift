// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct RecoverCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Bring back the clusters and services that the state database holds.",
        discussion: """
            What is there is left alone. Services with the tag kecsctl.dev/recovery-priority come in its order, 0 first.
            """)

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl recover dev --dry-run", "what would come back"),
        .init("kecsctl recover dev --skip default/batch", "everything but this service"),
        .init("kecsctl recover dev --resume", "go on after an interruption"))

    @OptionGroup var instances: InstanceArguments

    @Option(help: ArgumentHelp("Only this ECS cluster; again for more.", valueName: "name"))
    var cluster: [String] = []

    @Option(help: ArgumentHelp("Leave this out; again for more.", valueName: "name[/service]"))
    var skip: [String] = []

    @Option(help: ArgumentHelp("k3d clusters at once.", valueName: "n"))
    var parallel = 2

    @Flag(name: .customLong("no-wait"), help: "Do not wait for the rollouts.")
    var noWait = false

    @Flag(help: "Go on with the recovery that was cut off.")
    var resume = false

    @Flag(help: "Remove what the last recovery made, and nothing else.")
    var undo = false

    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func validate() throws {
        guard (1...64).contains(parallel) else { throw ValidationError("--parallel must be from 1 to 64") }
        guard !undo || (!resume && cluster.isEmpty && skip.isEmpty) else {
            throw ValidationError("--undo takes back all of the last recovery")
        }
        guard !resume || (cluster.isEmpty && skip.isEmpty) else {
            throw ValidationError("--resume goes on with the clusters that were given then")
        }
    }

    func run(_ session: Session) async throws -> Int32 {
        let request = RecoverRequest(
            clusters: cluster, skip: skip, parallel: parallel, wait: !noWait, resume: resume,
            dryRun: change.dryRun,
            limit: global.timeout?.duration ?? .seconds(300))
        let telling = Session.Telling<RecoverReport>(text: Self.text, warnings: Self.warnings)
        return await session.operate(
            on: instances.selection, unnamed: .variable, changes: !change.dryRun, telling
        ) { name in
            try await session.locked(name, change) { instance in
                guard let ground = session.site.ground?(instance) else { return .nothing }
                guard undo else {
                    return try await RecoverInstance(
                        site: session.site, ground: ground, log: session.site.log
                    )
                    .run(instance, request)
                }
                return try await UndoRecovery(site: session.site, ground: ground)
                    .run(instance, dryRun: change.dryRun)
            }
        }
    }

    private static func text(_ name: InstanceName, _ report: RecoverReport) -> String {
        var lines: [String] = []
        for cluster in report.clusters {
            lines.append(line("\(cluster.name)", cluster.outcome, cluster.reason))
            for service in cluster.services {
                lines.append("  " + line(service.name, service.outcome, service.reason))
            }
        }
        lines += report.notRecovered.secrets.map { "secret \($0): missing" }
        lines += report.notRecovered.tasks.map { "task \($0): not recovered" }
        lines += report.removed.map { "removed \($0)" }
        if let why = report.databaseError { lines.append("the counts were not written back: \(why)") }
        if lines.isEmpty { lines = ["nothing to recover"] }
        return lines.map { "\(name): \($0)" }.joined(separator: "\n")
    }

    static func warnings(_ report: RecoverReport) -> [String] {
        report.troubles.map { "\($0.message); try: \(Remedy.line($0.remedy))" }
    }

    private static func line(_ name: String, _ fate: RecoverReport.Fate, _ why: String?) -> String {
        let word = fate == .planned ? "would be recovered" : fate.rawValue
        return "\(name) \(word)" + (why.map { ": \($0)" } ?? "")
    }
}
