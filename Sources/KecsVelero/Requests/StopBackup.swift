// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// The Backup that is asked of Velero before an instance stops.
public struct StopBackup: Sendable {
    /// On every backup that kecsctl asks for: what has no such label is somebody else's, and is neither restored by itself
    /// nor removed.
    public static let label = "kecsctl.dev/velero-backup"
    static let labelValue = "stop"
    /// On one of a cluster that was not what it should be: one of an instance that is degraded, or of a cluster that nobody has
    /// restored yet.
    public static let lineageLabel = "kecsctl.dev/lineage"
    static let degraded = "degraded"

    /// What k3s and kecsctl make anew with each cluster. Two control planes on one database would destroy it, so its namespace
    /// is among them.
    public static let systemNamespaces = [
        "kube-system", "kube-public", "kube-node-lease", VeleroManifests.namespace, "kecs-system",
    ]

    /// Without them a namespace filter leaves out everything that is in no namespace.
    static let clusterScoped = [
        "customresourcedefinitions.apiextensions.k8s.io", "clusterroles.rbac.authorization.k8s.io",
        "clusterrolebindings.rbac.authorization.k8s.io", "storageclasses.storage.k8s.io",
        "priorityclasses.scheduling.k8s.io", "ingressclasses.networking.k8s.io", "persistentvolumes",
    ]

    /// Of their names.
    public static let prefix = "stop-backup-"

    /// Ten years: Velero has no "never".
    static let ttl = "87600h0m0s"

    public var name: String
    public var hasVolumes: Bool
    public var isDegraded: Bool

    public init(name: String, hasVolumes: Bool, isDegraded: Bool) {
        self.name = name
        self.hasVolumes = hasVolumes
        self.isDegraded = isDegraded
    }

    /// `stop-backup-dev-20261129141107`, in UTC; of one second the second one ends in `-2`. At most 63 bytes, as the longest name
    /// of an instance in a cluster has 27.
    ///
    /// - Parameter taken: In the cluster and in the store: a name is never used again.
    public static func name(of instance: String, at time: Moment, taken: Set<String>) -> String {
        free("\(prefix)\(instance)-\(digits(of: time))", taken)
    }

    /// Returns the name after the highest of those taken, so that one that was removed is not used again while a later one
    /// is there.
    static func free(_ base: String, _ taken: Set<String>) -> String {
        let numbers = taken.compactMap { name -> Int? in
            if name == base { return 1 }
            return name.hasPrefix(base + "-") ? Int32(name.dropFirst(base.utf8.count + 1)).map(Int.init) : nil
        }
        return numbers.max().map { "\(base)-\($0 + 1)" } ?? base
    }

    /// `20261129141107`
    static func digits(of time: Moment) -> String { time.compact.filter(\.isNumber) }

    public var object: JSONValue {
        var labels: [String: JSONValue] = [
            "app.kubernetes.io/managed-by": "kecsctl", Self.label: .string(Self.labelValue),
        ]
        if isDegraded { labels[Self.lineageLabel] = .string(Self.degraded) }
        return [
            "apiVersion": "velero.io/v1", "kind": "Backup",
            "metadata": [
                "name": .string(name), "namespace": .string(VeleroManifests.namespace),
                "labels": .object(labels),
            ],
            "spec": [
                "storageLocation": .string(VeleroManifests.location), "ttl": .string(Self.ttl),
                "excludedNamespaces": .array(Self.systemNamespaces.map(JSONValue.string)),
                "includedClusterScopedResources": .array(Self.clusterScoped.map(JSONValue.string)),
                "snapshotVolumes": false, "defaultVolumesToFsBackup": .bool(hasVolumes),
            ],
        ]
    }
}

extension VeleroBackup {
    /// Asked for by kecsctl when an instance stopped.
    public var isStopBackup: Bool { labels[StopBackup.label] == StopBackup.labelValue }
    /// Of a cluster that was not what it should be.
    public var isOfDegraded: Bool { labels[StopBackup.lineageLabel] == StopBackup.degraded }
    public var isRestorable: Bool { verdict == .restorable || verdict == .withErrors }
}
