// SPDX-License-Identifier: Apache-2.0
public import Kecs
import KecsSystem
import KecsVelero
import SystemPackage

/// What stands in the cluster, kept by Velero.
extension K3dRuntime: RuntimeClusterBackups {
    public var backupEngine: BackupEngine? { velero == nil ? .files : .velero }

    public func bringUpBackupEngine(limit: Duration) async throws {
        guard let velero else { return }
        guard try await seesStore() == true else {
            throw Failure(
                .failed, "the cluster of “\(instance.name)” does not see Velero's store",
                cause: "its nodes have no \(velero.mount.inside), and a folder cannot be bound in later",
                remedy: "kecsctl migrate velero \(instance.name)")
        }
        let isDue = try PendingClusterRestore.isDue(instance.folder)
        var install = InstallVelero(machine: machine, kubectl: try await reachable(), setup: velero)
        install.isReadOnly = try isDue && !HostStore(instance: instance, machine: machine).names().isEmpty
        // Without it nothing can be restored, however little is to be waited for.
        try await install.run(limit: install.isReadOnly ? max(limit, .seconds(120)) : limit)
    }

    public func seesStore() async throws -> Bool? {
        switch try await cluster.condition() {
        case .absent: return nil
        case .unknown(let why): throw cluster.unknown(why)
        case .present(let found):
            let mount = VeleroSetup.mount(of: instance)
            return found.binds(mount.host.string, at: mount.inside)
        }
    }

    public func backUpCluster(_ request: ClusterBackupRequest) async throws -> ClusterBackup? {
        guard let velero else { return nil }
        // Nodes that are frozen do nothing.
        try await cluster.thaw()
        return try await TakeVeleroBackup(machine: machine, kubectl: try await reachable(), setup: velero)
            .run(request)
    }

    public func lostVolumes() async throws -> [ClusterBackup.Volume] {
        guard let velero else { return [] }
        return try await TakeVeleroBackup(machine: machine, kubectl: try await reachable(), setup: velero)
            .lostVolumes()
    }

    public func restBackupEngine(removing names: [String], limit: Duration) async throws -> [String] {
        guard let velero else { return [] }
        return try await RestVelero(machine: machine, kubectl: try await reachable(), setup: velero)
            .run(removing: names, limit: limit)
    }

    public func clusterBackup(isDegraded: Bool) async throws -> String? {
        guard velero != nil else { return nil }
        let found = try HostStore(instance: instance, machine: machine).candidates(isDegraded: isDegraded)
        return (found.restorable.first ?? found.broken.first)?.name
    }

    public func restoreCluster(_ request: ClusterRestoreRequest) async throws -> ClusterRestore? {
        guard let velero else { return nil }
        let store = HostStore(instance: instance, machine: machine)
        let found: HostStore.Candidates
        switch request.source {
        case .named(let name): found = HostStore.Candidates(restorable: [try store.named(name)], broken: [])
        case .newest:
            found = try store.candidates(isDegraded: request.isDegraded)
            if found.restorable.isEmpty, let broken = found.broken.first {
                throw Failure(
                    .damaged, "no backup of the cluster of “\(instance.name)” can be restored",
                    cause:
                        "the newest is \(broken.name): \(broken.reasons.prefix(3).joined(separator: "; "))",
                    remedy: "kecsctl backups verify --velero --all --instance \(instance.name)")
            }
        }
        guard !found.restorable.isEmpty else { return nil }
        let kubectl = try await reachable()
        do {
            var restored = try await RestoreFromVelero(machine: machine, kubectl: kubectl, setup: velero)
                .run(found.restorable, request)
            restored.skipped = found.passedOver(for: restored.backup) + restored.skipped
            do { try await openStore() } catch {
                guard machine.cancellation.reason == nil else { throw error }
                // The next stop does it.
                restored.notes.append(Failure.describing(error).sentence)
            }
            return restored
        } catch {
            guard machine.cancellation.reason == nil else { throw error }
            var failure = Failure.describing(error)
            do { try await openStore() } catch {
                failure.cause = [failure.cause, Failure.describing(error).sentence].compactMap(\.self)
                    .joined(separator: "; ")
            }
            throw failure
        }
    }

    public func planClusterRestore(_ request: ClusterRestoreRequest) async throws -> ClusterRestorePlan? {
        guard velero != nil, case .named(let name) = request.source else { return nil }
        let store = HostStore(instance: instance, machine: machine)
        let backup = try store.named(name)
        return try await PlanVeleroRestore(machine: machine, kubectl: try await reachable(), store: store)
            .run(backup.name, request.filter)
    }

    public func storedClusterBackups() throws -> ClusterBackupStock? {
        guard velero != nil else { return nil }
        let all = try HostStore(instance: instance, machine: machine).all()
        var verdicts = Dictionary(
            uniqueKeysWithValues: VeleroBackup.Verdict.allCases.map { ($0.rawValue, 0) })
        for backup in all { verdicts[backup.verdict.rawValue, default: 0] += 1 }
        return ClusterBackupStock(
            verdicts: verdicts, bytes: all.total(\.bytes),
            newest: all.first(where: \.isRestorable).map {
                .init(name: $0.name, startedAt: $0.startedAt, bytes: $0.bytes)
            })
    }

    public func backupEngineResources() throws -> [ContainerResources] {
        try velero?.manifests().resources.map { container in
            func amount(_ field: String) -> ContainerResources.Amount {
                let amounts = container.resources[field]
                return .init(cpu: amounts?["cpu"]?.string, memory: amounts?["memory"]?.string)
            }
            return ContainerResources(
                name: container.name, requests: amount("requests"), limits: amount("limits"))
        } ?? []
    }

    public func openStore() async throws {
        guard let velero else { return }
        let kubectl = try await reachable()
        guard
            try await kubectl.object(
                "backupstoragelocations.velero.io", VeleroManifests.location,
                namespace: VeleroManifests.namespace)?["spec"]?["accessMode"]?.string == "ReadOnly"
        else { return }
        let location = try velero.manifests().location(isReadOnly: false)
        guard let complaint = try await kubectl.apply([location]).complaint else { return }
        throw Failure(
            .failed, "Velero's location of “\(instance.name)” is still for reading only", cause: complaint,
            remedy: "kecsctl start \(instance.name)")
    }
}
