// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// The common parts of the components' objects.
extension ControlPlaneManifests {
    /// The objects of the chosen components, in the order in which they must be applied.
    var componentObjects: [JSONValue] {
        (components.contains(.localstack) ? localStackObjects : [])
            + (components.contains(.traefik) ? traefikObjects : [])
            + (components.contains(.vector) ? vectorObjects : [])
    }

    func labels(_ component: Component) -> JSONValue {
        [
            "app": .string(component.rawValue), "kecs.dev/managed": "true",
            "kecs.dev/component": .string(component.rawValue), "app.kubernetes.io/managed-by": "kecsctl",
        ]
    }

    func metadata(_ name: String, _ component: Component) -> JSONValue {
        ["name": .string(name), "namespace": .string(Self.namespace), "labels": labels(component)]
    }

    /// Returns a Deployment of one pod at a time: no component can run twice on one node.
    func deployment(
        _ component: Component, containers: [JSONValue], serviceAccount: String?, volumes: [JSONValue]
    ) -> JSONValue {
        var pod: [String: JSONValue] = ["containers": .array(containers), "volumes": .array(volumes)]
        if let serviceAccount { pod["serviceAccountName"] = .string(serviceAccount) }
        return [
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": metadata(component.rawValue, component),
            "spec": [
                "replicas": 1, "strategy": ["type": "Recreate"],
                "selector": ["matchLabels": ["app": .string(component.rawValue)]],
                "template": ["metadata": ["labels": labels(component)], "spec": .object(pod)],
            ],
        ]
    }

    /// Returns a ServiceAccount with its rights.
    func account(_ component: Component, rules: [JSONValue]) -> [JSONValue] {
        let name = JSONValue.string(component.rawValue)
        let group = "rbac.authorization.k8s.io"
        return [
            [
                "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": metadata(component.rawValue, component),
            ],
            [
                "apiVersion": .string("\(group)/v1"), "kind": "ClusterRole",
                "metadata": ["name": .string("kecs-\(component.rawValue)"), "labels": labels(component)],
                "rules": .array(rules),
            ],
            [
                "apiVersion": .string("\(group)/v1"), "kind": "ClusterRoleBinding",
                "metadata": ["name": .string("kecs-\(component.rawValue)"), "labels": labels(component)],
                "roleRef": [
                    "apiGroup": .string(group), "kind": "ClusterRole",
                    "name": .string("kecs-\(component.rawValue)"),
                ],
                "subjects": [
                    ["kind": "ServiceAccount", "name": name, "namespace": .string(Self.namespace)]
                ],
            ],
        ]
    }
}
