// SPDX-License-Identifier: Apache-2.0
import KecsStorage

/// A task definition as the specification of a pod, with the annotations that the control plane reads from pods.
struct PodTranslation {
    private(set) var spec: [String: JSONValue] = [:]
    private(set) var annotations: [String: String] = [:]
    private(set) var notes: [TranslationNote] = []
    private(set) var secrets: Set<SecretReference> = []
    /// In the order of the containers: port and protocol.
    private(set) var ports: [(number: Int64, name: String)] = []
    private let definition: TaskDefinitionRecord
    private let subject: String

    /// - Parameters:
    ///   - owner: Stands in notes: "default/web".
    ///   - overrides: Of a standalone task.
    init(
        _ definition: TaskDefinitionRecord, namespace: String, owner: String, overrides: JSONValue? = nil
    ) throws {
        self.definition = definition
        subject = "task definition \(definition.family):\(definition.revision)"
        var containers = try definition.containerDefinitions.array()
        guard !containers.isEmpty else { throw TranslationFailure("\(subject) has no containers") }
        containers = Self.apply(overrides, to: containers)
        let size = try TaskSize(
            cpu: overrides?["cpu"]?.string ?? definition.cpu,
            memory: overrides?["memory"]?.string ?? definition.memory, containers: containers)
        let order = ContainerOrder(containers)
        notes += order.notes.map {
            TranslationNote("container \(owner)/\($0.container)", "dependsOn", $0.why)
        }

        var lists: [String: [JSONValue]] = [:]
        var secretSources: [String] = []
        for (position, role) in order.steps {
            let translation = try ContainerTranslation(
                containers[position], role: role, size: size, siblings: containers, namespace: namespace,
                owner: owner)
            lists[role == .ordinary ? "containers" : "initContainers", default: []]
                .append(.object(translation.container))
            notes += translation.notes
            secrets.formUnion(translation.secrets)
            secretSources += translation.secretSources
        }
        for (key, list) in lists { spec[key] = .array(list) }
        for (index, source) in secretSources.enumerated() {
            annotations["kecs.dev/secret-\(index)-arn"] = source
        }
        if !secretSources.isEmpty { annotations["kecs.dev/secret-count"] = "\(secretSources.count)" }
        addPorts(of: containers)
        addLogs(of: containers)
        try addVolumes()
        addPodSettings(containers)
        try noteTheRest()
    }

    private mutating func note(_ field: String, _ why: String) {
        notes.append(TranslationNote(subject, field, why))
    }

    /// `containerOverrides` replace what they name; environment variables one by one.
    private static func apply(_ overrides: JSONValue?, to containers: [JSONValue]) -> [JSONValue] {
        containers.map { container in
            let own = overrides?["containerOverrides"]?.array?.first { $0["name"] == container["name"] }
            guard var members = container.object, let changes = own?.object else { return container }
            for (key, value) in changes where !value.isEmpty {
                if key == "environment" {
                    let names = Set((value.array ?? []).map { $0["name"] })
                    let kept = (members[key]?.array ?? []).filter { !names.contains($0["name"]) }
                    members[key] = .array(kept + (value.array ?? []))
                } else {
                    members[key] = value
                }
            }
            return .object(members)
        }
    }

    private mutating func addPorts(of containers: [JSONValue]) {
        for mapping in containers.flatMap({ $0["portMappings"]?.array ?? [] }) {
            guard let number = mapping["containerPort"]?.integer, (1...65535).contains(number) else {
                continue
            }
            let name = (mapping["protocol"]?.string ?? "tcp").uppercased()
            if !ports.contains(where: { $0.number == number && $0.name == name }) {
                ports.append((number, name))
            }
        }
    }

    private mutating func addLogs(of containers: [JSONValue]) {
        for container in containers where container["logConfiguration"]?["logDriver"] == "awslogs" {
            annotations["kecs.dev/cloudwatch-logs-enabled"] = "true"
            let name = container["name"]?.string ?? ""
            let options = container["logConfiguration"]?["options"]?.object ?? [:]
            for (option, value) in options.sorted(by: { $0.key < $1.key }) {
                guard ["awslogs-group", "awslogs-stream-prefix", "awslogs-region"].contains(option) else {
                    note("logConfiguration", "container “\(name)”: option \(option) is not translated")
                    continue
                }
                let key = "container-\(name)-logs-\(option.dropFirst("awslogs-".count))"
                // The part after the slash may have 63 characters.
                guard key.utf8.count <= 63 else {
                    note(
                        "logConfiguration",
                        "the name of container “\(name)” is too long for its log annotations")
                    continue
                }
                annotations["kecs.dev/\(key)"] = value.string ?? value.text()
            }
        }
    }

    private mutating func addVolumes() throws {
        var volumes: [JSONValue] = []
        for volume in try definition.volumes.array() {
            let name = volume["name"]?.string ?? ""
            var entry: [String: JSONValue] = ["name": .string(KubernetesNames.label(name))]
            if let path = volume["host"]?["sourcePath"]?.string, !path.isEmpty {
                entry["hostPath"] = ["path": .string(path)]
            } else {
                entry["emptyDir"] = [:]
            }
            volumes.append(.object(entry))
            for kind in (volume.object ?? [:]).keys.sorted() where kind != "name" && kind != "host" {
                if volume[kind]?.isEmpty == false {
                    note(
                        "volumes", "“\(name)” has \(kind); it becomes an empty folder that goes with the pod")
                }
            }
        }
        if !volumes.isEmpty { spec["volumes"] = .array(volumes) }
    }

    private mutating func addPodSettings(_ containers: [JSONValue]) {
        switch definition.networkMode {
        case "host": spec["hostNetwork"] = true
        case "awsvpc", "bridge", "default", "": break
        default: note("networkMode", "“\(definition.networkMode)” is not translated")
        }
        switch definition.pidMode ?? "" {
        case "host": spec["hostPID"] = true
        case "task": spec["shareProcessNamespace"] = true
        default: break
        }
        switch definition.ipcMode ?? "" {
        case "host": spec["hostIPC"] = true
        // Containers of a pod share it anyway.
        case "", "task": break
        default: note("ipcMode", "“\(definition.ipcMode ?? "")”: the containers of a pod always share it")
        }
        if let longest = containers.compactMap({ $0["stopTimeout"]?.integer }).max() {
            spec["terminationGracePeriodSeconds"] = .integer(longest)
        }
        let hosts = containers.flatMap { $0["extraHosts"]?.array ?? [] }
        if !hosts.isEmpty {
            spec["hostAliases"] = .array(
                hosts.map { ["ip": $0["ipAddress"] ?? "", "hostnames": [$0["hostname"] ?? ""]] })
        }
        if let role = definition.taskRoleARN, !role.isEmpty { annotations["kecs.dev/task-role-arn"] = role }
        if let role = definition.executionRoleARN, !role.isEmpty {
            annotations["kecs.dev/execution-role-arn"] = role
        }
    }

    private mutating func noteTheRest() throws {
        let columns = [
            ("placementConstraints", definition.placementConstraints),
            ("proxyConfiguration", definition.proxyConfiguration),
            ("inferenceAccelerators", definition.inferenceAccelerators),
            ("runtimePlatform", definition.runtimePlatform),
        ]
        for (field, column) in columns {
            if let value = try column.value(), !value.isEmpty { note(field, "not translated: \(value)") }
        }
    }
}
