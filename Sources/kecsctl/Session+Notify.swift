// SPDX-License-Identifier: Apache-2.0
import Logging
import SystemPackage
import Kecs
import KecsSystem

extension Session {
    /// Notifies webhook, command and healthchecks of one run. A failure there is reported, and changes nothing.
    struct Notifying {
        fileprivate let send: SendNotification
        fileprivate let run: String
    }

    /// Nil when there are no receivers.
    func notifying() -> Notifying? {
        do {
            let settings = try NotifySettings.read(site)
            guard !settings.isEmpty else { return nil }
            return Notifying(send: SendNotification(machine: machine, settings: settings), run: site.newRun())
        } catch {
            let failure = Failure.describing(error)
            console.note(
                .warning,
                "notifications are off: \(failure.message)" + (failure.cause.map { ": \($0)" } ?? ""))
            return nil
        }
    }

    func notifyStart(_ notifying: Notifying?, _ instance: String) async {
        guard let notifying else { return }
        await tell(
            notifying,
            Kecs.Notification(
                .start, run: notifying.run, at: machine.clock.now(), command: command, instance: instance))
    }

    func notifyEnd<Report>(_ notifying: Notifying?, _ result: InstanceResult<Report>, status: Int32) async {
        guard let notifying else { return }
        let tail =
            result.failure.map { [$0.message] + [$0.cause, $0.remedy.map(Remedy.line)].compactMap(\.self) }
            ?? []
        await tell(
            notifying,
            Kecs.Notification(
                status == 0 ? .success : .failure, run: notifying.run, at: machine.clock.now(),
                command: command,
                instance: result.instance, status: status, result: json(result)), tail)
    }

    func notifyOverdue(_ report: CheckAgeReport, _ instance: String) async {
        guard let notifying = notifying() else { return }
        await tell(
            notifying,
            Kecs.Notification(
                .overdue, run: notifying.run, at: machine.clock.now(), command: command, instance: instance,
                status: Failure.Kind.problemsFound.rawValue, result: json(report)), [report.message])
    }

    /// That a backup was not copied to a remote.
    func notifyCopy(failed failure: Failure, to remote: String, of id: String, _ instance: String) async {
        guard let notifying = notifying() else { return }
        let result: JSONValue = [
            "remote": .string(remote), "backup": .string(id), "error": json(failure) ?? .null,
        ]
        await tell(
            notifying,
            Kecs.Notification(
                .copyFailed, run: notifying.run, at: machine.clock.now(), command: command,
                instance: instance,
                status: failure.status, result: result))
    }

    /// That a backup failed its drill.
    func notify(failedDrill report: DrillReport, _ instance: String) async {
        await notifyProblem(.drillFailed, report, instance, report.failedStatus)
    }

    /// That a backup lacks something, or that the data is suddenly far less.
    func notify(oddBackup report: BackupReport, _ instance: String) async {
        if report.lackError != nil { await notifyProblem(.lacking, report, instance, .partial) }
        if !report.remarks.isEmpty { await notifyProblem(.shrunk, report, instance, nil) }
    }

    private func notifyProblem(
        _ event: NotifyEvent, _ report: some Encodable, _ instance: String, _ kind: Failure.Kind?
    ) async {
        guard let notifying = notifying() else { return }
        await tell(
            notifying,
            Kecs.Notification(
                event, run: notifying.run, at: machine.clock.now(), command: command, instance: instance,
                status: kind?.rawValue, result: json(report)))
    }

    func notifyCopy(overdue age: PastCopies.Age, _ instance: String) async {
        guard let notifying = notifying() else { return }
        await tell(
            notifying,
            Kecs.Notification(
                .copyOverdue, run: notifying.run, at: machine.clock.now(), command: command,
                instance: instance, status: Failure.Kind.problemsFound.rawValue, result: json(age)))
    }

    /// The parts of a recovery, under its own id.
    func notifyRecovery(_ event: RecoveryEvent) async {
        guard let notifying = notifying() else { return }
        func notification(
            _ what: NotifyEvent, _ recovery: String, _ name: InstanceName, status: Int32? = nil,
            _ result: JSONValue?
        ) -> Kecs.Notification {
            Kecs.Notification(
                what, run: recovery, at: machine.clock.now(), command: command, instance: "\(name)",
                status: status, result: result)
        }
        switch event {
        case .started(let clusters, let services, let recovery, let name):
            let result: JSONValue = [
                "recovery": .string(recovery), "clusters": .integer(Int64(clusters)),
                "services": .integer(Int64(services)),
            ]
            await tell(notifying, notification(.recoverStarted, recovery, name, result))
        case .finished(let report, let recovery, let name):
            let result = InstanceResult("\(name)", report)
            await tell(
                notifying,
                notification(.recoverFinished, recovery, name, status: Self.status(result), json(result)))
        case .failed(let failure, let recovery, let name):
            let result = InstanceResult<RecoverReport>("\(name)", failure: failure)
            await tell(
                notifying,
                notification(.recoverFinished, recovery, name, status: failure.status, json(result)))
        }
    }

    /// Returns the value; nil when it cannot be written, which is no reason to send nothing.
    private func json(_ value: some Encodable) -> JSONValue? {
        (try? JSONFile.decode(JSONValue.self, from: JSONFile.encode(value), at: "result"))?.masked
    }

    private func tell(_ notifying: Notifying, _ notification: Kecs.Notification, _ tail: [String] = []) async
    {
        for problem in await notifying.send.run(notification, logTail: tail) {
            console.note(.warning, problem)
        }
    }
}
