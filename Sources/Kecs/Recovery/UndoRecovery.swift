// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

/// Takes back what the last recovery made: by its label, so that nothing else goes. Clusters stay.
public struct UndoRecovery: Sendable {
    let site: Site
    let ground: any RecoveryGround

    public init(site: Site, ground: any RecoveryGround) {
        self.site = site
        self.ground = ground
    }

    /// To be called under the instance's lock. Can be repeated after a kill.
    public func run(_ instance: Instance, dryRun: Bool) async throws -> RecoverReport {
        guard let record = try RecoveryRecord.read(instance.folder.recovery) else {
            return RecoverReport(outcome: .already)
        }
        var report = RecoverReport(outcome: dryRun ? .planned : .done)
        report.recovery = record.id
        let names = try await ground.clusters()
        for cluster in record.k3dClusters where names[cluster] != nil {
            try site.machine.cancellation.check()
            if dryRun {
                report.removed += try await ground.objects(in: cluster)
                    .filter { $0.value.recovery == record.id }.map { "\(cluster): \($0.key)" }.sorted()
            } else {
                report.removed += try await ground.remove(recovery: record.id, from: cluster)
                    .map { "\(cluster): \($0)" }
            }
        }
        if !dryRun { try instance.folder.recovery.remove() }
        return report
    }
}
