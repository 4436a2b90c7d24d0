// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsVelero

/// Restores a cluster: kecsctl chooses the backup, as Velero begins to restore whatever it is told, broken or not.
struct RestoreFromVelero: Sendable {
    let machine: Machine
    let kubectl: Kubectl
    let setup: VeleroSetup

    private static let kind = "restores.velero.io"
    private static let backups = "backups.velero.io"
    /// Velero looks at its store when it starts, if it sees it by then, and else once a minute.
    var sync = Duration.seconds(150)
    /// For volumes to be filled: as long as Velero itself waits for one (`--fs-backup-timeout`).
    var filling = Duration.seconds(900)

    private var instance: Instance { setup.instance }
    var store: HostStore { HostStore(instance: instance, machine: machine) }

    /// - Parameter candidates: In the order in which they are tried; not empty.
    /// - Throws: When nothing of any was restored.
    func run(_ candidates: [VeleroBackup], _ request: ClusterRestoreRequest) async throws -> ClusterRestore {
        let began = machine.clock.elapsed()
        var skipped: [ClusterRestore.Skipped] = []
        for candidate in candidates {
            try machine.cancellation.check()
            machine.progress.step("verifying \(candidate.name)", total: nil)
            do {
                try check(try store.verified(candidate.name), candidate.name)
                try await waitForSync(candidate.name)
                var restored = try await restore(candidate.name, request.filter, stall: request.stall)
                restored.isOfDegraded = candidate.isOfDegraded
                restored.skipped = skipped
                try await waitForVolumes(&restored)
                if request.limit > .zero { try await waitForWorkloads(&restored, request.limit) }
                try await finish(&restored, candidate, request)
                restored.durationSeconds = (machine.clock.elapsed() - began).inSeconds
                return restored
            } catch let failure as Failure where failure.kind != .unreachable {
                guard machine.cancellation.reason == nil else { throw failure }
                skipped.append(.init(backup: candidate.name, why: failure.sentence))
            }
        }
        throw Failure(
            .failed,
            skipped.count == 1
                ? "Velero's backup \(skipped[0].backup) could not be restored"
                : "none of \(skipped.count) backups of Velero could be restored",
            cause: skipped.count == 1
                ? skipped[0].why
                : skipped.prefix(5).map { "\($0.backup): \($0.why)" }.joined(separator: "; "),
            remedy: "kecsctl start \(instance.name)")
    }

    private func check(_ backup: VeleroBackup?, _ name: String) throws {
        guard let backup else {
            throw Failure(.notFound, "it is not in the store")
        }
        guard backup.isRestorable else {
            throw Failure(
                .damaged, "it is \(backup.verdict.rawValue)",
                cause: backup.reasons.prefix(3).joined(separator: "; "))
        }
    }

    /// That Velero has looked at its store and has no such Backup is an answer, and needs no longer wait.
    private func waitForSync(_ name: String) async throws {
        machine.progress.step("waiting for Velero to read its store", total: nil)
        var first: String?
        var hasFirst = false
        var isMissing = false
        let isThere = try await machine.clock.wait(upTo: sync, every: .milliseconds(500)) {
            try machine.cancellation.check()
            let location = try await kubectl.object(
                "backupstoragelocations.velero.io", VeleroManifests.location,
                namespace: VeleroManifests.namespace)
            if try await kubectl.object(Self.backups, name, namespace: VeleroManifests.namespace) != nil {
                return true
            }
            let synced = location?["status"]?["lastSyncedTime"]?.string
            if !hasFirst { (first, hasFirst) = (synced, true) }
            // The time was read before the Backup was asked for; one from before this wait says nothing.
            isMissing = synced != nil && synced != first
            return isMissing
        }
        guard isThere, !isMissing else {
            throw Failure(
                isMissing ? .notFound : .timeout,
                isMissing
                    ? "Velero has read its store, and does not see it there"
                    : "Velero has not read its store within \(sync)")
        }
    }

    /// - Parameter backup: Its name. Whether it is of a degraded cluster is for the caller to say.
    func restore(
        _ backup: String, _ filter: ClusterRestoreFilter, stall: Duration
    ) async throws -> ClusterRestore {
        machine.progress.step("restoring \(backup)", total: nil)
        let name = try await create(backup, filter)
        let object = try await AwaitVelero(
            machine: machine, kubectl: kubectl, instance: instance.name, stall: stall, restart: restartVelero
        ).end(of: Self.kind, name, "restoring \(backup)")
        let status = object["status"]
        if case .failed(let phase) = VeleroPhase(status?["phase"]?.string) {
            let reasons =
                [status?["failureReason"]?.string].compactMap(\.self)
                + (status?["validationErrors"]?.array ?? []).compactMap(\.string)
            throw Failure(
                .failed, "the restore \(name) ended with the phase \(phase)",
                cause: VeleroReason.translated(reasons.joined(separator: "; ")))
        }
        return ClusterRestore(
            backup: backup, name: name, phase: status?["phase"]?.string ?? "",
            items: status?["progress"]?["itemsRestored"]?.integer ?? 0,
            errorCount: status?["errors"]?.integer ?? 0,
            errors: try store.results(ofRestore: name).errors.map(VeleroReason.translated),
            warningCount: status?["warnings"]?.integer ?? 0, skipped: [], isOfDegraded: false,
            durationSeconds: 0)
    }

    private var restartVelero: @Sendable () async throws -> Void {
        { try await RestartVelero(machine: machine, kubectl: kubectl, instance: setup.instance.name).run() }
    }

    private func create(_ backup: String, _ filter: ClusterRestoreFilter) async throws -> String {
        let known = try await kubectl.get([Self.kind], namespace: VeleroManifests.namespace)
        let name = VeleroRestore.name(
            of: "\(instance.name)", at: machine.clock.now(),
            taken: Set(known.compactMap { $0["metadata"]?["name"]?.string }))
        var restore = VeleroRestore(name: name, backup: backup)
        restore.namespaces = filter.namespaces
        restore.resources = filter.resources
        restore.labels = filter.labels
        restore.mapping = filter.mapping
        if let complaint = try await kubectl.create(restore.object) {
            throw Failure(.failed, "the cluster does not take a Restore", cause: complaint)
        }
        return name
    }
}
