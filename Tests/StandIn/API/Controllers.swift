// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// The objects and states that controllers, scheduler and kubelet derive from the existing objects. Nothing is stored:
/// each question derives them again.
struct Controllers {
    let cluster: String
    let world: World

    private var objects: World.Objects { world.objects[cluster] ?? [:] }

    /// The reason why a workload's pods do not become available.
    enum Trouble: String {
        case imagePull = "ImagePullBackOff"
        case crash = "CrashLoopBackOff"
        case mount = "FailedMount"
        case schedule = "FailedScheduling"
        case create = "FailedCreate"
        case config = "CreateContainerConfigError"
        case imageName = "InvalidImageName"
        /// The container starts, and its readiness probe fails.
        case unready = "Unready"
    }

    /// Returns the trouble of a workload: one that follows from the objects, or one that the world prescribes.
    func trouble(of workload: JSONValue) -> (Trouble, String)? {
        let name = workload["metadata"]?["name"]?.string ?? ""
        let namespace = workload["metadata"]?["namespace"]?.string ?? ""
        let pod = workload["kind"] == "Pod" ? workload["spec"] : workload["spec"]?["template"]?["spec"]
        if let word = world.podTroubles[name], let trouble = Trouble(rawValue: word) {
            return (trouble, Self.message(trouble, pod))
        }
        for volume in pod?["volumes"]?.array ?? [] {
            guard volume["hostPath"]?["type"] == "Directory", let path = volume["hostPath"]?["path"]?.string,
                !isBound(path, pod)
            else { continue }
            return (
                .mount,
                "MountVolume.SetUp failed for volume \"\(volume["name"]?.string ?? "")\" : hostPath type check failed: \(path) is not a directory"
            )
        }
        let containers = (pod?["initContainers"]?.array ?? []) + (pod?["containers"]?.array ?? [])
        let isShared = world.clusters.first { $0.name == cluster }?.sharesMounts == true
        for container in containers {
            let wants = (container["volumeMounts"]?.array ?? []).first {
                $0["mountPropagation"] == "HostToContainer"
            }
            if let wants, !isShared {
                // k3d issue 1063.
                return (
                    .config,
                    "failed to generate container spec: path \(wants["mountPath"]?.string ?? "") is mounted on / but it is not a shared or slave mount"
                )
            }
            if let image = container["image"]?.string, world.missingImages.contains(image) {
                return (.imagePull, Self.message(.imagePull, pod))
            }
            for variable in container["env"]?.array ?? [] {
                guard let reference = variable["valueFrom"]?["secretKeyRef"],
                    let secret = reference["name"]?.string,
                    let key = reference["key"]?.string,
                    objects["secret/\(namespace)/\(secret)"]?["data"]?[key] == nil
                else { continue }
                return (.config, "secret \"\(secret)\" not found")
            }
        }
        return nil
    }

    /// Returns true when the pod's node has a folder of the host: one that is mounted, on the node where it is mounted.
    private func isBound(_ path: String, _ pod: JSONValue?) -> Bool {
        guard let known = world.clusters.first(where: { $0.name == cluster }) else { return false }
        let server = "k3d-\(cluster)-server-0"
        // The scheduler prefers the emptier node.
        let node =
            pod?["nodeSelector"]?["kubernetes.io/hostname"]?.string
            ?? (known.agents > 0 ? "k3d-\(cluster)-agent-\(known.agents - 1)" : server)
        let isHere = node == server || known.bindsAllNodes
        return known.binds.contains { bind in
            guard isHere else { return false }
            let source = String(bind.prefix { $0 != ":" })
            return path == source || path.hasPrefix(source + "/")
        } || (known.shared ?? []).contains { $0.hasSuffix(":" + path) }
    }

    private static func message(_ trouble: Trouble, _ pod: JSONValue?) -> String {
        let image = pod?["containers"]?.array?.first?["image"]?.string ?? ""
        switch trouble {
        // As in K90.
        case .imagePull:
            return
                "Back-off pulling image \"\(image)\": ErrImagePull: failed to pull and unpack image \"docker.io/\(image)\": failed to resolve reference \"docker.io/\(image)\": not found"
        case .crash: return "back-off 40s restarting failed container"
        case .mount:
            return
                "MountVolume.SetUp failed for volume \"data\" : hostPath type check failed: /data is not a directory"
        case .schedule:
            return
                "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
        case .create:
            return
                "pods \"x\" is forbidden: exceeded quota: tight, requested: pods=1, used: pods=0, limited: pods=0"
        case .config: return "secret \"settings\" not found"
        case .imageName:
            return
                "Failed to apply default image tag \"\(image)\": couldn't parse image name \"\(image)\": invalid reference format"
        case .unready: return "Readiness probe failed: HTTP probe failed with statuscode: 503"
        }
    }

    // MARK: What is there besides

    /// Returns all created objects of a kind, with the objects that follow from them.
    func all(_ kind: String) -> [(key: String, object: JSONValue)] {
        var found = objects.filter { $0.key.hasPrefix("\(kind)/") }
        for (key, object) in derived(kind) where found[key] == nil { found[key] = object }
        return found.sorted { $0.key < $1.key }.map { (key: $0.key, object: $0.value) }
    }

    private func derived(_ kind: String) -> [String: JSONValue] {
        var made: [String: JSONValue] = [:]
        func add(_ object: JSONValue) {
            let namespace = object["metadata"]?["namespace"]?.string ?? ""
            made["\(kind)/\(namespace)/\(object["metadata"]?["name"]?.string ?? "")"] = object
        }
        switch kind {
        case "configmap", "serviceaccount":
            for key in objects.keys where key.hasPrefix("namespace//") {
                let name = kind == "configmap" ? "kube-root-ca.crt" : "default"
                add(
                    Self.object(
                        "v1", kind == "configmap" ? "ConfigMap" : "ServiceAccount",
                        String(key.dropFirst("namespace//".count)), name))
            }
        case "endpoints", "endpointslice":
            for (key, service) in objects where key.hasPrefix("service/") {
                let names = key.split(separator: "/").map(String.init)
                let isSlice = kind == "endpointslice"
                add(
                    Self.object(
                        isSlice ? "discovery.k8s.io/v1" : "v1", isSlice ? "EndpointSlice" : "Endpoints",
                        names[1],
                        isSlice ? names[2] + "-abcde" : names[2], owner: isSlice ? service : nil))
            }
        case "replicaset":
            for workload in workloads("deployment") { add(replicaSet(of: workload)) }
        case "controllerrevision":
            for workload in workloads("daemonset") {
                add(
                    Self.object(
                        "apps/v1", "ControllerRevision", workload["metadata"]?["namespace"]?.string ?? "",
                        "\(workload["metadata"]?["name"]?.string ?? "")-7d9f8c6b5", owner: workload))
            }
        case "pod":
            for workload in workloads("deployment") + workloads("daemonset") + workloads("statefulset") {
                pods(of: workload).forEach(add)
            }
        case "event":
            for workload in workloads("deployment") + workloads("daemonset") + workloads("statefulset")
                + workloads("pod")
            {
                events(of: workload).forEach(add)
            }
        default: break
        }
        return made
    }

    private func workloads(_ kind: String) -> [JSONValue] {
        objects.filter { $0.key.hasPrefix("\(kind)/") }.sorted { $0.key < $1.key }.map(\.value)
    }

    private static func object(
        _ version: String, _ kind: String, _ namespace: String, _ name: String, owner: JSONValue? = nil
    ) -> JSONValue {
        var metadata: [String: JSONValue] = [
            "name": .string(name), "namespace": .string(namespace), "uid": .string("uid-of-\(kind)-\(name)"),
        ]
        if let owner {
            metadata["ownerReferences"] = [
                [
                    "apiVersion": owner["apiVersion"] ?? "apps/v1", "kind": owner["kind"] ?? "Deployment",
                    "name": owner["metadata"]?["name"] ?? "", "controller": true,
                ]
            ]
        }
        return ["apiVersion": .string(version), "kind": .string(kind), "metadata": .object(metadata)]
    }

    private func replicaSet(of workload: JSONValue) -> JSONValue {
        let namespace = workload["metadata"]?["namespace"]?.string ?? ""
        let name = "\(workload["metadata"]?["name"]?.string ?? "")-6fd7d75d64"
        var set = Self.object("apps/v1", "ReplicaSet", namespace, name, owner: workload)
        set = set.merging([
            "metadata": ["labels": workload["spec"]?["template"]?["metadata"]?["labels"] ?? [:]]
        ])
        return set
    }

    private func pods(of workload: JSONValue) -> [JSONValue] {
        let name = workload["metadata"]?["name"]?.string ?? ""
        let namespace = workload["metadata"]?["namespace"]?.string ?? ""
        let trouble = trouble(of: workload)
        if trouble?.0 == .create { return [] }
        let isDaemon = workload["kind"] == "DaemonSet"
        let isStateful = workload["kind"] == "StatefulSet"
        let count = isDaemon ? 1 : min(3, workload["spec"]?["replicas"]?.integer ?? 1)
        guard count > 0 else { return [] }
        return (0..<count).map { index in
            let owner = isDaemon || isStateful ? workload : replicaSet(of: workload)
            var pod = Self.object(
                "v1", "Pod", namespace,
                isStateful
                    ? "\(name)-\(index)"
                    : isDaemon ? "\(name)-a\(index)x7z" : "\(name)-6fd7d75d64-a\(index)x7z",
                owner: owner)
            pod = pod.merging([
                "metadata": ["labels": workload["spec"]?["template"]?["metadata"]?["labels"] ?? [:]],
                "spec": workload["spec"]?["template"]?["spec"] ?? [:], "status": status(trouble, workload),
            ])
            if namespace == "velero", name == "velero", trouble == nil { pod = pod.merging(server) }
            return pod
        }
    }

    /// Of the pod of Velero's server: since when it runs, and how it ended before.
    private var server: JSONValue {
        let since = world.velero.serverSince[cluster] ?? world.velero.now
        var status: [String: JSONValue] = ["startTime": .string("\(Moment(seconds: since))")]
        if world.velero.crashes > 0 {
            status["containerStatuses"] = [
                [
                    "name": "velero", "ready": true, "restartCount": .integer(world.velero.crashes),
                    "state": ["running": [:]],
                    "lastState": ["terminated": ["exitCode": 137, "reason": "OOMKilled"]],
                ]
            ]
        }
        return ["status": .object(status)]
    }

    /// Returns the status in the form of K90.
    func status(_ trouble: (Trouble, String)?, _ workload: JSONValue) -> JSONValue {
        let pod = workload["kind"] == "Pod" ? workload["spec"] : workload["spec"]?["template"]?["spec"]
        func conditions(scheduled: Bool, _ message: String) -> JSONValue {
            [
                scheduled
                    ? ["type": "PodScheduled", "status": "True"]
                    : [
                        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                        "message": .string(message),
                    ]
            ]
        }
        func containers(_ state: JSONValue, last: JSONValue = [:], restarts: Int64 = 0) -> JSONValue {
            .array(
                (pod?["containers"]?.array ?? []).prefix(1).map { container in
                    [
                        "name": container["name"] ?? "", "image": container["image"] ?? "", "ready": false,
                        "restartCount": .integer(restarts), "state": state, "lastState": last,
                    ]
                })
        }
        guard let (kind, message) = trouble else {
            return [
                "phase": workload["kind"] == "Pod" ? "Succeeded" : "Running",
                "conditions": conditions(scheduled: true, ""),
            ]
        }
        func waiting(_ reason: String) -> JSONValue {
            ["waiting": ["reason": .string(reason), "message": .string(message)]]
        }
        switch kind {
        case .schedule: return ["phase": "Pending", "conditions": conditions(scheduled: false, message)]
        case .mount:
            return [
                "phase": "Pending", "conditions": conditions(scheduled: true, ""),
                "containerStatuses": containers(["waiting": ["reason": "ContainerCreating"]]),
            ]
        case .crash:
            return [
                "phase": "Running", "conditions": conditions(scheduled: true, ""),
                "containerStatuses": containers(
                    waiting(kind.rawValue),
                    last: [
                        "terminated": ["exitCode": 3, "reason": "Error", "message": "no such table: users"]
                    ],
                    restarts: 4),
            ]
        case .unready:
            return [
                "phase": "Running", "conditions": conditions(scheduled: true, ""),
                "containerStatuses": containers(["running": ["startedAt": "2026-11-21T02:12:46Z"]]),
            ]
        default:
            return [
                "phase": "Pending", "conditions": conditions(scheduled: true, ""),
                "containerStatuses": containers(waiting(kind.rawValue)),
            ]
        }
    }

    private func events(of workload: JSONValue) -> [JSONValue] {
        guard let (trouble, message) = trouble(of: workload) else { return [] }
        let namespace = workload["metadata"]?["namespace"]?.string ?? ""
        let about: JSONValue =
            switch (workload["kind"]?.string, trouble) {
            case ("Pod", _): workload
            case ("Deployment", .create): replicaSet(of: workload)
            case (_, .create): workload
            default: pods(of: workload).first ?? workload
            }
        let reason =
            switch trouble {
            case .imagePull, .imageName, .config: "Failed"
            case .crash: "BackOff"
            case .unready: "Unhealthy"
            default: trouble.rawValue
            }
        let name = about["metadata"]?["name"]?.string ?? ""
        var event = Self.object("v1", "Event", namespace, "\(name).17a")
        event = event.merging([
            "type": "Warning", "reason": .string(reason), "message": .string(message), "count": 4,
            "involvedObject": [
                "kind": about["kind"] ?? "Pod", "namespace": .string(namespace), "name": .string(name),
            ],
        ])
        return [event]
    }
}
