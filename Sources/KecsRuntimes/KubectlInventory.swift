// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsState
import KecsStorage
import KecsSystem
import SystemPackage

extension Kubectl {
    static let inventoryKinds = "namespaces,deployments.apps,daemonsets.apps,services,pods"

    /// What is in the cluster, by name: a line an object, so that thousands of them are some hundred kilobytes.
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
                    .unreachable, "it cannot be told what is in “\(cluster)”",
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

    /// Whether a namespace holds nothing but what Kubernetes puts into every one.
    func isBare(namespace: String) async throws -> Bool {
        let kinds = "configmaps,secrets,persistentvolumeclaims,statefulsets.apps,jobs.batch"
        let lines = try await lines(
            [
                "get", kinds, "-n", namespace, "--no-headers", "-o",
                "custom-columns=KIND:.kind,NAME:.metadata.name", Self.patience,
            ])
        return lines.allSatisfy { line in
            line.split(separator: " ").map(String.init) == ["ConfigMap", "kube-root-ca.crt"]
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
            throw unreachable("it cannot be told what is in “\(cluster)”", result)
        }
        return result.outputText.split(separator: "\n").map(String.init)
    }

    /// What kubectl calls an object that it applied: `deployment.apps/web`.
    static func word(for object: RecoveryObject) -> String {
        let version = object.manifest["apiVersion"]?.string ?? "v1"
        let group = version.contains("/") ? "." + version.prefix { $0 != "/" } : ""
        return object.id.kind.lowercased() + group + "/" + object.id.name
    }
}
