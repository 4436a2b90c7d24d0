// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsState
import KecsSystem
import KecsVelero
import SystemPackage

/// Follows a Backup or a Restore to its end, and says early why there will be none: Velero itself waits for hours, and what has
/// begun cannot be cancelled.
struct AwaitVelero: Sendable {
    let machine: Machine
    let kubectl: Kubectl
    let instance: InstanceName
    /// Without any progress.
    let stall: Duration

    /// In which Velero must have taken it up.
    static let takeUp = Duration.seconds(20)
    /// For an API that does not answer.
    static let patience = Duration.seconds(30)

    /// - Parameter what: "backing up the cluster"
    /// - Returns: The object in its last phase.
    func end(of kind: String, _ name: String, _ what: String) async throws -> JSONValue {
        var mark = ""
        var changed = machine.clock.elapsed()
        var answered = changed
        var hasLooked = false
        var pause = Duration.milliseconds(200)
        while true {
            try machine.cancellation.check()
            let now = machine.clock.elapsed()
            do {
                let object = try await kubectl.object(kind, name, namespace: VeleroManifests.namespace)
                answered = now
                guard let object else {
                    throw Failure(
                        .failed, "\(name) is gone from the cluster of “\(instance)”",
                        cause: "somebody else deleted it while Velero worked on it",
                        remedy: "kecsctl doctor \(instance)")
                }
                let status = object["status"]
                let phase = VeleroPhase(status?["phase"]?.string)
                if phase.isOver { return object }
                let done =
                    status?["progress"]?["itemsBackedUp"]?.integer
                    ?? status?["progress"]?["itemsRestored"]?.integer ?? 0
                let next =
                    "\(status?["phase"]?.string ?? "") \(done) \(status?["queuePosition"]?.integer ?? 0)"
                if next != mark { (mark, changed, hasLooked) = (next, now, false) }
                show(what, phase, done, status)
                if case .waiting = phase, now - changed >= Self.takeUp, !hasLooked {
                    hasLooked = true
                    if let why = try await trouble() { throw stuck(name, why) }
                }
                if now - changed >= stall {
                    let why = try await trouble() ?? "Velero runs, and says nothing of it"
                    throw stuck(
                        name, "no progress for \(stall) (phase \(status?["phase"]?.string ?? "New")): \(why)")
                }
            } catch let failure as Failure where failure.kind == .unreachable {
                if now - answered >= Self.patience { throw failure }
            }
            try await machine.clock.sleep(for: pause)
            pause = min(.seconds(1), pause * 2)
        }
    }

    /// An estimate that changes: never more than all.
    private func show(_ what: String, _ phase: VeleroPhase, _ done: Int64, _ status: JSONValue?) {
        var text = what
        switch phase {
        case .waiting(let name), .working(let name): text += ", \(name)"
        default: break
        }
        if let total = status?["progress"]?["totalItems"]?.integer, total > 0 {
            text += ", \(min(done, total)) of \(total)"
        }
        machine.progress.step(text, total: nil)
    }

    private func stuck(_ name: String, _ why: String) -> Failure {
        Failure(
            .timeout, "Velero of “\(instance)” does not come to the end of \(name)", cause: why,
            remedy: ShellWords.quote([
                "kubectl", "--kubeconfig", kubectl.kubeconfig.string, "logs", "deployment/velero", "-n",
                VeleroManifests.namespace,
            ]))
    }

    /// Why Velero does not work; nil when nothing is to be seen.
    func trouble() async throws -> String? {
        let namespace = VeleroManifests.namespace
        for (kind, name, what) in [
            ("deployment", VeleroManifests.server, "Velero"),
            ("statefulset", VeleroManifests.store, "the object store"),
        ] {
            guard let found = try await kubectl.object(kind, name, namespace: namespace) else {
                return "\(what) is not in the cluster"
            }
            if found["spec"]?["replicas"]?.integer == 0 { return "\(what) was scaled to 0" }
            guard case .waiting(let why) = Rollout(of: found) else { continue }
            let obstacles = try await KubectlObstacles(kubectl, namespace: namespace).byWorkload()
            let id =
                kind == "deployment"
                ? KubernetesObject.ID("Deployment", namespace, name)
                : KubernetesObject.ID("Pod", namespace, "\(name)-0")
            return "\(what) is not up: \(obstacles[id]?.why ?? why)"
        }
        let location = try await kubectl.object(
            "backupstoragelocations.velero.io", VeleroManifests.location, namespace: namespace)
        guard location?["status"]?["phase"]?.string == "Available" else {
            return location?["status"]?["message"]?.string ?? "Velero has no location for backups"
        }
        return nil
    }
}
