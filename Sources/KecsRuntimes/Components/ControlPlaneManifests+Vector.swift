// SPDX-License-Identifier: Apache-2.0
import KecsSystem

extension ControlPlaneManifests {
    /// The objects of Vector. It carries the tasks' logs to CloudWatch Logs, which LocalStack replaces.
    var vectorObjects: [JSONValue] {
        let host: [(name: String, path: String)] = [
            ("logs", "/var/log"), ("containers", "/var/lib/docker/containers"),
        ]
        let container: JSONValue = [
            "name": "vector", "image": "timberio/vector:0.34.0-alpine", "imagePullPolicy": "IfNotPresent",
            "args": ["--config", "/etc/vector/vector.yaml"],
            // The kubelet writes its files as root.
            "securityContext": ["runAsUser": 0, "runAsGroup": 0],
            "env": [
                ["name": "VECTOR_SELF_NODE_NAME", "valueFrom": ["fieldRef": ["fieldPath": "spec.nodeName"]]],
                // LocalStack accepts any.
                ["name": "AWS_ACCESS_KEY_ID", "value": "test"],
                ["name": "AWS_SECRET_ACCESS_KEY", "value": "test"],
            ],
            "resources": [
                "requests": ["cpu": "50m", "memory": "64Mi"], "limits": ["cpu": "500m", "memory": "256Mi"],
            ],
            "volumeMounts": .array(
                [
                    ["name": "config", "mountPath": "/etc/vector", "readOnly": true],
                    ["name": "state", "mountPath": "/var/lib/vector"],
                ]
                    + host.map {
                        ["name": .string($0.name), "mountPath": .string($0.path), "readOnly": true]
                    }),
        ]
        let volumes: [JSONValue] =
            [
                ["name": "config", "configMap": ["name": "vector-config"]],
                ["name": "state", "emptyDir": [:]],
            ]
            + host.map {
                [
                    "name": .string($0.name),
                    "hostPath": ["path": .string($0.path), "type": "DirectoryOrCreate"],
                ]
            }
        return account(
            .vector,
            rules: [
                [
                    "apiGroups": [""], "resources": ["pods", "namespaces", "nodes"],
                    "verbs": ["get", "list", "watch"],
                ]
            ]) + [
                [
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("vector-config", .vector),
                    "data": ["vector.yaml": .string(Self.vectorConfiguration)],
                ],
                [
                    "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata("vector", .vector),
                    "spec": [
                        "selector": ["matchLabels": ["app": "vector"]],
                        "template": [
                            "metadata": ["labels": labels(.vector)],
                            "spec": [
                                "serviceAccountName": "vector", "containers": [container],
                                "volumes": .array(volumes),
                            ],
                        ],
                    ],
                ],
            ]
    }

    private static let vectorConfiguration = """
        data_dir: /var/lib/vector
        sources:
          tasks:
            type: kubernetes_logs
            extra_namespace_label_selector: kecs.dev/cluster
        sinks:
          cloudwatch:
            type: aws_cloudwatch_logs
            inputs: [tasks]
            endpoint: http://localstack.\(namespace).svc.cluster.local:4566
            region: us-east-1
            group_name: "/ecs/{{ kubernetes.pod_namespace }}"
            stream_name: "{{ kubernetes.pod_name }}/{{ kubernetes.container_name }}"
            create_missing_group: true
            create_missing_stream: true
            encoding:
              codec: text

        """
}
