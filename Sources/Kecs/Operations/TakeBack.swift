// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Rolls an instance back to its state before an operation that failed or was interrupted, and closes its journal: a
/// failure that is fully handled leaves none.
struct TakeBack: Sendable {
    let site: Site
    let instance: Instance

    /// Rolls the instance back.
    ///
    /// - Parameters:
    ///   - restart: True when the instance was, or was about to be, stopped, and is to run.
    ///   - error: The reason.
    /// - Returns: The error to throw: `error`, with everything that could not be rolled back added to its cause. A
    ///   server that does not come up is a duty from then on. The journal is kept only for files that could not be
    ///   moved back, because it alone knows them.
    func run(_ journal: Journal, restart: Bool, after error: any Error) async -> any Error {
        var journal = journal
        let interruption = site.machine.cancellation
        do {
            let given = journal
            journal = try await site.uninterrupted { [instance] site in
                var journal = given
                if journal.swap?.phase == .swapping {
                    try await FillVolumes(
                        site: site, instance: instance, runtime: try volumeRuntime(of: instance, site)
                    ).takeBack(journal.fills ?? [])
                }
                // This one was interrupted, if any was: what was unpacked is left to the next run then.
                try journal.takeBackSwap(at: instance.folder.journal, interruption)
                instance.folder.restoring.discard(into: instance.folder.path, interruption)
                return journal
            }
        } catch let second {
            return adding(
                "not everything could be rolled back: " + Failure.describing(second).sentence, to: error)
        }
        guard restart || journal.mayBeFrozen else {
            return await closing(journal, after: error)
        }
        // A user who presses Ctrl-C does not want to wait until the server is healthy.
        let limit: Duration = site.machine.cancellation.reason == nil ? .seconds(120) : .zero
        var isStopped = false
        do {
            isStopped = try await site.uninterrupted { [instance, journal] site in
                let runtime = try site.runtime(instance)
                if journal.mayBeFrozen { try await runtime.thaw() }
                guard restart else { return false }
                // An earlier stop may have reached it, and it may not have ended yet.
                try await runtime.stopAgain()
                return true
            }
        } catch let second {
            let failure = Failure.describing(second)
            let duty = Duty(
                operation: journal.operation, since: journal.startedAt, because: failure.sentence,
                mayBeFrozen: journal.mayBeFrozen, mayBeStopped: restart, mustRun: journal.runsAfterwards,
                tries: 1, triedAt: site.machine.clock.now())
            do { try journal.settle(as: duty, in: instance.folder) } catch {
                return adding(Failure.describing(error).sentence, to: failure)
            }
            return adding("“\(instance.name)” is \(duty.sentence)", to: error)
        }
        guard isStopped else { return await closing(journal, after: error) }
        do {
            guard let failure = try await site.startAgain(instance, after: journal, limit: limit) else {
                return error
            }
            return adding("and it does not run: \(failure.sentence)", to: error)
        } catch let second {
            return adding(Failure.describing(second).sentence, to: error)
        }
    }

    private func closing(_ journal: Journal, after error: any Error) async -> any Error {
        do {
            try Journal.close(instance.folder.journal)
            return error
        } catch let second {
            return adding("the journal could not be closed: \(second)", to: error)
        }
    }

    private func adding(_ problem: String, to error: any Error) -> any Error {
        let why = site.machine.cancellation.reason
        var failure = Failure.describing(
            error is CancellationError ? why.map { Interrupted($0) } ?? error : error)
        failure.cause = [failure.cause, problem].compactMap(\.self).joined(separator: "; ")
        return failure
    }
}
