// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// The Restore that brings a backup into a cluster. What is there is left as it is.
public struct VeleroRestore: Sendable {
    public var name: String
    public var backup: String
    /// Everything when they are empty.
    public var namespaces: [String] = []
    public var resources: [String] = []
    public var labels: [String: String] = [:]
    public var mapping: [String: String] = [:]

    public init(name: String, backup: String) {
        self.name = name
        self.backup = backup
    }

    public static func name(of instance: String, at time: Moment, taken: Set<String>) -> String {
        StopBackup.free("restore-\(instance)-\(StopBackup.digits(of: time))", taken)
    }

    public var object: JSONValue {
        var spec: [String: JSONValue] = [
            "backupName": .string(backup),
            "excludedNamespaces": .array(
                StopBackup.systemNamespaces.filter { !namespaces.contains($0) }.map(JSONValue.string)),
            "existingResourcePolicy": "none", "preserveNodePorts": true, "restorePVs": true,
            "itemOperationTimeout": "15m0s",
        ]
        if !namespaces.isEmpty { spec["includedNamespaces"] = .array(namespaces.map(JSONValue.string)) }
        if !resources.isEmpty { spec["includedResources"] = .array(resources.map(JSONValue.string)) }
        if !labels.isEmpty {
            spec["labelSelector"] = ["matchLabels": .object(labels.mapValues(JSONValue.string))]
        }
        if !mapping.isEmpty { spec["namespaceMapping"] = .object(mapping.mapValues(JSONValue.string)) }
        return [
            "apiVersion": "velero.io/v1", "kind": "Restore",
            "metadata": [
                "name": .string(name), "namespace": .string(VeleroManifests.namespace),
                "labels": ["app.kubernetes.io/managed-by": "kecsctl"],
            ],
            "spec": .object(spec),
        ]
    }
}

/// What removes a backup from cluster and store: without it, a Backup that is deleted comes back with the next sync.
public struct VeleroDeletion: Sendable {
    public var backup: String
    public var uid: String
    public var time: Moment

    public init(backup: String, uid: String, time: Moment) {
        self.backup = backup
        self.uid = uid
        self.time = time
    }

    public var name: String { "delete-\(StopBackup.digits(of: time))-\(backup)".prefix(63).description }

    public var object: JSONValue {
        [
            "apiVersion": "velero.io/v1", "kind": "DeleteBackupRequest",
            "metadata": [
                "name": .string(name), "namespace": .string(VeleroManifests.namespace),
                "labels": [
                    "app.kubernetes.io/managed-by": "kecsctl", "velero.io/backup-name": .string(backup),
                    "velero.io/backup-uid": .string(uid),
                ],
            ],
            "spec": ["backupName": .string(backup)],
        ]
    }
}
