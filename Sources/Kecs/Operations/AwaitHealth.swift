// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Waits until an instance runs and its server is healthy. Starts nothing and changes nothing.
public struct AwaitHealth: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// - Parameter limit: Nil for the instance's own limit, the setting `startLimit`.
    /// - Throws: `Failure` with the problem once the limit has passed: `.timeout`, or `.failed` where its server has
    ///   ended or reports that it cannot keep its data; `.usage` for an instance that has no server.
    public func run(_ instance: Instance, limit: Duration?) async throws {
        let runtime = try site.runtime(instance)
        guard runtime.runsSomething else {
            throw Failure(
                .usage, "“\(instance.name)” runs nothing that could be waited for", cause: "it is only data",
                remedy: "kecsctl status \(instance.name)")
        }
        let limit = try limit ?? instance.startLimit()
        let clock = site.machine.clock
        let start = clock.elapsed()
        var last: Failure?
        site.machine.progress.step("waiting for \(instance.name)", total: nil)
        let isWell = try await clock.wait(upTo: limit, every: .milliseconds(500)) {
            try site.machine.cancellation.check()
            if let why = try await obstacle(instance, runtime, limit) {
                // A failure that says that the server has ended is more useful than “stopped”: it is kept.
                last = last?.kind == .failed ? last : why
                return false
            }
            // Asks at least once, also at the limit itself.
            let left = max(.milliseconds(1), limit - (clock.elapsed() - start))
            do {
                try await runtime.waitUntilHealthy(limit: left)
                return true
            } catch let failure as Failure where [.failed, .timeout, .unreachable].contains(failure.kind) {
                last = failure
                return false
            }
        }
        if !isWell, let last { throw last }
    }

    /// Returns the reason why its server cannot be asked; nil when it runs.
    private func obstacle(
        _ instance: Instance, _ runtime: any Runtime, _ limit: Duration
    ) async throws -> Failure? {
        let state = await runtime.state()
        let cause: String?
        switch state {
        case .running: return nil
        case .unknown(let why):
            return Failure(
                .unreachable, "cannot determine whether “\(instance.name)” runs", cause: why,
                remedy: "kecsctl doctor \(instance.name)")
        case .absent, .stopped, .paused: cause = await runtime.server.outage()
        }
        return Failure(
            .timeout, "“\(instance.name)” is \(state.name), and did not come to run within \(limit)",
            cause: cause,
            remedy: "kecsctl start \(instance.name)")
    }
}
