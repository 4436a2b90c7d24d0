// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// KECS's control plane in its namespace, as Kubernetes objects. A pure function: the same settings give the same
/// objects, so applying them again changes nothing.
///
/// Names, labels, ports and probes are those of upstream (`kecs start`), so that its own tools find them.
struct ControlPlaneManifests: Hashable, Sendable {
    static let namespace = "kecs-system"
    static let deployment = "kecs-server"
    /// The name of the container in its pod.
    static let container = "controlplane"
    /// The path in its container.
    static let dataFolder = "/data"

    var image: String
    /// The path on this host, mounted at the same path into the node.
    var dataFolder: FilePath
    /// The owner of the data: the control plane writes it as that user, so that nothing has to change owners.
    var owner: (user: UInt32, group: UInt32)
    var apiNodePort: Int
    var adminNodePort: Int
    var logLevel = "info"
    var instance: String
    /// The name of the node that the data is mounted into: on another one its folder does not exist.
    var node: String
    var components: Set<Component> = []
    /// The owner of the existing PostgreSQL database; nil when there is none yet.
    var postgresOwner: UInt32?

    static func == (left: Self, right: Self) -> Bool { left.objects == right.objects }
    func hash(into hasher: inout Hasher) { hasher.combine(objects) }

    /// The objects in the order in which they must be applied.
    var objects: [JSONValue] {
        [
            namespaceObject, serviceAccount, clusterRole, clusterRoleBinding, configuration, server,
            service("kecs-api", port: 80, target: 5373, named: "api", nodePort: apiNodePort),
            service("kecs-admin", port: 5374, target: 5374, named: "admin", nodePort: adminNodePort),
            service("kecs-webhook", port: 443, target: 9443, named: "webhook", nodePort: nil),
        ] + componentObjects
    }

    private var labels: JSONValue {
        [
            "app": "kecs-server", "kecs.dev/managed": "true", "kecs.dev/component": "controlplane",
            "app.kubernetes.io/managed-by": "kecsctl",
        ]
    }

    private func metadata(_ name: String) -> JSONValue {
        ["name": .string(name), "namespace": .string(Self.namespace), "labels": labels]
    }

    private var namespaceObject: JSONValue {
        [
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": ["name": .string(Self.namespace), "labels": ["kecs.dev/managed": "true"]],
        ]
    }

    private var serviceAccount: JSONValue {
        ["apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata("kecs-server")]
    }

    private var clusterRole: JSONValue {
        func rule(_ groups: [String], _ resources: [String], _ verbs: [String]) -> JSONValue {
            [
                "apiGroups": .array(groups.map(JSONValue.string)),
                "resources": .array(resources.map(JSONValue.string)),
                "verbs": .array(verbs.map(JSONValue.string)),
            ]
        }
        let all = ["get", "list", "watch", "create", "update", "patch", "delete"]
        return [
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": ["name": "kecs-server", "labels": labels],
            "rules": [
                rule(
                    [""],
                    [
                        "namespaces", "pods", "services", "endpoints", "configmaps", "secrets", "events",
                        "serviceaccounts", "persistentvolumes", "persistentvolumeclaims", "nodes",
                    ], all),
                rule([""], ["pods/log", "pods/exec", "pods/attach", "pods/portforward"], ["get", "create"]),
                rule(["apps"], ["deployments", "replicasets", "daemonsets", "statefulsets"], all),
                rule(["batch"], ["jobs", "cronjobs"], all),
                rule(
                    ["rbac.authorization.k8s.io"],
                    ["roles", "rolebindings", "clusterroles", "clusterrolebindings"],
                    all + ["bind", "escalate"]),
                rule(["networking.k8s.io"], ["ingresses", "networkpolicies"], all),
                rule(
                    ["admissionregistration.k8s.io"],
                    ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"], all),
                rule(["traefik.io", "traefik.containo.us"], ["*"], all),
                rule(["metrics.k8s.io"], ["pods", "nodes"], ["get", "list"]),
            ],
        ]
    }

    private var clusterRoleBinding: JSONValue {
        [
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": ["name": "kecs-server", "labels": labels],
            "roleRef": [
                "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "kecs-server",
            ],
            "subjects": [
                ["kind": "ServiceAccount", "name": "kecs-server", "namespace": .string(Self.namespace)]
            ],
        ]
    }

    /// YAML, and JSON is YAML.
    private var configuration: JSONValue {
        [
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("kecs-config"),
            "data": [
                "config.yaml": .string(
                    """
                    server:
                      port: 5373
                      adminPort: 5374
                      dataDir: /data
                      logLevel: \(logLevel)
                    features:
                      autoRecoverState: false

                    """)
            ],
        ]
    }

    private var server: JSONValue {
        [
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(Self.deployment),
            "spec": [
                "replicas": 1,
                // Two of them would write one database.
                "strategy": ["type": "Recreate"],
                "progressDeadlineSeconds": 300,
                "selector": ["matchLabels": ["app": "kecs-server"]],
                "template": [
                    "metadata": ["labels": labels],
                    "spec": [
                        "serviceAccountName": "kecs-server",
                        "nodeSelector": ["kubernetes.io/hostname": .string(node)],
                        "terminationGracePeriodSeconds": 30,
                        "dnsPolicy": "ClusterFirstWithHostNet",
                        "securityContext": [
                            "runAsUser": .integer(Int64(owner.user)),
                            "runAsGroup": .integer(Int64(owner.group)),
                        ],
                        "containers": .array(
                            components.contains(.postgres) ? [postgresContainer, container] : [container]),
                        "volumes": [
                            ["name": "config", "configMap": ["name": "kecs-config"]],
                            [
                                "name": "data",
                                // Not DirectoryOrCreate: a folder that is not the bound one would be an empty database.
                                "hostPath": ["path": .string(dataFolder.string), "type": "Directory"],
                            ],
                        ],
                    ],
                ],
            ],
        ]
    }

    private var container: JSONValue {
        func probe(_ path: String, delay: Int64, period: Int64, failures: Int64) -> JSONValue {
            [
                "httpGet": ["path": .string(path), "port": "admin"],
                "initialDelaySeconds": .integer(delay), "periodSeconds": .integer(period),
                "failureThreshold": .integer(failures),
            ]
        }
        func port(_ name: String, _ number: Int64) -> JSONValue {
            ["name": .string(name), "containerPort": .integer(number), "protocol": "TCP"]
        }
        func variable(_ name: String, _ value: String) -> JSONValue {
            ["name": .string(name), "value": .string(value)]
        }
        func field(_ name: String, _ path: String) -> JSONValue {
            ["name": .string(name), "valueFrom": ["fieldRef": ["fieldPath": .string(path)]]]
        }
        return [
            "name": .string(Self.container), "image": .string(image), "imagePullPolicy": "IfNotPresent",
            "command": ["/kecs-server", "server"],
            "ports": [port("api", 5373), port("admin", 5374), port("webhook", 9443)],
            "env": [
                variable("KECS_CONFIG_PATH", "/etc/kecs/config.yaml"),
                variable("KECS_DATA_DIR", Self.dataFolder),
                variable("KECS_LOG_LEVEL", logLevel),
                // Upstream does not set it: every row then belongs to the cluster "kecs-default".
                variable("KECS_INSTANCE", instance),
                // kecsctl recovers, with its own plan; two recoveries at once would make everything twice.
                variable("KECS_AUTO_RECOVER_STATE", "false"),
                // Always explicit: upstream's server takes it for enabled by default.
                variable("KECS_LOCALSTACK_ENABLED", "\(components.contains(.localstack))"),
                variable("KECS_LOCALSTACK_USE_TRAEFIK", "\(components.contains(.traefik))"),
                field("KECS_NAMESPACE", "metadata.namespace"),
                field("KECS_POD_NAME", "metadata.name"),
            ],
            "resources": [
                "requests": ["cpu": "100m", "memory": "128Mi"], "limits": ["cpu": "1", "memory": "1Gi"],
            ],
            "startupProbe": probe("/ready", delay: 10, period: 3, failures: 40),
            "livenessProbe": probe("/health", delay: 30, period: 30, failures: 3),
            "readinessProbe": probe("/ready", delay: 5, period: 5, failures: 3),
            "volumeMounts": [
                ["name": "config", "mountPath": "/etc/kecs", "readOnly": true],
                ["name": "data", "mountPath": .string(Self.dataFolder)],
            ],
        ]
    }

    private func service(
        _ name: String, port: Int64, target: Int64, named: String, nodePort: Int?
    ) -> JSONValue {
        var entry: [String: JSONValue] = [
            "name": .string(named), "port": .integer(port), "targetPort": .integer(target), "protocol": "TCP",
        ]
        if let nodePort { entry["nodePort"] = .integer(Int64(nodePort)) }
        return [
            "apiVersion": "v1", "kind": "Service", "metadata": metadata(name),
            "spec": [
                "type": nodePort == nil ? "ClusterIP" : "NodePort",
                "selector": ["app": "kecs-server"],
                "ports": [.object(entry)],
            ],
        ]
    }
}
