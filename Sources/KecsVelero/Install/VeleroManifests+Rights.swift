// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Velero's rights in its cluster.
extension VeleroManifests {
    /// The label of the objects that are removed when Velero is to have scoped rights.
    public static let adminLabel = "kecsctl.dev/velero-rights"

    var rightsObjects: [JSONValue] {
        switch rights {
        case .scoped:
            [
                clusterRole, binding("velero-scoped", to: "velero-scoped"), role, roleBinding,
            ]
        // Under another name, because the role of a binding cannot be changed.
        case .admin: [binding("velero", to: "cluster-admin", labels: [Self.adminLabel: "admin"])]
        }
    }

    /// What a backup leaves out: rights that were taken away would come back with it.
    private static let isLeftOut: JSONValue = ["velero.io/exclude-from-backup": "true"]

    private static let group = "rbac.authorization.k8s.io"
    private static let version = "rbac.authorization.k8s.io/v1"

    private static func rule(_ groups: [String], _ resources: [String], _ verbs: [String]) -> JSONValue {
        [
            "apiGroups": .array(groups.map(JSONValue.string)),
            "resources": .array(resources.map(JSONValue.string)),
            "verbs": .array(verbs.map(JSONValue.string)),
        ]
    }

    /// The rights on the whole cluster. A restore creates objects of every kind. Only a subject that may escalate can
    /// create roles with more rights than its own.
    private var clusterRole: JSONValue {
        object(
            Self.version, "ClusterRole", "velero-scoped", isNamespaced: false, labels: Self.isLeftOut,
            [
                "rules": [
                    Self.rule(["*"], ["*"], ["get", "list", "watch", "create", "update", "patch"]),
                    Self.rule([Self.group], ["roles", "clusterroles"], ["escalate", "bind"]),
                ]
            ])
    }

    private var role: JSONValue {
        object(Self.version, "Role", "velero", ["rules": [Self.rule(["*"], ["*"], ["*"])]])
    }

    private static let subjects: JSONValue = [
        ["kind": "ServiceAccount", "name": "velero", "namespace": .string(namespace)]
    ]

    private var roleBinding: JSONValue {
        object(
            Self.version, "RoleBinding", "velero",
            [
                "roleRef": ["apiGroup": .string(Self.group), "kind": "Role", "name": "velero"],
                "subjects": Self.subjects,
            ])
    }

    private func binding(_ name: String, to role: String, labels: JSONValue = [:]) -> JSONValue {
        var all = Self.isLeftOut.object ?? [:]
        all.merge(labels.object ?? [:]) { _, new in new }
        return object(
            Self.version, "ClusterRoleBinding", name, isNamespaced: false, labels: .object(all),
            [
                "roleRef": [
                    "apiGroup": .string(Self.group), "kind": "ClusterRole", "name": .string(role),
                ],
                "subjects": Self.subjects,
            ])
    }
}
