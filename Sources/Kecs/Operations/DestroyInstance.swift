// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import SystemPackage
import KecsSystem

/// Removes an instance after a backup; its backups stay unless they are to be deleted too.
public struct DestroyInstance: Sendable {
    let site: Site
    private let schedule: InstallSchedule?

    /// - Parameter schedule: Removes what was scheduled for the instance: it would fail every day from now on.
    public init(site: Site, schedule: InstallSchedule? = nil) {
        self.site = site
        self.schedule = schedule
    }

    /// Removes the instance. Call it under the instance's lock.
    ///
    /// - Parameter force: Continues although the backup failed.
    public func run(
        _ instance: Instance, deleteBackups: Bool, force: Bool, dryRun: Bool
    ) async throws -> DestroyReport {
        let runtime = try site.runtime(instance)
        let state = await runtime.state()
        if case .unknown(let why) = state { throw Failure.unknownState(of: instance, why) }
        try checkNothingIsMounted(in: instance)
        try checkNobodysDataIsRemoved(with: instance, deleteBackups)
        let holders = FindHolders(site: site)
        let notes = try await holders.check(
            instance, try await holders.parts(of: instance),
            FindHolders.Demand(verb: "destroyed", force: force))
        if dryRun {
            return DestroyReport(
                outcome: .planned, backup: nil, backupsDeleted: deleteBackups,
                notes: notes + (await removeSchedule(of: instance, dryRun: true)))
        }
        var backup: BackupSummary?
        if !deleteBackups {
            do {
                let taken = try await TakeBackup(site: site)
                    .run(instance, BackupRequest(reason: .beforeDestroy, prune: false))
                backup = taken.backup
                if !force, let lack = taken.lackError { throw lack }
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
        try site.machine.cancellation.check()
        let journal = Journal(
            operation: "destroy", startedAt: site.machine.clock.now(), runsAfterwards: state.mayWrite,
            mayBeStopped: state.mayWrite)
        try journal.write(to: instance.folder.journal)
        let remains = Remains(home: site.home)
        do {
            try await runtime.stop(limit: .seconds(60))
            try await runtime.provision.remove()
            try await RecoveredClusters(site: site, instance: instance).delete()
            try site.machine.cancellation.check()
            try await runtime.provision.forget()
            try remains.give(up: site.home.instances.appending(instance.name.description))
        } catch {
            throw await TakeBack(site: site, instance: instance).run(
                journal, restart: state.mayWrite, after: error)
        }
        let backups = site.home.backups.appending(instance.name.description)
        if deleteBackups, try backups.isPresent { try remains.give(up: backups) }
        remains.sweep()
        return DestroyReport(
            outcome: .done, backup: backup, backupsDeleted: deleteBackups,
            notes: notes + (await removeSchedule(of: instance, dryRun: false)))
    }

    /// The instance is gone by then, whatever becomes of its schedule.
    private func removeSchedule(of instance: Instance, dryRun: Bool) async -> [String] {
        guard let schedule else { return [] }
        do {
            let removed = try await schedule.remove(instance.name, dryRun: dryRun)
            return switch removed.outcome {
            case .done: ["its schedule was removed, too"]
            case .planned: ["its schedule would be removed, too"]
            default: []
            }
        } catch {
            return [
                "its schedule could not be removed: \(Failure.describing(error).sentence); "
                    + Remedy.line("kecsctl schedule remove \(instance.name)")
            ]
        }
    }

    /// Another instance's data folder may have been recorded in what is to be removed.
    private func checkNobodysDataIsRemoved(with instance: Instance, _ deleteBackups: Bool) throws {
        let removed = [instance.folder.path] + (deleteBackups ? [instance.backups.folder] : [])
        for (other, data) in try site.dataFolders(besides: instance.name)
        where removed.contains(where: { data.starts(with: $0.resolved()) }) {
            throw Failure(
                .busy,
                "“\(instance.name)” cannot be removed: the data of “\(other.name)” lies in what would go",
                cause: "its data folder is \(data)", remedy: "kecsctl inspect \(other.name)")
        }
    }

    /// What is mounted is not the instance's own, and would be in the way when half is gone.
    private func checkNothingIsMounted(in instance: Instance) throws {
        guard let mount = try MountTable.current().below(instance.folder.path) else { return }
        throw Failure(
            .failed, "“\(instance.name)” cannot be removed while something is mounted in its folder",
            cause: "\(mount) is a mount point", remedy: "umount \(mount)")
    }
}
