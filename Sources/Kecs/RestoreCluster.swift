// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Brings back what stood in a cluster that was made anew, once what can do it is up.
struct RestoreCluster: Sendable {
    let site: Site

    /// What became of it: nothing of both when nothing was due.
    struct Result: Sendable {
        var restored: ClusterRestore?
        /// Why it is not what stood there last.
        var failure: Failure?
        var notes: [String] = []
    }

    /// To be called under the instance's lock.
    ///
    /// - Parameters:
    ///   - engineFailure: Why what can restore is not up: then nothing can be restored, and if there is something, that is told.
    ///   - wants: Whether it is to be restored at all.
    ///   - limit: For workloads.
    /// - Throws: When the command was interrupted: it stays due.
    func run(
        _ instance: Instance, engineFailure: Failure?, wants: Bool = true, accepts: Bool = false,
        limit: Duration
    ) async throws -> Result {
        guard try PendingClusterRestore.isDue(instance.folder) else { return Result() }
        let runtime = try site.runtime(instance)
        guard runtime.clusterBackups.backupEngine == .velero, wants else {
            // Without Velero there is nothing to open; the next stop opens it.
            if engineFailure == nil { try await runtime.clusterBackups.openStore() }
            try PendingClusterRestore.clear(instance.folder)
            return Result()
        }
        do {
            let isDegraded = instance.config.degraded != nil || accepts
            if let engineFailure {
                guard try await runtime.clusterBackups.clusterBackup(isDegraded: isDegraded) != nil else {
                    return Result()
                }
                throw engineFailure
            }
            let restored = try await runtime.clusterBackups.restoreCluster(
                ClusterRestoreRequest(isDegraded: isDegraded, limit: limit))
            guard let restored else {
                try await runtime.clusterBackups.openStore()
                try PendingClusterRestore.clear(instance.folder)
                return Result()
            }
            return try await settle(restored, instance, runtime)
        } catch {
            guard site.machine.cancellation.reason == nil else { throw error }
            let failure = Failure.describing(error)
            try degrade(
                instance, "what stood in its cluster was not restored: \(failure.sentence)",
                backup: try await runtime.clusterBackups.clusterBackup(isDegraded: false))
            return Result(
                failure: engineFailure == nil
                    ? failure
                    : Failure(
                        failure.kind, "the cluster of “\(instance.name)” was recreated, but not restored",
                        cause: failure.sentence, remedy: "kecsctl start \(instance.name)"))
        }
    }

    /// What ran to its end stays: an older backup over it would mix two states.
    private func settle(
        _ restored: ClusterRestore, _ instance: Instance, _ runtime: any Runtime
    ) async throws -> Result {
        var result = Result(restored: restored)
        if restored.errorCount > 0 || restored.phase != "Completed" {
            let failure = Failure(
                .partial,
                "the restore of “\(instance.name)” from Velero's backup \(restored.backup) had \(restored.errorCount == 1 ? "an error" : "\(restored.errorCount) errors")",
                cause: restored.errors.isEmpty ? nil : restored.errors.joined(separator: "; "),
                remedy: ShellWords.quote([
                    "kecsctl", "restore", "\(instance.name)", "--from", "velero:\(restored.backup)",
                ]))
            try degrade(instance, failure.message, backup: restored.backup)
            result.failure = failure
        } else if let degraded = instance.config.degraded, degraded.clusterBackup != nil,
            !restored.isOfDegraded
        {
            var config = try InstanceConfig.read(instance.folder.config)
            config.degraded = nil
            try config.write(to: instance.folder.config)
            result.notes.append("“\(instance.name)” is not degraded any more: its cluster was restored")
        }
        try PendingClusterRestore.clear(instance.folder)
        result.notes += restored.notes
        if !restored.skipped.isEmpty {
            let passed = restored.skipped.map { "Velero's backup \($0.backup) was passed over: \($0.why)" }
            if result.failure == nil {
                // It is whole and nothing lacks now, but it is not what stood there last.
                result.failure = Failure(
                    .partial,
                    "the cluster of “\(instance.name)” was restored from an older backup, \(restored.backup)",
                    cause: passed.joined(separator: "; "),
                    remedy: "kecsctl backups verify --velero --all --instance \(instance.name)")
            } else {
                result.notes += passed
            }
        }
        if !restored.waiting.isEmpty {
            result.notes.append(
                "restored, and not up yet: \(restored.waiting.prefix(5).joined(separator: "; "))"
                    + (restored.waiting.count > 5 ? " and \(restored.waiting.count - 5) more" : ""))
        }
        return result
    }

    /// An instance that is degraded already stays so since then.
    private func degrade(_ instance: Instance, _ why: String, backup: String?) throws {
        var config = try InstanceConfig.read(instance.folder.config)
        guard config.degraded == nil else { return }
        config.degraded = .init(since: site.machine.clock.now(), why: why)
        config.degraded?.clusterBackup = backup ?? ""
        try config.write(to: instance.folder.config)
    }
}
