// SPDX-License-Identifier: Apache-2.0
import Logging
import ArgumentParser
import Kecs
import KecsSystem

struct CheckCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check the age of the newest good backup; prints one line for monitoring.")

    static let help = CommandHelp(
        ExitStatus.instances.union([13, 20]),
        .init("kecsctl check dev --max-age 26h", "status 20 when the newest good backup of “dev” is older"),
        .init("kecsctl check dev --remote offsite", "also of the newest good copy there"),
        .init("kecsctl check --all --quiet", "of all instances; silent while all is well"))

    @OptionGroup var instances: InstanceArguments

    @Option(help: ArgumentHelp("The maximum age.", valueName: "26h"))
    var maxAge: TimeSpan = Thresholds.backupAge

    @Option(
        help: ArgumentHelp(
            "Also check the newest good copy on this remote (default: those of the setting copies).",
            valueName: "name"))
    var remote: String?

    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        var document = OperationDocument<CheckAgeReport>()
        for text in try session.resolve(instances.selection, unnamed: .everything) {
            do {
                let name = try InstanceName(checking: text)
                document.results.append(
                    InstanceResult(
                        text,
                        try CheckAge(site: session.site).run(
                            name, limit: maxAge, remote: remote)))
            } catch {
                let failure = session.failure(error)
                session.console.fail(failure, instance: text)
                document.results.append(InstanceResult(text, failure: failure))
            }
        }
        let reports = document.results.compactMap(\.report)
        let stale = reports.filter { !$0.isFresh }
        session.answer(
            Answer(
                document: document,
                table: { _ in
                    // One line, as monitoring systems read it: the worst first.
                    let lines = (stale + reports.filter(\.isFresh)).map(\.message)
                    return lines.isEmpty
                        ? ""
                        : (stale.isEmpty ? "OK " : "STALE ") + lines.joined(separator: "; ").printable + "\n"
                },
                names: stale.compactMap { report in
                    document.results.first { $0.report?.message == report.message }?.instance
                }))
        if !session.options.answers { for report in stale { session.console.note(.warning, report.message) } }
        for result in document.results {
            if let report = result.report, !report.isFresh {
                await session.notifyOverdue(report, result.instance)
                for age in report.copies ?? [] where age.overdue != nil {
                    await session.notifyCopy(overdue: age, result.instance)
                }
            }
        }
        if !stale.isEmpty { return Failure.Kind.problemsFound.rawValue }
        return Session.status(document.results.map { $0.failure?.status ?? 0 })
    }
}
