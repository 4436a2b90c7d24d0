// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Translates the content of an ECS cluster. Pure: the same rows give the same objects.
///
/// Names, labels and annotations are those of upstream's converters, so that a control plane finds its objects again.
public struct ClusterTranslation: Sendable {
    public let cluster: ClusterRecord
    /// `<cluster>-<region>`
    public let namespace: String
    let region: String
    /// The labels of every object, but not of pods of a template: such as the label by which a recovery is undone.
    let extraLabels: [String: String]

    public init(_ cluster: ClusterRecord, extraLabels: [String: String] = [:]) {
        self.cluster = cluster
        self.extraLabels = extraLabels
        // arn:aws:ecs:REGION:…; rows of either era may lack the column.
        let fields = cluster.arn.split(separator: ":", omittingEmptySubsequences: false)
        let column = cluster.region ?? ""
        region = column.isEmpty ? fields.count > 3 ? String(fields[3]) : "us-east-1" : column
        namespace = KubernetesNames.label("\(cluster.name)-\(region)")
    }

    public var namespaceObject: KubernetesObject {
        let labels = [
            "kecs.dev/managed": "true", "kecs.dev/managed-by": "kecs", "kecs.dev/type": "ecs-cluster",
            "kecs.dev/cluster": KubernetesNames.labelValue(cluster.name),
            "kecs.dev/region": KubernetesNames.labelValue(region),
        ]
        return KubernetesObject(
            "v1", "Namespace", namespace: nil, name: namespace,
            labels: labels.merging(extraLabels) { own, _ in own },
            annotations: ["kecs.dev/created-by": "kecsctl", "kecs.dev/cluster-arn": cluster.arn])
    }

    /// Translates a service to a Deployment (a DaemonSet for DAEMON), and to a Service where it can be reached.
    ///
    /// - Throws: `TranslationFailure`, `JSONError`: the service cannot be translated at all.
    public func translate(
        _ service: ServiceRecord, _ definition: TaskDefinitionRecord
    ) throws -> Translation {
        let owner = "\(cluster.name)/\(service.serviceName)"
        var workload = Workload(
            name: KubernetesNames.label(service.serviceName), subject: "service \(owner)",
            replicas: service.desiredCount, isDaemon: service.schedulingStrategy == "DAEMON")
        let label = KubernetesNames.labelValue(service.serviceName)
        workload.selector = ["app": label, "kecs.dev/service": label]
        workload.labels = workload.selector.merging(
            [
                "kecs.dev/cluster": KubernetesNames.labelValue(cluster.name), "kecs.dev/managed-by": "kecs",
                "kecs.dev/launch-type": KubernetesNames.labelValue(service.launchType ?? ""),
            ].filter { !$0.value.isEmpty }
        ) { own, _ in own }
        workload.annotations = [
            "kecs.dev/service-arn": service.arn,
            "kecs.dev/task-definition": "\(definition.family):\(definition.revision)",
            "kecs.dev/scheduling-strategy": service.schedulingStrategy ?? "REPLICA",
        ]
        workload.note(
            service.serviceName == workload.name, "serviceName", "its objects are named “\(workload.name)”")
        try workload.add(
            loadBalancers: service.loadBalancers, network: service.networkConfiguration,
            registries: service.serviceRegistries)
        try workload.add(deployment: service.deploymentConfiguration)
        try workload.noteTheRest(of: service)
        return try workload.translation(
            PodTranslation(definition, namespace: namespace, owner: owner), self, serviceARN: service.arn)
    }

    /// Translates a task set of a service to a Deployment of its own, and to a Service where it can be reached.
    public func translate(
        _ taskSet: TaskSetRecord, of service: ServiceRecord, _ definition: TaskDefinitionRecord
    ) throws -> Translation {
        let name = "\(service.serviceName)-\(taskSet.id)"
        let owner = "\(cluster.name)/\(name)"
        var workload = Workload(
            name: KubernetesNames.label(name), subject: "task set \(owner)",
            replicas: taskSet.computedDesiredCount, isDaemon: false)
        workload.selector = [
            "app": KubernetesNames.labelValue(name),
            "kecs.io/taskset": KubernetesNames.labelValue(taskSet.id),
        ]
        let values = [
            "kecs.io/cluster": cluster.name, "kecs.io/service": service.serviceName,
            "kecs.io/role": "taskset",
            "kecs.io/taskset-external-id": taskSet.externalID ?? "", "kecs.io/managed": "true",
            "kecs.io/primary": taskSet.status == "PRIMARY" ? "true" : "false",
        ]
        workload.labels = values.mapValues(KubernetesNames.labelValue).filter { !$0.value.isEmpty }
            .merging(workload.selector) { own, _ in own }
        workload.annotations = [
            "kecs.dev/service-arn": service.arn, "kecs.dev/task-set-arn": taskSet.arn,
            "kecs.dev/task-definition": "\(definition.family):\(definition.revision)",
        ]
        workload.note(name == workload.name, "id", "its objects are named “\(workload.name)”")
        try workload.add(
            loadBalancers: taskSet.loadBalancers, network: taskSet.networkConfiguration,
            registries: taskSet.serviceRegistries)
        try workload.noteTheRest(of: taskSet)
        return try workload.translation(
            PodTranslation(definition, namespace: namespace, owner: owner), self, serviceARN: service.arn)
    }

    /// Translates a task that no service runs to a pod that is not restarted when it ends.
    public func translate(_ task: TaskRecord, _ definition: TaskDefinitionRecord) throws -> Translation {
        // The row's own name, so that the control plane knows the pod as that task.
        let name =
            task.podName.flatMap { KubernetesNames.isLabel($0) ? $0 : nil }
            ?? KubernetesNames.label("task-\(task.id)")
        let owner = "\(cluster.name)/\(name)"
        let pod = try PodTranslation(
            definition, namespace: namespace, owner: owner, overrides: task.overrides.value())
        let labels = [
            "kecs.dev/task-id": task.id, "kecs.dev/cluster": cluster.name, "kecs.dev/managed-by": "kecs",
            "kecs.dev/launch-type": task.launchType,
        ].mapValues(KubernetesNames.labelValue).filter { !$0.value.isEmpty }
        var annotations = pod.annotations
        annotations["kecs.dev/task-arn"] = task.arn
        annotations["kecs.dev/task-definition"] = "\(definition.family):\(definition.revision)"
        if let group = task.taskGroup, !group.isEmpty { annotations["kecs.dev/task-group"] = group }
        if let starter = task.startedBy, !starter.isEmpty { annotations["kecs.dev/started-by"] = starter }
        var spec = pod.spec
        spec["restartPolicy"] = "Never"
        var notes = pod.notes
        let overrides = try task.overrides.value()?.object ?? [:]
        for field in overrides.keys.sorted()
        where !["containerOverrides", "cpu", "memory"].contains(field) && overrides[field]?.isEmpty == false {
            notes.append(TranslationNote("task \(owner)", "overrides.\(field)", "not translated"))
        }
        let object = KubernetesObject(
            "v1", "Pod", namespace: namespace, name: name,
            labels: labels.merging(extraLabels) { own, _ in own },
            annotations: annotations, body: ["spec": .object(spec)])
        return Translation(objects: [object], notes: notes, secrets: pod.secrets)
    }
}
