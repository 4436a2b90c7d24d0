// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsVelero

/// Compares what is in a backup with the cluster that runs. Velero cannot say it before it does it.
struct PlanVeleroRestore: Sendable {
    let machine: Machine
    let kubectl: Kubectl
    let store: HostStore

    /// Kinds that Velero never restores.
    private static let never: Set = [
        "nodes", "events", "events.events.k8s.io", "backups.velero.io", "restores.velero.io",
        "csinodes.storage.k8s.io", "volumeattachments.storage.k8s.io",
    ]

    func run(_ backup: String, _ filter: ClusterRestoreFilter) async throws -> ClusterRestorePlan {
        machine.progress.step("reading \(backup)", total: nil)
        let objects = try store.objects(of: backup).filter { !Self.never.contains($0.resource) }
        let custom = Set(
            try await kubectl.get(["customresourcedefinitions"], namespace: nil)
                .compactMap { $0["metadata"]?["name"]?.string })
        var plan = ClusterRestorePlan(missing: [], different: [], same: 0)
        for (resource, all) in Dictionary(grouping: objects, by: \.resource).sorted(by: { $0.key < $1.key }) {
            try machine.cancellation.check()
            let wanted = all.filter { fits($0, filter) }
            guard !wanted.isEmpty else { continue }
            // What the cluster has no type for is there in no object of it.
            let isKnown = custom.contains(resource) || !Self.isCustom(resource)
            let live = isKnown ? try await self.live(resource, isNamespaced: wanted[0].namespace != nil) : [:]
            for object in wanted {
                let space = object.namespace.map { filter.mapping[$0] ?? $0 }
                let name = (space.map { "\($0)/" } ?? "") + object.name
                let word = "\(object.json["kind"]?.string ?? resource) \(name)"
                switch live[name] {
                case nil: plan.missing.append(word)
                case let found? where Self.isSame(found, object.json): plan.same += 1
                default: plan.different.append(word)
                }
            }
        }
        return plan
    }

    private func live(_ resource: String, isNamespaced: Bool) async throws -> [String: JSONValue] {
        let found = try await kubectl.get([resource], namespace: nil, everywhere: isNamespaced)
        return Dictionary(
            found.map { object in
                let name = object["metadata"]?["name"]?.string ?? ""
                return (
                    isNamespaced ? "\(object["metadata"]?["namespace"]?.string ?? "")/\(name)" : name, object
                )
            }, uniquingKeysWith: { first, _ in first })
    }

    private func fits(_ object: StoredKubernetesObject, _ filter: ClusterRestoreFilter) -> Bool {
        if let space = object.namespace, StopBackup.systemNamespaces.contains(space),
            !filter.namespaces.contains(space)
        {
            return false
        }
        if !filter.namespaces.isEmpty {
            let space = object.namespace ?? (object.resource == "namespaces" ? object.name : nil)
            guard let space, filter.namespaces.contains(space) else { return false }
        }
        if !filter.resources.isEmpty,
            !filter.resources.contains(where: { object.resource == $0 || object.resource.hasPrefix("\($0).") }
            )
        {
            return false
        }
        let labels = object.json["metadata"]?["labels"]
        return filter.labels.allSatisfy { labels?[$0]?.string == $1 }
    }

    /// Of a group that Kubernetes itself does not have.
    private static func isCustom(_ resource: String) -> Bool {
        guard let dot = resource.firstIndex(of: ".") else { return false }
        let group = resource[resource.index(after: dot)...]
        return group.contains(".") && !group.hasSuffix(".k8s.io")
    }

    /// What a server writes into an object is no difference.
    private static func isSame(_ left: JSONValue, _ right: JSONValue) -> Bool {
        func bare(_ object: JSONValue) -> JSONValue {
            guard case .object(var fields) = object else { return object }
            let labels = (fields["metadata"]?["labels"]?.object ?? [:]).filter {
                !$0.key.hasPrefix("velero.io/")
            }
            fields["metadata"] = [
                "labels": .object(labels), "annotations": fields["metadata"]?["annotations"] ?? [:],
            ]
            fields["status"] = nil
            if fields["kind"] == "Service", case .object(var spec)? = fields["spec"] {
                for field in ["clusterIP", "clusterIPs"] { spec[field] = nil }
                fields["spec"] = .object(spec)
            }
            return .object(fields)
        }
        return bare(left) == bare(right)
    }
}

/// An object in a backup's tarball.
struct StoredKubernetesObject: Sendable {
    /// `deployments.apps`
    var resource: String
    var namespace: String?
    var name: String
    var json: JSONValue
}
