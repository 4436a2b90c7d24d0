// SPDX-License-Identifier: Apache-2.0
import KecsDoctor
import Logging
import ArgumentParser
import Kecs
import KecsRuntimes
import KecsSystem

struct DoctorCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Find problems before they cost data: owners, locks, disks, backups, containers, scripts.",
        discussion: """
            Changes nothing without --fix, which makes only safe repairs; --undo rolls them back. For everything else, \
            the report names a command.
            """)

    static let help = CommandHelp(
        ExitStatus.instances.union([11, 20]),
        .init("kecsctl doctor dev", "everything about “dev” and this machine"),
        .init("kecsctl doctor --all --quiet --fail-on warning", "for cron: silent while all is well"),
        .init("kecsctl doctor dev --fix --dry-run", "what --fix would change"),
        .init("kecsctl doctor prod --profile production", "the checklist before production"))

    @OptionGroup var instances: InstanceArguments

    @Option(
        name: .customLong("check"),
        help: ArgumentHelp(
            "Run only this check, or with “recipe.” all below it. May be given again.", valueName: "id"),
        completion: .custom(BackupCompletion.checks))
    var checks: [String] = []

    @Flag(help: "List all checks instead of running them.")
    var listChecks = false

    @Flag(help: "Repair what is safe to repair.")
    var fix = false

    @Flag(name: .customLong("undo"), help: "Roll back the last --fix.")
    var isUndo = false

    @Option(help: "The severity from which the exit status is 20.")
    var failOn: FailOn = .error

    @Option(
        help: ArgumentHelp("Run the checks of this profile, too: production.", valueName: "name"),
        completion: .list(["production"]))
    var profile: String?

    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    enum FailOn: String, CaseIterable, ExpressibleByArgument, Sendable {
        case warning, error
        var severity: Severity { self == .warning ? .warning : .error }
    }

    func validate() throws {
        if fix, isUndo { throw ValidationError("--fix and --undo exclude each other") }
    }

    func run(_ session: Session) async throws -> Int32 {
        if listChecks { return list(session) }
        let names = try session.resolve(instances.selection, unnamed: .everything).map {
            try InstanceName(checking: $0)
        }
        for name in names where try !session.site.home.folder(of: name).path.isFolder {
            _ = try session.site.instance(name)
        }
        if isUndo { return try await undo(session, names) }
        let doctor = await Wiring.doctor(session.site)
        let selection = Doctor.Selection(ids: self.checks.isEmpty ? nil : self.checks, profile: profile)
        var report = try await doctor.run(names, selection)
        if fix {
            let repairs =
                change.dryRun
                ? RepairFindings.plan(report)
                : try await RepairFindings(site: session.site, doctor: doctor).run(
                    names, selection, lock: session.lock(change), told: session.tell)
            if !change.dryRun {
                if !repairs.isEmpty { session.record(repairs, status: 0) }
                report = try await doctor.run(names, selection)
            }
            report.repairs = repairs
        }
        return show(session, report)
    }

    private func show(_ session: Session, _ report: DoctorReport) -> Int32 {
        let isVerbose = global.verbose > 0
        session.answer(
            Answer(
                document: report, table: { Self.text(report, isVerbose: isVerbose, width: $0) },
                names: report.findings.filter { $0.severity >= (report.isStrict ? .notLooked : .warning) }
                    .map(\.id)))
        let fails = report.fails(on: failOn.severity)
        if !session.options.answers {
            for finding in report.findings
            where finding.severity >= failOn.severity || report.isStrict && finding.severity == .notLooked {
                session.console.note(
                    finding.severity == .error ? .error : .warning,
                    "\(finding.id): \(finding.message)"
                        + (finding.remedy.map { " (try: \(Remedy.line($0)))" } ?? ""))
            }
        }
        return fails ? Failure.Kind.problemsFound.rawValue : 0
    }

    private static func text(_ report: DoctorReport, isVerbose: Bool, width: Int?) -> String {
        var text = ""
        for repair in report.repairs ?? [] {
            let verb =
                repair.outcome == .planned
                ? "would run" : repair.outcome == .done ? "repaired" : "not repaired"
            text += "\(verb): \(repair.change)\(repair.error.map { " (\($0))" } ?? "")\n".printableLines
        }
        for finding in report.findings
        where (isVerbose || finding.severity > .ok) && finding.severity != .notLooked {
            let word = finding.severity.rawValue
            text +=
                word + String(repeating: " ", count: max(1, 9 - word.count))
                + "\(finding.id): \(finding.message)".printable + "\n"
            if let remedy = finding.remedy {
                text +=
                    "         try: \(Remedy.line(remedy).printable)" + (finding.fixable ? "  (or --fix)" : "")
                    + "\n"
            }
        }
        // One cause can prevent many checks: it is reported once.
        var unseen: [(message: String, ids: [String])] = []
        for finding in report.findings where finding.severity == .notLooked {
            if let index = unseen.firstIndex(where: { $0.message == finding.message }) {
                unseen[index].ids.append(finding.id)
            } else {
                unseen.append((finding.message, [finding.id]))
            }
        }
        for (message, ids) in unseen {
            text += "unseen   \(message)".printable + "\n         by: \(ids.joined(separator: ", "))\n"
        }
        let sum = report.summary
        text +=
            [
                Self.count(sum.error, "error"), Self.count(sum.warning, "warning"),
                Self.count(sum.info, "hint"), Self.count(sum.ok, "check") + " passed",
                "\(sum.notLookedAt) not looked at",
            ].joined(separator: ", ") + "\n"
        return text
    }

    private static func count(_ number: Int, _ what: String) -> String {
        "\(number) \(what)\(number == 1 ? "" : "s")"
    }

    private func list(_ session: Session) -> Int32 {
        let infos = Wiring.allChecks.map(\.info)
        session.answer(
            Answer(
                document: ListDocument(kind: "CheckList", items: infos),
                table: { width in
                    Table(
                        header: ["ID", "WORST", "FIX", "PROFILE", "CLAIM"],
                        rows: infos.map {
                            [$0.id, $0.severity.rawValue, $0.fixable ? "yes" : nil, $0.profile, $0.claim]
                        }
                    ).text(width: width)
                }, names: infos.map(\.id)))
        return 0
    }

    private func undo(_ session: Session, _ names: [InstanceName]) async throws -> Int32 {
        let undo = UndoRepairs(site: session.site)
        var results: [RepairResult] = []
        for name in names where try undo.last(name) != nil {
            results += try await session.locked(name, change) { _ in try undo.run(name) }
        }
        if try undo.last(nil) != nil { results += try undo.run(nil) }
        guard !results.isEmpty else { throw Failure(.notFound, "there is no repair to take back") }
        session.record(results, status: 0)
        session.answer(
            Answer(
                document: ListDocument(kind: "RepairList", items: results),
                table: { _ in
                    results.map {
                        ($0.outcome == .done ? "took back: " : "left as it is: ") + $0.change.printable + "\n"
                    }.joined()
                }, names: results.map(\.check)))
        return results.contains { $0.outcome == .failed } ? Failure.Kind.partial.rawValue : 0
    }
}

extension String {
    /// Each line made printable separately.
    fileprivate var printableLines: String {
        split(separator: "\n").map { String($0).printable + "\n" }.joined()
    }
}
