// SPDX-License-Identifier: Apache-2.0
import KecsState
import KecsStorage
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
        var lostTasks: [String] = []
        var missingSecrets: [String] = []
        var external: [String] = []
        var troubles: [ClusterTrouble] = []
        /// Whether something may bear this recovery's label.
        var hasApplied = false
    }

    /// Objects in one call of kubectl: a thousand services are a handful of calls, and one call stays under a few MB.
    static let batchSize = 400

    func run(_ step: RecoveryPlan.K3dStep) async throws -> Result {
        var there: [KubernetesObject.ID: FoundObject] = [:]
        var result = Result()
        do {
            if step.action == .create {
                for name in step.clusters {
                    log("Recovering k3d cluster \(step.name) for ECS cluster \(name)...")
                }
            }
            if !work.request.dryRun {
                try await bringUp(step)
                result.troubles = try await ground.troubles(in: step.name, limit: work.request.limit)
            }
            if step.action == .reuse || !work.request.dryRun {
                there = try await ground.objects(in: step.name)
            }
        } catch {
            try rethrowInterruption(error)
            let failure = Failure.describing(error)
            let why = failure.message + (failure.cause.map { ": \($0)" } ?? "")
            log("Failed to recreate k3d cluster \(step.name): \(why)")
            for cluster in work.outline.clusters where step.clusters.contains(cluster.name) {
                fail(cluster, why, &result)
            }
            let lost = work.outline.services(of: step)
            progress("\(step.name) is given up") {
                $0.giveUp(clusters: step.action == .create ? 1 : 0, services: lost)
            }
            return result
        }
        let kept = there.filter { !$0.value.isGoing }
        // What this recovery made before it was cut off is applied once more: it may not be up yet, and its counts are
        // written back only in the end.
        let finished = kept.filter { $0.value.recovery != work.id }
        let plan = RecoveryPlan(
            work.records,
            ExistingObjects(
                k3dClusters: .known(work.clusters.merging([step.name: .running]) { _, new in new }),
                objects: [step.name: .known(Set(finished.keys))]),
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
                fail(cluster, why, &result)
            } else {
                try await recover(cluster, in: step, there: kept, &result)
            }
        }
        return result
    }

    private func bringUp(_ step: RecoveryPlan.K3dStep) async throws {
        let began = machine.clock.elapsed()
        if step.action == .create { log("Waiting for k3d cluster \(step.name) to be ready...") }
        progress("bringing up \(step.name)") { _ in }
        try await ground.bringUp(step.name, limit: work.request.limit)
        guard step.action == .create else { return }
        let time = machine.clock.elapsed() - began
        progress("\(step.name) is up") { $0.clusterIsUp(after: time) }
    }

    /// What is interrupted is not a failure of this cluster.
    private func rethrowInterruption(_ error: any Error) throws {
        if error is Interrupted || error is CancellationError { throw error }
        if let failure = error as? Failure, [.interrupted, .terminated].contains(failure.kind) {
            throw failure
        }
    }

    /// Of a cluster that cannot be worked in.
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
    }

    private func report(
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
        let waiting = cluster.services.filter { $0.decision == .recover }
        let tasks = cluster.tasks.filter { $0.decision == .recover }
        for service in cluster.services {
            switch service.decision {
            case .recover: break
            case .exists: report.services.append(self.report(service, cluster, .existing))
            case .skip(let why):
                report.services.append(self.report(service, cluster, .skipped, why))
                if why.contains("EXTERNAL") { result.external.append("\(cluster.name)/\(service.name)") }
            case .fail(let why), .unknown(let why):
                log("Failed to create deployment for service \(service.name): \(why)")
                report.services.append(self.report(service, cluster, .failed, why))
            }
        }
        for task in cluster.tasks {
            if case .fail = task.decision { result.lostTasks.append(task.arn) }
        }
        defer { result.clusters.append(report) }
        if cluster.decision != .recover, waiting.isEmpty, tasks.isEmpty {
            log("K3d cluster \(step.name) already exists, skipping recovery")
            return
        }
        if work.request.dryRun {
            report.outcome = .planned
            report.services += waiting.map { self.report($0, cluster, .planned) }
            result.tasks += tasks.map(\.arn)
            return
        }

        var batches = batches(of: waiting)
        if cluster.decision == .recover { batches.insert([], at: 0) }
        log(
            waiting.isEmpty
                ? "No services found for cluster \(cluster.name)"
                : "Found \(waiting.count) services to recover for cluster \(cluster.name)")
        var missing: Set<SecretReference> = []
        do {
            if cluster.decision == .recover {
                let refused = try await apply([cluster.namespace], step, there, &result)
                if let why = refused[cluster.namespace.id] { throw Failure(.failed, why) }
            }
            missing = try await findMissingSecrets(waiting, tasks, step, &result)
        } catch {
            try rethrowInterruption(error)
            let failure = Failure.describing(error)
            report.outcome = .failed
            report.reason = failure.cause ?? failure.message
            log("Failed to recreate k3d cluster \(step.name): \(report.reason ?? "")")
            report.services += waiting.map { self.report($0, cluster, .failed, report.reason) }
            result.lostTasks += tasks.map(\.arn)
            return
        }
        // Once the API is gone, the rest is lost as well; it is named, and `--resume` gets it.
        var lost: String?
        for batch in batches where !batch.isEmpty {
            try machine.cancellation.check()
            if let lost {
                report.services += batch.map { self.report($0, cluster, .failed, lost) }
                continue
            }
            do {
                report.services += try await recover(batch, cluster, step, there, missing, &result)
            } catch {
                try rethrowInterruption(error)
                let failure = Failure.describing(error)
                lost = failure.cause ?? failure.message
                for service in batch {
                    log("Failed to create deployment for service \(service.name): \(lost ?? "")")
                }
                report.services += batch.map { self.report($0, cluster, .failed, lost) }
            }
        }
        try await recover(tasks, step, there, lost: lost, &result)
        if report.services.contains(where: { $0.outcome == .recovered }), report.outcome == .existing {
            report.outcome = .recovered
        }
        if step.action == .create { log("Successfully recovered k3d cluster \(step.name)") }
        report.services.sort { ($0.name, $0.taskSet ?? "") < ($1.name, $1.taskSet ?? "") }
    }

    /// Services of one priority, in portions of one call.
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

    private static func words(_ secret: SecretReference) -> String {
        "\(secret.namespace)/\(secret.name) \(secret.key)"
    }

    /// An object that is there keeps its own mark, or none: undo must take away what we made, and nothing else.
    private func apply(
        _ objects: [KubernetesObject], _ step: RecoveryPlan.K3dStep,
        _ there: [KubernetesObject.ID: FoundObject], _ result: inout Result
    ) async throws -> [KubernetesObject.ID: String] {
        result.hasApplied = true
        let marked = objects.map { object in
            RecoveryObject(
                id: object.id,
                manifest: there[object.id].map { object.manifest.marked($0.recovery) } ?? object.manifest)
        }
        return try await ground.apply(marked, in: step.name)
    }

    // MARK: Batches

    private func recover(
        _ batch: [RecoveryPlan.ServiceStep], _ cluster: RecoveryPlan.ClusterStep,
        _ step: RecoveryPlan.K3dStep,
        _ there: [KubernetesObject.ID: FoundObject], _ missing: Set<SecretReference>, _ result: inout Result
    ) async throws -> [RecoverReport.Service] {
        let began = machine.clock.elapsed()
        for service in batch { log("Recovering service \(service.name) in cluster \(cluster.name)...") }
        let refused = try await apply(batch.flatMap(\.objects), step, there, &result)
        // What waits for a secret that is not there would only use up the time of the others.
        let watched = batch.filter { service in
            service.secrets.isDisjoint(with: missing) && !service.objects.contains { refused[$0.id] != nil }
        }
        let states = work.request.wait ? try await waitForRollouts(of: watched, cluster, step) : [:]
        let reports = batch.map { service -> RecoverReport.Service in
            let complaints = service.objects.compactMap { refused[$0.id] }
            let workload = service.objects.first { ["Deployment", "DaemonSet"].contains($0.id.kind) }
            let state = workload.flatMap { states[$0.id] }
            if let why = complaints.first ?? state?.complaint {
                log("Failed to create deployment for service \(service.name): \(why)")
                return report(service, cluster, .failed, why)
            }
            log("Successfully recovered service \(service.name)")
            result.facts.append(
                ServiceFact(
                    arn: service.arn, taskSet: service.taskSet, namespace: cluster.namespace.id.name,
                    deployment: workload?.id.name, available: state?.available ?? 0))
            let absent = service.secrets.intersection(missing).sorted().map(Self.words)
            return report(
                service, cluster, .recovered,
                absent.isEmpty ? nil : "it waits for the secret \(absent.joined(separator: ", "))")
        }
        let time = machine.clock.elapsed() - began
        progress("recovering \(cluster.name)") { $0.servicesAreUp(batch.count, after: time) }
        return reports
    }

    private func waitForRollouts(
        of services: [RecoveryPlan.ServiceStep], _ cluster: RecoveryPlan.ClusterStep,
        _ step: RecoveryPlan.K3dStep
    ) async throws -> [KubernetesObject.ID: RolloutState] {
        let workloads = services.flatMap(\.objects).map(\.id).filter {
            ["Deployment", "DaemonSet"].contains($0.kind)
        }
        guard !workloads.isEmpty else { return [:] }
        var states: [KubernetesObject.ID: RolloutState] = [:]
        let ended = try await machine.clock.wait(upTo: work.request.limit, every: .seconds(1)) {
            try machine.cancellation.check()
            states = try await ground.rollouts(in: cluster.namespace.id.name, of: step.name)
            return workloads.allSatisfy { id in
                if case .waiting? = states[id] { false } else { states[id] != nil }
            }
        }
        if !ended {
            for id in workloads where states[id] == nil {
                states[id] = .failed(why: "it is not there any more")
            }
        }
        return states
    }

    private func recover(
        _ tasks: [RecoveryPlan.TaskStep], _ step: RecoveryPlan.K3dStep,
        _ there: [KubernetesObject.ID: FoundObject], lost: String?, _ result: inout Result
    ) async throws {
        guard !tasks.isEmpty else { return }
        if lost == nil {
            do {
                let refused = try await apply(tasks.flatMap(\.objects), step, there, &result)
                for task in tasks {
                    if task.objects.contains(where: { refused[$0.id] != nil }) {
                        result.lostTasks.append(task.arn)
                    } else {
                        result.tasks.append(task.arn)
                    }
                }
                return
            } catch {
                try rethrowInterruption(error)
            }
        }
        result.lostTasks += tasks.map(\.arn)
    }
}

extension RolloutState {
    fileprivate var complaint: String? {
        switch self {
        case .complete: nil
        case .waiting(_, let why), .failed(let why): why
        }
    }
    fileprivate var available: Int64 {
        switch self {
        case .complete(let available), .waiting(let available, _): available
        case .failed: 0
        }
    }
}

extension RecoveryPlan {
    /// How many services are to be recovered in a k3d cluster.
    fileprivate func services(of step: K3dStep) -> Int {
        clusters.filter { step.clusters.contains($0.name) }.flatMap(\.services)
            .count { $0.decision == .recover }
    }
}

extension JSONValue {
    /// A manifest with another recovery's mark, or without one.
    fileprivate func marked(_ recovery: String?) -> JSONValue {
        guard case .object(var fields) = self, case .object(var metadata)? = fields["metadata"],
            case .object(var labels)? = metadata["labels"]
        else { return self }
        labels[RecoveryLabel.name] = recovery.map { .string($0) }
        metadata["labels"] = .object(labels)
        fields["metadata"] = .object(metadata)
        return .object(fields)
    }
}
