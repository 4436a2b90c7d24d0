// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// What comes after the start: the cluster's backup engine, and the services in it.
extension StartInstance {
    /// Without what backs up its cluster an instance is none the worse today.
    func bringUpBackupEngine(_ instance: Instance, _ request: StartRequest) async throws -> Failure? {
        let limit = try request.limit ?? instance.startLimit()
        do {
            try await site.runtime(instance).clusterBackups.bringUpBackupEngine(
                limit: request.wait ? limit : .zero)
            return nil
        } catch {
            guard site.machine.cancellation.reason == nil else { throw error }
            return Failure.describing(error)
        }
    }

    /// Recovers the services in the cluster. A cluster that has just come up holds nothing of the database's content,
    /// unless it was there all along.
    func recover(
        _ instance: Instance, _ request: StartRequest
    ) async throws -> (RecoverReport?, Failure?) {
        guard instance.config.runtime.hasCluster, let ground = site.ground?(instance),
            try instance.settings.flag(.autoRecoverState)
        else { return (nil, nil) }
        do {
            let report = try await RecoverInstance(site: site, ground: ground, log: site.log)
                .run(
                    instance,
                    RecoverRequest(
                        wait: request.wait, limit: try request.limit ?? instance.startLimit()))
            return (try settle(report, instance, request), nil)
        } catch {
            let failure = Failure.describing(error, doing: "recover “\(instance.name)”")
            guard failure.kind != .interrupted, failure.kind != .terminated else { throw failure }
            site.log("State recovery failed: \(failure.message)")
            if !request.accept { try degrade(instance, failure.message) }
            return (nil, failure)
        }
    }

    /// Degrades the instance when something could not be recovered, unless that was accepted: now, or by an earlier
    /// start.
    func settle(
        _ report: RecoverReport, _ instance: Instance, _ request: StartRequest
    ) throws -> RecoverReport {
        guard report.outcome == .partial else { return report }
        var config = try InstanceConfig.read(instance.folder.config)
        let failures = report.failures
        if request.accept { config.accepted = Set((config.accepted ?? []) + failures).sorted() }
        guard !Set(failures).isSubset(of: config.accepted ?? []) else {
            if request.accept { try config.write(to: instance.folder.config) }
            var accepted = report
            accepted.outcome = .done
            return accepted
        }
        try degrade(
            instance,
            "not everything could be recovered: \(failures.prefix(5).joined(separator: "; "))"
                + (failures.count > 5 ? " and \(failures.count - 5) more" : ""),
            lacks: failures)
        return report
    }

    func degrade(_ instance: Instance, _ why: String, lacks: [String]? = nil) throws {
        var config = try InstanceConfig.read(instance.folder.config)
        config.degraded = .init(since: site.machine.clock.now(), why: why, lacks: lacks)
        try config.write(to: instance.folder.config)
    }
}
