// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor
@testable import KecsRuntimes

extension CheckCase {
    /// Of an instance in one container, which is well at first.
    private static func container(
        _ id: String, _ severity: Severity, _ words: String, settings: [String: JSONValue] = [:],
        good: @escaping Change = { _ in }, _ bad: @escaping @Sendable (inout ContainerFacts) throws -> Void
    ) -> CheckCase {
        CheckCase(
            id, severity, words, runtime: .docker, settings: settings,
            good: { scene in
                scene.engine = .well([try .running()])
                try await good(&scene)
            },
            bad: { scene in
                var container = try #require(scene.engine.containers.get().first)
                try bad(&container)
                scene.engine.containers = .known([container])
            })
    }

    /// Of an instance in a cluster of one node.
    private static func cluster(
        _ id: String, _ severity: Severity, _ words: String,
        good: @escaping @Sendable (inout ContainerFacts) throws -> Void = { _ in },
        _ bad: @escaping @Sendable (inout EngineFacts) throws -> Void
    ) -> CheckCase {
        CheckCase(
            id, severity, words, runtime: .k3d,
            good: { scene in
                var node = try ContainerFacts.node()
                try good(&node)
                scene.engine = .well([node])
            }, bad: { try bad(&$0.engine) })
    }

    /// Of what the cluster's own kubectl answers.
    static func inside(
        _ id: String, _ severity: Severity, _ words: String, _ question: [String], good: String, bad: String
    ) -> CheckCase {
        @Sendable func answer(_ text: String, _ scene: inout CheckScene) throws {
            scene.setState(.running)
            scene.engine = .well([try .node { $0.addresses = ["k3d-kecs-dev": "172.18.0.3"] }])
            let call = ProcessCall(
                "docker",
                ["exec", "k3d-kecs-dev-server", "kubectl", "--request-timeout=4s"] + question + [
                    "-o", "json",
                ])
            scene.site.machine.processes = ScriptedProcesses([.call(call, output: text)])
        }
        return CheckCase(
            id, severity, words, runtime: .k3d, good: { try answer(good, &$0) }, bad: { try answer(bad, &$0) }
        )
    }

    private static func socket(_ id: String, _ condition: SocketFacts.Condition, _ words: String) -> CheckCase
    {
        CheckCase(
            id, .error, words, runtime: .docker,
            bad: { scene in
                // The real one is looked at, in the state that it is said to be in.
                let path = scene.home.folder.appending("docker.sock")
                switch condition {
                case .missing: break
                case .notSocket: try path.createFolder()
                case .ok, .denied: scene.keep(try TestServer(socket: path, .hangs))
                }
                guard condition == .denied else {
                    scene.engine.socket = SocketFacts.of(path)
                    #expect(scene.engine.socket?.condition == condition)
                    return
                }
                try path.setMode(0)
                try scene.openFolders()
                // Root may use any; its thread can look with another user's eyes.
                scene.engine.socket = asUser(65534) { SocketFacts.of(path) }
                #expect(scene.engine.socket?.condition == .denied)
            })
    }

    static let docker =
        dockerPrograms + containers + [
            CheckCase(
                "image.database", .error, "holds the database /app/data/kecs.db", runtime: .docker,
                settings: ["image": "kecs:1"],
                good: { scene in
                    scene.engine.images = .known(["kecs:1"])
                    try await scene.serveImage(["app/readme.txt": Array("no database".utf8)])
                },
                bad: { scene in
                    let database = try scene.database.contents()
                    try await scene.serveImage(["app/readme.txt": [1], "app/data/kecs.db": database])
                })
        ]

    private static let dockerPrograms = [
        CheckCase("docker.cli", .error, "“docker” is not on PATH", runtime: .docker) {
            $0.engine.docker = .known(false)
        },
        socket("docker.sock.missing", .missing, "there is no socket"),
        socket("docker.sock.not-socket", .notSocket, "is no socket"),
        socket("docker.sock.denied", .denied, "may not use"),
        CheckCase(
            "docker.engine", .error, "takes calls, and nothing answered within", runtime: .docker,
            bad: { scene in
                // A listener that never answers, asked as the doctor asks.
                let path = scene.home.folder.appending("s")
                scene.keep(try TestServer(socket: path, .hangs))
                var machine = scene.site.machine
                machine.environment["DOCKER_HOST"] = "unix://\(path)"
                try scene.home.tools.add("docker", "exit 1")
                scene.engine = await EngineFacts.gather(
                    machine, patience: .milliseconds(50), limit: .seconds(300))
            }),
        CheckCase(
            "docker.version", .warning, "19.03.15", runtime: .docker,
            good: { $0.engine.server = .known("20.10.0+dfsg1") },
            bad: { $0.engine.server = .known("19.03.15") }),
        CheckCase("docker.compose", .error, "not on PATH", runtime: .compose) {
            $0.engine.compose = .unknown("“docker” is not on PATH")
        },
        CheckCase("k3d.cli", .error, "k3d", runtime: .k3d) {
            $0.engine.k3d = .unknown("“k3d” is not on PATH")
        },
        CheckCase("kubectl.cli", .error, "kubectl", runtime: .k3d) {
            $0.engine.kubectl = .unknown("“kubectl” is not on PATH")
        },
        CheckCase("k3d.version", .warning, "v4.4.8", runtime: .k3d) { $0.engine.k3d = .known("v4.4.8") },
        cluster(
            "kubectl.skew", .warning, "1.32 and the cluster of “dev” 1.34",
            good: { $0.image = "rancher/k3s:v1.31.4-k3s1" }
        ) { try $0.change { $0.image = "rancher/k3s:v1.34.1-k3s1" } },
    ]

    private static let containers = [
        container("container.restart-policy", .warning, "stays down after a reboot") {
            $0.restartPolicy = "no"
        },
        container(
            "container.restarting", .error, "was restarted 4 times",
            good: { try $0.engine.change { $0.restarts = 3 } }, { $0.restarts = 4 }),
        container(
            "container.health", .error, "is unhealthy",
            good: { try $0.engine.change { $0.health = "healthy" } }, { $0.health = "unhealthy" }),
        container("container.out-of-memory", .error, "want of memory") { $0.wasOutOfMemory = true },
        container("container.no-mount", .error, "has no mount") { $0.mounts = [] },
        CheckCase(
            "container.mount-mismatch", .error, "was replaced after the start", runtime: .docker,
            good: { scene in
                // This process stands for the container's: its root is the machine's.
                let data = scene.folder.data.string
                scene.engine = .well([
                    try .running {
                        $0.pid = Int64(getpid())
                        $0.mounts = [
                            .init(kind: "bind", name: "", source: data, destination: data, isWritable: true)
                        ]
                    }
                ])
            },
            bad: { scene in
                let other = scene.folder.logs.string
                try scene.engine.change { $0.mounts[0].destination = other }
            }),
        container("container.anonymous-volume", .warning, "is an anonymous volume") {
            $0.mounts[0].name = String(repeating: "a1", count: 32)
        },
        CheckCase(
            "container.user", .error, "runs as the user 4711", runtime: .docker,
            good: { scene in
                let data = scene.folder.data
                if geteuid() == 0 { try data.setOwner((user: 65532, group: 65532)) }
                let owner = try #require(try FileStatus.of(data)).owner
                scene.engine = .well([
                    try .running {
                        $0.user = "\(owner):\(owner)"
                        $0.mounts = [
                            .init(
                                kind: "bind", name: "", source: data.string, destination: "/data",
                                isWritable: true)
                        ]
                    }
                ])
            },
            bad: { try $0.engine.change { $0.user = "4711:4711" } }),
        container(
            "docker.sock.group", .warning, "is not in the socket's group 998",
            good: {
                try $0.engine.change {
                    $0.user = "65532"
                    $0.extraGroups = ["998"]
                    $0.mounts.append(
                        .init(
                            kind: "bind", name: "", source: "/s", destination: "/var/run/docker.sock",
                            isWritable: true))
                }
            }, { $0.extraGroups = ["997"] }),
        container(
            "volume.unattached", .warning, "attached to no container",
            good: {
                $0.engine.volumes = .known([
                    VolumeFacts(name: "dev-data", labels: ["dev.kecsctl.instance": "dev"])
                ])
            }, { $0.mounts = [] }),
        CheckCase(
            "volume.missing", .error, "the volume dev-data of “dev” is not there", runtime: .docker,
            settings: ["volumes": "dev-data:/data,/host:/x"],
            good: {
                $0.engine = .well([try .running()])
                $0.engine.volumes = .known([VolumeFacts(name: "dev-data", labels: [:])])
            }, bad: { $0.engine.volumes = .known([]) }),
        CheckCase(
            "image.missing", .warning, "the image kecs:1.3 of “dev” is not here", runtime: .docker,
            settings: ["image": "kecs:1.3"], good: { $0.engine.images = .known(["kecs:1.3"]) },
            bad: { $0.engine.images = .known(["kecs:1.2"]) }),
        CheckCase(
            "image.unpinned", .info, "is another one with each pull", runtime: .docker,
            settings: ["image": "host:5000/kecs:1.2"],
            bad: { try $0.setSetting("image", "host:5000/kecs") }),
    ]

    static let clusters =
        [
            cluster("cluster.orphan", .warning, "kecs-gone belongs to no instance") {
                try $0.change {
                    $0.labels["k3d.cluster"] = "kecs-gone"
                    $0.labels["kecsctl.instance"] = "id-of-gone"
                }
            },
            CheckCase(
                "cluster.network-leaked", .warning, "the network k3d-kecs-dev is left", runtime: .k3d,
                good: {
                    $0.engine = .well([try .node { $0.addresses = ["k3d-kecs-dev": "172.18.0.2"] }])
                    $0.engine.networks = .known([
                        NetworkFacts(name: "k3d-kecs-dev", labels: ["app": "k3d"]),
                        NetworkFacts(name: "k3d-kecs-x", labels: [:]),
                    ])
                }, bad: { $0.engine.containers = .known([]) }),
            CheckCase(
                "cluster.volume-leaked", .warning, "the volume k3d-kecs-dev-images is left", runtime: .k3d,
                good: {
                    $0.engine = .well([try .node()])
                    $0.engine.volumes = .known([
                        VolumeFacts(
                            name: "k3d-kecs-dev-images", labels: ["app": "k3d", "k3d.cluster": "kecs-dev"])
                    ])
                }, bad: { $0.engine.containers = .known([]) }),
            CheckCase(
                "cluster.missing", .error, "its cluster kecs-dev is gone", runtime: .k3d,
                good: {
                    try $0.addHistory("start", "done")
                    $0.engine = .well([try .node()])
                }, bad: { $0.engine = .well() }),
            CheckCase(
                "cluster.state-unkept", .info, "are in no backup", runtime: .k3d,
                good: { try $0.setSetting("k3sState", true) }, bad: { try $0.setSetting("k3sState", false) }),
            cluster("cluster.half-made", .error, "was never started") {
                $0.containers = .known([try .node(), try .node("loadbalancer") { $0.status = "created" }])
            },
            cluster("cluster.mixed", .error, "agent (exited)") {
                $0.containers = .known([try .node(), try .node("agent") { $0.status = "exited" }])
            },
            cluster(
                "cluster.api-exposed", .warning, "can be reached from other machines",
                good: { $0.published = ["6443/tcp": ["127.0.0.1"]] }
            ) { try $0.change { $0.published = ["6443/tcp": ["0.0.0.0"]] } },
            CheckCase(
                "minio.hostpath-unmapped", .error, "is not bound into", runtime: .k3d,
                good: { scene in
                    let store = scene.folder.objectStore.string
                    scene.engine = .well([
                        try .node {
                            $0.mounts = [
                                .init(
                                    kind: "bind", name: "", source: store, destination: store,
                                    isWritable: true)
                            ]
                        }
                    ])
                }, bad: { try $0.engine.change { $0.mounts = [] } }),
            cluster(
                "cluster.node-ip", .warning, "was made with 172.18.0.2",
                good: {
                    $0.labels["k3d.node.staticIP"] = "172.18.0.2"
                    $0.addresses = ["k3d-kecs-dev": "172.18.0.2"]
                }
            ) { try $0.change { $0.addresses = ["k3d-kecs-dev": "172.18.0.3"] } },
        ] + insideClusters

    private static let insideClusters = [
        inside(
            "cluster.node-ip-drift", .error, "knows k3d-kecs-dev-server as 172.18.0.9", ["get", "nodes"],
            good: nodes("172.18.0.3"), bad: nodes("172.18.0.9")),
        inside(
            "cluster.coredns-hosts", .warning, "tells 172.18.0.9 for k3d-kecs-dev-server",
            ["-n", "kube-system", "get", "configmap", "coredns"],
            good: #"{"data":{"NodeHosts":"172.18.0.3 k3d-kecs-dev-server\n"}}"#,
            bad: #"{"data":{"NodeHosts":"172.18.0.9 k3d-kecs-dev-server\n"}}"#),
        inside(
            "velero.location", .error, "“default” of “dev” is Unavailable",
            ["-n", "velero", "get", "backupstoragelocations.velero.io"],
            good: #"{"items":[{"metadata":{"name":"default"},"status":{"phase":"Available"}}]}"#,
            bad: #"{"items":[{"metadata":{"name":"default"},"status":{"phase":"Unavailable"}}]}"#),
        inside(
            "velero.image", .error, "the setting objectStoreImage says another one",
            ["-n", "velero", "get", "pods"], good: storePod("ContainerCreating"),
            bad: storePod("ErrImagePull")),
        // Exactly now is not yet over.
        inside(
            "velero.expired", .warning, "expired on", ["-n", "velero", "get", "backups.velero.io"],
            good: expiring(at: CheckScene.now), bad: expiring(at: CheckScene.now - .seconds(1))),
        inside(
            "velero.failed", .warning, "“b”, ended as", ["-n", "velero", "get", "backups.velero.io"],
            good: veleroBackups(last: "Completed"), bad: veleroBackups(last: "PartiallyFailed")),
    ]

    private static func nodes(_ address: String) -> String {
        #"{"items":[{"metadata":{"name":"k3d-kecs-dev-server"},"status":{"addresses":[{"type":"InternalIP","address":"\#(address)"}]}}]}"#
    }

    private static func storePod(_ reason: String) -> String {
        #"{"items":[{"metadata":{"labels":{"app":"minio"}},"status":{"containerStatuses":[{"image":"minio:1","state":{"waiting":{"reason":"\#(reason)"}}}]}}]}"#
    }

    private static func expiring(at moment: Moment) -> String {
        #"{"items":[{"metadata":{"name":"b"},"status":{"expiration":"\#(moment)"}}]}"#
    }

    private static func veleroBackups(last phase: String) -> String {
        #"{"items":[{"metadata":{"name":"b","creationTimestamp":"2"},"status":{"phase":"\#(phase)"}},{"metadata":{"name":"a","creationTimestamp":"1"},"status":{"phase":"Failed"}}]}"#
    }
}
