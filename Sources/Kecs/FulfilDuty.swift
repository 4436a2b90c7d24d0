// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Tries to start an instance again that must run. Called under the instance's lock, by every command that changes the
/// instance.
///
/// A failure is reported and never thrown: otherwise no command could work on the instance any more, not even one that
/// would repair it.
struct FulfilDuty: Sendable {
    /// The time within which the server must answer. A server that runs but does not answer yet is not down.
    static let limit = Duration.seconds(30)

    let site: Site

    /// - Returns: Sentences for people; none when there was nothing to do.
    /// - Throws: Any error when the command was interrupted, or when `duty.json` cannot be read or written.
    func run(_ instance: Instance) async throws -> [String] {
        guard var duty = try await duty(of: instance) else { return [] }
        do {
            let runtime = try site.runtime(instance)
            try await prepare(duty, runtime)
            guard duty.isDown, runtime.runsSomething else {
                try Duty.end(instance.folder.duty)
                return []
            }
            let before = await runtime.state()
            if case .unknown(let why) = before {
                throw Failure(
                    .unreachable, "cannot determine whether “\(instance.name)” is running", cause: why)
            }
            if before != .running {
                try await runtime.start(limit: Self.limit)
                try await bringUpEngine(instance, runtime)
            }
            try Duty.end(instance.folder.duty)
            return [
                before == .running
                    ? "“\(instance.name)” is running again"
                    : "started “\(instance.name)” again, which was \(duty.sentence)"
            ]
        } catch {
            try site.machine.cancellation.check()
            let failure = Failure.describing(error)
            if await site.isRunning(instance) {
                try Duty.end(instance.folder.duty)
                return ["started “\(instance.name)” again, but: \(failure.sentence)"]
            }
            duty.because = failure.sentence
            duty.tries += 1
            duty.triedAt = site.machine.clock.now()
            try duty.write(to: instance.folder.duty)
            return ["“\(instance.name)” is \(duty.sentence); next try by \(Duty.nextTry(instance.name))"]
        }
    }

    /// A cluster that was made anew by it is restored, too.
    private func bringUpEngine(_ instance: Instance, _ runtime: any Runtime) async throws {
        var failure: Failure?
        do {
            try await runtime.clusterBackups.bringUpBackupEngine(limit: Self.limit)
        } catch {
            try site.machine.cancellation.check()
            failure = Failure.describing(error)
        }
        let result = try await RestoreCluster(site: site).run(
            instance, engineFailure: failure, limit: Self.limit)
        if let failure = result.failure ?? failure { throw failure }
    }

    /// Lets go on what may be frozen, and sees ended what may have been told to end.
    func prepare(_ duty: Duty, _ runtime: any Runtime) async throws {
        if duty.mayBeFrozen == true { try await runtime.thaw() }
        if duty.mayBeStopped == true { try await runtime.stopAgain() }
    }

    /// Returns the recorded duty, or one that arose meanwhile: an engine ended the instance when it was restarted.
    private func duty(of instance: Instance) async throws -> Duty? {
        if let duty = try Duty.read(instance.folder.duty) { return duty }
        guard case .yes(let why) = await site.takenDown(instance) else { return nil }
        let duty = Duty(operation: "restart of the engine", since: site.machine.clock.now(), because: why)
        try duty.write(to: instance.folder.duty)
        return duty
    }
}

extension Site {
    /// The answer to whether the instance was ended by its own runtime.
    public enum TakenDown: Sendable, Hashable {
        case yes(String)
        case no
        case unknown(String)
    }

    public func takenDown(_ instance: Instance) async -> TakenDown {
        do {
            return try await runtime(instance).engine.wasTakenDown()
                ? .yes("what runs it was restarted, and had ended it then") : .no
        } catch {
            return .unknown(Failure.describing(error).sentence)
        }
    }

    /// Returns true only when it certainly runs: an instance in an unknown state may be down.
    func isRunning(_ instance: Instance) async -> Bool {
        do { return try await runtime(instance).state() == .running } catch { return false }
    }

    /// Starts an instance again that an operation stopped, and closes the operation's journal, whatever happens. A
    /// failed start becomes a duty. Not cancelled with the command: an instance that was running must run again.
    ///
    /// - Returns: The reason why it does not run, or runs and does not answer.
    /// - Throws: Any error when neither the duty nor the closing of the journal could be written. The journal then
    ///   keeps the same meaning.
    func startAgain(
        _ instance: Instance, after journal: Journal, limit: Duration = .seconds(120)
    ) async throws -> Failure? {
        do {
            try await uninterrupted { site in try await site.runtime(instance).start(limit: limit) }
        } catch {
            var failure = Failure.describing(error, doing: "start “\(instance.name)” again")
            let isInterrupted = [.interrupted, .terminated].contains(failure.kind)
            if isInterrupted {
                // What came before it is done; “nothing half-done is left” would deny that.
                failure.message = "interrupted while “\(instance.name)” was being started again"
            }
            if await isRunning(instance) {
                try Journal.close(instance.folder.journal)
                if isInterrupted {
                    failure.cause = "it runs; kecsctl did not wait until it is healthy"
                    failure.remedy = "kecsctl status \(instance.name)"
                }
                return failure
            }
            let now = machine.clock.now()
            let duty = Duty(
                operation: journal.operation, since: journal.startedAt, because: failure.sentence, tries: 1,
                triedAt: now)
            try journal.settle(as: duty, in: instance.folder)
            failure.cause =
                (failure.cause.map { "\($0); " } ?? "")
                + "it is down; next try by the next command that changes “\(instance.name)”"
            failure.remedy = "kecsctl start \(instance.name)"
            return failure
        }
        try Journal.close(instance.folder.journal)
        return nil
    }
}

extension Failure {
    /// Message and cause in one clause.
    public var sentence: String { message + (cause.map { ": \($0)" } ?? "") }
}
