// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// Finishing or taking back a change of the runtime that was killed.
extension MigrateRuntime {
    /// Ends a migration that was killed after its exchange had begun: with the new runtime, or with the old one when
    /// the new one does not come up. Call it under the lock.
    ///
    /// - Returns: The actions, for people.
    func resume(_ journal: Journal, of instance: Instance) async throws -> String {
        guard let swap = journal.swap else { return "" }
        let now = try site.runtime(instance)
        if journal.runsAfterwards { try await now.stop(limit: .seconds(60)) }
        try await Self.fill(journal.fills ?? [], instance, site)
        try swap.exchange()
        let migrated = try site.instance(instance.name, flags: instance.settings.flags)
        let old = try formerInstance(migrated, swap)
        do {
            _ = try await start(migrated, .seconds(120), runs: journal.runsAfterwards)
        } catch {
            try site.machine.cancellation.check()
            let failure = Failure.describing(
                await goBack(from: migrated, to: old, journal, after: error))
            return "“\(instance.name)” did not come up with \(migrated.config.runtime.rawValue) after the "
                + "\(journal.operation) of \(journal.startedAt) was interrupted, \(wherever(instance)): "
                + failure.message + (failure.cause.map { ": \($0)" } ?? "")
        }
        var report = MigrateRuntimeReport(
            outcome: .done, from: "", to: "", state: "", dataFrom: "", dataTo: "", notes: [],
            durationSeconds: 0)
        try await settle(migrated, leaving: try site.runtime(old), journal, &report)
        return
            (["finished the \(journal.operation) that was interrupted on \(journal.startedAt)"]
            + report.notes).joined(separator: "; ")
    }

    /// Returns the instance with its configuration from before the exchange.
    func formerInstance(_ instance: Instance, _ swap: Swap) throws -> Instance {
        let unit = swap.units.first { $0.live.path == instance.folder.config }
        guard let file = unit?.previous.path else { return instance }
        return try site.instance(
            instance.name, config: try InstanceConfig.read(file), flags: instance.settings.flags)
    }
}
