// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct BackupsDrillCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "drill",
        abstract: "Rehearse a restore: unpack a backup aside, check it, keep the evidence.",
        discussion:
            "The instance is not touched and may run. The databases are checked and their rows compared with the manifest. "
            + "A backup that fails does not count as a good one from then on; a later drill that it passes changes that."
    )

    static let help = CommandHelp(
        ExitStatus.changes.union([12, 14]),
        .init("kecsctl backups drill dev", "the newest good backup of “dev”"),
        .init("kecsctl backups drill dev --from offsite/latest", "a copy on a remote"),
        .init("kecsctl backups drill dev --start", "also starts a server on it, on free ports, and ends it"),
        .init("kecsctl backups drill --all --quiet", "for cron: silent while all is well"))

    @OptionGroup var instances: InstanceArguments

    @Option(
        help: ArgumentHelp(
            "A backup's id or its beginning, or REMOTE/ID; the newest good one here when it is not given.",
            valueName: "backup"),
        completion: .custom(BackupCompletion.ids))
    var from: String?

    @Option(
        help: ArgumentHelp(
            "Restore below this folder; else below the first of $TMPDIR, /var/tmp and /tmp with enough free space.",
            valueName: "dir"))
    var folder: PathArgument?

    @Flag(help: "Also start a server on what was restored, and see it healthy (local and docker).")
    var start = false

    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Keys of encrypted backups") var keys: KeyOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let session = try session.with(keys)
        let request = DrillRequest(
            from: from, remote: try from.flatMap { try RemoteSource($0, site: session.site) },
            folder: try folder?.path(session), start: start, dryRun: change.dryRun)
        return await session.operate(
            on: instances.selection, unnamed: .theOnlyOne,
            existing: try session.namesWithBackups().map(\.description), changes: !change.dryRun,
            .init(text: Self.text)
        ) { name in
            // Of a copy on a remote neither the instance nor a backup need be here.
            guard try request.remote != nil || session.namesWithBackups().contains(name) else {
                throw Failure(.notFound, "there is no instance “\(name)”", remedy: "kecsctl list")
            }
            let report = try await DrillBackup(site: session.site).run(
                name, request, command: "kecsctl \(session.command)")
            if let failure = report.failure(of: name) {
                session.console.fail(failure, instance: name.description)
                await session.notify(failedDrill: report, name.description)
            }
            return report
        }
    }

    private static func place(_ report: DrillReport) -> String { report.remote.map { " on \($0)" } ?? "" }

    private static func text(_ name: InstanceName, _ report: DrillReport) -> String {
        guard let passed = report.passed else {
            return "\(name): \(report.backup)\(place(report)) would be restored aside and checked "
                + "(\(report.parts.joined(separator: ", ")))"
        }
        let rows = report.databases.compactMap(\.tables).reduce(0) { $0 + $1.values.reduce(0, +) }
        let what =
            "\(report.parts.count) \(report.parts.count == 1 ? "part" : "parts"), "
            + "\(report.databases.count) \(report.databases.count == 1 ? "database" : "databases"), \(rows) rows"
        var lines = [
            "\(name): \(report.backup)\(place(report)) \(passed ? "passed" : "failed") its drill in "
                + "\(DurationText.short(.seconds(report.durationSeconds))): \(what)"
        ]
        lines += report.problems.map {
            "  \($0.kind.rawValue): "
                + ([$0.part, $0.path].compactMap(\.self).joined(separator: "/") + " " + $0.why).printable
        }
        if let server = report.server, let seconds = server.healthySeconds {
            let urls = server.endpoints.map(\.url).joined(separator: ", ")
            lines.append(
                "  a server on it was healthy after \(DurationText.short(.seconds(seconds)))"
                    + (urls.isEmpty ? "" : " (\(urls))"))
        }
        lines += report.notes.map { "  note: \($0.printable)" }
        if let file = report.evidence { lines.append("  evidence: \(file.printable)") }
        return lines.joined(separator: "\n")
    }
}
