// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem

/// What `stop` is asked to do.
public struct StopRequest: Sendable {
    public var backup: Bool
    /// Stop although the backup failed.
    public var force: Bool
    public var limit: Duration
    public var dryRun: Bool

    public init(
        backup: Bool = true, force: Bool = false, limit: Duration = .seconds(60), dryRun: Bool = false
    ) {
        self.backup = backup
        self.force = force
        self.limit = limit
        self.dryRun = dryRun
    }
}

/// Backs up and verifies, then stops: without a verified backup nothing is stopped.
public struct StopInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// To be called under the instance's lock.
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
        switch state {
        case .absent, .stopped: return report(.already, state.name, nil, nil)
        case .unknown(let why):
            throw Failure(
                .unreachable, "it cannot be told whether “\(instance.name)” is running", cause: why,
                remedy: "kecsctl status \(instance.name)")
        case .running, .paused: break
        }
        if let loss = try await runtime.lossWhenStopped() { throw loss }
        if request.dryRun { return report(.planned, state.name, nil, nil) }
        var backup: BackupSummary?
        var backupFailure: Failure?
        if request.backup {
            do {
                backup = try await TakeBackup(site: site).run(instance, BackupRequest(reason: .stop)).backup
            } catch {
                let failure = Failure.describing(error, doing: "back up “\(instance.name)”")
                guard request.force else {
                    throw Failure(
                        failure.kind, "“\(instance.name)” was not stopped, because its backup failed",
                        cause: failure.message + (failure.cause.map { ": \($0)" } ?? ""),
                        remedy: failure.remedy ?? "kecsctl stop \(instance.name) --force")
                }
                backupFailure = failure
            }
        }
        try site.machine.cancellation.check()
        let journal = Journal(
            operation: "stop", startedAt: clock.now(), runsAfterwards: true, mayBeStopped: true)
        try journal.write(to: instance.folder.journal)
        do {
            try await runtime.stop(limit: request.limit)
            if backup?.verified == true, runtime.goesWhenStopped { try await runtime.remove() }
        } catch {
            throw await TakeBack(site: site, instance: instance).run(journal, restart: true, after: error)
        }
        try Journal.close(instance.folder.journal)
        return report(
            backupFailure == nil ? .done : .partial, await runtime.state().name, backup, backupFailure)
    }
}

/// Stops without a backup and starts again.
public struct RestartInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// To be called under the instance's lock.
    public func run(_ instance: Instance, limit: Duration, dryRun: Bool = false) async throws -> StartReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let runtime = try site.runtime(instance)
        if dryRun {
            return StartReport(
                outcome: .planned, state: await runtime.state().name, runsSomething: runtime.runsSomething,
                endpoints: runtime.endpoints(), durationSeconds: 0)
        }
        guard runtime.runsSomething else {
            return StartReport(
                outcome: .already, state: await runtime.state().name, runsSomething: false, endpoints: [],
                durationSeconds: (clock.elapsed() - began).inSeconds)
        }
        if let loss = try await runtime.lossWhenStopped() { throw loss }
        let journal = Journal(
            operation: "restart", startedAt: clock.now(), runsAfterwards: true, mayBeStopped: true)
        try journal.write(to: instance.folder.journal)
        do {
            try await runtime.stop(limit: .seconds(60))
            try await runtime.start(limit: limit)
        } catch {
            // One that does not come up gets another chance from the next run; one that was interrupted runs at once.
            guard site.machine.cancellation.reason != nil else { throw error }
            throw await TakeBack(site: site, instance: instance).run(journal, restart: true, after: error)
        }
        try Journal.close(instance.folder.journal)
        return StartReport(
            outcome: .done, state: await runtime.state().name, degraded: instance.config.degraded?.why,
            runsSomething: true, endpoints: runtime.endpoints(),
            durationSeconds: (clock.elapsed() - began).inSeconds)
    }
}
