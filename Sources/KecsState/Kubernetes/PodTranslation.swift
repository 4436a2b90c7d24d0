// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// A task definition as the specification of a pod, with the annotations that the control plane reads from pods.
struct PodTranslation {
    private(set) var spec: [String: JSONValue] = [:]
    private(set) var annotations: [String: String] = [:]
    private(set) var notes: [TranslationNote] = []
    private(set) var secrets: Set<SecretReference> = []
    /// The ports, in the order of the containers: port and protocol.
    private(set) var ports: [(number: Int64, name: String)] = []
    private let definition: TaskDefinitionRecord
    private let subject: String

    /// - Parameters:
    ///   - owner: The owner's name in notes: "default/web".
    ///   - overrides: The overrides of a standalone task.
    init(
        _ definition: TaskDefinitionRecord, namespace: String, owner: String, overrides: JSONValue? = nil
    ) throws {
        self.definition = definition
        subject = "task definition \(definition.family):\(definition.revision)"
        var containers = try definition.containerDefinitions.array()
        guard !containers.isEmpty else { throw TranslationFailure("\(subject) has no containers") }
        containers = Self.apply(overrides, to: containers)
        let names = containers.compactMap { $0["name"]?.string }
        if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
            throw TranslationFailure("\(subject) has two containers called “\(twice)”")
        }
        let volumes = try addVolumes()
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
                containers[position], role: role, size: size, siblings: containers, volumes: volumes,
                namespace: namespace, owner: owner)
            lists[role == .ordinary ? "containers" : "initContainers", default: []]
                .append(.object(translation.container))
            notes += translation.notes
            secrets.formUnion(translation.secrets)
            secretSources += translation.secretSources
        }
        for (key, list) in lists { spec[key] = .array(list) }
        keepHostPortsApart()
        for (index, source) in secretSources.enumerated() {
            annotations["kecs.dev/secret-\(index)-arn"] = source
        }
        if !secretSources.isEmpty { annotations["kecs.dev/secret-count"] = "\(secretSources.count)" }
        addPorts(of: containers)
        addLogs(of: containers)
        addPodSettings(containers)
        try noteTheRest()
    }

    private mutating func note(_ field: String, _ why: String) {
        notes.append(TranslationNote(subject, field, why))
    }

    /// Applies `containerOverrides`, which replace the members that they name; environment variables one by one.
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

    /// - Returns: Their names in the task definition.
    private mutating func addVolumes() throws -> Set<String> {
        var volumes: [String: JSONValue] = [:]
        var order: [String] = []
        for volume in try definition.volumes.array() {
            let name = volume["name"]?.string ?? ""
            guard !name.isEmpty else { throw TranslationFailure("\(subject) has a volume without a name") }
            var entry: [String: JSONValue] = ["name": .string(KubernetesNames.label(name))]
            if let path = volume["host"]?["sourcePath"]?.string, !path.isEmpty {
                guard !path.split(separator: "/").contains("..") else {
                    throw TranslationFailure(
                        "\(subject): the volume “\(name)” has the path \(path), and “..” is refused")
                }
                entry["hostPath"] = ["path": .string(path)]
            } else {
                entry["emptyDir"] = [:]
            }
            if let other = volumes[name] {
                guard other == .object(entry) else {
                    throw TranslationFailure("\(subject) has two volumes called “\(name)”")
                }
                note("volumes", "“\(name)” is given twice")
                continue
            }
            volumes[name] = .object(entry)
            order.append(name)
            for kind in (volume.object ?? [:]).keys.sorted() where kind != "name" && kind != "host" {
                if volume[kind]?.isEmpty == false {
                    note(
                        "volumes", "“\(name)” has \(kind); it becomes an empty folder that goes with the pod")
                }
            }
        }
        if !order.isEmpty { spec["volumes"] = .array(order.compactMap { volumes[$0] }) }
        return Set(order)
    }

    /// Keeps ports apart. The containers of a pod share one network. In the host's network each port is bound, and
    /// Kubernetes takes it only once; in the pod's own, the second container to listen fails.
    private mutating func keepHostPortsApart() {
        let isHost = definition.networkMode == "host"
        var taken: [String: String] = [:]
        guard let containers = spec["containers"]?.array else { return }
        spec["containers"] = .array(
            containers.map { container in
                guard case .object(var members) = container, let ports = members["ports"]?.array else {
                    return container
                }
                let name = members["name"]?.string ?? ""
                let kept = ports.filter { port in
                    let key =
                        "\(port["containerPort"] ?? 0)/\((port["protocol"]?.string ?? "TCP").lowercased())"
                    guard let other = taken[key] else {
                        taken[key] = name
                        return true
                    }
                    note(
                        "portMappings",
                        "“\(name)” and “\(other)” both have port \(key), and share one network")
                    return !isHost
                }
                members["ports"] = kept.isEmpty ? nil : .array(kept)
                return .object(members)
            })
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
            spec["terminationGracePeriodSeconds"] = .integer(min(max(0, longest), 86_400))
        }
        addHosts(containers.flatMap { $0["extraHosts"]?.array ?? [] })
        if let role = definition.taskRoleARN, !role.isEmpty { annotations["kecs.dev/task-role-arn"] = role }
        if let role = definition.executionRoleARN, !role.isEmpty {
            annotations["kecs.dev/execution-role-arn"] = role
        }
    }

    /// Adds hosts to `/etc/hosts`, which is the pod's: each address has one line, with all of its names.
    private mutating func addHosts(_ hosts: [JSONValue]) {
        var names: [String: [String]] = [:]
        var order: [String] = []
        for host in hosts {
            let address = host["ipAddress"]?.string ?? ""
            let written = host["hostname"]?.string ?? ""
            let name = written.lowercased()
            guard KubernetesAddress.isAddress(address) else {
                note("extraHosts", "“\(written)” has “\(address)”, which is no address; it is left out")
                continue
            }
            guard KubernetesNames.isHost(name) else {
                note(
                    "extraHosts",
                    "“\(written)” is no name that Kubernetes writes into /etc/hosts; it is left out")
                continue
            }
            if names[address] == nil { order.append(address) }
            if names[address]?.contains(name) != true { names[address, default: []].append(name) }
        }
        guard !order.isEmpty else { return }
        spec["hostAliases"] = .array(
            order.map { ["ip": .string($0), "hostnames": .strings(names[$0] ?? [])] })
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
