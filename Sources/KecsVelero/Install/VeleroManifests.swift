// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// Velero and its object store in an instance's cluster, as Kubernetes objects. A pure function: the same settings give
/// the same objects, so applying them again changes nothing.
///
/// A stage must exist before the next one is applied.
public struct VeleroManifests: Sendable {
    public static let namespace = "velero"
    /// The names of the Deployment, of the StatefulSet with its Service, and of the DaemonSet.
    public static let server = "velero"
    public static let store = "minio"
    public static let nodeAgent = "node-agent"
    public static let bucket = "velero"
    public static let location = "default"

    /// Velero's rights.
    public enum Rights: String, CaseIterable, Sendable {
        /// Read, create and change everything; delete only in its own namespace.
        case scoped
        /// Everything, as with Velero's own installer.
        case admin
    }

    /// The path of the object store's folder in a node.
    public var storeFolder: String
    /// The owner of that folder on this host: the files of the store must be theirs too.
    public var owner: (user: UInt32, group: UInt32)
    public var flavour: ObjectStoreFlavour
    public var images: VeleroImages
    public var rights: Rights
    /// True to back up the contents of volumes, by an agent on each node.
    public var hasVolumes: Bool
    /// The limit of the server's memory, as Kubernetes writes quantities. Velero's own default.
    public var memory = "512Mi"

    public init(
        storeFolder: String, owner: (user: UInt32, group: UInt32), flavour: ObjectStoreFlavour = .minio,
        images: VeleroImages? = nil, rights: Rights = .scoped, hasVolumes: Bool = false
    ) {
        self.storeFolder = storeFolder
        self.owner = owner
        self.flavour = flavour
        self.images = images ?? VeleroImages(flavour)
        self.rights = rights
        self.hasVolumes = hasVolumes
    }

    /// Returns the guide's path for an instance's object store in every node.
    public static func folder(of instance: String) -> String {
        "/var/lib/kecs/instances/\(instance)/minio-data"
    }

    // MARK: Stages

    /// The objects that the other stages need.
    public var foundation: [JSONValue] {
        [namespaceObject, serviceAccount] + rightsObjects + [networkPolicy]
    }

    public func secrets(_ credentials: StoreCredentials) -> [JSONValue] {
        [
            secret("cloud-credentials", ["cloud": credentials.text.reveal()]),
            secret(
                "minio-credentials",
                ["access-key": credentials.accessKey, "secret-key": credentials.secretKey.reveal()]),
        ]
    }

    public var storeObjects: [JSONValue] { [service, statefulSet] }

    public var locationObjects: [JSONValue] { [location(isReadOnly: false)] }

    /// - Parameter isReadOnly: While a cluster is restored: nothing is removed then, whoever asks for it.
    public func location(isReadOnly: Bool) -> JSONValue {
        var spec = Self.locationSpec.object ?? [:]
        spec["accessMode"] = isReadOnly ? "ReadOnly" : "ReadWrite"
        return object("velero.io/v1", "BackupStorageLocation", Self.location, ["spec": .object(spec)])
    }

    /// For a cluster that has none yet. Velero looks at the store when it starts if the location is available by then, and else
    /// a minute later; its status is no subresource, so that it can be made with one. What it says holds until Velero has looked.
    public func seededLocation(isReadOnly: Bool) -> JSONValue {
        guard case .object(var fields) = location(isReadOnly: isReadOnly) else { return .null }
        fields["status"] = ["phase": "Available"]
        return .object(fields)
    }

    public var serverObjects: [JSONValue] { hasVolumes ? [deployment, daemonSet] : [deployment] }

    /// Every object but the definitions and secrets.
    public var all: [JSONValue] { foundation + storeObjects + locationObjects + serverObjects }

    /// What each container that goes on running asks for and may use, by its name.
    public var resources: [(name: String, resources: JSONValue)] {
        (storeObjects + serverObjects).flatMap { object in
            (object["spec"]?["template"]?["spec"]?["containers"]?.array ?? []).map {
                ($0["name"]?.string ?? "", $0["resources"] ?? .null)
            }
        }
    }

    // MARK: Parts of objects

    static let labels: JSONValue = ["component": "velero", "app.kubernetes.io/managed-by": "kecsctl"]

    func object(
        _ version: String, _ kind: String, _ name: String, isNamespaced: Bool = true, labels: JSONValue = [:],
        _ fields: [String: JSONValue]
    ) -> JSONValue {
        var all = Self.labels.object ?? [:]
        all.merge(labels.object ?? [:]) { _, new in new }
        var metadata: [String: JSONValue] = ["name": .string(name), "labels": .object(all)]
        if isNamespaced { metadata["namespace"] = .string(Self.namespace) }
        var object = fields
        object["apiVersion"] = .string(version)
        object["kind"] = .string(kind)
        object["metadata"] = .object(metadata)
        return .object(object)
    }

    private func secret(_ name: String, _ values: [String: String]) -> JSONValue {
        object(
            "v1", "Secret", name,
            ["type": "Opaque", "data": .object(values.mapValues { .string(Base64.text(Array($0.utf8))) })])
    }

    private var namespaceObject: JSONValue {
        var labels: [String: JSONValue] = [:]
        if hasVolumes {
            // The agent reads the kubelet's folders on its node.
            for mode in ["enforce", "audit", "warn"] {
                labels["pod-security.kubernetes.io/\(mode)"] = "privileged"
            }
        }
        return object(
            "v1", "Namespace", Self.namespace, isNamespaced: false, labels: .object(labels), [:])
    }

    private var serviceAccount: JSONValue { object("v1", "ServiceAccount", "velero", [:]) }

    /// The access to the store: only from its own namespace, but from all of its pods, because the pods that move
    /// volumes and maintain their repository are separate ones.
    private var networkPolicy: JSONValue {
        object(
            "networking.k8s.io/v1", "NetworkPolicy", Self.store,
            [
                "spec": [
                    "podSelector": ["matchLabels": ["app": .string(Self.store)]],
                    "policyTypes": ["Ingress"],
                    "ingress": [
                        [
                            "from": [["podSelector": [:]]],
                            "ports": [["protocol": "TCP", "port": .integer(ObjectStoreFlavour.port)]],
                        ]
                    ],
                ]
            ])
    }
}
