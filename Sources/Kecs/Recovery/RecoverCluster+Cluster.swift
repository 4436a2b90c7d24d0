// SPDX-License-Identifier: Apache-2.0
import KecsState
import KecsSystem

/// One ECS cluster in a running one.
extension RecoverCluster {
    func recover(
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
        report.services += told(of: cluster, without: Set((waiting + changed).map(\.key)), differences)
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
        let lost = try await recover(
            batches, differences, cluster, in: step, there: there, missing, into: &report, &result)
        try await recover(tasks, step, lost: lost, &result)
        if report.services.contains(where: { $0.outcome == .recovered }), report.outcome == .existing {
            report.outcome = .recovered
        }
        if step.action == .create { log("Successfully recovered k3d cluster \(step.name)") }
        report.services.sort { ($0.name, $0.taskSet ?? "") < ($1.name, $1.taskSet ?? "") }
    }

    /// The services that are left as they are: why, and what differs.
    private func told(
        of cluster: RecoveryPlan.ClusterStep, without touched: Set<RecoveryPlan.ServiceStep.Key>,
        _ differences: [RecoveryPlan.ServiceStep.Key: [RecoverReport.Difference]]
    ) -> [RecoverReport.Service] {
        cluster.services.filter { !touched.contains($0.key) }.map { service in
            var entry: RecoverReport.Service
            switch service.decision {
            case .recover, .exists: entry = report(service, cluster, .existing)
            case .skip(let why): entry = report(service, cluster, .skipped, why)
            case .fail(let why), .unknown(let why):
                log("Failed to create deployment for service \(service.name): \(why)")
                entry = report(service, cluster, .failed, why)
            }
            if let found = differences[service.key], entry.outcome == .existing {
                entry.differences = found
                entry.reason = Self.words(found)
            }
            return entry
        }
    }

    /// Recovers the batches in their order.
    ///
    /// - Returns: Why the rest is lost, once the API is gone or the time is over. It is reported, and `--resume` recovers
    ///   it.
    private func recover(
        _ batches: [[RecoveryPlan.ServiceStep]],
        _ differences: [RecoveryPlan.ServiceStep.Key: [RecoverReport.Difference]],
        _ cluster: RecoveryPlan.ClusterStep, in step: RecoveryPlan.K3dStep,
        there: [KubernetesObject.ID: FoundObject], _ missing: Set<SecretReference>,
        into report: inout RecoverReport.Cluster, _ result: inout Result
    ) async throws -> String? {
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
        return lost
    }

    /// Returns services of one priority, in portions of one call.
    func batches(of services: [RecoveryPlan.ServiceStep]) -> [[RecoveryPlan.ServiceStep]] {
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
}
