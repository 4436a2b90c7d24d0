// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import ArgumentParser
import Kecs
import KecsSQLite
import KecsSystem
import SystemPackage

struct StartCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Start instances. A new one is created; one whose state is gone is restored.",
        discussion: """
            Flags are saved in the instance's config.json and stay in effect.
            Without --command, a local instance is data only: it has no server to start.
            """)

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl start dev --runtime local", "create “dev” as data only"),
        .init("kecsctl start dev --command \"kecs server\"", "and let it run this server"),
        .init("kecsctl start dev --restore latest", "go back to the newest good backup first"),
        .init("kecsctl start dev --restore offsite/latest", "fetch it from a remote, and go back to it"))

    @OptionGroup var instances: InstanceArguments

    @Option(help: "How the instance runs. Only on the first start.")
    var runtime: RuntimeKind?

    @Option(help: "The folder of the control plane's data (default: data/ in the instance's folder).")
    var dataDir: PathArgument?

    @OptionGroup var options: RuntimeOptions

    @Option(
        help: ArgumentHelp(
            "auto: restore the newest good backup, only when the state is gone.",
            valueName: "auto|latest|none|id|remote/id"),
        completion: .custom(BackupCompletion.idsOrNone))
    var restore = "auto"

    @Flag(help: "Accept a degraded instance as it is.")
    var accept = false

    @Option(
        name: .customLong("accept-loss"),
        help: ArgumentHelp(
            "Start without this lost part or database. May be given again.",
            valueName: "PART[/PATH]"))
    var acceptedLosses: [String] = []

    @Flag(
        name: .customLong("no-recover"),
        help: "k3d: do not recover the clusters and services of the state database.")
    var noRecover = false

    @Flag(
        name: .customLong("use-velero-backup"),
        help: "k3d: put Velero and an object store on this host into the cluster.")
    var useVelero = false

    @Flag(name: .customLong("no-velero-backup"), help: "k3d: leave Velero out, regardless of the settings.")
    var noVelero = false

    @Flag(name: .customLong("no-wait"), help: "Do not wait until the server is healthy.")
    var noWait = false

    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    var makesHome: Bool { true }

    func run(_ session: Session) async throws -> Int32 {
        let asked = try request(session)
        let remote = try RemoteSource(restore, site: session.site)
        return await session.operate(
            on: instances.selection, unnamed: .variable, changes: !change.dryRun, Self.telling
        ) { name in
            guard let remote else {
                return try await StartInstance(site: session.site).run(
                    name, asked, lock: session.lock(change), told: session.tell)
            }
            return try await start(name, asked, from: remote, session)
        }
    }

    /// The backup comes among those here first, so that it is there for the next time, too.
    private func start(
        _ name: InstanceName, _ asked: StartRequest, from remote: RemoteSource, _ session: Session
    ) async throws -> StartReport {
        let bring = BringBackup(site: session.site)
        var request = asked
        if change.dryRun {
            let found = try await bring.find(remote, for: name)
            request.restore = .none
            var report = try await StartInstance(site: session.site).run(
                name, request, lock: session.lock(change), told: session.tell)
            report.restored = "\(found.remote)/\(found.path)"
            return report
        }
        request.restore = .id(try await bring.run(remote, for: name, lock: session.lock(change)).description)
        return try await StartInstance(site: session.site).run(
            name, request, lock: session.lock(change), told: session.tell)
    }

    func validate() throws {
        if useVelero, noVelero {
            throw ValidationError("--use-velero-backup and --no-velero-backup exclude each other")
        }
    }

    private func request(_ session: Session) throws -> StartRequest {
        var settings = try options.settings(session)
        settings[.runtime] = runtime?.rawValue
        settings[.dataDir] = try dataDir?.path(session).string
        settings[.autoRecoverState] = noRecover ? "false" : nil
        settings[.veleroBackup] = useVelero ? "true" : noVelero ? "false" : nil
        let from: StartRequest.Restore =
            switch restore {
            case "auto": .auto
            case "latest": .latest
            case "none": .none
            default: .id(restore)
            }
        return StartRequest(
            settings: settings, restore: from, accept: accept, acceptedLosses: acceptedLosses,
            force: force.force, wait: !noWait,
            limit: global.healthLimit, dryRun: change.dryRun)
    }

    static var telling: Session.Telling<StartReport> {
        .init(
            text: text, warnings: { $0.notes + ($0.recovery.map(RecoverCommand.warnings) ?? []) },
            failures: {
                [$0.restoreError, $0.recoveryError, $0.backupEngineError, $0.clusterRestoreError]
                    .compactMap(\.self)
            })
    }

    private static func text(_ name: InstanceName, _ report: StartReport) -> String {
        var facts: [String] = []
        if report.created { facts.append(report.outcome == .planned ? "would be created" : "created") }
        if let id = report.restored {
            let damaged =
                report.damaged.isEmpty
                ? "" : " (\(report.damaged.joined(separator: ", ")) proved damaged)"
            facts.append(
                (report.outcome == .planned ? "would be restored from " : "restored from ") + id + damaged)
        }
        if let restore = report.clusterRestore {
            facts.append("its cluster restored from \(restore.backup) (\(restore.items) objects)")
        }
        if report.outcome == .planned, report.runsSomething, report.state != "running" {
            facts.append("would be started")
        }
        facts.append(
            report.runsSomething || report.outcome == .planned
                ? (report.outcome == .already ? "already " : "") + report.state
                : "\(report.state), no command")
        if let why = report.degraded { facts.append("degraded: \(why)") }
        let places = report.endpoints.map { "\n  \($0.name): \($0.url)" }.joined()
        return "\(name): " + facts.joined(separator: ", ") + places + engine(report)
    }

    /// Returns the engine that backs up the content of its cluster.
    private static func engine(_ report: StartReport) -> String {
        switch report.backupEngine {
        case .velero where report.backupEngineError == nil:
            "\n  its cluster runs Velero; “stop” backs up the cluster with it before deleting the cluster"
        case .files where report.created:
            "\n  backups hold its files and databases; --use-velero-backup also backs up objects of its cluster"
        default: ""
        }
    }
}
