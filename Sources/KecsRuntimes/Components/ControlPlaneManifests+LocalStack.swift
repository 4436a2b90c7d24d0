// SPDX-License-Identifier: Apache-2.0
import KecsSystem

extension ControlPlaneManifests {
    /// The last image that starts without a token (LOCALSTACK_AUTH_TOKEN is required since March 2026).
    static let localStackImage = "localstack/localstack:4.14.0"

    var localStackObjects: [JSONValue] {
        func probe(delay: Int64, period: Int64, failures: Int64) -> JSONValue {
            [
                "httpGet": ["path": "/_localstack/health", "port": "edge"],
                "initialDelaySeconds": .integer(delay), "periodSeconds": .integer(period),
                "failureThreshold": .integer(failures),
            ]
        }
        let container: JSONValue = [
            "name": "localstack", "image": .string(Self.localStackImage), "imagePullPolicy": "IfNotPresent",
            "ports": [["name": "edge", "containerPort": 4566, "protocol": "TCP"]],
            "env": [
                ["name": "SERVICES", "value": "s3,iam,logs,ssm,secretsmanager,route53"],
                ["name": "AWS_DEFAULT_REGION", "value": "us-east-1"],
            ],
            "resources": [
                "requests": ["cpu": "100m", "memory": "512Mi"], "limits": ["cpu": "1", "memory": "2Gi"],
            ],
            "livenessProbe": probe(delay: 120, period: 10, failures: 3),
            "readinessProbe": probe(delay: 10, period: 5, failures: 12),
            "volumeMounts": [
                ["name": "init", "mountPath": "/etc/localstack/init/ready.d", "readOnly": true],
                ["name": "state", "mountPath": "/var/lib/localstack"],
            ],
        ]
        return [
            [
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": metadata("localstack-config", .localstack),
                "data": ["10-roles.sh": .string(Self.roles)],
            ],
            deployment(
                .localstack, containers: [container], serviceAccount: nil,
                volumes: [
                    ["name": "init", "configMap": ["name": "localstack-config", "defaultMode": 0o755]],
                    // Its community edition keeps nothing over a restart, so it needs no volume.
                    ["name": "state", "emptyDir": ["sizeLimit": "10Gi"]],
                ]),
            [
                "apiVersion": "v1", "kind": "Service", "metadata": metadata("localstack", .localstack),
                "spec": [
                    "type": "ClusterIP", "selector": ["app": "localstack"],
                    "ports": [
                        ["name": "edge", "port": 4566, "targetPort": "edge", "protocol": "TCP"]
                    ],
                ],
            ],
        ]
    }

    /// The roles that tasks assume when their definition names none.
    private static let roles = """
        #!/bin/sh
        set -eu
        awslocal iam get-role --role-name ecsTaskExecutionRole >/dev/null 2>&1 ||
            awslocal iam create-role --role-name ecsTaskExecutionRole --assume-role-policy-document \\
                '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}'

        """
}
