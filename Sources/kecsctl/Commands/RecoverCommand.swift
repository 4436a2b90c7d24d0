// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem
import Synchronization

struct RecoverCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Recreate the clusters and services of the state database.",
        discussion: """
            Existing objects are left alone. Services are recovered in the order of their tag \
            kecsctl.dev/recovery-priority, 0 first.
            """)

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl recover dev --dry-run", "what would come back"),
        .init("kecsctl recover dev --skip default/batch", "everything but this service"),
        .init("kecsctl recover dev --resume", "go on after an interruption"))

    @OptionGroup var instances: InstanceArguments

    @Option(help: ArgumentHelp("Only this ECS cluster. May be given again.", valueName: "name"))
    var cluster: [String] = []

    @Option(help: ArgumentHelp("Skip this. May be given again.", valueName: "name[/service]"))
    var skip: [String] = []

    @Option(help: ArgumentHelp("The number of k3d clusters to work on at once.", valueName: "n"))
    var parallel = 2

    @Flag(name: .customLong("no-wait"), help: "Do not wait for the rollouts.")
    var noWait = false

    @Flag(help: "Continue the recovery that was interrupted.")
    var resume = false

    @Flag(help: "Overwrite objects that differ from the database.")
    var overwrite = false

    @Flag(help: "Remove only what the last recovery created.")
    var undo = false

    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func validate() throws {
        guard (1...64).contains(parallel) else { throw ValidationError("--parallel must be from 1 to 64") }
        guard !undo || (!resume && !overwrite && cluster.isEmpty && skip.isEmpty) else {
            throw ValidationError("--undo takes back all of the last recovery")
        }
        guard !resume || (cluster.isEmpty && skip.isEmpty) else {
            throw ValidationError("--resume continues with the clusters that were given then")
        }
    }

    func run(_ session: Session) async throws -> Int32 {
        // The results must still be written back and reported before the whole command is out of time.
        let whole = global.timeout.map { $0.duration * 4 / 5 }
        let request = RecoverRequest(
            clusters: cluster, skip: skip, parallel: parallel, wait: !noWait, resume: resume,
            dryRun: change.dryRun, overwrite: overwrite, whole: whole)
        let telling = Session.Telling<RecoverReport>(text: Self.text, warnings: Self.warnings)
        let isOutOfTime = Mutex(false)
        let status = await session.operate(
            on: instances.selection, unnamed: .variable, changes: !change.dryRun, telling
        ) { name in
            try await session.locked(name, change) { instance in
                guard let ground = session.site.ground?(instance) else { return .nothing }
                guard undo else {
                    let report = try await RecoverInstance(
                        site: session.site, ground: ground, log: session.site.log
                    )
                    .run(instance, request)
                    if report.isOutOfTime { isOutOfTime.withLock { $0 = true } }
                    return report
                }
                return try await UndoRecovery(site: session.site, ground: ground)
                    .run(instance, dryRun: change.dryRun, whole: whole)
            }
        }
        // There is a report, although the time has passed.
        return isOutOfTime.withLock { $0 } ? Failure.Kind.timeout.rawValue : status
    }

    /// The number of failed services that are shown with their reason; JSON has all of them.
    private static let mostReasons = 10

    private static func text(_ name: InstanceName, _ report: RecoverReport) -> String {
        var lines: [String] = []
        if let fate = report.controlPlane { lines.append(line("control plane", fate, nil)) }
        var failed = 0
        for cluster in report.clusters {
            lines.append(line("\(cluster.name)", cluster.outcome, cluster.reason))
            for service in cluster.services {
                let label = service.taskSet.map { "\(service.name) (\($0))" } ?? service.name
                if service.outcome == .failed {
                    failed += 1
                    if failed > mostReasons { continue }
                }
                lines.append("  " + line(label, service.outcome, service.reason))
                lines += service.differences.flatMap(\.lines).map { "    \($0)" }
            }
        }
        if failed > mostReasons {
            lines.append("\(failed - mostReasons) more services failed; “-o json” has each one's reason")
        }
        lines += report.notRecovered.secrets.map { "secret \($0): missing" }
        lines += report.notRecovered.tasks.map { "task \($0): not recovered" }
        lines += report.notRecovered.external.map { "service \($0): its tasks are started by something else" }
        lines += report.removed.map { "removed \($0)" }
        lines += report.kept.map { "left \($0)" }
        if let why = report.databaseError { lines.append("the counts were not written back: \(why)") }
        if let seconds = report.estimatedSeconds, seconds > 0 {
            lines.append("it would take about \(Int((seconds / 10).rounded(.up)) * 10) s (estimated)")
        }
        if report.isUnfinished {
            lines.append("not everything was applied; go on with: kecsctl recover \(name) --resume")
            lines.append("to roll it back: kecsctl recover \(name) --undo")
        }
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
