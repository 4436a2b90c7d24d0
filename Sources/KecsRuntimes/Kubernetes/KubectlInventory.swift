// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsState
import KecsSystem
import SystemPackage

extension Kubectl {
    static let inventoryKinds = "namespaces,deployments.apps,daemonsets.apps,services,pods"

    /// Returns the objects in the cluster, by name: a line for each, so that thousands of them are some hundred
    /// kilobytes.
    func inventory(mark label: String) async throws -> [KubernetesObject.ID: FoundObject] {
        let escaped = label.split(separator: ".", omittingEmptySubsequences: false).joined(separator: "\\.")
        let lines = try await lines(
            [
                "get", Self.inventoryKinds, "-A", "--no-headers", "-o",
                "custom-columns=KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name,"
                    + "MARK:.metadata.labels.\(escaped),GOING:.metadata.deletionTimestamp",
                Self.patience,
            ])
        var found: [KubernetesObject.ID: FoundObject] = [:]
        for line in lines {
            let words = line.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
            guard words.count == 5 else {
                throw Failure(
                    .unreachable, "cannot determine what is in “\(cluster)”",
                    cause: "kubectl printed “\(line)”", remedy: "kubectl version")
            }
            func value(_ index: Int) -> String? { words[index] == "<none>" ? nil : words[index] }
            found[KubernetesObject.ID(words[0], value(1), words[2])] = FoundObject(
                recovery: value(3), isGoing: value(4) != nil)
        }
        return found
    }

    static let secretsTemplate =
        #"go-template={{range .items}}{{$o := .metadata}}{{range $k, $v := .data}}{{$o.namespace}} {{$o.name}} {{$k}}{{"\n"}}{{end}}{{end}}"#

    /// The keys of all Secrets: their values do not leave kubectl.
    func secrets() async throws -> Set<FoundSecret> {
        let lines = try await lines(["get", "secrets", "-A", "-o", Self.secretsTemplate, Self.patience])
        return Set(
            lines.compactMap { line in
                let words = line.split(separator: " ").map(String.init)
                guard words.count == 3 else { return nil }
                return FoundSecret(namespace: words[0], name: words[1], key: words[2])
            })
    }

    /// Returns the objects in a namespace that neither Kubernetes puts into every namespace nor disappear with
    /// something of this recovery: of every kind that the API has, custom resources included.
    ///
    /// - Returns: `Ingress mine`, sorted.
    func foreignObjects(in namespace: String) async throws -> [String] {
        let kinds = try await lines([
            "api-resources", "--namespaced=true", "--verbs=list,delete", "-o", "name", Self.patience,
        ])
        guard !kinds.isEmpty else {
            throw Failure(
                .unreachable, "cannot determine what is in “\(namespace)” of “\(cluster)”",
                cause: "kubectl named no kinds of objects", remedy: "kubectl version")
        }
        let found = try await lines([
            "get", kinds.joined(separator: ","), "-n", namespace, "--no-headers", "-o",
            "custom-columns=KIND:.kind,NAME:.metadata.name,OWNER:.metadata.ownerReferences[0].kind",
            Self.patience,
        ])
        return Set(
            found.compactMap { line -> String? in
                let words = line.split(separator: " ").map(String.init)
                guard words.count == 3 else { return line }
                return Self.isEverywhere(words[0], words[1], owner: words[2])
                    ? nil : "\(words[0]) \(words[1])"
            }
        ).sorted()
    }

    /// Returns true for an object that Kubernetes itself puts into a namespace, or that it made for something which is
    /// gone by now and which it follows.
    private static func isEverywhere(_ kind: String, _ name: String, owner: String) -> Bool {
        switch kind {
        case "ConfigMap": name == "kube-root-ca.crt"
        case "ServiceAccount": name == "default"
        case "Event": true
        case "Endpoints": false
        case "EndpointSlice": owner == "Service"
        case "ReplicaSet": owner == "Deployment"
        case "ControllerRevision": owner == "DaemonSet"
        case "Pod": owner == "ReplicaSet" || owner == "DaemonSet"
        default: false
        }
    }

    func deleteNamespace(_ name: String, limit: Duration) async throws -> [String] {
        try await lines(
            [
                "delete", "namespace", name, "--ignore-not-found",
                "--timeout=\(max(1, limit.components.seconds))s", "-o", "name",
            ], limit: limit + .seconds(10))
    }

    private func lines(_ words: [String], limit: Duration = .seconds(60)) async throws -> [String] {
        let result = try await run(words, limit: limit)
        guard result.succeeded, !result.isCut else {
            throw unreachable("cannot determine what is in “\(cluster)”", result)
        }
        return result.outputText.split(separator: "\n").map(String.init)
    }

    /// Returns kubectl's word for an object that it applied: `deployment.apps/web`.
    static func word(for object: RecoveryObject) -> String {
        let version = object.manifest["apiVersion"]?.string ?? "v1"
        let group = version.contains("/") ? "." + version.prefix { $0 != "/" } : ""
        return object.id.kind.lowercased() + group + "/" + object.id.name
    }
}
