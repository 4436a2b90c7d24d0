// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem

/// The API server's rules for objects with the right shape, as in its validation (pkg/apis/core/validation and
/// pkg/apis/apps/validation of 1.31): names, quantities, references, ports, probes.
struct APIRules {
    private(set) var complaints: [String] = []

    mutating func check(_ object: JSONValue) {
        let kind = object["kind"]?.string ?? ""
        checkMetadata(object["metadata"], kind)
        let spec = object["spec"]
        switch kind {
        case "Service": checkService(spec)
        case "Deployment", "DaemonSet", "StatefulSet": checkWorkload(spec, kind)
        case "Pod": checkPod(spec, "spec")
        case "ConfigMap", "Secret":
            for key in (object["data"]?.object ?? [:]).keys where !APIName.isConfigKey(key) {
                bad("data[\(key)]", "Invalid value", key)
            }
        default: break
        }
    }

    private mutating func bad(_ path: String, _ what: String, _ value: String = "") {
        complaints.append("\(path): \(what)" + (value.isEmpty ? "" : ": \"\(value)\""))
    }

    // MARK: Metadata

    private mutating func checkMetadata(_ metadata: JSONValue?, _ kind: String) {
        let name = metadata?["name"]?.string ?? ""
        let isFine =
            switch kind {
            case "Service": APIName.isLabel1035(name)
            case "Namespace": APIName.isLabel(name)
            case "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding":
                !name.isEmpty && name != "." && name != ".." && !name.contains("/") && !name.contains("%")
            default: APIName.isSubdomain(name)
            }
        if !isFine { bad("metadata.name", "Invalid value", name) }
        if let namespace = metadata?["namespace"]?.string, !APIName.isLabel(namespace) {
            bad("metadata.namespace", "Invalid value", namespace)
        }
        checkLabels(metadata?["labels"], "metadata.labels")
        var size = 0
        for (key, value) in metadata?["annotations"]?.object ?? [:] {
            if !APIName.isQualified(key.lowercased()) { bad("metadata.annotations", "Invalid value", key) }
            size += key.utf8.count + (value.string ?? "").utf8.count
        }
        if size > 256 << 10 { bad("metadata.annotations", "Too long: may not be more than 262144 bytes") }
    }

    private mutating func checkLabels(_ labels: JSONValue?, _ path: String) {
        for (key, value) in labels?.object ?? [:] {
            if !APIName.isQualified(key) { bad(path, "Invalid value", key) }
            if !APIName.isLabelValue(value.string ?? "") { bad(path, "Invalid value", value.string ?? "") }
        }
    }

    // MARK: Services

    private mutating func checkService(_ spec: JSONValue?) {
        let ports = spec?["ports"]?.array ?? []
        if ports.isEmpty { bad("spec.ports", "Required value") }
        var names: Set<String> = []
        for (index, port) in ports.enumerated() {
            let path = "spec.ports[\(index)]"
            let name = port["name"]?.string ?? ""
            if ports.count > 1, name.isEmpty { bad("\(path).name", "Required value") }
            if !name.isEmpty, !APIName.isLabel(name) { bad("\(path).name", "Invalid value", name) }
            if !name.isEmpty, !names.insert(name).inserted { bad("\(path).name", "Duplicate value", name) }
            checkPort(port["port"], "\(path).port")
            checkProtocol(port["protocol"], "\(path).protocol")
            if let target = port["targetPort"]?.string, !APIName.isPortName(target) {
                bad("\(path).targetPort", "Invalid value", target)
            } else if port["targetPort"]?.integer != nil {
                checkPort(port["targetPort"], "\(path).targetPort")
            }
        }
        checkLabels(spec?["selector"], "spec.selector")
        if let type = spec?["type"]?.string,
            !["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"].contains(type)
        {
            bad("spec.type", "Unsupported value", type)
        }
    }

    private mutating func checkPort(_ value: JSONValue?, _ path: String) {
        guard let port = value?.integer, (1...65535).contains(port) else {
            return bad(path, "Invalid value", value?.text() ?? "0")
        }
    }

    private mutating func checkProtocol(_ value: JSONValue?, _ path: String) {
        guard let name = value?.string else { return }
        if !["TCP", "UDP", "SCTP"].contains(name) { bad(path, "Unsupported value", name) }
    }

    // MARK: Workloads

    private mutating func checkWorkload(_ spec: JSONValue?, _ kind: String) {
        let labels = spec?["template"]?["metadata"]?["labels"]?.object ?? [:]
        let selector = spec?["selector"]?["matchLabels"]?.object ?? [:]
        if selector.isEmpty { bad("spec.selector", "Invalid value", "{}") }
        if selector.contains(where: { labels[$0.key] != $0.value }) {
            bad("spec.template.metadata.labels", "Invalid value: `selector` does not match template `labels`")
        }
        checkLabels(spec?["template"]?["metadata"]?["labels"], "spec.template.labels")
        if let replicas = spec?["replicas"]?.integer, replicas < 0 {
            bad("spec.replicas", "Invalid value: must be greater than or equal to 0")
        }
        let strategy = spec?["strategy"] ?? spec?["updateStrategy"]
        if strategy?["type"]?.string == "Recreate", strategy?["rollingUpdate"] != nil {
            bad(
                "spec.strategy.rollingUpdate",
                "Forbidden: may not be specified when strategy `type` is 'Recreate'")
        }
        if let rolling = strategy?["rollingUpdate"] {
            for field in ["maxSurge", "maxUnavailable"] {
                guard let text = rolling[field]?.string else { continue }
                let number = Int64(text.dropLast())
                if !text.hasSuffix("%") || number == nil || (field == "maxUnavailable" && (number ?? 0) > 100)
                {
                    bad("spec.strategy.rollingUpdate.\(field)", "Invalid value", text)
                }
            }
            let least = kind == "Deployment" ? Self.number(rolling["maxSurge"]) ?? 25 : 0
            if least == 0, Self.number(rolling["maxUnavailable"]) ?? 25 == 0 {
                bad(
                    "spec.strategy.rollingUpdate.maxUnavailable",
                    "Invalid value: may not be 0 when `maxSurge` is 0")
            }
        }
        let restart = spec?["template"]?["spec"]?["restartPolicy"]?.string
        if let restart, restart != "Always" {
            bad("spec.template.spec.restartPolicy", "Unsupported value", restart)
        }
        checkPod(spec?["template"]?["spec"], "spec.template.spec")
    }

    private static func number(_ value: JSONValue?) -> Int64? {
        value?.integer ?? value?.string.flatMap { Int64($0.prefix { $0.isNumber }) }
    }

    // MARK: Pods

    private mutating func checkPod(_ spec: JSONValue?, _ path: String) {
        let volumes = Set((spec?["volumes"]?.array ?? []).compactMap { $0["name"]?.string })
        for (index, volume) in (spec?["volumes"]?.array ?? []).enumerated() {
            let place = "\(path).volumes[\(index)]"
            let name = volume["name"]?.string ?? ""
            if !APIName.isLabel(name) { bad("\(place).name", "Invalid value", name) }
            let sources = (volume.object ?? [:]).keys.filter { $0 != "name" }
            if sources.count != 1 { bad(place, "must specify exactly one volume type") }
            if let host = volume["hostPath"] {
                let folder = host["path"]?.string ?? ""
                if folder.isEmpty { bad("\(place).hostPath.path", "Required value") }
                if folder.split(separator: "/").contains("..") {
                    bad("\(place).hostPath.path", "Invalid value: must not contain '..'")
                }
            }
        }
        let containers = spec?["containers"]?.array ?? []
        if containers.isEmpty { bad("\(path).containers", "Required value") }
        let isHost = spec?["hostNetwork"]?.bool == true
        var names: Set<String> = [], hostPorts: Set<String> = []
        for list in ["initContainers", "containers"] {
            for (index, container) in (spec?[list]?.array ?? []).enumerated() {
                let place = "\(path).\(list)[\(index)]"
                let name = container["name"]?.string ?? ""
                if !APIName.isLabel(name) { bad("\(place).name", "Invalid value", name) }
                if !names.insert(name).inserted { bad("\(place).name", "Duplicate value", name) }
                checkContainer(container, place, volumes, isInit: list == "initContainers")
                for port in container["ports"]?.array ?? [] where isHost || port["hostPort"] != nil {
                    if isHost, let host = port["hostPort"], host != port["containerPort"] {
                        bad("\(place).ports.hostPort", "Invalid value: must match `containerPort`")
                    }
                    let number = port["hostPort"] ?? port["containerPort"] ?? 0
                    if list == "containers",
                        !hostPorts.insert("\(port["protocol"] ?? "TCP")/\(number)").inserted
                    {
                        bad("\(place).ports.hostPort", "Duplicate value", "\(number)")
                    }
                }
            }
        }
        for (index, alias) in (spec?["hostAliases"]?.array ?? []).enumerated() {
            let ip = alias["ip"]?.string ?? ""
            if !APIName.isAddress(ip) { bad("\(path).hostAliases[\(index)].ip", "Invalid value", ip) }
            for host in (alias["hostnames"]?.array ?? []).map({ $0.string ?? "" })
            where !APIName.isSubdomain(host) {
                bad("\(path).hostAliases[\(index)].hostnames", "Invalid value", host)
            }
        }
        if spec?["hostPID"]?.bool == true, spec?["shareProcessNamespace"]?.bool == true {
            bad("\(path).shareProcessNamespace", "Invalid value: cannot be true with hostPID")
        }
        if let grace = spec?["terminationGracePeriodSeconds"]?.integer, grace < 0 {
            bad("\(path).terminationGracePeriodSeconds", "Invalid value", "\(grace)")
        }
        for (key, value) in spec?["nodeSelector"]?.object ?? [:]
        where !APIName.isQualified(key) || !APIName.isLabelValue(value.string ?? "") {
            bad("\(path).nodeSelector", "Invalid value", key)
        }
    }

    private mutating func checkContainer(
        _ container: JSONValue, _ path: String, _ volumes: Set<String>, isInit: Bool
    ) {
        let image = container["image"]?.string ?? ""
        if image.isEmpty { bad("\(path).image", "Required value") }
        if image.first?.isWhitespace == true || image.last?.isWhitespace == true {
            bad("\(path).image", "Invalid value: must not have leading or trailing whitespace")
        }
        for (index, variable) in (container["env"]?.array ?? []).enumerated() {
            let name = variable["name"]?.string ?? ""
            if !APIName.isVariable(name) { bad("\(path).env[\(index)].name", "Invalid value", name) }
            if let reference = variable["valueFrom"]?["secretKeyRef"] {
                let key = reference["key"]?.string ?? ""
                if !APIName.isConfigKey(key) {
                    bad("\(path).env[\(index)].valueFrom.secretKeyRef.key", "Invalid value", key)
                }
                if !APIName.isSubdomain(reference["name"]?.string ?? "") {
                    bad("\(path).env[\(index)].valueFrom.secretKeyRef.name", "Invalid value")
                }
                if variable["value"] != nil {
                    bad(
                        "\(path).env[\(index)].valueFrom",
                        "Invalid value: may not be specified when `value` is not empty")
                }
            }
        }
        for (index, port) in (container["ports"]?.array ?? []).enumerated() {
            checkPort(port["containerPort"], "\(path).ports[\(index)].containerPort")
            checkProtocol(port["protocol"], "\(path).ports[\(index)].protocol")
            if let name = port["name"]?.string, !APIName.isPortName(name) {
                bad("\(path).ports[\(index)].name", "Invalid value", name)
            }
        }
        for (index, mount) in (container["volumeMounts"]?.array ?? []).enumerated() {
            let name = mount["name"]?.string ?? ""
            if !volumes.contains(name) { bad("\(path).volumeMounts[\(index)].name", "Not found", name) }
            let folder = mount["mountPath"]?.string ?? ""
            if folder.isEmpty { bad("\(path).volumeMounts[\(index)].mountPath", "Required value") }
            if folder.contains(":") {
                bad("\(path).volumeMounts[\(index)].mountPath", "Invalid value: must not contain ':'")
            }
        }
        checkResources(container["resources"], "\(path).resources")
        let isSidecar = isInit && container["restartPolicy"]?.string == "Always"
        for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
            guard let probe = container[name] else { continue }
            if isInit, !isSidecar {
                bad(
                    "\(path).\(name)",
                    "Forbidden: may not be set for init containers without restartPolicy=Always")
            }
            checkProbe(probe, "\(path).\(name)")
        }
        let security = container["securityContext"]
        for field in ["runAsUser", "runAsGroup"] {
            if let id = security?[field]?.integer, !(0...Int64(Int32.max)).contains(id) {
                bad("\(path).securityContext.\(field)", "Invalid value", "\(id)")
            }
        }
    }

    private mutating func checkProbe(_ probe: JSONValue, _ path: String) {
        let handlers = ["exec", "httpGet", "tcpSocket", "grpc"].filter { probe[$0] != nil }
        if handlers.count != 1 { bad(path, "must specify a handler type") }
        if let command = probe["exec"]?["command"]?.array, command.isEmpty {
            bad("\(path).exec.command", "Required value")
        }
        for field in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "failureThreshold"] {
            if let number = probe[field]?.integer, number < 0 {
                bad("\(path).\(field)", "Invalid value: must be greater than or equal to 0")
            }
        }
    }

    private mutating func checkResources(_ resources: JSONValue?, _ path: String) {
        func amounts(_ list: String) -> [String: Double?] {
            (resources?[list]?.object ?? [:]).mapValues {
                APIQuantity.thousandths($0.string ?? $0.text())
            }
        }
        let (requests, limits) = (amounts("requests"), amounts("limits"))
        for (list, all) in [("requests", requests), ("limits", limits)] {
            for (name, amount) in all {
                guard let amount, amount >= 0 else {
                    bad("\(path).\(list)[\(name)]", "Invalid value")
                    continue
                }
                if name.contains("/"), amount.truncatingRemainder(dividingBy: 1000) != 0 {
                    bad("\(path).\(list)[\(name)]", "Invalid value: must be an integer")
                }
            }
        }
        for (name, request) in requests {
            if let request, let limit = limits[name] ?? nil, request > limit {
                bad("\(path).requests", "Invalid value: must be less than or equal to \(name) limit")
            }
        }
    }
}

/// The rules of the API server for names and values.
enum APIName {
    private static let lower = Set("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
    private static let word = lower.union("ABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)

    private static func has(
        _ text: String, _ limit: Int, ends: Set<UInt8>, inner: Set<UInt8>
    ) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last, bytes.count <= limit else { return false }
        return ends.contains(first) && ends.contains(last) && bytes.allSatisfy(inner.contains)
    }

    static func isLabel(_ text: String) -> Bool { has(text, 63, ends: lower, inner: lower.union("-".utf8)) }

    static func isLabel1035(_ text: String) -> Bool {
        isLabel(text) && text.utf8.first.map { !(48...57).contains($0) } == true
    }

    static func isSubdomain(_ text: String) -> Bool {
        text.utf8.count <= 253
            && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy {
                has(String($0), 253, ends: lower, inner: lower.union("-".utf8))
            }
    }

    static func isLabelValue(_ text: String) -> Bool {
        text.isEmpty || has(text, 63, ends: word, inner: word.union("-_.".utf8))
    }

    /// Returns true for a qualified name such as `kecs.dev/cluster`.
    static func isQualified(_ text: String) -> Bool {
        let words = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard words.count <= 2, let name = words.last else { return false }
        return has(name, 63, ends: word, inner: word.union("-_.".utf8))
            && (words.count == 1 || isSubdomain(words[0]))
    }

    static func isConfigKey(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 253 && text != "." && !text.hasPrefix("..")
            && text.utf8.allSatisfy(word.union("-_.".utf8).contains)
    }

    static func isVariable(_ text: String) -> Bool {
        guard let first = text.utf8.first, !(48...57).contains(first), text != ".", !text.hasPrefix("..")
        else {
            return false
        }
        return text.utf8.allSatisfy(word.union("-_.".utf8).contains)
    }

    static func isPortName(_ text: String) -> Bool {
        isLabel(text) && text.utf8.count <= 15 && text.utf8.contains { !(48...57).contains($0) && $0 != 45 }
            && !text.contains("--")
    }

    static func isAddress(_ text: String) -> Bool {
        var room = in6_addr()
        return inet_pton(AF_INET, text, &room) == 1 || inet_pton(AF_INET6, text, &room) == 1
    }
}
