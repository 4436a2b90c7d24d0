// SPDX-License-Identifier: Apache-2.0
import SystemPackage
import KecsStorage
import KecsSystem

/// Removes an instance after a backup; its backups stay unless they are to go too.
public struct DestroyInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// To be called under the instance's lock.
    ///
    /// - Parameter force: Go on although the backup failed.
    public func run(
        _ instance: Instance, deleteBackups: Bool, force: Bool, dryRun: Bool
    ) async throws -> DestroyReport {
        let runtime = try site.runtime(instance)
        let state = await runtime.state()
        if case .unknown(let why) = state {
            throw Failure(
                .unreachable, "it cannot be told whether “\(instance.name)” is running", cause: why,
                remedy: "kecsctl status \(instance.name)")
        }
        if dryRun { return DestroyReport(outcome: .planned, backup: nil, backupsDeleted: deleteBackups) }
        var backup: BackupSummary?
        if !deleteBackups {
            do {
                backup = try await TakeBackup(site: site)
                    .run(instance, BackupRequest(reason: .beforeDestroy, prune: false)).backup
            } catch {
                guard force else {
                    let failure = Failure.describing(error, doing: "back up “\(instance.name)”")
                    throw Failure(
                        failure.kind, "“\(instance.name)” was not destroyed, because its backup failed",
                        cause: failure.message + (failure.cause.map { ": \($0)" } ?? ""),
                        remedy: "kecsctl destroy \(instance.name) --yes --force")
                }
            }
        }
        try await runtime.stop(limit: .seconds(60))
        try await runtime.remove()
        let going = site.home.instances.appending(".\(instance.name).destroying")
        if going.isPresent { try going.removeTree() }
        try instance.folder.path.rename(to: going)
        try site.home.instances.sync()
        try going.removeTree()
        if deleteBackups, instance.backups.folder.isPresent { try instance.backups.folder.removeTree() }
        return DestroyReport(outcome: .done, backup: backup, backupsDeleted: deleteBackups)
    }
}
