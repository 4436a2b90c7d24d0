// SPDX-License-Identifier: Apache-2.0
import Logging
import SystemPackage
import Kecs
import KecsStorage
import KecsSystem

extension Session {
    /// Tells webhook, command and healthchecks of one run. What goes wrong there is said, and changes nothing.
    struct Notifying {
        fileprivate let send: SendNotification
        fileprivate let run: String
    }

    /// Nil when nobody wants to be told.
    func notifying() -> Notifying? {
        do {
            let settings = try NotifySettings.read(site)
            guard !settings.isEmpty else { return nil }
            return Notifying(send: SendNotification(machine: machine, settings: settings), run: site.newRun())
        } catch {
            let failure = Failure.describing(error)
            console.note(
                .warning, "nobody is told: \(failure.message)" + (failure.cause.map { ": \($0)" } ?? ""))
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
        let json = try? JSONFile.decode(JSONValue.self, from: JSONFile.encode(result), at: "result")
        let tail = result.failure.map { [$0.message] + [$0.cause, $0.remedy].compactMap(\.self) } ?? []
        await tell(
            notifying,
            Kecs.Notification(
                status == 0 ? .success : .failure, run: notifying.run, at: machine.clock.now(),
                command: command,
                instance: result.instance, status: status, result: json), tail)
    }

    func notifyOverdue(_ report: CheckAgeReport, _ instance: String) async {
        guard let notifying = notifying() else { return }
        let json = try? JSONFile.decode(JSONValue.self, from: JSONFile.encode(report), at: "report")
        await tell(
            notifying,
            Kecs.Notification(
                .overdue, run: notifying.run, at: machine.clock.now(), command: command, instance: instance,
                status: Failure.Kind.problemsFound.rawValue, result: json), [report.message])
    }

    private func tell(_ notifying: Notifying, _ notification: Kecs.Notification, _ tail: [String] = []) async
    {
        for problem in await notifying.send.run(notification, logTail: tail) {
            console.note(.warning, problem)
        }
    }
}
