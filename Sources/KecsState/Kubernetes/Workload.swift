// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// The common part of translating services and task sets to a Deployment or DaemonSet and a Service.
struct Workload {
    let name: String
    /// "service default/web"
    let subject: String
    let replicas: Int64
    let isDaemon: Bool
    var selector: [String: String] = [:]
    var labels: [String: String] = [:]
    var annotations: [String: String] = [:]
    private var podAnnotations: [String: String] = [:]
    private var notes: [TranslationNote] = []
    private var targetGroups: [String] = []
    private var hasLoadBalancer = false
    private var hasPublicIP = false
    private var surge = "25%"
    private var unavailable = "25%"

    init(name: String, subject: String, replicas: Int64, isDaemon: Bool) {
        self.name = name
        self.subject = subject
        self.replicas = replicas
        self.isDaemon = isDaemon
    }

    mutating func note(_ holds: Bool, _ field: String, _ why: String) {
        if !holds { notes.append(TranslationNote(subject, field, why)) }
    }

    mutating func add(loadBalancers: JSONText, network: JSONText, registries: JSONText) throws {
        let balancers = try loadBalancers.array()
        hasLoadBalancer = !balancers.isEmpty
        targetGroups = balancers.compactMap { $0["targetGroupArn"]?.string }.filter { !$0.isEmpty }
        // arn:…:targetgroup/NAME/ID
        let names = targetGroups.map { arn in
            arn.split(separator: "/").dropFirst().first.map(String.init) ?? arn
        }
        if names.count == 1 {
            labels["kecs.io/elbv2-target-group-name"] = KubernetesNames.labelValue(names[0])
        } else if names.count > 1 {
            // Upstream makes it a label, but Kubernetes would refuse the comma.
            annotations["kecs.io/elbv2-target-group-names"] = names.joined(separator: ",")
        }
        note(
            balancers.allSatisfy { ($0["loadBalancerName"]?.string ?? "").isEmpty }, "loadBalancers",
            "a classic load balancer is not translated")

        let vpc = try network.value()?["awsvpcConfiguration"]
        hasPublicIP = vpc?["assignPublicIp"] == "ENABLED"
        if let vpc {
            for (field, key) in [("subnets", "subnets"), ("securityGroups", "security-groups")] {
                let values = (vpc[field]?.array ?? []).compactMap(\.string)
                if !values.isEmpty { annotations["kecs.dev/\(key)"] = values.joined(separator: ",") }
            }
            annotations["kecs.dev/assign-public-ip"] = vpc["assignPublicIp"]?.string ?? "DISABLED"
        }
        if try !registries.array().isEmpty, let text = registries.text {
            podAnnotations["kecs.dev/service-registries"] = text
        }
    }

    mutating func add(deployment: JSONText) throws {
        guard let configuration = try deployment.value() else { return }
        // Of 100 tasks, at least this many keep running, and at most that many run. Kubernetes refuses 0 for both, as
        // nothing could move; ECS starts no new task then either.
        let least = min(max(0, configuration["minimumHealthyPercent"]?.integer ?? 100), 100)
        let most = min(max(100, configuration["maximumPercent"]?.integer ?? 200), 1000)
        surge = "\(max(0, most - 100))%"
        unavailable = "\(min(100, max(0, 100 - least)))%"
        if surge == "0%", unavailable == "0%" {
            unavailable = "1"
            note(
                false, "deploymentConfiguration",
                "leaves no room for a rollout; one task is replaced at a time")
        }
        let breaker = configuration["deploymentCircuitBreaker"]
        note(
            breaker?["enable"]?.bool != true, "deploymentConfiguration.deploymentCircuitBreaker",
            "Kubernetes reports a rollout that fails, and does not take it back")
        let known: Set<String> = ["minimumHealthyPercent", "maximumPercent", "deploymentCircuitBreaker"]
        for (field, value) in (configuration.object ?? [:]).sorted(by: { $0.key < $1.key })
        where !known.contains(field) {
            note(value.isEmpty, "deploymentConfiguration.\(field)", "not translated: \(value)")
        }
    }

    mutating func noteTheRest(of service: ServiceRecord) throws {
        let columns = [
            ("placementConstraints", service.placementConstraints),
            ("placementStrategy", service.placementStrategy),
            ("capacityProviderStrategy", service.capacityProviderStrategy),
            ("serviceConnectConfiguration", service.serviceConnectConfiguration),
            ("nodePorts", service.nodePorts),
        ]
        for (field, column) in columns {
            let value = try column.value() ?? .null
            note(value.isEmpty, field, "not translated: \(value)")
        }
        let seconds = service.healthCheckGracePeriodSeconds ?? 0
        note(
            seconds == 0 || !hasLoadBalancer, "healthCheckGracePeriodSeconds",
            "\(seconds) s: probes of the containers have their own start period")
    }

    mutating func noteTheRest(of taskSet: TaskSetRecord) throws {
        let columns = [
            ("capacityProviderStrategy", taskSet.capacityProviderStrategy),
            ("fargateEphemeralStorage", taskSet.fargateEphemeralStorage),
        ]
        for (field, column) in columns {
            let value = try column.value() ?? .null
            note(value.isEmpty, field, "not translated: \(value)")
        }
    }

    /// - Throws: `TranslationFailure` for an impossible number of tasks.
    func translation(
        _ pod: PodTranslation, _ cluster: ClusterTranslation, serviceARN: String
    ) throws(TranslationFailure) -> Translation {
        guard (0...Int64(Int32.max)).contains(replicas) else {
            throw TranslationFailure("\(subject): its desired count is \(replicas)")
        }
        var objects = [controller(pod, cluster)]
        var notes = notes + pod.notes
        if hasLoadBalancer || hasPublicIP {
            if pod.ports.isEmpty {
                notes.append(
                    TranslationNote(
                        subject, "portMappings", "it shall be reached and has no ports: no Service is made"))
            } else {
                objects.append(service(pod, cluster, serviceARN))
                let made = KubernetesNames.service(name)
                if made != name {
                    notes.append(
                        TranslationNote(
                            subject, "serviceName",
                            "its Service is named “\(made)”: Kubernetes lets none begin with a digit"))
                }
            }
        }
        return Translation(objects: objects, notes: notes, secrets: pod.secrets)
    }

    private func controller(_ pod: PodTranslation, _ cluster: ClusterTranslation) -> KubernetesObject {
        let metadata: JSONValue = [
            "labels": .strings(labels),
            "annotations": .strings(
                annotations.merging(podAnnotations) { own, _ in own }.merging(pod.annotations) { own, _ in own
                }),
        ]
        var spec: [String: JSONValue] = [
            "selector": ["matchLabels": .strings(selector)],
            "template": ["metadata": metadata, "spec": .object(pod.spec)],
        ]
        if isDaemon {
            // A DaemonSet takes either; without surge it stops a pod before it starts the successor.
            spec["updateStrategy"] = [
                "type": "RollingUpdate",
                "rollingUpdate": ["maxUnavailable": .string(unavailable == "0%" ? "1" : unavailable).whole],
            ]
        } else {
            spec["replicas"] = .integer(replicas)
            spec["strategy"] = [
                "type": "RollingUpdate",
                "rollingUpdate": ["maxSurge": .string(surge), "maxUnavailable": .string(unavailable).whole],
            ]
        }
        return KubernetesObject(
            "apps/v1", isDaemon ? "DaemonSet" : "Deployment", namespace: cluster.namespace, name: name,
            labels: labels.merging(cluster.extraLabels) { own, _ in own }, annotations: annotations,
            body: ["spec": .object(spec)])
    }

    private func service(
        _ pod: PodTranslation, _ cluster: ClusterTranslation, _ serviceARN: String
    ) -> KubernetesObject {
        var own = ["kecs.dev/service-arn": serviceARN]
        let serviceName = KubernetesNames.service(name)
        if let group = targetGroups.first { own["kecs.dev/target-group-arn"] = group }
        own["kecs.dev/assign-public-ip"] = annotations["kecs.dev/assign-public-ip"]
        let ports: [JSONValue] = pod.ports.map { port in
            let isSecond =
                port.name != "TCP" && pod.ports.contains { $0.number == port.number && $0.name == "TCP" }
            return [
                "name": .string("port-\(port.number)" + (isSecond ? "-\(port.name.lowercased())" : "")),
                "port": .integer(port.number), "targetPort": .integer(port.number),
                "protocol": .string(port.name),
            ]
        }
        let type = !targetGroups.isEmpty ? "LoadBalancer" : hasPublicIP ? "NodePort" : "ClusterIP"
        return KubernetesObject(
            "v1", "Service", namespace: cluster.namespace, name: serviceName,
            labels: labels.merging(cluster.extraLabels) { own, _ in own }, annotations: own,
            body: [
                "spec": ["type": .string(type), "selector": .strings(selector), "ports": .array(ports)]
            ])
    }
}

extension JSONValue {
    /// "1" as 1, "25%" as it is: Kubernetes' IntOrString.
    fileprivate var whole: JSONValue { string.flatMap { Int64($0) }.map { .integer($0) } ?? self }
}
