// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

extension Site {
    /// Runs what must come to its end although the command was interrupted: starting again what was stopped, putting
    /// back what was exchanged.
    ///
    /// - Parameter body: Gets a site whose clock, processes and runtimes do not know of the interruption.
    func seenThrough<Value: Sendable>(
        _ body: @escaping @Sendable (Site) async throws -> Value
    ) async throws -> Value {
        var site = self
        site.machine.cancellation = Cancellation()
        site.machine.processes = machine.processes.uncancelled()
        let calm = site
        // A task of its own is not cancelled with the one that waits for it, which waits whatever happens.
        return try await Task { try await body(calm) }.value
    }
}

extension Runtime {
    /// Stops what an operation may have told to end, so that it can be started from the beginning. One that a stop would
    /// lose was never told to.
    func stopAgain() async throws {
        guard try await lossWhenStopped() == nil else { return }
        try await stop(limit: .seconds(60))
    }
}

/// Brings an instance back to where it was before an operation that failed or was interrupted.
struct TakeBack: Sendable {
    let site: Site
    let instance: Instance

    /// - Parameters:
    ///   - restart: Whether the instance was, or was about to be, stopped, and is to run.
    ///   - error: Why.
    /// - Returns: What is to be thrown: `error`, and when even this fails, with that added to its cause. The journal
    ///   stays then, and the next run tries again.
    func run(_ journal: Journal, restart: Bool, after error: any Error) async -> any Error {
        // Whoever presses Ctrl-C does not want to wait until it is healthy.
        let limit: Duration = site.machine.cancellation.reason == nil ? .seconds(120) : .zero
        do {
            try await site.seenThrough { [instance] site in
                let runtime = try site.runtime(instance)
                var journal = journal
                if journal.swap?.phase == .swapping {
                    try await FillVolumes(
                        site: site, instance: instance, runtime: try volumes(of: instance, site)
                    ).takeBack(journal.fills ?? [])
                }
                try journal.takeBackSwap(at: instance.folder.journal)
                if instance.folder.restoring.isPresent { try instance.folder.restoring.removeTree() }
                if restart {
                    // It may have been told to end, and not have ended yet.
                    try await runtime.stopAgain()
                    try await runtime.start(limit: limit)
                }
                try Journal.close(instance.folder.journal)
            }
            return error
        } catch let second {
            let why = site.machine.cancellation.reason
            var failure = Failure.describing(
                error is CancellationError ? why.map { Interrupted($0) } ?? error : error)
            let problem = Failure.describing(second)
            failure.cause = [
                failure.cause, "and not all could be taken back: \(problem.message)", problem.cause,
            ]
            .compactMap(\.self).joined(separator: "; ")
            return failure
        }
    }
}
