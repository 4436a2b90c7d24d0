// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem

/// The options of `stop`.
public struct StopRequest: Sendable {
    public var backup: Bool
    /// Whether Velero, where it is, backs up the cluster before.
    public var clusterBackup: Bool
    /// Stop although the backup failed.
    public var force: Bool
    public var limit: Duration
    public var dryRun: Bool

    public init(
        backup: Bool = true, clusterBackup: Bool = true, force: Bool = false,
        limit: Duration = .seconds(60), dryRun: Bool = false
    ) {
        self.backup = backup
        self.clusterBackup = clusterBackup
        self.force = force
        self.limit = limit
        self.dryRun = dryRun
    }
}

/// Backs up and verifies, then stops: without a verified backup nothing is stopped.
public struct StopInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Stops the instance. Call it under the instance's lock.
    public func run(_ instance: Instance, _ request: StopRequest) async throws -> StopReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let runtime = try site.runtime(instance)
        let state = await runtime.state()
        func report(
            _ outcome: Outcome, _ state: String, _ backup: BackupSummary?, _ failure: Failure?
        ) -> StopReport {
            StopReport(
                outcome: outcome, state: state, backup: backup, backupError: failure,
                durationSeconds: (clock.elapsed() - began).inSeconds)
        }
        let clusters = RecoveredClusters(site: site, instance: instance)
        switch state {
        case .absent, .stopped:
            let isAnyRunning = try await clusters.isAnyRunning()
            if request.dryRun { return report(isAnyRunning ? .planned : .already, state.name, nil, nil) }
            // The instance need not run any more, because the user stops it.
            try Duty.end(instance.folder.duty)
            guard isAnyRunning else { return report(.already, state.name, nil, nil) }
            try await clusters.stop(limit: request.limit)
            return report(.done, await runtime.state().name, nil, nil)
        case .unknown(let why):
            throw Failure.unknownState(of: instance, why)
        case .running, .paused: break
        }
        if let loss = try await runtime.engine.lossWhenStopped() { throw loss }
        let cluster = BackUpCluster(site: site, instance: instance, runtime: runtime)
        let isCovered =
            request.backup && request.clusterBackup && runtime.clusterBackups.backupEngine == .velero
        if request.dryRun {
            var planned = report(.planned, state.name, nil, nil)
            if isCovered { planned.notes = try await cluster.losses() }
            return planned
        }
        let velero = isCovered ? try await cluster.run(force: request.force) : .init()
        var backup: BackupSummary?
        var backupFailure: Failure?
        if request.backup {
            do {
                let taken = try await self.backup(instance)
                backup = taken.backup
                if let lack = taken.lackError { throw lack }
            } catch {
                let failure = Failure.describing(error, doing: "back up “\(instance.name)”")
                guard request.force else {
                    if velero.backup != nil { await cluster.wake() }
                    throw Failure(
                        failure.kind, "“\(instance.name)” was not stopped, because its backup failed",
                        cause: failure.message + (failure.cause.map { ": \($0)" } ?? ""),
                        remedy: failure.remedy ?? "kecsctl stop \(instance.name) --force")
                }
                backupFailure = failure
            }
        }
        do { try site.machine.cancellation.check() } catch {
            if velero.backup != nil { await cluster.wake() }
            throw error
        }
        let journal = Journal(
            operation: "stop", startedAt: clock.now(), runsAfterwards: true, mayBeStopped: true)
        try journal.write(to: instance.folder.journal)
        do {
            try await runtime.stop(limit: request.limit)
            if backup?.verified == true, backup?.lacks.isEmpty == true, runtime.provision.goesWhenStopped,
                !velero.keepsCluster
            {
                try await runtime.provision.remove()
            }
        } catch {
            let error = await TakeBack(site: site, instance: instance).run(
                journal, restart: true, after: error)
            if velero.backup != nil { await cluster.wake() }
            throw error
        }
        try Duty.end(instance.folder.duty)
        try Journal.close(instance.folder.journal)
        // The clusters hold only services, and the database's rows are enough to recreate them.
        if backup?.verified == true, runtime.provision.goesWhenStopped {
            try await clusters.delete()
        } else {
            try await clusters.stop(limit: request.limit)
        }
        let isPartial =
            backupFailure != nil || velero.failure != nil
            || velero.backup?.verdict == "restorable with errors"
        var stopped = report(
            isPartial ? .partial : .done, await runtime.state().name, backup, backupFailure)
        stopped.clusterBackup = velero.backup
        stopped.clusterBackupError = velero.failure
        stopped.clusterKept = runtime.provision.goesWhenStopped ? velero.whyKept : nil
        stopped.notes = velero.notes
        return stopped
    }
}

extension StopInstance {
    /// Takes the backup. The instance is about to be stopped anyway: if its database can only be read then, it is
    /// stopped for the backup.
    private func backup(_ instance: Instance) async throws -> BackupReport {
        let request = BackupRequest(reason: .stop, exclude: [])
        do {
            return try await TakeBackup(site: site).run(instance, request)
        } catch is LockedDatabase {
            var instance = instance
            instance.settings.flags[.consistency] = "stopped"
            return try await TakeBackup(site: site).run(instance, request)
        }
    }
}

/// Stops without a backup and starts again.
public struct RestartInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Restarts the instance. Call it under the instance's lock.
    ///
    /// - Throws: `Failure(.busy)` when another process writes to the data, `Failure(.partial)` when some of it is gone,
    ///   with nothing stopped.
    public func run(
        _ instance: Instance, limit: Duration?, force: Bool = false, dryRun: Bool = false
    ) async throws -> StartReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let runtime = try site.runtime(instance)
        var notes: [String] = []
        if runtime.runsSomething { notes = try await check(instance, force: force) }
        if dryRun {
            return StartReport(
                outcome: .planned, state: await runtime.state().name, runsSomething: runtime.runsSomething,
                endpoints: await runtime.server.endpoints(), durationSeconds: 0)
        }
        guard runtime.runsSomething else {
            return StartReport(
                outcome: .already, state: await runtime.state().name, runsSomething: false, endpoints: [],
                durationSeconds: (clock.elapsed() - began).inSeconds)
        }
        if let loss = try await runtime.engine.lossWhenStopped() { throw loss }
        let journal = Journal(
            operation: "restart", startedAt: clock.now(), runsAfterwards: true, mayBeStopped: true)
        try journal.write(to: instance.folder.journal)
        do {
            try await runtime.stop(limit: .seconds(60))
            try await runtime.start(limit: try limit ?? instance.startLimit())
        } catch {
            throw await giveUp(instance, journal, after: error)
        }
        try Duty.end(instance.folder.duty)
        try Journal.close(instance.folder.journal)
        var report = StartReport(
            outcome: .done, state: await runtime.state().name, degraded: instance.config.degraded?.why,
            runsSomething: true, endpoints: await runtime.server.endpoints(),
            durationSeconds: (clock.elapsed() - began).inSeconds)
        report.notes = notes
        return report
    }

    /// Makes the decisions that a start makes before it starts anything. The running server may still have files open
    /// that are gone from its folder, so nothing is stopped then.
    private func check(_ instance: Instance, force: Bool) async throws -> [String] {
        if !force { try await CheckExclusive(site: site).run(instance) }
        if let lost = try await JudgeLoss(site: site).run(instance).names {
            throw Failure(
                .partial,
                "“\(instance.name)” was not restarted: \(lost) gone, or something else is there",
                cause: "what runs may still have it open, and a new start would not",
                remedy: "kecsctl restore \(instance.name) --from latest")
        }
        try await CheckKnownDatabases(site: site).run(instance, verb: "restarted")
        let holders = FindHolders(site: site)
        var demand = FindHolders.Demand(verb: "restarted", force: force)
        demand.writersOnly = true
        demand.tellsUnseen = false
        return try await holders.check(instance, try await holders.parts(of: instance), demand)
    }

    /// Ends a restart that failed. An instance whose restart was interrupted runs at once; one that came up and is not
    /// healthy is left running; one that does not come up is a duty.
    private func giveUp(_ instance: Instance, _ journal: Journal, after error: any Error) async -> any Error {
        guard site.machine.cancellation.reason == nil else {
            return await TakeBack(site: site, instance: instance).run(journal, restart: true, after: error)
        }
        var failure = Failure.describing(error, doing: "restart “\(instance.name)”")
        do {
            if await site.isRunning(instance) {
                try Duty.end(instance.folder.duty)
                try Journal.close(instance.folder.journal)
                return failure
            }
            let duty = Duty(
                operation: journal.operation, since: journal.startedAt, because: failure.sentence,
                mayBeStopped: true, tries: 1, triedAt: site.machine.clock.now())
            try journal.settle(as: duty, in: instance.folder)
        } catch {
            failure.cause = [failure.cause, Failure.describing(error).sentence].compactMap(\.self)
                .joined(separator: "; ")
        }
        return failure
    }
}
