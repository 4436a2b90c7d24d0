// SPDX-License-Identifier: Apache-2.0
import KecsState
import KecsSystem

/// Recovers the services and tasks of an ECS cluster: applies the missing objects, then waits until they are up or
/// cannot come up.
extension RecoverCluster {
    /// - Returns: The refused objects, each with its reason.
    func apply(
        _ objects: [KubernetesObject], _ step: RecoveryPlan.K3dStep, _ result: inout Result
    ) async throws -> [KubernetesObject.ID: String] {
        guard !objects.isEmpty else { return [:] }
        result.hasApplied = true
        return try await ground.apply(
            objects.map { RecoveryObject(id: $0.id, manifest: $0.manifest) }, in: step.name,
            overwriting: false)
    }

    /// Takes existing objects that differ back to the state in the rows. Each keeps its own mark, or none: undo must
    /// remove only the objects that we made.
    private func overwrite(
        _ batch: [RecoveryPlan.ServiceStep],
        _ differences: [RecoveryPlan.ServiceStep.Key: [RecoverReport.Difference]],
        _ step: RecoveryPlan.K3dStep, _ there: [KubernetesObject.ID: FoundObject]
    ) async throws -> [KubernetesObject.ID: String] {
        guard work.request.overwrite else { return [:] }
        let objects = batch.flatMap { service in
            let named = Set((differences[service.key] ?? []).map(\.object))
            return service.wanted.filter { named.contains("\($0.id)") }
        }
        guard !objects.isEmpty else { return [:] }
        return try await ground.apply(
            objects.map { RecoveryObject(id: $0.id, manifest: $0.manifest.marked(there[$0.id]?.recovery)) },
            in: step.name,
            overwriting: true)
    }

    func recover(
        _ batch: [RecoveryPlan.ServiceStep],
        _ differences: [RecoveryPlan.ServiceStep.Key: [RecoverReport.Difference]],
        _ cluster: RecoveryPlan.ClusterStep, _ step: RecoveryPlan.K3dStep,
        _ there: [KubernetesObject.ID: FoundObject], _ missing: Set<SecretReference>,
        _ result: inout Result
    ) async throws -> [RecoverReport.Service] {
        let began = machine.clock.elapsed()
        for service in batch { log("Recovering service \(service.name) in cluster \(cluster.name)...") }
        var refused = try await apply(batch.flatMap(\.objects), step, &result)
        refused.merge(try await overwrite(batch, differences, step, there)) { first, _ in first }
        // A service that waits for a missing secret would only use up the time of the others.
        let watched = batch.filter { service in
            service.secrets.isDisjoint(with: missing) && !service.wanted.contains { refused[$0.id] != nil }
        }
        var states: [KubernetesObject.ID: RolloutState] = [:]
        if work.request.wait {
            do {
                try await waitForRollouts(of: watched, cluster, step, &states)
            } catch {
                guard isInterruption(error) else { throw error }
                result.interruption = error
            }
        }
        let isWatched = Set(watched.map(\.key))
        let reports = batch.map { service -> RecoverReport.Service in
            let complaints = service.wanted.compactMap { refused[$0.id] }
            let state = service.workload.flatMap { states[$0.id] }
            if complaints.isEmpty {
                result.facts.append(
                    ServiceFact(
                        arn: service.arn, taskSet: service.taskSet, namespace: cluster.namespace.id.name,
                        deployment: service.workload?.id.name, available: state?.available ?? 0))
            }
            var entry: RecoverReport.Service
            // A service that waits for a secret is in its proper state.
            if let why = complaints.first ?? (isWatched.contains(service.key) ? state?.complaint : nil) {
                if work.time.isOver { result.isUnfinished = true }
                log("Failed to create deployment for service \(service.name): \(why)")
                entry = report(service, cluster, .failed, why)
            } else {
                log("Successfully recovered service \(service.name)")
                let absent = service.secrets.intersection(missing).sorted().map(Self.words)
                entry = report(
                    service, cluster, .recovered,
                    absent.isEmpty ? nil : "it waits for the secret \(absent.joined(separator: ", "))")
            }
            entry.differences = differences[service.key] ?? []
            return entry
        }
        let time = machine.clock.elapsed() - began
        progress("recovering \(cluster.name)") { $0.servicesAreUp(batch.count, after: time) }
        return reports
    }

    // MARK: Rollouts

    private func waitForRollouts(
        of services: [RecoveryPlan.ServiceStep], _ cluster: RecoveryPlan.ClusterStep,
        _ step: RecoveryPlan.K3dStep, _ states: inout [KubernetesObject.ID: RolloutState]
    ) async throws {
        let workloads = services.compactMap { $0.workload?.id }
        guard !workloads.isEmpty else { return }
        var since: [KubernetesObject.ID: Duration] = [:]
        var found = states
        let ended = try await machine.clock.wait(upTo: work.time.limit(), every: .seconds(1)) {
            try machine.cancellation.check()
            found = try await ground.rollouts(in: cluster.namespace.id.name, of: step.name)
            try await look(at: workloads, cluster, step, &found, &since)
            return workloads.allSatisfy { id in
                if case .waiting? = found[id] { false } else { found[id] != nil }
            }
        }
        states = found
        guard !ended else { return }
        for id in workloads {
            switch states[id] {
            case nil: states[id] = .failed(available: 0, why: "it is not there any more")
            case .waiting(let available, let why):
                states[id] = .failed(
                    available: available,
                    why: work.time.isOver ? "\(why) when the time that was given had passed" : why)
            case .complete, .failed: break
            }
        }
    }

    /// Finds out why the waiting workloads wait. It does so from the first look on, so as not to wait for a workload
    /// that cannot come up.
    private func look(
        at workloads: [KubernetesObject.ID], _ cluster: RecoveryPlan.ClusterStep,
        _ step: RecoveryPlan.K3dStep, _ states: inout [KubernetesObject.ID: RolloutState],
        _ since: inout [KubernetesObject.ID: Duration]
    ) async throws {
        let waiting = workloads.filter { id in if case .waiting? = states[id] { true } else { false } }
        guard !waiting.isEmpty else { return }
        let obstacles = try await ground.obstacles(in: cluster.namespace.id.name, of: step.name)
        let now = machine.clock.elapsed()
        for id in waiting {
            guard case .waiting(let available, let progress)? = states[id] else { continue }
            guard let obstacle = obstacles[id] else {
                since[id] = nil
                continue
            }
            let began = since[id] ?? now
            let why = "\(obstacle.why) (\(progress))"
            switch obstacle.certainty {
            case .none: since[id] = nil
            case .lasting, .certain: since[id] = began
            }
            let isOver =
                obstacle.certainty == .certain
                || obstacle.certainty == .lasting && now - began >= work.request.patience
            states[id] =
                isOver ? .failed(available: available, why: why) : .waiting(available: available, why: why)
        }
    }

    // MARK: Tasks

    func recover(
        _ tasks: [RecoveryPlan.TaskStep], _ step: RecoveryPlan.K3dStep, lost: String?,
        _ result: inout Result
    ) async throws {
        guard !tasks.isEmpty else { return }
        if lost == nil {
            do {
                let refused = try await apply(tasks.flatMap(\.objects), step, &result)
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
        result.isUnfinished = true
        result.lostTasks += tasks.map(\.arn)
    }
}

extension RolloutState {
    fileprivate var complaint: String? {
        switch self {
        case .complete: nil
        case .waiting(_, let why), .failed(_, let why): why
        }
    }
    fileprivate var available: Int64 {
        switch self {
        case .complete(let available), .waiting(let available, _), .failed(let available, _): available
        }
    }
}

extension JSONValue {
    /// Returns a manifest with another recovery's mark, or without one.
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
