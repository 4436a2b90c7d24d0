// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// Creates the missing parts, restores a state that is gone, starts, and waits until the server answers.
public struct StartInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    public func run(
        _ name: InstanceName, _ request: StartRequest, lock: LockRequest,
        told: (Told) -> Void = { _ in }
    ) async throws -> StartReport {
        let isNew = try !site.home.folder(of: name).path.isFolder
        try await ChooseBackupEngine(site: site).check(name, request, isNew: isNew)
        if request.dryRun { return try await plan(name, request, isNew: isNew) }
        if isNew { try await create(name, request, lock) }
        return try await site.locked(
            name, lock, flags: request.settings, duty: .leave, told: told
        ) { instance in
            var hasBegun = false
            do {
                let known = try remember(request, in: instance)
                return try await start(known, request, isNew: isNew, &hasBegun)
            } catch {
                if !hasBegun { try owe(instance, after: error) }
                throw error
            }
        }
    }

    /// Records a duty for a start that could not begin because its engine did not answer.
    private func owe(_ instance: Instance, after error: any Error) throws {
        let failure = Failure.describing(error)
        guard [.failed, .unreachable, .timeout].contains(failure.kind),
            site.machine.cancellation.reason == nil, try site.runtime(instance).runsSomething,
            try Duty.read(instance.folder.duty) == nil
        else { return }
        let now = site.machine.clock.now()
        let duty = Duty(operation: "start", since: now, because: failure.sentence, tries: 1, triedAt: now)
        try duty.write(to: instance.folder.duty)
    }

    // MARK: Start

    /// - Parameter hasBegun: Set once only the start itself is left to do, which cleans up after itself.
    private func start(
        _ given: Instance, _ request: StartRequest, isNew: Bool, _ hasBegun: inout Bool
    ) async throws -> StartReport {
        var instance = given
        let clock = site.machine.clock
        let began = clock.elapsed()
        let duty = try Duty.read(instance.folder.duty)
        if let duty { try await FulfilDuty(site: site).prepare(duty, try site.runtime(instance)) }
        let before = await (try site.runtime(instance)).state()
        if case .unknown(let why) = before { throw Failure.unknownState(of: instance, why) }
        var first = RestoredFirst()
        let moved = try MoveRecord.read(instance.folder.move).flatMap { $0.isDone ? $0 : nil }
        if !before.mayWrite {
            try checkIsHere(instance, moved, request)
            // All of these checks come before anything is created, started or pulled.
            first = try await restoreFirst(instance, request)
            instance = try site.instance(instance.name, flags: request.settings)
        } else if !isNew, request.restore == .auto, !request.force {
            try await checkWhatRuns(instance, request)
        }
        let accepted = try await acceptLosses(instance, request)
        if !accepted.isEmpty { instance = try site.instance(instance.name, flags: request.settings) }
        try markDegraded(instance, request, after: first.failure)
        instance = try site.instance(instance.name, flags: request.settings)
        let runtime = try site.runtime(instance)
        let database =
            runtime.server.makesItsDatabase ? false : try await CreateDatabase(site: site).run(instance)
        hasBegun = true
        if runtime.runsSomething, before != .running {
            first.notes += try await bringUp(
                instance, runtime, request, owed: duty, ran: before.mayWrite)
        }
        try Duty.end(instance.folder.duty)
        if let moved {
            try instance.folder.move.remove()
            first.notes.append(
                "it moved to \(moved.to) on \(moved.movedAt ?? moved.startedAt); two copies of it exist from now on"
            )
        }
        var engineFailure = try await bringUpBackupEngine(instance, request)
        let cluster = try await RestoreCluster(site: site).run(
            instance, engineFailure: engineFailure, wants: request.restore != .none,
            accepts: request.accept && given.config.degraded != nil,
            limit: request.wait ? try request.limit ?? instance.startLimit() : .zero)
        // It is the reason of the other one then.
        if cluster.failure != nil { engineFailure = nil }
        let (recovery, recoveryFailure) = try await recover(instance, request)
        instance = try site.instance(instance.name, flags: request.settings)
        try await KnownMounts(site: site).note(instance)
        let state = await runtime.state()
        let didSomething =
            isNew || database || !accepted.isEmpty || first.restored != nil || before != state
            || recovery?.outcome == .done || cluster.restored != nil
        let isPartial =
            first.failure != nil || recoveryFailure != nil || engineFailure != nil || cluster.failure != nil
            || recovery?.outcome == .partial
        var report = StartReport(
            outcome: isPartial ? .partial : didSomething ? .done : .already, state: state.name,
            created: isNew, restored: first.restored?.from, restoreError: first.failure,
            degraded: instance.config.degraded?.why, runsSomething: runtime.runsSomething,
            endpoints: await runtime.server.endpoints(), durationSeconds: (clock.elapsed() - began).inSeconds)
        report.damaged = first.restored?.damaged ?? []
        report.notes =
            first.notes
            + accepted.map { "the loss of \($0) is accepted; the next good backup is made without it" }
            + (first.restored?.notes ?? []) + cluster.notes
        report.clusterRestore = cluster.restored
        report.clusterRestoreError = cluster.failure
        report.recovery = recovery
        report.recoveryError = recoveryFailure
        report.backupEngine = runtime.clusterBackups.backupEngine
        report.backupEngineError = engineFailure
        return report
    }

    /// Starts the instance for an operation that has the lock and has checked the data.
    func again(_ instance: Instance, limit: Duration?) async throws -> StartReport {
        var hasBegun = false
        return try await start(
            instance, StartRequest(restore: .none, limit: limit), isNew: false, &hasBegun)
    }

    /// Starts what runs the instance, with a journal of it.
    ///
    /// - Parameters:
    ///   - owed: The duty that an earlier start left.
    ///   - ran: True when something of it ran before, in part or frozen.
    /// - Returns: What was loaded for it first.
    private func bringUp(
        _ instance: Instance, _ runtime: any Runtime, _ request: StartRequest, owed: Duty?, ran: Bool
    ) async throws -> [String] {
        let journal = Journal(operation: "start", startedAt: site.machine.clock.now(), runsAfterwards: true)
        try journal.write(to: instance.folder.journal)
        let notes: [String]
        do {
            notes = try await LoadImages(site: site).run(instance)
            let limit = try request.limit ?? instance.startLimit()
            try await runtime.start(limit: request.wait ? limit : .zero)
        } catch {
            throw await giveUp(instance, journal, owed: owed, ran: ran, after: error)
        }
        try Journal.close(instance.folder.journal)
        return notes
    }

    /// Cleans up after a start that failed: nothing half-started stays. If the runtime failed to start it, that is a
    /// duty from then on, because the user asked for it to run. That includes an instance that came up before the
    /// engine failed, because it is stopped here. An instance that came up and is not healthy is no duty, because its
    /// user has seen it; an interrupted start is no longer wanted.
    private func giveUp(
        _ instance: Instance, _ journal: Journal, owed: Duty?, ran: Bool, after error: any Error
    ) async -> any Error {
        let failure = Failure.describing(error, doing: "start “\(instance.name)”")
        let wasInterrupted = site.machine.cancellation.reason != nil
        let cameUp = await site.isRunning(instance)
        var problem: Failure?
        do {
            // An instance that ran before, in part or frozen, is not stopped by a failed start.
            if !ran {
                try await site.uninterrupted { site in
                    try await site.runtime(instance).stop(limit: .seconds(20))
                }
            }
        } catch {
            problem = Failure.describing(error)
        }
        let isOwed =
            switch failure.kind {
            case .timeout: !cameUp || problem != nil
            case .failed, .unreachable: !failure.isServersState && !(cameUp && ran) || problem != nil
            default: problem != nil
            }
        do {
            if owed != nil || isOwed && !wasInterrupted {
                var duty = owed ?? Duty(operation: "start", since: journal.startedAt, because: "")
                duty.because = failure.sentence
                duty.mayBeStopped = problem == nil ? nil : true
                duty.tries += 1
                duty.triedAt = site.machine.clock.now()
                try journal.settle(as: duty, in: instance.folder)
            } else {
                try Journal.close(instance.folder.journal)
            }
        } catch {
            problem = Failure.describing(error)
        }
        guard let problem else { return error }
        var whole = failure
        whole.cause = [failure.cause, problem.sentence].compactMap(\.self).joined(separator: "; ")
        return whole
    }

    private func plan(_ name: InstanceName, _ request: StartRequest, isNew: Bool) async throws -> StartReport
    {
        if isNew {
            // What `create` would refuse is refused here.
            _ = try site.chosen(request.settings, for: name)
            let restores =
                request.restore == .none ? nil : try site.home.backupStore(of: name).latest()?.id.description
            return StartReport(
                outcome: .planned, state: RuntimeState.absent.name, created: true, restored: restores,
                restoreError: nil, degraded: nil, runsSomething: request.settings[.command] != nil,
                endpoints: [],
                durationSeconds: 0)
        }
        let instance = try site.instance(name, flags: request.settings)
        let runtime = try site.runtime(instance)
        var restores: String?
        if await !runtime.state().mayWrite {
            try await checkPlace(instance, request)
            switch try await neededRestore(instance, request) {
            case .nothing, .impossible: break
            case .from(let from):
                restores = try OpenRestoreSource(site: site).find(from, for: instance).name
            case .newest(let backups): restores = backups.first?.id.description
            }
            _ = try await checkHolders(instance, request)
        }
        return StartReport(
            outcome: .planned, state: await runtime.state().name, created: false, restored: restores,
            restoreError: nil, degraded: instance.config.degraded?.why, runsSomething: runtime.runsSomething,
            endpoints: await runtime.server.endpoints(), durationSeconds: 0)
    }
}
