// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// The result of `rename`, or its plan.
public struct RenameReport: OperationReport {
    public static let kind = "RenameReport"
    public var outcome: Outcome
    public var to: String
    /// The number of backups that are renamed with it.
    public var backups: Int
    /// What carried the old name and was removed; the next start creates it.
    public var removed: [String]
    /// The lines of the crontab or the names of units, in their new form.
    public var schedule: [String]
    /// Notes and tasks for the user.
    public var notes: [String]
}

/// Gives an instance another name: its folder, its backups, its schedule. Its id, its ports and its data stay.
public struct RenameInstance: Sendable {
    let site: Site
    let schedules: InstallSchedule

    public init(site: Site, schedules: InstallSchedule) {
        self.site = site
        self.schedules = schedules
    }

    /// Renames the instance. Call it under the instance's lock.
    public func run(
        _ instance: Instance, to new: InstanceName, lock: LockRequest, dryRun: Bool = false
    ) async throws -> RenameReport {
        let backups = try instance.backups.all().count { $0.state != .incomplete }
        var report = RenameReport(
            outcome: .already, to: new.description, backups: backups, removed: [], schedule: [], notes: [])
        guard new != instance.name else { return report }
        try site.checkIsFree(new)
        let runtime = try site.runtime(instance)
        report.removed = try await checkIsUnbound(instance, runtime, new)
        let finish = FinishRename(site: site, schedules: schedules)
        if dryRun {
            (report.schedule, report.notes) = await finish.moveSchedule(instance.name, new, dryRun: true)
            report.outcome = .planned
            return report
        }
        try site.machine.cancellation.check()
        // The next start recreates the removed objects, under the name that a kill leaves.
        if !report.removed.isEmpty { try await runtime.provision.remove() }
        try await FileLock.hold(
            site.home.lock, command: lock.command, wait: max(lock.wait ?? .zero, .seconds(30)),
            clock: site.machine.clock, cancellation: site.machine.cancellation
        ) {
            try site.checkIsFree(new)
            try site.machine.cancellation.check()
            let empty = site.home.backups.appending(new.description)
            if try empty.isPresent { try empty.removeTree() }
            let record = RenameRecord(
                from: instance.name.description, to: new.description, startedAt: site.machine.clock.now())
            try JSONFile.write(record, to: site.home.renaming)
            guard try await finish.apply(instance.name, new) else { throw site.isTaken(new) }
            (report.schedule, report.notes) = await finish.moveSchedule(instance.name, new)
            try RenameRecord.close(site.home)
        }
        report.outcome = report.notes.isEmpty ? .done : .partial
        return report
    }

    /// Checks that nothing outside the home still uses the old name, or a path with it.
    ///
    /// - Returns: The objects that carry the name and can be recreated.
    private func checkIsUnbound(
        _ instance: Instance, _ runtime: any Runtime, _ new: InstanceName
    ) async throws -> [String] {
        let state = await runtime.state()
        if case .unknown(let why) = state { throw Failure.unknownState(of: instance, why) }
        let ties = try await runtime.provision.nameTies()
        if case .fixed(let why) = ties {
            throw Failure(
                .busy, "“\(instance.name)” cannot be renamed", cause: why,
                remedy: "kecsctl clone \(instance.name) \(new)")
        }
        let clusters = try await RecoveredClusters(site: site, instance: instance).all().keys.sorted()
        guard clusters.isEmpty else {
            throw Failure(
                .busy, "“\(instance.name)” cannot be renamed while clusters of its services are there",
                cause: "\(clusters.joined(separator: ", ")): a cluster keeps its name",
                remedy: "kecsctl clone \(instance.name) \(new)")
        }
        if try await isInsideOwnFolder(runtime, instance) || !ties.isFree {
            guard !state.mayWrite else {
                throw Failure(
                    .busy, "“\(instance.name)” cannot be renamed while it is \(state.name)",
                    cause: "its server works by the path \(instance.folder.path)",
                    remedy: "kecsctl stop \(instance.name)")
            }
            let holders = FindHolders(site: site)
            _ = try await holders.check(
                instance, try await holders.parts(of: instance),
                FindHolders.Demand(verb: "renamed", force: false))
        }
        if let mount = try MountTable.current().below(instance.folder.path) {
            throw Failure(
                .busy, "“\(instance.name)” cannot be renamed while something is mounted in its folder",
                cause: "\(mount) is a mount point", remedy: "umount \(mount)")
        }
        if case .made(let names) = ties { return names }
        return []
    }

    /// Returns true when the server has something in the instance's folder open, or mounted, by its path.
    private func isInsideOwnFolder(_ runtime: any Runtime, _ instance: Instance) async throws -> Bool {
        try await runtime.parts().contains { part in
            switch part.place {
            case .folder(let folder), .volume(_, at: let folder?): folder.starts(with: instance.folder.path)
            case .entries(of: let folder, _):
                folder != instance.folder.path && folder.starts(with: instance.folder.path)
            case .volume(_, at: nil): false
            }
        }
    }
}
