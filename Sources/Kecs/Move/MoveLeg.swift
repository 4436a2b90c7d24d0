// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem

/// The steps of a move from its first backup on. Each is recorded when it is done, and can be done again.
struct MoveLeg: Sendable {
    let site: Site
    let other: OtherMachine
    let question: Arrival.Question
    let instance: Instance
    var report: MoveReport
    var record: MoveRecord

    mutating func run() async throws {
        report.backup = record.backup
        if record.phase == .copying {
            try await send(record.backup)
            try note(.landed)
        }
        if record.ran {
            let runtime = try site.runtime(instance)
            if record.phase == .landed {
                try await start()
                try note(.started)
            }
            let stopped = site.machine.clock.elapsed()
            if await runtime.state().mayWrite {
                site.machine.progress.step("stopping \(instance.name)", total: nil)
                _ = try await StopInstance(site: site).run(instance, StopRequest(backup: false))
                try note(.stopped)
            }
            do {
                try await catchUp()
            } catch {
                throw await goBack(after: error)
            }
            report.pauseSeconds = (site.machine.clock.elapsed() - stopped).inSeconds
        }
        try note(.arrived)
        record = try await record.ended(of: instance, at: other, site)
        if !record.ran { report.state = "stopped" }
    }

    private mutating func note(_ phase: MoveRecord.Phase) throws {
        record.phase = phase
        try record.write(to: instance.folder.move)
    }

    private mutating func send(_ id: BackupID) async throws {
        let sent = try await SendBackup(site: site, other: other, question: question).run(
            instance.backups.look(at: id))
        report.bytes = sent.bytes
        report.sentBytes += sent.sentBytes
        report.parts = sent.landed.parts
        report.ports = sent.landed.ports
        report.notes += sent.landed.notes.filter { !report.notes.contains($0) }
    }

    private mutating func start() async throws {
        site.machine.progress.step("starting \(instance.name) on \(other.name)", total: nil)
        let started = try await other.command(
            ["start", question.name, "--wait-lock", "10m"],
            limit: try instance.startLimit() + .seconds(1800))
        report.state = started?["state"]?.string ?? "running"
        report.startError =
            other.failure(started?["error"])?.sentence
            ?? started?["degraded"]?.string.map { "it is degraded there: \($0)" }
    }

    /// What was written since the first backup. Nothing is written any more here.
    private mutating func catchUp() async throws {
        site.machine.progress.step("looking at what was written last", total: nil)
        let last = try await site.backUpToSend(try site.instance(instance.name))
        guard try isChanged(since: record.backup, in: last) else {
            report.state = report.state.isEmpty ? "running" : report.state
            return
        }
        report.lastBackup = last
        try await send(last)
        try await start()
    }

    /// Equal fingerprints and equal databases mean that nothing changed. A part without a fingerprint may have.
    private func isChanged(since first: BackupID, in last: BackupID) throws -> Bool {
        guard let old = instance.backups.look(at: first).manifest,
            let new = instance.backups.look(at: last).manifest, old.parts.count == new.parts.count
        else { return true }
        for part in new.parts where part.root != .configuration {
            guard let before = old.parts.first(where: { $0.name == part.name }), !part.fingerprint.isEmpty,
                part.fingerprint == before.fingerprint, part.databases.count == before.databases.count,
                part.databases.allSatisfy({ database in
                    before.databases.contains { $0.path == database.path && $0.sha256 == database.sha256 }
                })
            else { return true }
        }
        return false
    }

    /// It could not be finished: it runs again here, where all of its data is.
    private func goBack(after error: any Error) async -> any Error {
        var failure = Failure.describing(error, doing: "finish the move of “\(instance.name)”")
        if [.interrupted, .terminated].contains(failure.kind) {
            failure.message = "the move of “\(instance.name)” was interrupted"
        }
        let journal = Journal(
            operation: "move", startedAt: site.machine.clock.now(), runsAfterwards: true)
        do {
            try journal.write(to: instance.folder.journal)
            let problem = try await site.startAgain(instance, after: journal)
            let rest =
                problem.map { "it does not run again here: \($0.sentence)" }
                ?? "“\(instance.name)” runs here again; the one on \(other.name) is older; run the same command again to resume"
            failure.cause = [failure.cause, rest].compactMap(\.self).joined(separator: "; ")
        } catch {
            failure.cause = [failure.cause, Failure.describing(error).sentence].compactMap(\.self)
                .joined(separator: "; ")
        }
        return failure
    }
}

extension MoveRecord {
    /// Tells the other end that the move is done, which may be told twice, and records it.
    func ended(of instance: Instance, at other: OtherMachine, _ site: Site) async throws -> MoveRecord {
        let farewell = Arrival.Farewell(name: instance.name.description, instanceId: instance.config.id)
        let _: Arrival.Farewell = try await other.ask("end", farewell)
        var record = self
        record.movedAt = site.machine.clock.now()
        record.phase = .done
        try record.write(to: instance.folder.move)
        return record
    }
}
