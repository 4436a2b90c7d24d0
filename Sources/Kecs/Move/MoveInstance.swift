// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem

/// Moves an instance to another machine: asks both ends, copies, verifies there, starts there, and only then stops here. What
/// was written until the stop goes there last. Nothing is removed here, and the same command again goes on where one was cut
/// off.
public struct MoveInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Moves it. Call it under the instance's lock.
    public func run(_ instance: Instance, _ request: MoveRequest) async throws -> MoveReport {
        let began = site.machine.clock.elapsed()
        let other = try OtherMachine(site.machine, request.to, program: request.program)
        var record = try MoveRecord.read(instance.folder.move)
        let state = await (try site.runtime(instance)).state()
        if case .unknown(let why) = state { throw Failure.unknownState(of: instance, why) }
        if let record, record.isDone, !state.mayWrite { return try settled(record, instance, request) }
        if record?.to != request.to || record?.isDone == true { record = nil }
        if let record, record.phase == .arrived, !state.mayWrite, !request.dryRun {
            // It was cut off at its last word. What is there is newer by now.
            var report = try settled(
                try await record.ended(of: instance, at: other, site), instance, request)
            report.outcome = .done
            report.resumed = true
            report.durationSeconds = (site.machine.clock.elapsed() - began).inSeconds
            return report
        }

        let sourceBytes = try await check(instance, isStopped: !state.mayWrite)
        let (question, look) = try await AskOtherEnd(site: site, other: other).run(
            instance, try site.runtime(instance), as: instance.name, isClone: false,
            settings: request.settings, sourceBytes: sourceBytes)
        var report = MoveReport(outcome: .planned, to: request.to, home: look.home)
        report.ports = look.ports
        report.notes = look.notes
        report.resumed = record != nil
        guard !request.dryRun else {
            report.parts = try await (try site.runtime(instance)).parts().map(\.name)
            report.state = state.mayWrite ? "running" : state.name
            report.durationSeconds = (site.machine.clock.elapsed() - began).inSeconds
            return report
        }
        var leg = MoveLeg(
            site: site, other: other, question: question, instance: instance, report: report,
            record: try await departure(instance, record, look, ran: state.mayWrite, request))
        do {
            try await leg.run()
        } catch is Interrupted {
            throw cut(instance)
        } catch is CancellationError {
            throw cut(instance)
        }
        report = leg.report
        report.outcome = .done
        report.durationSeconds = (site.machine.clock.elapsed() - began).inSeconds
        return report
    }

    private func cut(_ instance: Instance) -> Failure {
        var failure = Failure.describing(
            site.machine.cancellation.reason.map { Interrupted($0) as any Error } ?? CancellationError())
        failure.message = "the move of “\(instance.name)” was interrupted"
        failure.cause = "nothing was removed here; run the same command again to resume"
        return failure
    }

    /// It has moved already.
    private func settled(
        _ record: MoveRecord, _ instance: Instance, _ request: MoveRequest
    ) throws -> MoveReport {
        guard record.to == request.to else {
            throw Failure(
                .usage, "“\(instance.name)” has moved already",
                cause:
                    "it moved to \(record.to) on \(record.movedAt ?? record.startedAt); what is here is older",
                remedy: "kecsctl start \(instance.name) --force")
        }
        var report = MoveReport(outcome: .already, to: record.to, home: record.home ?? "")
        report.backup = record.backup
        return report
    }

    /// This end's preflight.
    ///
    /// - Returns: How much will be unpacked there, in bytes.
    private func check(_ instance: Instance, isStopped: Bool) async throws -> Int64 {
        if let degraded = instance.config.degraded {
            throw Failure(
                .partial, "“\(instance.name)” is degraded and was not moved", cause: degraded.why,
                remedy: degraded.wayOut(instance.name))
        }
        let runtime = try site.runtime(instance)
        if let loss = try await runtime.engine.lossWhenStopped() { throw loss }
        let plan = try await TakeBackup(site: site).run(instance, BackupRequest(prune: false, dryRun: true))
        if let lack = plan.lackError { throw lack }
        return (plan.plan ?? []).total(\.sourceBytes)
    }

    /// The record to go on with: of a move that was cut off as long as its backup is there and sound, else of a new one,
    /// with a new backup.
    private func departure(
        _ instance: Instance, _ record: MoveRecord?, _ look: Arrival.Look, ran: Bool, _ request: MoveRequest
    ) async throws -> MoveRecord {
        if var record, instance.backups.look(at: record.backup).isRestorable {
            // Who has removed it there starts again.
            if look.landed == nil, record.phase != .copying {
                record.phase = .copying
                try record.write(to: instance.folder.move)
            }
            return record
        }
        let taken = try await take(instance)
        let new = MoveRecord(
            to: request.to, home: look.home, backup: taken, phase: .copying, ran: record?.ran ?? ran,
            startedAt: site.machine.clock.now())
        try new.write(to: instance.folder.move)
        return new
    }

    private func take(_ instance: Instance) async throws -> BackupID { try await site.backUpToSend(instance) }
}

extension Site {
    /// Takes a backup that can go to another machine. It stays one of the instance's.
    func backUpToSend(_ instance: Instance) async throws -> BackupID {
        let taken = try await TakeBackup(site: self).run(instance, BackupRequest(prune: false))
        if let lack = taken.lackError { throw lack }
        if let failure = taken.startError { throw failure }
        guard let id = taken.backup?.id else {
            throw Failure(.failed, "“\(instance.name)” could not be backed up")
        }
        return id
    }
}
