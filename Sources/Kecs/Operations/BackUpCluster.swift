// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// The part of a stop that is about what stands in the cluster: backed up and read back before anything is touched.
public struct BackUpCluster: Sendable {
    let site: Site
    let instance: Instance
    let runtime: any Runtime

    /// The end of the message of a stop that did nothing; the history is searched for it.
    public static let refusal = "was not stopped, because there is no backup of its cluster"

    struct Result: Sendable {
        var backup: ClusterBackup?
        /// With `force`.
        var failure: Failure?
        var notes: [String] = []

        /// What has no backup stays where it is.
        var keepsCluster: Bool { failure != nil || backup?.isWhole == false }
        var whyKept: String? {
            failure == nil ? backup?.whyKept : "there is no backup of it by Velero"
        }
    }

    /// - Parameter force: A failure is told, and no reason not to stop.
    /// - Throws: `Failure` with what to do instead; nothing was stopped.
    func run(force: Bool) async throws -> Result {
        var mayRest = false
        do {
            // What was not restored yet is no better than what is degraded.
            let isDue = try PendingClusterRestore.isDue(instance.folder)
            let isUnrestored =
                isDue ? try await runtime.clusterBackups.clusterBackup(isDegraded: false) != nil : false
            let isDegraded = instance.config.degraded != nil || isUnrestored
            // Before: afterwards it is too late.
            for loss in try await losses() { site.log(loss) }
            guard let backup = try await runtime.clusterBackups.backUpCluster(.init(isDegraded: isDegraded))
            else {
                return Result()
            }
            var result = Result(backup: backup)
            if backup.errorCount > 0 {
                result.notes.append(
                    "Velero's backup \(backup.name) has \(backup.errorCount == 1 ? "an error" : "\(backup.errorCount) errors"): "
                        + backup.errors.joined(separator: "; "))
            }
            if isUnrestored {
                result.notes.append(
                    "the cluster had not been restored since it was made anew, so that the next start restores the backup before \(backup.name)"
                )
            }
            mayRest = true
            let removed = try await runtime.clusterBackups.restBackupEngine(
                removing: backup.notRemoved, limit: .seconds(60))
            result.backup?.removed += removed
            return result
        } catch {
            let failure = Failure.describing(error, doing: "back up the cluster of “\(instance.name)”")
            if mayRest { await wake() }
            guard site.machine.cancellation.reason == nil else { throw failure }
            guard force else {
                throw Failure(
                    failure.kind, "“\(instance.name)” \(Self.refusal)",
                    cause: failure.sentence,
                    remedy: "kecsctl stop \(instance.name) --no-velero-backup --keep-clusters")
            }
            return Result(failure: failure)
        }
    }

    /// Whose contents are in no backup, one sentence each.
    func losses() async throws -> [String] {
        try await runtime.clusterBackups.lostVolumes().map {
            "the volume of \($0.claim) in “\(instance.name)” will be in no backup: \($0.why)"
        }
    }

    /// After a stop that did not come to its end. That it could not be waked is told by the next stop.
    func wake() async {
        do {
            try await site.uninterrupted { [instance] site in
                try await site.runtime(instance).clusterBackups.bringUpBackupEngine(limit: .zero)
            }
        } catch {
            site.log(
                "Velero of “\(instance.name)” could not be started again: \(Failure.describing(error).sentence)"
            )
        }
    }
}
