// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// The options of `migrate velero`.
public struct MigrateVeleroRequest: Sendable {
    /// True to remove Velero.
    public var undo: Bool
    public var limit: Duration?
    /// True to continue although the backup before it lacks something.
    public var force: Bool
    public var dryRun: Bool

    public init(undo: Bool = false, limit: Duration? = nil, force: Bool = false, dryRun: Bool = false) {
        self.undo = undo
        self.limit = limit
        self.force = force
        self.dryRun = dryRun
    }
}

/// The result of `migrate velero`, or its plan.
public struct MigrateVeleroReport: OperationReport {
    public static let kind = "MigrateVeleroReport"
    public var outcome: Outcome
    public var from: String
    public var to: String
    public var backup: String?
    public var state: String
    /// True when an existing cluster had to be recreated.
    public var rebuilt: Bool
    /// The store's folder on this host, which stays when Velero goes.
    public var store: String
    public var notes: [String]
    public var recovery: RecoverReport?
    /// The failure of Velero, while the instance runs.
    public var backupEngineError: Failure?
    public var durationSeconds: Double
}

/// Puts Velero into an instance's cluster, or takes it out. It takes a backup, then recreates the cluster with or
/// without the store's folder in its nodes. If that cluster does not come up, it restores the old one.
///
/// A kill before the configuration is written leaves the old way, a kill after it the new one; the next kecsctl starts
/// it.
public struct MigrateVelero: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Adds or removes Velero. Call it under the instance's lock.
    public func run(_ instance: Instance, _ request: MigrateVeleroRequest) async throws -> MigrateVeleroReport
    {
        let began = site.machine.clock.elapsed()
        guard instance.config.runtime.hasCluster else {
            throw ChooseBackupEngine.noCluster(instance.name, instance.config.runtime)
        }
        let wants = !request.undo
        let now = try instance.settings.flag(.veleroBackup)
        let old = try site.runtime(instance)
        let state = await old.state()
        if case .unknown(let why) = state { throw Failure.unknownState(of: instance, why) }
        var report = MigrateVeleroReport(
            outcome: .already, from: Self.engine(now), to: Self.engine(wants), state: state.name,
            rebuilt: false, store: instance.folder.objectStore.string, notes: [], durationSeconds: 0)
        // A setting for all instances may be newer than the cluster.
        let isLacking = wants ? try await old.clusterBackups.seesStore() == false : false
        guard now != wants || isLacking else { return report }
        report.rebuilt = state != .absent
        if let loss = state.mayWrite ? try await old.engine.lossWhenStopped() : nil { throw loss }
        if request.dryRun {
            report.outcome = .planned
            return report
        }
        if state.mayWrite {
            let taken = try await TakeBackup(site: site).run(
                instance, BackupRequest(reason: .beforeMigration, prune: false, force: request.force))
            report.backup = taken.backup?.id.description
            if !request.force, let lack = taken.lackError { throw lack }
        }
        try site.machine.cancellation.check()
        try await change(instance, old, state, to: wants, request, &report)
        if request.undo { try forget(instance, &report) }
        report.outcome =
            report.backupEngineError == nil && report.recovery?.outcome != .partial ? .done : .partial
        report.durationSeconds = (site.machine.clock.elapsed() - began).inSeconds
        return report
    }

    private static func engine(_ isVelero: Bool) -> String {
        (isVelero ? BackupEngine.velero : .files).rawValue
    }

    private func change(
        _ instance: Instance, _ old: any Runtime, _ state: RuntimeState, to wants: Bool,
        _ request: MigrateVeleroRequest, _ report: inout MigrateVeleroReport
    ) async throws {
        let journal = Journal(
            operation: "migrate velero", startedAt: site.machine.clock.now(), runsAfterwards: state.mayWrite,
            mayBeStopped: true)
        try journal.write(to: instance.folder.journal)
        let changed: Instance
        do {
            if state != .absent {
                try await old.stop(limit: .seconds(60))
                // A stopped cluster that stays would lack the folders that are mounted into a new one.
                try await old.provision.remove()
            }
            changed = try write(instance, wants)
        } catch {
            throw await TakeBack(site: site, instance: instance).run(
                journal, restart: state.mayWrite, after: error)
        }
        guard state.mayWrite else {
            try Journal.close(instance.folder.journal)
            report.state = RuntimeState.absent.name
            return
        }
        do {
            let started = try await StartInstance(site: site).again(changed, limit: request.limit)
            report.state = started.state
            report.recovery = started.recovery
            report.backupEngineError = started.backupEngineError
            report.notes = started.notes
        } catch {
            throw try await goBack(instance, now: !wants, request, after: error)
        }
    }

    private func write(_ instance: Instance, _ wants: Bool) throws -> Instance {
        var config = try InstanceConfig.read(instance.folder.config)
        config.settings[SettingKey.veleroBackup.rawValue] = .bool(wants)
        try config.write(to: instance.folder.config)
        return try site.instance(instance.name, flags: instance.settings.flags)
    }

    /// Goes back to the old cluster. The failed start has stopped everything that it had started, and owes a start from
    /// then on.
    private func goBack(
        _ instance: Instance, now: Bool, _ request: MigrateVeleroRequest, after error: any Error
    ) async throws -> Failure {
        let failure = Failure.describing(error)
        var whole = Failure(
            failure.kind, "“\(instance.name)” did not come up with another cluster, and is as before",
            cause: failure.message + (failure.cause.map { ": \($0)" } ?? ""), remedy: failure.remedy)
        do {
            try await site.uninterrupted { site in
                let first = try site.instance(instance.name, flags: instance.settings.flags)
                try await site.runtime(first).provision.remove()
                let before = try MigrateVelero(site: site).write(instance, now)
                _ = try await StartInstance(site: site).again(before, limit: request.limit)
            }
        } catch {
            whole.message = "“\(instance.name)” did not come up with another cluster, nor as it was before"
            whole.cause = [whole.cause, Failure.describing(error).sentence].compactMap(\.self)
                .joined(separator: "; ")
        }
        return whole
    }

    /// Removes the credentials. The stored backups can be read without them; a new Velero gets new ones.
    private func forget(_ instance: Instance, _ report: inout MigrateVeleroReport) throws {
        let folder = instance.folder.veleroConfig
        if try folder.isPresent { try folder.removeTree() }
        let store = instance.folder.objectStore
        if try store.isFolder, try !store.entries().isEmpty {
            report.notes.append(
                "Velero's backups stay in \(store); “kecsctl backups list --velero \(instance.name)” shows them"
            )
        }
    }
}
