// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsVelero

/// What is done once Velero is done, and what is told of it.
extension RestoreFromVelero {
    /// Velero calls a restore completed while volumes are still being filled.
    func waitForVolumes(_ restored: inout ClusterRestore) async throws {
        guard setup.hasVolumes else { return }
        machine.progress.step("waiting for volumes", total: nil)
        var all: [JSONValue] = []
        func phase(_ volume: JSONValue) -> String { volume["status"]?["phase"]?.string ?? "New" }
        let areDone = try await machine.clock.wait(upTo: filling, every: .seconds(1)) {
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
    func waitForWorkloads(_ restored: inout ClusterRestore, _ limit: Duration) async throws {
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

    /// The restore ran to its end: what fails now is told, and no reason to put an older backup over it.
    func finish(
        _ restored: inout ClusterRestore, _ backup: VeleroBackup, _ request: ClusterRestoreRequest
    ) async throws {
        do {
            try await restoreRest(&restored, request)
            try await addNotes(&restored, backup)
        } catch let failure as Failure {
            guard machine.cancellation.reason == nil else { throw failure }
            restored.notes.append(failure.sentence)
        }
        restored.errors = Array(restored.errors.prefix(HostStore.errorLimit))
    }

    /// What a webhook refused, because what answers it was restored with it: once more, now that it runs. Velero leaves alone what
    /// is there.
    private func restoreRest(_ restored: inout ClusterRestore, _ request: ClusterRestoreRequest) async throws
    {
        let refused = restored.errors.filter(RestoreSentences.isOfWebhook)
        guard !refused.isEmpty else { return }
        var filter = request.filter
        let kinds = RestoreSentences.kinds(refused)
        if !kinds.isEmpty { filter.resources = kinds }
        let rest = try await restore(restored.backup, filter, stall: request.stall)
        let others = restored.errors.filter { !RestoreSentences.isOfWebhook($0) }
        // Velero counts more than it names, where one was named twice.
        let uncounted = max(0, restored.errorCount - Int64(restored.errors.count))
        restored.errors = others + rest.errors
        restored.errorCount = uncounted + Int64(others.count) + rest.errorCount
        restored.items = restored.items.adding(Int64(max(0, refused.count - rest.errors.count)))
        if restored.errorCount == 0 { restored.phase = rest.phase }
        restored.notes.append(
            "what webhooks refused (\(refused.count)) was restored once more after them, by \(rest.name)")
    }

    private func addNotes(_ restored: inout ClusterRestore, _ backup: VeleroBackup) async throws {
        let all = try store.results(ofRestore: restored.name)
        if let left = RestoreSentences.leftAsTheyAre(all.warnings) {
            restored.notes.append(
                "\(left) of the backup were there already, are different, and were left as they are; "
                    + "only a new cluster becomes exactly what the backup has")
        }
        try await nameHolders(&restored)
        if let now = try await release(), let then = backup.kubernetes, now != then {
            restored.notes.append(
                "\(backup.name) was made in Kubernetes \(then), and the cluster has \(now): kinds that came or "
                    + "went between them are not restored; the setting k3sImage keeps a release")
        }
    }

    /// Adds who has the port to each error of a port that is taken.
    private func nameHolders(_ restored: inout ClusterRestore) async throws {
        guard restored.errors.contains(where: { RestoreSentences.takenPort($0) != nil }) else { return }
        let services = try await kubectl.get(["services"], namespace: nil, everywhere: true)
        restored.errors = restored.errors.map { error in
            guard let port = RestoreSentences.takenPort(error),
                let holder = RestoreSentences.holder(of: port, services)
            else { return error }
            return "\(error); the Service \(holder) has \(port)"
        }
    }

    /// "1.35", by the cluster's first node; nil when it does not say.
    private func release() async throws -> String? {
        try await kubectl.get(["nodes"], namespace: nil).compactMap {
            $0["status"]?["nodeInfo"]?["kubeletVersion"]?.string.flatMap(VeleroBackup.release)
        }.first
    }
}
