// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct MigrateVeleroCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "velero",
        abstract: "Put Velero and an object store into an instance's k3d cluster, or take them out again.",
        discussion: """
            The store's folder is mounted in the nodes, which is only possible when they are created: an existing cluster \
            is backed up, deleted and recreated, and its services come back from the state database. Objects that were \
            added to the cluster by hand are lost. Velero's backups are in minio-data; --undo keeps them.
            """)

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl migrate velero dev --dry-run", "say what would be done"),
        .init("kecsctl migrate velero dev", "with Velero from now on"),
        .init("kecsctl migrate velero dev --undo", "without it; what is stored stays"))

    @OptionGroup var instance: OneInstanceArgument

    @Flag(help: "Take Velero out again.")
    var undo = false

    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let request = MigrateVeleroRequest(
            undo: undo, limit: global.healthLimit, force: force.force, dryRun: change.dryRun)
        return await session.operate(
            on: instance.selection, unnamed: .variable, changes: !change.dryRun,
            .init(
                text: { Self.text("\($0)", $1) },
                warnings: { $0.notes + ($0.recovery.map(RecoverCommand.warnings) ?? []) },
                failures: { [$0.backupEngineError].compactMap(\.self) })
        ) { name in
            try await session.locked(name, change) { instance in
                try await MigrateVelero(site: session.site).run(instance, request)
            }
        }
    }

    private static func text(_ name: String, _ report: MigrateVeleroReport) -> String {
        let what = report.to == "velero" ? "with Velero, whose store is \(report.store)" : "without Velero"
        switch report.outcome {
        case .already: return "\(name): is \(what) already"
        case .planned:
            return "\(name): would go on \(what)"
                + (report.rebuilt
                    ? "; its cluster would be deleted and recreated" : " from its next start on")
        default:
            return "\(name): goes on \(what), \(report.state)"
                + (report.rebuilt ? "; its cluster was recreated" : "")
        }
    }
}
