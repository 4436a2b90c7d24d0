// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// The object store: one server on the folder of this host, under the guide's name for every program.
extension VeleroManifests {
    private static let appLabels: JSONValue = ["app": .string(store)]

    var service: JSONValue {
        object(
            "v1", "Service", Self.store, labels: Self.appLabels,
            [
                "spec": [
                    "type": "ClusterIP", "selector": Self.appLabels,
                    "ports": [
                        [
                            "name": "s3", "port": .integer(ObjectStoreFlavour.port), "targetPort": "s3",
                            "protocol": "TCP",
                        ]
                    ],
                ]
            ])
    }

    var statefulSet: JSONValue {
        var labels = Self.labels.object ?? [:]
        labels["app"] = .string(Self.store)
        return object(
            "apps/v1", "StatefulSet", Self.store, labels: Self.appLabels,
            [
                "spec": [
                    // Two servers would write one folder.
                    "replicas": 1,
                    "serviceName": .string(Self.store),
                    "selector": ["matchLabels": Self.appLabels],
                    "template": [
                        "metadata": ["labels": .object(labels)],
                        "spec": [
                            "automountServiceAccountToken": false,
                            "terminationGracePeriodSeconds": 30,
                            "securityContext": [
                                "runAsUser": .integer(Int64(owner.user)),
                                "runAsGroup": .integer(Int64(owner.group)),
                                "runAsNonRoot": .bool(owner.user != 0),
                                "seccompProfile": ["type": "RuntimeDefault"],
                            ],
                            "containers": [storeContainer],
                            "volumes": [
                                [
                                    "name": "data",
                                    // Not DirectoryOrCreate: a folder that is not the mounted one would be deleted with
                                    // its node, and the backups with it.
                                    "hostPath": ["path": .string(storeFolder), "type": "Directory"],
                                ]
                            ],
                        ],
                    ],
                ]
            ])
    }

    private var storeContainer: JSONValue {
        func secret(_ name: String, _ key: String) -> JSONValue {
            [
                "name": .string(name),
                "valueFrom": ["secretKeyRef": ["name": "minio-credentials", "key": .string(key)]],
            ]
        }
        func probe(_ path: String, period: Int64, failures: Int64) -> JSONValue {
            [
                "httpGet": ["path": .string(path), "port": "s3"], "periodSeconds": .integer(period),
                "timeoutSeconds": 5, "failureThreshold": .integer(failures),
            ]
        }
        let names = flavour.secretVariables
        let variables = flavour.variables.map { variable -> JSONValue in
            ["name": .string(variable.name), "value": .string(variable.value)]
        }
        return [
            "name": .string(flavour.rawValue), "image": .string(images.store),
            "imagePullPolicy": "IfNotPresent",
            "args": .array(flavour.arguments.map(JSONValue.string)),
            "env": .array(
                [secret(names.accessKey, "access-key"), secret(names.secretKey, "secret-key")] + variables),
            "ports": [
                ["name": "s3", "containerPort": .integer(ObjectStoreFlavour.port), "protocol": "TCP"]
            ],
            "startupProbe": probe(flavour.readiness, period: 2, failures: 60),
            "readinessProbe": probe(flavour.readiness, period: 5, failures: 3),
            "livenessProbe": probe(flavour.liveness, period: 30, failures: 3),
            "resources": [
                "requests": ["cpu": "50m", "memory": "128Mi"], "limits": ["cpu": "1", "memory": "1Gi"],
            ],
            "securityContext": [
                "allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]],
            ],
            "volumeMounts": [["name": "data", "mountPath": .string(ObjectStoreFlavour.folder)]],
        ]
    }
}
