// SPDX-License-Identifier: Apache-2.0
import KecsState
import KecsSystem

/// Recovers one k3d cluster with the ECS clusters in it: ready → namespaces → secrets → services by priority → tasks.
struct RecoverCluster: Sendable {
    let machine: Machine
    let ground: any RecoveryGround
    let work: RecoveryWork
    let log: @Sendable (String) -> Void
    let progress: @Sendable (String, (inout RecoveryEstimate) -> Void) -> Void

    struct Result: Sendable {
        var clusters: [RecoverReport.Cluster] = []
        var facts: [ServiceFact] = []
        var tasks: [String] = []
        var existingTasks: [String] = []
        var lostTasks: [String] = []
        var missingSecrets: [String] = []
        var troubles: [ClusterTrouble] = []
        var controlPlane: RecoverReport.Fate?
        /// True when some object may bear this recovery's label.
        var hasApplied = false
        /// True when something was not applied that another run could apply.
        var isUnfinished = false
        /// The error that cut it off.
        var interruption: (any Error)?
    }

    /// The number of objects in one call of kubectl: a thousand services are a handful of calls, and one call stays
    /// under a few MB.
    static let batchSize = 400

    /// Recovers the services of a k3d cluster. An interruption also leaves a result: the objects made by then are
    /// reported and written back.
    func run(_ step: RecoveryPlan.K3dStep) async -> Result {
        var result = Result()
        do {
            try await run(step, &result)
        } catch {
            result.interruption = error
            result.isUnfinished = true
        }
        return result
    }

    private func run(_ step: RecoveryPlan.K3dStep, _ result: inout Result) async throws {
        var there: [KubernetesObject.ID: FoundObject] = [:]
        do {
            guard !work.time.isOver else { throw Failure(.timeout, "the time that was given has passed") }
            if step.action == .create {
                for name in step.clusters {
                    log("Recovering k3d cluster \(step.name) for ECS cluster \(name)...")
                }
            }
            if !work.request.dryRun {
                try await bringUp(step)
                result.troubles = try await ground.troubles(in: step.name, limit: work.time.limit())
            }
            try await recoverControlPlane(step, &result)
            if step.action == .reuse || !work.request.dryRun {
                there = try await ground.objects(in: step.name)
            }
        } catch {
            try rethrowInterruption(error)
            let failure = Failure.describing(error)
            let why = failure.message + (failure.cause.map { ": \($0)" } ?? "")
            log("Failed to recreate k3d cluster \(step.name): \(why)")
            result.isUnfinished = true
            for cluster in work.outline.clusters where step.clusters.contains(cluster.name) {
                fail(cluster, why, &result)
            }
            let lost = work.outline.services(of: step)
            progress("\(step.name) is given up") {
                $0.giveUp(clusters: step.action == .create ? 1 : 0, services: lost)
            }
            return
        }
        let kept = there.filter { !$0.value.isGoing }
        let plan = RecoveryPlan(
            work.records,
            ExistingObjects(
                k3dClusters: .known(work.clusters.merging([step.name: .running]) { _, new in new }),
                objects: [step.name: .known(Set(kept.keys))]),
            work.policy)
        if step.action != .create {
            let found = plan.services(of: step)
            progress("looked into \(step.name)") { $0.found(services: found) }
        }
        for cluster in plan.clusters where step.clusters.contains(cluster.name) {
            try machine.cancellation.check()
            if there[cluster.namespace.id]?.isGoing == true {
                let why = "its namespace \(cluster.namespace.id.name) is being deleted"
                log("Failed to recreate k3d cluster \(step.name): \(why)")
                result.isUnfinished = true
                fail(cluster, why, &result)
            } else {
                try await recover(cluster, in: step, there: kept, &result)
            }
        }
    }

    /// Recovers the control plane: the instance's own cluster holds more than services.
    private func recoverControlPlane(_ step: RecoveryPlan.K3dStep, _ result: inout Result) async throws {
        guard ground.holdsControlPlane(step.name) else { return }
        if work.request.dryRun, step.action != .reuse {
            result.controlPlane = .planned
            return
        }
        guard let why = try await ground.missingControlPlane(in: step.name) else { return }
        if work.request.dryRun {
            result.controlPlane = .planned
            return
        }
        log("Recovering the control plane in \(step.name): \(why)")
        do {
            try await ground.bringUpControlPlane(in: step.name, work.time)
            result.controlPlane = .recovered
        } catch {
            try rethrowInterruption(error)
            let failure = Failure.describing(error)
            result.controlPlane = .failed
            result.troubles.append(
                ClusterTrouble(
                    cluster: step.name, message: failure.message + (failure.cause.map { ": \($0)" } ?? ""),
                    remedy: failure.remedy ?? "kubectl get pods -n kecs-system"))
        }
    }

    private func bringUp(_ step: RecoveryPlan.K3dStep) async throws {
        let began = machine.clock.elapsed()
        if step.action == .create { log("Waiting for k3d cluster \(step.name) to be ready...") }
        progress("bringing up \(step.name)") { _ in }
        try await ground.bringUp(step.name, work.time)
        guard step.action == .create else { return }
        let time = machine.clock.elapsed() - began
        progress("\(step.name) is up") { $0.clusterIsUp(after: time) }
    }

    /// Throws an interruption again: it is not a failure of this cluster.
    func rethrowInterruption(_ error: any Error) throws {
        if isInterruption(error) { throw error }
    }

    func isInterruption(_ error: any Error) -> Bool {
        if error is Interrupted || error is CancellationError { return true }
        return [.interrupted, .terminated].contains((error as? Failure)?.kind)
    }

    /// Marks the services of a cluster that cannot be worked in as failed.
    func fail(_ cluster: RecoveryPlan.ClusterStep, _ why: String, _ result: inout Result) {
        var report = RecoverReport.Cluster(
            name: cluster.name, k3dCluster: cluster.k3dCluster, outcome: .failed, reason: why)
        report.services = cluster.services.map { service in
            switch service.decision {
            case .skip(let reason): self.report(service, cluster, .skipped, reason)
            default: self.report(service, cluster, .failed, why)
            }
        }
        result.clusters.append(report)
        result.lostTasks += cluster.tasks.filter { task in
            if case .skip = task.decision { false } else { true }
        }.map(\.arn)
    }

    func report(
        _ service: RecoveryPlan.ServiceStep, _ cluster: RecoveryPlan.ClusterStep, _ fate: RecoverReport.Fate,
        _ why: String? = nil
    ) -> RecoverReport.Service {
        RecoverReport.Service(
            name: service.name, namespace: cluster.namespace.id.name, taskSet: service.taskSet, outcome: fate,
            reason: why, notes: service.notes.map { "\($0.subject), \($0.field): \($0.why)" })
    }

    /// Finds the existing services of a cluster that differ from the rows.
    func findDifferences(
        _ cluster: RecoveryPlan.ClusterStep, in step: RecoveryPlan.K3dStep,
        _ there: [KubernetesObject.ID: FoundObject]
    ) async throws -> [RecoveryPlan.ServiceStep.Key: [RecoverReport.Difference]] {
        let wanted = cluster.services.flatMap(\.wanted)
        guard wanted.contains(where: { there[$0.id] != nil }) else { return [:] }
        let live = try await ground.manifests(in: cluster.namespace.id.name, of: step.name)
        var found: [RecoveryPlan.ServiceStep.Key: [RecoverReport.Difference]] = [:]
        for service in cluster.services {
            let differences = service.wanted.compactMap { object -> RecoverReport.Difference? in
                guard let manifest = live[object.id] else { return nil }
                let fields = ManifestDifference.between(
                    object.manifest, and: manifest, ignoring: RecoveryLabel.name)
                return fields.isEmpty
                    ? nil : RecoverReport.Difference(object: "\(object.id)", fields: fields)
            }
            if !differences.isEmpty { found[service.key] = differences }
        }
        return found
    }

    static func words(_ differences: [RecoverReport.Difference]) -> String {
        let count = differences.reduce(0) { $0 + $1.fields.count }
        return
            "it exists and differs in \(count) field\(count == 1 ? "" : "s"); “--overwrite” takes it back"
    }

    func findMissingSecrets(
        _ services: [RecoveryPlan.ServiceStep], _ tasks: [RecoveryPlan.TaskStep],
        _ step: RecoveryPlan.K3dStep,
        _ result: inout Result
    ) async throws -> Set<SecretReference> {
        let needed = services.map(\.secrets) + tasks.map(\.secrets)
        let all = needed.reduce(into: Set<SecretReference>()) { $0.formUnion($1) }
        guard !all.isEmpty else { return [] }
        let there = try await ground.secrets(in: step.name)
        let missing = all.filter {
            !there.contains(FoundSecret(namespace: $0.namespace, name: $0.name, key: $0.key))
        }
        result.missingSecrets += missing.sorted().map(Self.words)
        return missing
    }

    static func words(_ secret: SecretReference) -> String {
        "\(secret.namespace)/\(secret.name) \(secret.key)"
    }
}

extension RecoveryPlan {
    /// Returns the number of services to recover in a k3d cluster.
    fileprivate func services(of step: K3dStep) -> Int {
        clusters.filter { step.clusters.contains($0.name) }.flatMap(\.services)
            .count { $0.decision == .recover }
    }
}

extension RecoveryPlan.ServiceStep {
    /// The key of a service of a cluster, or of a task set.
    struct Key: Hashable {
        var arn: String
        var taskSet: String?
    }

    var key: Key { Key(arn: arn, taskSet: taskSet) }
}
