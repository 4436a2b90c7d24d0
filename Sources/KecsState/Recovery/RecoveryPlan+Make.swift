// SPDX-License-Identifier: Apache-2.0
import KecsSystem

extension RecoveryPlan {
    /// Decides for every row. Changes nothing, asks no one.
    public init(
        _ records: StateRecords, _ existing: ExistingObjects, _ policy: RecoveryPolicy = RecoveryPolicy()
    ) {
        let planner = RecoveryPlanner(
            definitions: TaskDefinitionIndex(records.taskDefinitions), existing: existing, policy: policy,
            services: Dictionary(grouping: records.services, by: \.clusterARN),
            taskSets: Dictionary(grouping: records.taskSets, by: \.serviceARN),
            tasks: Dictionary(grouping: records.tasks, by: \.clusterARN))
        clusters = records.clusters.sorted { $0.name < $1.name }.map(planner.step)
        refuseSharedNames()
        var members: [String: [String]] = [:]
        for cluster in clusters {
            switch cluster.decision {
            case .skip, .fail: continue
            case .recover, .exists, .unknown:
                if let name = cluster.k3dCluster { members[name, default: []].append(cluster.name) }
            }
        }
        k3dClusters = members.sorted { $0.key < $1.key }.map { name, names in
            K3dStep(name: name, action: planner.action(name), clusters: names)
        }
    }

    /// Refuses a service whose objects would be those of another. The first one in the order of names gets the objects;
    /// the other fails and names that one.
    private mutating func refuseSharedNames() {
        struct Place: Hashable {
            var k3dCluster: String?
            var object: KubernetesObject.ID
        }
        var owners: [Place: String] = [:]
        for cluster in clusters.indices {
            for index in clusters[cluster].services.indices {
                let service = clusters[cluster].services[index]
                let places = service.wanted.map {
                    Place(k3dCluster: clusters[cluster].k3dCluster, object: $0.id)
                }
                if let taken = places.first(where: { owners[$0] != nil }), let owner = owners[taken] {
                    clusters[cluster].services[index].decision = .fail(
                        "its \(taken.object) would be that of the service \(owner)")
                    clusters[cluster].services[index].objects = []
                    clusters[cluster].services[index].wanted = []
                } else {
                    for place in places { owners[place] = "\(clusters[cluster].name)/\(service.name)" }
                }
            }
        }
    }
}

private struct RecoveryPlanner {
    let definitions: TaskDefinitionIndex
    let existing: ExistingObjects
    let policy: RecoveryPolicy
    let services: [String: [ServiceRecord]]
    let taskSets: [String: [TaskSetRecord]]
    let tasks: [String: [TaskRecord]]

    typealias Decision = RecoveryPlan.Decision

    func action(_ k3dCluster: String) -> RecoveryPlan.K3dStep.Action {
        switch existing.k3dClusters {
        case .known(let clusters):
            switch clusters[k3dCluster] {
            case nil: .create
            case .running: .reuse
            case .stopped: .start
            case .broken(let why): .repair(why: why)
            }
        case .unknown(let why): .leave(why: why)
        }
    }

    func step(_ cluster: ClusterRecord) -> RecoveryPlan.ClusterStep {
        let translation = ClusterTranslation(cluster, extraLabels: policy.labels)
        let k3dCluster = cluster.k8sClusterName.flatMap { $0.isEmpty ? nil : $0 }
        var step = RecoveryPlan.ClusterStep(
            name: cluster.name, arn: cluster.arn, k3dCluster: k3dCluster,
            namespace: translation.namespaceObject, decision: .recover)
        if let reason = reasonToSkip(cluster) {
            step.decision = .skip(reason)
            return step
        }
        guard let k3dCluster else {
            step.decision = .skip("it has no k3d cluster name")
            return step
        }
        let place = Place(translation: translation, objects: objects(in: k3dCluster))
        step.services = (services[cluster.arn] ?? []).flatMap { self.steps($0, place) }
            .sorted { ($0.priority, $0.name, $0.taskSet ?? "") < ($1.priority, $1.name, $1.taskSet ?? "") }
        step.tasks = (tasks[cluster.arn] ?? []).filter(\.isStandalone).map { self.step($0, place) }
            .sorted { $0.id < $1.id }
        step.decision = place.decision([translation.namespaceObject])
        return step
    }

    private func reasonToSkip(_ cluster: ClusterRecord) -> String? {
        if let only = policy.only, !only.contains(cluster.name) { return "it was not requested" }
        if policy.skip.contains(cluster.name) { return "by request" }
        // PROVISIONING is one that was being made when everything stopped.
        let isAlive = ["ACTIVE", "PROVISIONING"].contains(cluster.status)
        return isAlive ? nil : "its status is \(cluster.status)"
    }

    /// Returns the objects in a k3d cluster. A cluster that is still to be created has none.
    private func objects(in k3dCluster: String) -> ExistingObjects.Answer<Set<KubernetesObject.ID>> {
        switch action(k3dCluster) {
        case .create: .known([])
        case .leave(let why): .unknown(why)
        case .start, .repair:
            existing.objects[k3dCluster] ?? .unknown("k3d cluster “\(k3dCluster)” does not run yet")
        case .reuse:
            existing.objects[k3dCluster] ?? .unknown("what is in k3d cluster “\(k3dCluster)” was not queried")
        }
    }

    private func steps(_ service: ServiceRecord, _ place: Place) -> [RecoveryPlan.ServiceStep] {
        let (priority, note) = priority(of: service, place)
        func step(
            _ taskSet: String?, _ translate: () throws -> Result<Translation, Reason>
        ) -> RecoveryPlan.ServiceStep {
            let outcome = place.outcome(translate)
            return RecoveryPlan.ServiceStep(
                name: service.serviceName, arn: service.arn, taskSet: taskSet, priority: priority,
                decision: outcome.decision, objects: outcome.objects, wanted: outcome.wanted,
                notes: note.map { [$0] + outcome.notes } ?? outcome.notes, secrets: outcome.secrets)
        }
        if policy.skip.contains("\(place.translation.cluster.name)/\(service.serviceName)") {
            return [step(nil) { .failure(.skip("by request")) }]
        }
        if let reason = reasonToSkip(status: service.status) {
            return [step(nil) { .failure(.skip(reason)) }]
        }
        let sets = taskSets[service.arn] ?? []
        let controller: String?
        do {
            controller = try service.deploymentController.value()?["type"]?.string
        } catch {
            return [step(nil) { throw error }]
        }
        if controller == "EXTERNAL" || (controller == "CODE_DEPLOY" && !sets.isEmpty) {
            guard !sets.isEmpty else {
                return [step(nil) { .failure(.skip("its controller is EXTERNAL and it has no task sets")) }]
            }
            return sets.map { set in
                step(set.id) {
                    if let reason = reasonToSkip(status: set.status) { return .failure(.skip(reason)) }
                    return try translate(set.taskDefinition) {
                        try place.translation.translate(set, of: service, $0)
                    }
                }
            }
        }
        return [
            step(nil) {
                try translate(service.taskDefinitionARN ?? "") {
                    try place.translation.translate(service, $0)
                }
            }
        ]
    }

    private func step(_ task: TaskRecord, _ place: Place) -> RecoveryPlan.TaskStep {
        let outcome = place.outcome {
            guard policy.includesStandaloneTasks else { return .failure(.skip("by request")) }
            guard task.wasAlive else { return .failure(.skip("its status is \(task.lastStatus)")) }
            return try translate(task.taskDefinitionARN) { try place.translation.translate(task, $0) }
        }
        return RecoveryPlan.TaskStep(
            id: task.id, arn: task.arn, decision: outcome.decision, objects: outcome.objects,
            notes: outcome.notes, secrets: outcome.secrets)
    }

    private func translate(
        _ reference: String, _ make: (TaskDefinitionRecord) throws -> Translation
    ) throws -> Result<Translation, Reason> {
        guard !reference.isEmpty else { return .failure(.fail("it names no task definition")) }
        guard let definition = definitions[reference] else {
            return .failure(.fail("task definition \(TaskDefinitionIndex.name(reference)) is missing"))
        }
        return .success(try make(definition))
    }

    /// Returns why services and task sets with this status are skipped.
    private func reasonToSkip(status: String) -> String? {
        switch status {
        // FAILED is one whose objects could not be made. Its rows show that it is wanted.
        case "ACTIVE", "PENDING", "PRIMARY", "FAILED": nil
        case "DRAINING": policy.includesDraining ? nil : "it was being drained"
        default: "its status is \(status)"
        }
    }

    private func priority(of service: ServiceRecord, _ place: Place) -> (Int64, TranslationNote?) {
        let tag = "kecsctl.dev/recovery-priority"
        let subject = "service \(place.translation.cluster.name)/\(service.serviceName)"
        do {
            guard let text = try service.tags.tags()[tag] else { return (policy.defaultPriority, nil) }
            if let number = Int64(text), number >= 0 { return (number, nil) }
            return (
                policy.defaultPriority, TranslationNote(subject, "tags", "\(tag) “\(text)” is no priority")
            )
        } catch {
            return (policy.defaultPriority, TranslationNote(subject, "tags", "\(error)"))
        }
    }
}

/// The reason why there is no translation.
private enum Reason: Error {
    case skip(String)
    case fail(String)
}

/// The destination of a recovery, and the objects that are there already.
private struct Place {
    let translation: ClusterTranslation
    let objects: ExistingObjects.Answer<Set<KubernetesObject.ID>>

    struct Outcome {
        var decision: RecoveryPlan.Decision
        var objects: [KubernetesObject] = []
        var wanted: [KubernetesObject] = []
        var notes: [TranslationNote] = []
        var secrets: Set<SecretReference> = []
    }

    /// Decides for the wanted objects. Existing ones are left alone; only missing ones are created.
    func decision(_ wanted: [KubernetesObject]) -> RecoveryPlan.Decision {
        switch objects {
        case .known(let there): wanted.allSatisfy { there.contains($0.id) } ? .exists : .recover
        case .unknown(let why): .unknown(why)
        }
    }

    func outcome(_ translate: () throws -> Result<Translation, Reason>) -> Outcome {
        do {
            let translation = try translate().get()
            let decision = decision(translation.objects)
            var missing: [KubernetesObject] = []
            if decision == .recover, case .known(let there) = objects {
                missing = translation.objects.filter { !there.contains($0.id) }
            }
            return Outcome(
                decision: decision, objects: missing, wanted: translation.objects,
                notes: translation.notes, secrets: translation.secrets)
        } catch Reason.skip(let why) {
            return Outcome(decision: .skip(why))
        } catch Reason.fail(let why) {
            return Outcome(decision: .fail(why))
        } catch {
            return Outcome(decision: .fail("\(error)"))
        }
    }
}

extension TaskRecord {
    /// True when no service runs it.
    public var isStandalone: Bool {
        taskGroup?.hasPrefix("service:") != true && startedBy?.hasPrefix("ecs-svc/") != true
    }

    /// True when it ran, or was starting, and no one had asked it to stop.
    public var wasAlive: Bool {
        ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING"].contains(lastStatus)
            && desiredStatus != "STOPPED"
    }
}
