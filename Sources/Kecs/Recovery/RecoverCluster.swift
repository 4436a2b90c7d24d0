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
    private func fail(_ cluster: RecoveryPlan.ClusterStep, _ why: String, _ result: inout Result) {
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

    // MARK: One ECS cluster

    private func recover(
        _ cluster: RecoveryPlan.ClusterStep, in step: RecoveryPlan.K3dStep,
        there: [KubernetesObject.ID: FoundObject], _ result: inout Result
    ) async throws {
        var report = RecoverReport.Cluster(
            name: cluster.name, k3dCluster: step.name,
            outcome: step.action != .reuse || cluster.decision == .recover ? .recovered : .existing)
        switch step.action {
        case .start: report.reason = "its k3d cluster was stopped"
        case .repair(let why): report.reason = "its k3d cluster was not whole: \(why)"
        case .create, .reuse, .leave: break
        }
        // The objects that this recovery made before it was cut off need a wait too; they may not be up yet.
        let waiting = cluster.services.filter { service in
            service.decision == .recover
                || service.decision == .exists && work.wasCutOff
                    && service.wanted.contains { there[$0.id]?.recovery == work.id }
        }
        let tasks = cluster.tasks.filter { $0.decision == .recover }
        result.existingTasks += cluster.tasks.filter { $0.decision == .exists }.map(\.arn)
        let differences: [RecoveryPlan.ServiceStep.Key: [RecoverReport.Difference]]
        do {
            differences = try await findDifferences(cluster, in: step, there)
        } catch {
            try rethrowInterruption(error)
            let failure = Failure.describing(error)
            result.isUnfinished = true
            return fail(cluster, failure.message + (failure.cause.map { ": \($0)" } ?? ""), &result)
        }
        let changed =
            work.request.overwrite ? cluster.services.filter { differences[$0.key] != nil } : []
        let touched = Set((waiting + changed).map(\.key))
        for service in cluster.services where !touched.contains(service.key) {
            var entry: RecoverReport.Service
            switch service.decision {
            case .recover, .exists: entry = self.report(service, cluster, .existing)
            case .skip(let why): entry = self.report(service, cluster, .skipped, why)
            case .fail(let why), .unknown(let why):
                log("Failed to create deployment for service \(service.name): \(why)")
                entry = self.report(service, cluster, .failed, why)
            }
            if let found = differences[service.key], entry.outcome == .existing {
                entry.differences = found
                entry.reason = Self.words(found)
            }
            report.services.append(entry)
        }
        for task in cluster.tasks {
            if case .fail = task.decision { result.lostTasks.append(task.arn) }
        }
        let pending = waiting + changed.filter { service in !waiting.contains { $0.key == service.key } }
        defer { result.clusters.append(report) }
        if cluster.decision != .recover, pending.isEmpty, tasks.isEmpty {
            log("K3d cluster \(step.name) already exists, skipping recovery")
            return
        }
        if work.request.dryRun {
            report.outcome = .planned
            report.services += pending.map { service in
                var entry = self.report(service, cluster, .planned)
                entry.differences = differences[service.key] ?? []
                return entry
            }
            result.tasks += tasks.map(\.arn)
            return
        }

        let batches = batches(of: pending.sorted { ($0.priority, $0.name) < ($1.priority, $1.name) })
        log(
            pending.isEmpty
                ? "No services found for cluster \(cluster.name)"
                : "Found \(pending.count) services to recover for cluster \(cluster.name)")
        var missing: Set<SecretReference> = []
        do {
            if cluster.decision == .recover {
                let refused = try await apply([cluster.namespace], step, &result)
                if let why = refused[cluster.namespace.id] { throw Failure(.failed, why) }
            }
            missing = try await findMissingSecrets(pending, tasks, step, &result)
        } catch {
            try rethrowInterruption(error)
            let failure = Failure.describing(error)
            report.outcome = .failed
            report.reason = failure.cause ?? failure.message
            log("Failed to recreate k3d cluster \(step.name): \(report.reason ?? "")")
            report.services += pending.map { self.report($0, cluster, .failed, report.reason) }
            result.lostTasks += tasks.map(\.arn)
            result.isUnfinished = true
            return
        }
        // Once the API is gone, the rest is lost as well. It is reported, and `--resume` recovers it.
        var lost: String?
        for batch in batches where !batch.isEmpty {
            if lost == nil, work.time.isOver { lost = "the time that was given has passed before its turn" }
            if let lost {
                report.services += batch.map { self.report($0, cluster, .failed, lost) }
                result.isUnfinished = true
                continue
            }
            do {
                try machine.cancellation.check()
                report.services += try await recover(
                    batch, differences, cluster, step, there, missing, &result)
                // The report names the applied objects even when the wait was interrupted.
                if let interruption = result.interruption { throw interruption }
            } catch {
                try rethrowInterruption(error)
                result.isUnfinished = true
                let failure = Failure.describing(error)
                lost = failure.cause ?? failure.message
                for service in batch {
                    log("Failed to create deployment for service \(service.name): \(lost ?? "")")
                }
                report.services += batch.map { self.report($0, cluster, .failed, lost) }
            }
        }
        try await recover(tasks, step, lost: lost, &result)
        if report.services.contains(where: { $0.outcome == .recovered }), report.outcome == .existing {
            report.outcome = .recovered
        }
        if step.action == .create { log("Successfully recovered k3d cluster \(step.name)") }
        report.services.sort { ($0.name, $0.taskSet ?? "") < ($1.name, $1.taskSet ?? "") }
    }

    /// Returns services of one priority, in portions of one call.
    private func batches(of services: [RecoveryPlan.ServiceStep]) -> [[RecoveryPlan.ServiceStep]] {
        var batches: [[RecoveryPlan.ServiceStep]] = []
        var objects = 0
        for service in services {
            let fits = objects + service.objects.count <= Self.batchSize
            if fits, let last = batches.last?.last, last.priority == service.priority {
                batches[batches.count - 1].append(service)
                objects += service.objects.count
            } else {
                batches.append([service])
                objects = service.objects.count
            }
        }
        return batches
    }

    /// Finds the existing services of a cluster that differ from the rows.
    private func findDifferences(
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

    private static func words(_ differences: [RecoverReport.Difference]) -> String {
        let count = differences.reduce(0) { $0 + $1.fields.count }
        return
            "it exists and differs in \(count) field\(count == 1 ? "" : "s"); “--overwrite” takes it back"
    }

    private func findMissingSecrets(
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
