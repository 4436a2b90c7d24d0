// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

extension Site {
    /// Runs work that must come to its end although the command was interrupted: restarting a stopped instance,
    /// reversing an exchange.
    ///
    /// - Parameter body: Gets a site whose clock, processes and runtimes do not see the interruption.
    func uninterrupted<Value: Sendable>(
        _ body: @escaping @Sendable (Site) async throws -> Value
    ) async throws -> Value {
        var site = self
        site.machine.cancellation = Cancellation()
        site.machine.processes = machine.processes.uncancelled()
        let calm = site
        // A separate task is not cancelled with the one that waits for it, which waits whatever happens.
        return try await Task { try await body(calm) }.value
    }
}

extension Runtime {
    /// Stops a server that an operation may have told to end, so that it can be started from the beginning. A server
    /// that would lose something by a stop was never told to.
    func stopAgain() async throws {
        guard try await engine.lossWhenStopped() == nil else { return }
        try await stop(limit: .seconds(60))
    }
}
