// SPDX-License-Identifier: Apache-2.0
import KecsSystem

extension ControlPlaneManifests {
    /// Traefik's own ports, and the node's for each: fixed by upstream.
    static let httpNodePort = 30_880
    static let httpsNodePort = 30_443
    static let traefikNodePort = 30_808

    var traefikObjects: [JSONValue] {
        func port(_ name: String, _ number: Int64) -> JSONValue {
            ["name": .string(name), "containerPort": .integer(number), "protocol": "TCP"]
        }
        func outside(_ name: String, _ number: Int64, _ node: Int) -> JSONValue {
            [
                "name": .string(name), "port": .integer(number), "targetPort": .string(name),
                "nodePort": .integer(Int64(node)), "protocol": "TCP",
            ]
        }
        func probe(delay: Int64, period: Int64) -> JSONValue {
            [
                "httpGet": ["path": "/ping", "port": "traefik"], "initialDelaySeconds": .integer(delay),
                "periodSeconds": .integer(period), "failureThreshold": 3,
            ]
        }
        func rule(_ groups: JSONValue, _ resources: JSONValue, _ verbs: JSONValue) -> JSONValue {
            ["apiGroups": groups, "resources": resources, "verbs": verbs]
        }
        let read: JSONValue = ["get", "list", "watch"]
        let container: JSONValue = [
            "name": "traefik", "image": "traefik:v3.0", "imagePullPolicy": "IfNotPresent",
            "args": ["--configfile=/etc/traefik/traefik.yaml"],
            // Ports below 1024.
            "securityContext": ["runAsUser": 0, "runAsGroup": 0],
            "ports": [port("web", 80), port("websecure", 443), port("traefik", 8080)],
            "resources": [
                "requests": ["cpu": "50m", "memory": "64Mi"], "limits": ["cpu": "500m", "memory": "256Mi"],
            ],
            "readinessProbe": probe(delay: 2, period: 5),
            "livenessProbe": probe(delay: 10, period: 10),
            "volumeMounts": [["name": "config", "mountPath": "/etc/traefik", "readOnly": true]],
        ]
        return account(
            .traefik,
            rules: [
                rule([""], ["services", "endpoints", "secrets", "nodes"], read),
                rule(["discovery.k8s.io"], ["endpointslices"], read),
                rule(["networking.k8s.io"], ["ingresses", "ingressclasses"], read),
                rule(["networking.k8s.io"], ["ingresses/status"], ["update"]),
            ]) + [
                [
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("traefik-config", .traefik),
                    "data": ["traefik.yaml": .string(Self.traefikConfiguration)],
                ],
                deployment(
                    .traefik, containers: [container], serviceAccount: "traefik",
                    volumes: [["name": "config", "configMap": ["name": "traefik-config"]]]),
                [
                    // A LoadBalancer would wait endlessly: k3s' own is switched off.
                    "apiVersion": "v1", "kind": "Service", "metadata": metadata("traefik", .traefik),
                    "spec": [
                        "type": "NodePort", "selector": ["app": "traefik"],
                        "ports": [
                            outside("web", 80, Self.httpNodePort),
                            outside("websecure", 443, Self.httpsNodePort),
                            outside("traefik", 8080, Self.traefikNodePort),
                        ],
                    ],
                ],
            ]
    }

    /// Reads Ingresses only: Traefik's own kinds of objects would have to be defined in the cluster first.
    private static let traefikConfiguration = """
        global:
          checkNewVersion: false
          sendAnonymousUsage: false
        entryPoints:
          web:
            address: ":80"
          websecure:
            address: ":443"
          traefik:
            address: ":8080"
        api:
          dashboard: true
          insecure: true
        ping:
          entryPoint: traefik
        providers:
          kubernetesIngress: {}

        """
}
