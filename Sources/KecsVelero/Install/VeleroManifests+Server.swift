// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Velero's server, and its agent on each node when the contents of volumes are backed up.
extension VeleroManifests {
    /// The arguments of the server. They switch garbage collection off: with the usual 30 days, a new cluster would
    /// delete an older backup of an unused instance the moment it learns of it. Waits that take hours by default take
    /// minutes.
    private var arguments: [String] {
        var arguments = [
            "server", "--disable-controllers=gc", "--default-backup-ttl=87600h0m0s",
            "--fs-backup-timeout=15m",
            "--default-item-operation-timeout=15m",
        ]
        if hasVolumes { arguments += ["--uploader-type=kopia", "--default-volumes-to-fs-backup"] }
        return arguments
    }

    private static let confined: JSONValue = [
        "allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]],
        "seccompProfile": ["type": "RuntimeDefault"],
    ]
    /// The volume with the secret, readable for any user that the image has.
    private static let secretVolume: JSONValue = [
        "name": "cloud-credentials", "secret": ["secretName": "cloud-credentials", "defaultMode": 0o444],
    ]

    private static func field(_ name: String, _ path: String) -> JSONValue {
        ["name": .string(name), "valueFrom": ["fieldRef": ["fieldPath": .string(path)]]]
    }

    private static let variables: [JSONValue] = [
        ["name": "VELERO_SCRATCH_DIR", "value": "/scratch"],
        field("VELERO_NAMESPACE", "metadata.namespace"),
        ["name": "AWS_SHARED_CREDENTIALS_FILE", "value": "/credentials/cloud"],
    ]

    private static let mounts: [JSONValue] = [
        ["name": "scratch", "mountPath": "/scratch"],
        ["name": "cloud-credentials", "mountPath": "/credentials", "readOnly": true],
    ]

    var deployment: JSONValue {
        let labels: JSONValue = ["component": "velero", "deploy": "velero"]
        return object(
            "apps/v1", "Deployment", Self.server,
            [
                "spec": [
                    "replicas": 1,
                    // Two servers would work on the same backups.
                    "strategy": ["type": "Recreate"],
                    "progressDeadlineSeconds": 300,
                    "selector": ["matchLabels": ["deploy": "velero"]],
                    "template": [
                        "metadata": ["labels": labels],
                        "spec": [
                            "serviceAccountName": "velero", "restartPolicy": "Always",
                            "initContainers": [pluginContainer], "containers": [serverContainer],
                            "volumes": [
                                ["name": "plugins", "emptyDir": [:]], ["name": "scratch", "emptyDir": [:]],
                                Self.secretVolume,
                            ],
                        ],
                    ],
                ]
            ])
    }

    /// The init container that copies the plugin's program.
    private var pluginContainer: JSONValue {
        [
            "name": "velero-velero-plugin-for-aws", "image": .string(images.plugin),
            "imagePullPolicy": "IfNotPresent", "securityContext": Self.confined,
            "resources": [
                "requests": ["cpu": "10m", "memory": "16Mi"], "limits": ["cpu": "500m", "memory": "128Mi"],
            ],
            "volumeMounts": [["name": "plugins", "mountPath": "/target"]],
        ]
    }

    private var serverContainer: JSONValue {
        // The image has no shell, so a probe cannot run a command in it.
        func probe(period: Int64, failures: Int64) -> JSONValue {
            [
                "httpGet": ["path": "/metrics", "port": "metrics"], "periodSeconds": .integer(period),
                "timeoutSeconds": 5, "failureThreshold": .integer(failures),
            ]
        }
        return [
            "name": "velero", "image": .string(images.server), "imagePullPolicy": "IfNotPresent",
            "command": ["/velero"], "args": .array(arguments.map(JSONValue.string)),
            "ports": [["name": "metrics", "containerPort": 8085, "protocol": "TCP"]],
            "env": .array(Self.variables + [["name": "LD_LIBRARY_PATH", "value": "/plugins"]]),
            "startupProbe": probe(period: 2, failures: 60),
            "readinessProbe": probe(period: 10, failures: 3),
            "livenessProbe": probe(period: 30, failures: 5),
            "resources": [
                "requests": ["cpu": "100m", "memory": "128Mi"],
                "limits": ["cpu": "1", "memory": .string(memory)],
            ],
            "securityContext": Self.confined,
            "volumeMounts": .array(Self.mounts + [["name": "plugins", "mountPath": "/plugins"]]),
        ]
    }

    var daemonSet: JSONValue {
        func kubelet(_ name: String, _ folder: String) -> JSONValue {
            ["name": .string(name), "hostPath": ["path": .string("/var/lib/kubelet/\(folder)")]]
        }
        func mount(_ name: String, _ path: String) -> JSONValue {
            [
                "name": .string(name), "mountPath": .string(path), "mountPropagation": "HostToContainer",
            ]
        }
        return object(
            "apps/v1", "DaemonSet", Self.nodeAgent,
            [
                "spec": [
                    "selector": ["matchLabels": ["name": .string(Self.nodeAgent)]],
                    "template": [
                        "metadata": [
                            "labels": [
                                "component": "velero", "name": .string(Self.nodeAgent),
                                "role": .string(Self.nodeAgent),
                            ]
                        ],
                        "spec": [
                            "serviceAccountName": "velero",
                            // The agent reads the files of every user's pods.
                            "securityContext": ["runAsUser": 0],
                            "containers": [
                                [
                                    "name": .string(Self.nodeAgent), "image": .string(images.server),
                                    "imagePullPolicy": "IfNotPresent", "command": ["/velero"],
                                    "args": ["node-agent", "server"],
                                    "env": .array(
                                        Self.variables + [Self.field("NODE_NAME", "spec.nodeName")]),
                                    "resources": [
                                        "requests": ["cpu": "50m", "memory": "128Mi"],
                                        "limits": ["cpu": "1", "memory": "1Gi"],
                                    ],
                                    "volumeMounts": .array(
                                        Self.mounts + [
                                            mount("host-pods", "/host_pods"),
                                            mount("host-plugins", "/var/lib/kubelet/plugins"),
                                        ]),
                                ]
                            ],
                            "volumes": [
                                kubelet("host-pods", "pods"), kubelet("host-plugins", "plugins"),
                                ["name": "scratch", "emptyDir": [:]], Self.secretVolume,
                            ],
                        ],
                    ],
                ]
            ])
    }
}
