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
    private static let sync = Duration.seconds(150)

    private var instance: Instance { setup.instance }
    private var store: HostStore { HostStore(instance: instance, machine: machine) }

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
                var restored = try await restore(candidate, request)
                restored.skipped = skipped
                try await waitForVolumes(&restored)
                if request.limit > .zero { try await waitForWorkloads(&restored, request.limit) }
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
        let isThere = try await machine.clock.wait(upTo: Self.sync, every: .milliseconds(500)) {
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
                    : "Velero has not read its store within \(Self.sync)")
        }
    }

    private func restore(
        _ backup: VeleroBackup, _ request: ClusterRestoreRequest
    ) async throws -> ClusterRestore {
        machine.progress.step("restoring \(backup.name)", total: nil)
        let name = try await create(backup.name, request.filter)
        let object = try await AwaitVelero(
            machine: machine, kubectl: kubectl, instance: instance.name, stall: request.stall
        ).end(of: Self.kind, name, "restoring \(backup.name)")
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
            backup: backup.name, name: name, phase: status?["phase"]?.string ?? "",
            items: status?["progress"]?["itemsRestored"]?.integer ?? 0,
            errorCount: status?["errors"]?.integer ?? 0, errors: try store.errors(ofRestore: name),
            warningCount: status?["warnings"]?.integer ?? 0, skipped: [], isOfDegraded: backup.isOfDegraded,
            durationSeconds: 0)
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

    // MARK: Afterwards

    /// Velero calls a restore completed while volumes are still being filled.
    private func waitForVolumes(_ restored: inout ClusterRestore) async throws {
        guard setup.hasVolumes else { return }
        machine.progress.step("waiting for volumes", total: nil)
        var all: [JSONValue] = []
        func phase(_ volume: JSONValue) -> String { volume["status"]?["phase"]?.string ?? "New" }
        let areDone = try await machine.clock.wait(upTo: .seconds(900), every: .seconds(1)) {
            try machine.cancellation.check()
            all = try await kubectl.get(
                ["podvolumerestores.velero.io"], namespace: VeleroManifests.namespace,
                label: "velero.io/restore-name=\(restored.name)")
            return all.allSatisfy { ["Completed", "Failed", "Canceled"].contains(phase($0)) }
        }
        for volume in all where phase(volume) != "Completed" {
            let pod = volume["spec"]?["pod"]
            restored.errorCount += 1
            restored.errors.append(
                "the volume \(volume["spec"]?["volume"]?.string ?? "?") of \(pod?["namespace"]?.string ?? "")/\(pod?["name"]?.string ?? "") is \(areDone ? phase(volume) : "not filled yet")"
            )
        }
    }

    /// A restore says nothing of whether what it made comes up.
    private func waitForWorkloads(_ restored: inout ClusterRestore, _ limit: Duration) async throws {
        machine.progress.step("waiting for what was restored", total: nil)
        var waiting: [String] = []
        _ = try await machine.clock.wait(upTo: limit, every: .milliseconds(500)) {
            try machine.cancellation.check()
            waiting = try await kubectl.get(
                ["deployments.apps", "statefulsets.apps", "daemonsets.apps"], namespace: nil,
                label: "velero.io/restore-name=\(restored.name)", everywhere: true
            ).compactMap { workload -> String? in
                let why: String
                switch Rollout(of: workload) {
                case .complete: return nil
                case .failed(let text), .waiting(let text): why = text
                }
                let metadata = workload["metadata"]
                return
                    "\(workload["kind"]?.string ?? "") \(metadata?["namespace"]?.string ?? "")/\(metadata?["name"]?.string ?? ""): \(why)"
            }.sorted()
            return waiting.isEmpty
        }
        restored.waiting = waiting
    }
}
