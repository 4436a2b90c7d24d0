// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSQLite
import KecsSystem

/// Makes a second instance on another machine. The source keeps running; the backup that it is made from stays one of the
/// source's.
public struct CloneElsewhere: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Clones the instance. Call it under the source's lock.
    public func run(
        _ source: Instance, as name: InstanceName, _ request: CloneRequest, to address: String,
        program: String?
    ) async throws -> CloneReport {
        let began = site.machine.clock.elapsed()
        let other = try OtherMachine(site.machine, address, program: program)
        let runtime = try site.runtime(source)
        if let obstacle = runtime.provision.obstacleToCloning() {
            throw Failure(
                .usage, "“\(source.name)” cannot be cloned", cause: obstacle,
                remedy: "kecsctl move \(source.name) \(ShellWords.quote([address])) --dry-run")
        }
        let given = try request.from.map { try source.backups.find($0, instance: source.name.description) }
        var sourceBytes = given?.manifest?.parts.total(\.sourceBytes) ?? 0
        if let given {
            _ = try RestorablePart.names(of: given)
        } else {
            let plan = try await TakeBackup(site: site).run(source, BackupRequest(prune: false, dryRun: true))
            if let lack = plan.lackError { throw lack }
            sourceBytes = (plan.plan ?? []).total(\.sourceBytes)
        }
        let (question, look) = try await AskOtherEnd(site: site, other: other).run(
            source, runtime, as: name, isClone: true, settings: request.settings, sourceBytes: sourceBytes,
            backup: given)
        var report = CloneReport(
            outcome: .planned, to: name.description, from: given?.id.description, parts: [], ports: [:],
            durationSeconds: 0, notes: look.notes)
        report.home = look.home
        report.host = other.name
        if request.dryRun {
            if let given {
                report.parts = try RestorablePart.names(of: given)
            } else {
                report.parts = try await runtime.parts().map(\.name)
            }
            report.ports = question.ports
        } else {
            let id: BackupID
            if let given { id = given.id } else { id = try await site.backUpToSend(source) }
            let sent = try await SendBackup(site: site, other: other, question: question).run(
                source.backups.look(at: id))
            report.outcome = .done
            report.parts = sent.landed.parts
            report.ports = sent.landed.ports
            report.notes += sent.landed.notes
            report.sentBytes = sent.sentBytes
        }
        report.durationSeconds = (site.machine.clock.elapsed() - began).inSeconds
        return report
    }
}
