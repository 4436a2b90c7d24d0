// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs

struct StopCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop",
        abstract:
            "Back up, verify the backup, then stop. Without a verified backup nothing is stopped, unless you say so."
    )

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl stop dev", "back up “dev”, then stop it"),
        .init("kecsctl stop --all --no-backup", "stop all of them at once"))

    @OptionGroup var instances: InstanceArguments

    @Flag(name: .customLong("no-backup"), help: "Stop without a backup.")
    var noBackup = false

    @Flag(
        name: .customLong("no-velero-backup"),
        help: "k3d: do not let Velero back up the cluster. What is only in it goes with it.")
    var noVelero = false

    @Flag(
        name: .customLong("keep-clusters"),
        help: "k3d: stop the cluster instead of deleting it after the backup.")
    var keepClusters = false

    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let request = StopRequest(
            backup: !noBackup, clusterBackup: !noVelero, force: force.force, dryRun: change.dryRun)
        let telling = Session.Telling<StopReport>(
            text: Self.text, warnings: { $0.notes + ($0.clusterBackup?.notes ?? []) },
            failures: { [$0.backupError, $0.clusterBackupError].compactMap(\.self) })
        return await session.operate(
            on: instances.selection, unnamed: .variable, changes: !change.dryRun, telling.hooked
        ) { name in
            try await session.locked(name, change, duty: .leave) { instance in
                var instance = instance
                if keepClusters { instance.settings.flags[.keepClustersOnShutdown] = "true" }
                let stopped = instance
                return try await session.hooked(.stop, of: name, change) {
                    try await StopInstance(site: session.site).run(stopped, request)
                }
            }
        }
    }

    private static func text(_ name: InstanceName, _ report: StopReport) -> String {
        var backup = report.backup.map { ", backed up as \($0.id)" } ?? ""
        if let cluster = report.clusterBackup {
            backup += ", its cluster as \(cluster.name) (\(cluster.items) objects, \(cluster.verdict))"
        }
        if let why = report.clusterKept { backup += "\n  its cluster was stopped and not deleted: \(why)" }
        return switch report.outcome {
        case .planned: "\(name): would be stopped"
        case .already: "\(name): already \(report.state)"
        default: "\(name): \(report.state)\(backup)"
        }
    }
}
