// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// A container definition as a container of a pod.
struct ContainerTranslation {
    let definition: JSONValue
    let name: String
    /// "container web/app"
    let subject: String
    let namespace: String
    private(set) var container: [String: JSONValue] = [:]
    private(set) var notes: [TranslationNote] = []
    private(set) var secrets: [SecretReference] = []
    /// The sources of secrets, in the order of the definition: `container:NAME:arn`.
    private(set) var secretSources: [String] = []
    private var replaced: [String: SecretReference] = [:]

    init(
        _ definition: JSONValue, role: ContainerOrder.Role, size: TaskSize, siblings: [JSONValue],
        volumes: Set<String>, namespace: String, owner: String
    ) throws(TranslationFailure) {
        guard let name = definition["name"]?.string, !name.isEmpty else {
            throw TranslationFailure("a container of \(owner) has no name")
        }
        guard let image = definition["image"]?.string, !image.isEmpty else {
            throw TranslationFailure("container “\(name)” of \(owner) has no image")
        }
        guard image.first?.isWhitespace == false, image.last?.isWhitespace == false else {
            throw TranslationFailure(
                "container “\(name)” of \(owner) has the image “\(image)”, which begins or ends with a blank")
        }
        self.definition = definition
        self.name = name
        self.namespace = namespace
        subject = "container \(owner)/\(name)"
        container["name"] = .string(KubernetesNames.label(name))
        container["image"] = .string(image)
        // ECS's entryPoint is Docker's ENTRYPOINT, that is Kubernetes' command; its command is CMD, that is args.
        if let words = list("entryPoint") { container["command"] = words }
        if let words = list("command") { container["args"] = words }
        if let folder = definition["workingDirectory"]?.string, !folder.isEmpty {
            container["workingDir"] = .string(folder)
        }
        if definition["interactive"]?.bool == true { container["stdin"] = true }
        if definition["pseudoTerminal"]?.bool == true { container["tty"] = true }
        let (resources, unsaid) = try size.resources(of: definition, subject: subject)
        if let resources { container["resources"] = resources }
        for why in unsaid { note("resourceRequirements", why) }
        addEnvironment()
        try addPorts()
        try addMounts(siblings, volumes)
        addSecurity()
        addProbes(role)
        noteTheRest(role)
    }

    private func list(_ key: String) -> JSONValue? {
        guard let items = definition[key]?.array, !items.isEmpty else { return nil }
        return .array(items.map { .string(($0.string ?? $0.text()).withoutExpansion) })
    }

    private mutating func note(_ field: String, _ why: String) {
        notes.append(TranslationNote(subject, field, why))
    }

    private mutating func addEnvironment() {
        var variables = MergedList()
        for variable in definition["environment"]?.array ?? [] {
            guard let name = variable["name"]?.string, !name.isEmpty else { continue }
            guard KubernetesNames.isVariable(name) else {
                note("environment", "“\(name)” is no name that Kubernetes gives a variable; it is left out")
                continue
            }
            let value = variable["value"]?.string ?? ""
            variables.set(name, ["name": .string(name), "value": .string(value.withoutExpansion)])
        }
        let isPlain = Set(variables.keys)
        if !variables.repeated.isEmpty {
            note(
                "environment",
                "\(Self.quoted(variables.repeated)) is set more than once; the last value is used")
        }
        var secretNames: Set<String> = []
        for secret in definition["secrets"]?.array ?? [] {
            let name = secret["name"]?.string ?? ""
            let source = secret["valueFrom"]?.string ?? ""
            guard let (reference, isVersioned) = SecretReference.parse(source, namespace: namespace),
                !name.isEmpty
            else {
                note("secrets", "“\(name)” refers to “\(source)”, which is neither a secret nor a parameter")
                continue
            }
            guard KubernetesNames.isVariable(name), KubernetesNames.isConfigKey(reference.key) else {
                note("secrets", "“\(name)” (\(source)) cannot be named so in Kubernetes; it is left out")
                continue
            }
            if isVersioned { note("secrets", "“\(name)” asks for a version; it gets the newest one") }
            if isPlain.contains(name) {
                note("secrets", "“\(name)” is a variable too; the secret counts")
            } else if !secretNames.insert(name).inserted {
                note("secrets", "“\(name)” is set more than once; the last one is used")
            }
            secrets.removeAll { $0 == replaced[name] }
            replaced[name] = reference
            secrets.append(reference)
            secretSources.append("\(self.name):\(name):\(source)")
            variables.set(
                name,
                [
                    "name": .string(name),
                    "valueFrom": [
                        "secretKeyRef": ["name": .string(reference.name), "key": .string(reference.key)]
                    ],
                ])
        }
        if !variables.items.isEmpty { container["env"] = .array(variables.items) }
    }

    private static func quoted(_ names: [String]) -> String {
        names.map { "“\($0)”" }.joined(separator: ", ")
    }

    private mutating func addPorts() throws(TranslationFailure) {
        var ports = MergedList()
        for mapping in definition["portMappings"]?.array ?? [] {
            guard let port = mapping["containerPort"]?.integer, (1...65535).contains(port) else {
                note("portMappings", "\(mapping) names no single port")
                continue
            }
            let protocolName = (mapping["protocol"]?.string ?? "tcp").uppercased()
            guard ["TCP", "UDP"].contains(protocolName) else {
                throw TranslationFailure(
                    "\(subject): port \(port) has the protocol “\(protocolName)”; ECS knows tcp and udp")
            }
            ports.set(
                "\(port)/\(protocolName.lowercased())",
                ["containerPort": .integer(port), "protocol": .string(protocolName)])
            if let hostPort = mapping["hostPort"]?.integer, hostPort != 0, hostPort != port {
                note("portMappings", "port \(port) is not bound to port \(hostPort) of the host")
            }
        }
        if !ports.repeated.isEmpty {
            note(
                "portMappings",
                "\(ports.repeated.joined(separator: ", ")) is given more than once")
        }
        if !ports.items.isEmpty { container["ports"] = .array(ports.items) }
    }

    /// Adds the mounts. In Docker a container's own mount wins over one that it takes from another container. Docker
    /// refuses two of its own in one place, as Kubernetes does.
    private mutating func addMounts(
        _ siblings: [JSONValue], _ volumes: Set<String>
    ) throws(TranslationFailure) {
        var mounts = MergedList()
        for source in definition["volumesFrom"]?.array ?? [] {
            let name = source["sourceContainer"]
            guard let sibling = siblings.first(where: { $0["name"] == name }), name != nil else {
                note("volumesFrom", "the task has no container “\(name?.string ?? "")”")
                continue
            }
            for (path, mount) in try self.mounts(
                of: sibling, volumes, readOnly: source["readOnly"]?.bool == true)
            {
                mounts.set(path, mount)
            }
        }
        var own: [String: JSONValue] = [:]
        for (path, mount) in try self.mounts(of: definition, volumes, readOnly: false) {
            if let other = own[path], other != mount {
                throw TranslationFailure(
                    "\(subject) mounts two volumes at \(path): \(other["name"]?.string ?? "") and \(mount["name"]?.string ?? "")"
                )
            }
            own[path] = mount
            mounts.set(path, mount)
        }
        if !mounts.repeated.isEmpty {
            note(
                "mountPoints",
                "\(mounts.repeated.joined(separator: ", ")) is set more than once; the container's own value, or the last one, is used"
            )
        }
        if !mounts.items.isEmpty { container["volumeMounts"] = .array(mounts.items) }
    }

    private func mounts(
        of definition: JSONValue, _ volumes: Set<String>, readOnly: Bool
    ) throws(TranslationFailure) -> [(String, JSONValue)] {
        var mounts: [(String, JSONValue)] = []
        for mount in definition["mountPoints"]?.array ?? [] {
            guard let volume = mount["sourceVolume"]?.string, let path = mount["containerPath"]?.string,
                !path.isEmpty
            else { continue }
            guard volumes.contains(volume) else {
                throw TranslationFailure(
                    "\(subject) mounts the volume “\(volume)”, which the task does not have")
            }
            guard !path.contains(":") else {
                throw TranslationFailure(
                    "\(subject) mounts a volume at “\(path)”: a path with “:” is refused")
            }
            var result: [String: JSONValue] = [
                "name": .string(KubernetesNames.label(volume)), "mountPath": .string(path),
            ]
            if readOnly || mount["readOnly"]?.bool == true { result["readOnly"] = true }
            mounts.append((path, .object(result)))
        }
        return mounts
    }

    private mutating func addSecurity() {
        var security: [String: JSONValue] = [:]
        if let user = definition["user"]?.string, !user.isEmpty {
            let ids = user.split(separator: ":", omittingEmptySubsequences: false).map { Int64($0) }
            let isInRange = ids.allSatisfy { $0.map { (0...Int64(Int32.max)).contains($0) } ?? false }
            if ids.count <= 2, let uid = ids[0], isInRange {
                security["runAsUser"] = .integer(uid)
                if ids.count == 2, let gid = ids[1] { security["runAsGroup"] = .integer(gid) }
            } else {
                note(
                    "user", "“\(user)” is a name; Kubernetes takes numbers only, so the image's user is taken"
                )
            }
        }
        if definition["privileged"]?.bool == true { security["privileged"] = true }
        if definition["readonlyRootFilesystem"]?.bool == true { security["readOnlyRootFilesystem"] = true }
        let capabilities = definition["linuxParameters"]?["capabilities"]
        let lists = ["add", "drop"].filter { capabilities?[$0]?.isEmpty == false }
        if !lists.isEmpty {
            security["capabilities"] = .object(
                Dictionary(uniqueKeysWithValues: lists.map { ($0, capabilities?[$0] ?? .null) }))
        }
        if !security.isEmpty { container["securityContext"] = .object(security) }
    }

    private mutating func addProbes(_ role: ContainerOrder.Role) {
        // An init container that ends may have none.
        guard role != .first else { return }
        let gates = role == .sidecar(gates: true)
        if let words = definition["healthCheck"]?["command"]?.array, words == ["CMD"] {
            note("healthCheck", "it has no command, so there is none")
        }
        guard let check = HealthCheck(definition["healthCheck"]) else { return }
        container.merge(check.probes(gates: gates)) { own, _ in own }
    }

    /// The fields that are handled here or by the pod, or that carry no meaning.
    private static let translated: Set<String> = [
        "name", "image", "entryPoint", "command", "workingDirectory", "interactive", "pseudoTerminal", "cpu",
        "memory", "memoryReservation", "environment", "secrets", "portMappings", "mountPoints", "volumesFrom",
        "user",
        "privileged", "readonlyRootFilesystem", "healthCheck", "dependsOn", "essential", "logConfiguration",
        "stopTimeout", "extraHosts",
    ]

    private mutating func noteTheRest(_ role: ContainerOrder.Role) {
        if case .sidecar = role { container["restartPolicy"] = "Always" }
        if definition["essential"]?.bool == false, role == .ordinary {
            note("essential", "the container is not essential; it is restarted like any other when it ends")
        }
        if let driver = definition["logConfiguration"]?["logDriver"]?.string, driver != "awslogs" {
            note("logConfiguration", "log driver “\(driver)” is not translated")
        }
        for (field, value) in (definition.object ?? [:]).sorted(by: { $0.key < $1.key })
        where !Self.translated.contains(field) && !value.isEmpty && value != false {
            switch field {
            case "ulimits": note(field, "Kubernetes cannot set ulimits: \(value)")
            case "linuxParameters":
                let rest = (value.object ?? [:]).filter { $0.key != "capabilities" && !$0.value.isEmpty }
                if !rest.isEmpty { note(field, "not translated: \(JSONValue.object(rest))") }
            case "resourceRequirements" where value.array?.allSatisfy({ $0["type"] == "GPU" }) == true: break
            default: note(field, "not translated: \(value)")
            }
        }
    }
}

extension String {
    /// The text with `$` escaped. Kubernetes expands `$(NAME)` in commands, arguments, probes and variables, and turns
    /// `$$` into `$`. ECS does neither.
    var withoutExpansion: String {
        contains("$(") || contains("$$") ? String(flatMap { $0 == "$" ? "$$" : "\($0)" }) : self
    }
}
