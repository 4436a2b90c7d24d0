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
    /// With the node agent, without which no volume is read or filled.
    var hasVolumes = false
    /// Starts Velero again when it runs and does not take something up, as happens when what it worked on was deleted. Nil: only
    /// waits.
    var restart: (@Sendable () async throws -> Void)?

    /// In which Velero must have taken it up.
    static let takeUp = Duration.seconds(20)
    /// After which Velero is started again.
    static let patienceBeforeRestart = Duration.seconds(30)
    /// For an API that does not answer.
    static let patience = Duration.seconds(30)

    /// How far it is.
    private struct Progress: Equatable {
        var phase: String
        var done: Int64
        var place: Int64
        /// What Velero works on before it.
        var other: String?
    }

    /// - Parameter what: "backing up the cluster"
    /// - Returns: The object in its last phase.
    func end(of kind: String, _ name: String, _ what: String) async throws -> JSONValue {
        var last: Progress?
        var changed = machine.clock.elapsed()
        var answered = changed
        var (hasLooked, hasRestarted) = (false, false)
        var pause = Duration.milliseconds(200)
        while true {
            try machine.cancellation.check()
            let now = machine.clock.elapsed()
            do {
                let object = try await kubectl.object(kind, name, namespace: VeleroManifests.namespace)
                answered = now
                guard let object else { throw gone(name) }
                let status = object["status"]
                let phase = VeleroPhase(status?["phase"]?.string)
                if phase.isOver { return object }
                var progress = Progress(
                    phase: status?["phase"]?.string ?? "New", done: Self.done(status),
                    place: status?["queuePosition"]?.integer ?? 0)
                if case .waiting = phase { progress.other = try await occupant(besides: name) }
                if progress != last { (last, changed, hasLooked) = (progress, now, false) }
                show(what, phase, progress, status)
                if case .waiting = phase, now - changed >= Self.takeUp, !hasLooked {
                    hasLooked = true
                    if let why = try await trouble() { throw stuck(name, why) }
                }
                if case .waiting = phase, progress.other == nil, !hasRestarted, let restart,
                    now - changed >= Self.patienceBeforeRestart
                {
                    hasRestarted = true
                    machine.progress.step("starting Velero again, as it does not take up \(name)", total: nil)
                    try await restart()
                    changed = machine.clock.elapsed()
                }
                if now - changed >= stall {
                    let why =
                        try await trouble() ?? progress.other.map { "Velero works on \($0) first" }
                        ?? "Velero runs, and says nothing of it"
                    throw stuck(name, "no progress for \(stall) (phase \(progress.phase)): \(why)")
                }
            } catch let failure as Failure where failure.kind == .unreachable {
                if now - answered >= Self.patience { throw failure }
            }
            try await machine.clock.sleep(for: pause)
            pause = min(.seconds(1), pause * 2)
        }
    }

    private static func done(_ status: JSONValue?) -> Int64 {
        status?["progress"]?["itemsBackedUp"]?.integer ?? status?["progress"]?["itemsRestored"]?.integer ?? 0
    }

    /// An estimate that changes: never more than all.
    private func show(_ what: String, _ phase: VeleroPhase, _ progress: Progress, _ status: JSONValue?) {
        var text = what
        switch phase {
        case .waiting(let name), .working(let name): text += ", \(name)"
        default: break
        }
        if let other = progress.other { text += " behind \(other)" }
        if let total = status?["progress"]?["totalItems"]?.integer, total > 0 {
            text += ", \(min(progress.done, total)) of \(total)"
        }
        machine.progress.step(text, total: nil)
    }

    private func gone(_ name: String) -> Failure {
        Failure(
            .failed, "\(name) is gone from the cluster of “\(instance)”",
            cause: "somebody else deleted it while Velero worked on it", remedy: "kecsctl doctor \(instance)")
    }

    private func stuck(_ name: String, _ why: String) -> Failure {
        Failure(
            .timeout, "Velero of “\(instance)” does not come to the end of \(name)", cause: why,
            remedy: ShellWords.quote([
                "kubectl", "--kubeconfig", kubectl.kubeconfig.string, "logs", "deployment/velero", "-n",
                VeleroManifests.namespace,
            ]))
    }

    /// What Velero works on now, which does one thing at a time: "the backup nightly (InProgress, 12)".
    private func occupant(besides name: String) async throws -> String? {
        let kinds = ["backups.velero.io", "restores.velero.io"]
        for object in try await kubectl.get(kinds, namespace: VeleroManifests.namespace) {
            guard let other = object["metadata"]?["name"]?.string, other != name,
                case .working(let phase) = VeleroPhase(object["status"]?["phase"]?.string)
            else { continue }
            let word = object["kind"]?.string == "Restore" ? "restore" : "backup"
            return "the \(word) \(other) (\(phase), \(Self.done(object["status"])))"
        }
        return nil
    }

    /// Why Velero does not work; nil when nothing is to be seen.
    func trouble() async throws -> String? {
        let namespace = VeleroManifests.namespace
        var workloads = [
            ("deployment", VeleroManifests.server, "Velero"),
            ("statefulset", VeleroManifests.store, "the object store"),
        ]
        if hasVolumes { workloads.append(("daemonset", VeleroManifests.nodeAgent, "Velero's node agent")) }
        for (kind, name, what) in workloads {
            guard let found = try await kubectl.object(kind, name, namespace: namespace) else {
                return "\(what) is not in the cluster"
            }
            if found["spec"]?["replicas"]?.integer == 0 { return "\(what) was scaled to 0" }
            guard case .waiting(let why) = Rollout(of: found) else { continue }
            let obstacles = try await KubectlObstacles(kubectl, namespace: namespace).byWorkload()
            let id =
                switch kind {
                case "deployment": KubernetesObject.ID("Deployment", namespace, name)
                case "daemonset": KubernetesObject.ID("DaemonSet", namespace, name)
                default: KubernetesObject.ID("Pod", namespace, "\(name)-0")
                }
            return "\(what) is not up: \(obstacles[id]?.why ?? why)"
        }
        let location = try await kubectl.object(
            "backupstoragelocations.velero.io", VeleroManifests.location, namespace: namespace)
        guard location?["status"]?["phase"]?.string == "Available" else {
            return location?["status"]?["message"]?.string.map(VeleroReason.translated)
                ?? "Velero has no location for backups"
        }
        return nil
    }
}
