// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor
@testable import KecsRuntimes

/// Checks that judge what docker said: here it says what the test wants.
@Suite struct RuntimeCheckTests {
    private func check(
        _ id: String, _ engine: EngineFacts = EngineFacts(), project: ProjectFiles = ProjectFiles()
    ) throws -> any Check {
        try #require(RuntimeChecks.all(engine: engine, project: project).first { $0.info.id == id })
    }

    private func pass(
        _ id: String, _ engine: EngineFacts, _ kind: RuntimeKind, settings: [String: JSONValue] = [:]
    ) async throws {
        try await CheckScene.with(runtime: kind, settings: settings) { scene in
            try await scene.expectNone(check(id, engine))
        }
    }

    private func fail(
        _ id: String, _ engine: EngineFacts, _ kind: RuntimeKind, settings: [String: JSONValue] = [:],
        _ words: String,
        at place: SourceLocation = #_sourceLocation
    ) async throws {
        try await CheckScene.with(runtime: kind, settings: settings) { scene in
            let finding = try await scene.finding(check(id, engine), at: place)
            #expect(finding.message.contains(words), "\(finding.message)", sourceLocation: place)
        }
    }

    @Test func `programs that an instance needs and that are not there`() async throws {
        var none = EngineFacts.well()
        none.docker = .known(false)
        none.server = .unknown("“docker” is not on PATH")
        none.compose = .unknown("“docker” is not on PATH")
        none.k3d = .unknown("“k3d” is not on PATH")
        none.kubectl = .unknown("“kubectl” is not on PATH")
        try await fail("docker.cli", none, .docker, "docker")
        try await fail("docker.compose", none, .compose, "not on PATH")
        try await fail("k3d.cli", none, .k3d, "k3d")
        try await fail("kubectl.cli", none, .k3d, "kubectl")
        for id in ["docker.cli", "docker.compose", "k3d.cli", "kubectl.cli", "docker.version", "k3d.version"]
        {
            try await pass(id, none, .local)
            try await pass(id, EngineFacts.well(), .k3d)
        }
    }

    @Test(arguments: [
        ("docker.sock.missing", SocketFacts.Condition.missing), ("docker.sock.not-socket", .notSocket),
        ("docker.sock.denied", .denied),
    ])
    func `docker's socket has a check for each of its troubles`(
        id: String, condition: SocketFacts.Condition
    ) async throws {
        var facts = EngineFacts.well()
        facts.socket?.condition = condition
        try await CheckScene.with(runtime: .docker) { scene in
            let finding = try await scene.finding(check(id, facts))
            #expect(finding.severity == .error)
            #expect(finding.evidence["group"] == 998)
            for other in ["docker.sock.missing", "docker.sock.not-socket", "docker.sock.denied"]
            where other != id {
                try await scene.expectNone(check(other, facts))
            }
        }
        // Nobody needs it.
        try await CheckScene.with { scene in
            let finding = try await scene.finding(check(id, facts))
            #expect(finding.severity == .info)
        }
    }

    @Test func `a socket is looked at as it is`() throws {
        try withTemporaryFolder { folder in
            #expect(SocketFacts.of(folder.appending("none")).condition == .missing)
            try folder.appending("file").replaceContents([1])
            #expect(SocketFacts.of(folder.appending("file")).condition == .notSocket)
            #expect(SocketFacts.of(["DOCKER_HOST": "tcp://x:2375"]) == nil)
        }
    }

    @Test func `an engine that is down is an error only where it is needed`() async throws {
        var down = EngineFacts.well()
        down.server = .unknown("Cannot connect to the Docker daemon")
        try await fail("docker.engine", down, .docker, "Cannot connect")
        try await CheckScene.with { scene in
            let finding = try await scene.finding(check("docker.engine", down))
            #expect(finding.severity == .info)
        }
        try await pass("docker.engine", EngineFacts.well(), .docker)
    }

    @Test func `versions are compared as numbers`() async throws {
        #expect(versionNumbers("v1.31.4-k3s1") == [1, 31, 4])
        var old = EngineFacts.well()
        old.server = .known("19.03.15")
        try await fail("docker.version", old, .docker, "19.03.15")
        old.server = .known("20.10.0+dfsg1")
        try await pass("docker.version", old, .docker)
        old.k3d = .known("v4.4.8")
        try await fail("k3d.version", old, .k3d, "v4.4.8")
        let skewed = EngineFacts.well([try ContainerFacts.node { $0.image = "rancher/k3s:v1.34.1-k3s1" }])
        try await fail("kubectl.skew", skewed, .k3d, "1.32 and the cluster of “dev” 1.34")
        try await pass(
            "kubectl.skew",
            EngineFacts.well([try ContainerFacts.node { $0.image = "rancher/k3s:v1.31.4-k3s1" }]), .k3d)
    }

    @Test func `containers that are not well, one check each`() async throws {
        let good = EngineFacts.well([try .running()])
        let cases: [(String, String, (inout ContainerFacts) -> Void)] = [
            ("container.restart-policy", "stays down after a reboot", { $0.restartPolicy = "no" }),
            ("container.restarting", "restarted 4 times", { $0.restarts = 4 }),
            ("container.health", "unhealthy", { $0.health = "unhealthy" }),
            ("container.out-of-memory", "want of memory", { $0.wasOutOfMemory = true }),
            ("container.no-mount", "has no mount", { $0.mounts = [] }),
            (
                "container.anonymous-volume", "an anonymous volume",
                { $0.mounts[0].name = String(repeating: "a1", count: 32) }
            ),
            (
                "docker.sock.group", "not in the socket's group 998",
                {
                    $0.user = "65532:65532"
                    $0.mounts.append(
                        .init(
                            kind: "bind", name: "", source: "/var/run/docker.sock",
                            destination: "/var/run/docker.sock", isWritable: true))
                }
            ),
        ]
        for (id, words, change) in cases {
            try await pass(id, good, .docker)
            try await fail(
                id, EngineFacts.well([try ContainerFacts.running("kecs-dev", change)]), .docker, words)
            // A container of somebody else is none of our business.
            try await pass(
                id,
                EngineFacts.well([
                    try ContainerFacts.running("other") {
                        change(&$0); $0.labels = [:]
                    }
                ]), .docker)
        }
    }

    @Test func `a container that is given the socket's group may use it`() async throws {
        let given = try ContainerFacts.running {
            $0.user = "65532"
            $0.extraGroups = ["998"]
            $0.mounts.append(
                .init(
                    kind: "bind", name: "", source: "/s", destination: "/var/run/docker.sock",
                    isWritable: true))
        }
        try await pass("docker.sock.group", EngineFacts.well([given]), .docker)
    }

    @Test func `a container whose user does not own the folder that it binds`() async throws {
        try await CheckScene.with(runtime: .docker) { scene in
            func owned(by user: UInt32) throws -> EngineFacts {
                EngineFacts.well([
                    try ContainerFacts.running {
                        $0.user = "\(user):\(user)"
                        $0.mounts = [
                            .init(
                                kind: "bind", name: "", source: scene.folder.data.string,
                                destination: "/data", isWritable: true)
                        ]
                    }
                ])
            }
            let owner = try #require(try FileStatus.of(scene.folder.data)).owner
            try await scene.expectNone(check("container.user", owned(by: owner)))
            #expect(
                try await scene.finding(check("container.user", owned(by: owner + 4711))).message.contains(
                    "runs as the user"))
        }
    }

    @Test func `a folder that was replaced after the container's start is seen through its process`()
        async throws
    {
        try await CheckScene.with(runtime: .docker) { scene in
            // This process stands for the container's: its root is the machine's.
            let same = try ContainerFacts.running {
                $0.pid = Int64(getpid())
                $0.mounts = [
                    .init(
                        kind: "bind", name: "", source: scene.folder.data.string,
                        destination: scene.folder.data.string, isWritable: true)
                ]
            }
            try await scene.expectNone(check("container.mount-mismatch", EngineFacts.well([same])))
            let other = try ContainerFacts.running {
                $0.pid = Int64(getpid())
                $0.mounts = [
                    .init(
                        kind: "bind", name: "", source: scene.folder.data.string,
                        destination: scene.folder.logs.string, isWritable: true)
                ]
            }
            _ = try await scene.finding(check("container.mount-mismatch", EngineFacts.well([other])))
        }
    }

    @Test func `volumes that docker's prune would take, or that are gone`() async throws {
        var facts = EngineFacts.well([try ContainerFacts.running { $0.mounts = [] }])
        facts.volumes = .known([VolumeFacts(name: "dev-data", labels: ["dev.kecsctl.instance": "dev"])])
        try await fail("volume.unattached", facts, .docker, "attached to no container")
        facts.containers = .known([try .running()])
        try await pass("volume.unattached", facts, .docker)
        let settings: [String: JSONValue] = ["volumes": "dev-data:/data,/host:/x"]
        try await pass("volume.missing", facts, .docker, settings: settings)
        facts.volumes = .known([])
        try await fail("volume.missing", facts, .docker, settings: settings, "dev-data")
    }

    @Test func `images that are not here, or that change with each pull`() async throws {
        var facts = EngineFacts.well()
        facts.images = .known(["kecs:1.2", "kecs:latest"])
        try await pass("image.missing", facts, .docker, settings: ["image": "kecs:1.2"])
        try await pass("image.missing", facts, .docker, settings: ["image": "kecs"])
        try await fail("image.missing", facts, .docker, settings: ["image": "kecs:1.3"], "kecs:1.3")
        try await pass("image.unpinned", facts, .docker, settings: ["image": "host:5000/kecs:1.2"])
        try await fail("image.unpinned", facts, .docker, settings: ["image": "host:5000/kecs"], "another one")
    }

    @Test func `clusters, networks and volumes that belong to nobody`() async throws {
        var facts = EngineFacts.well([try ContainerFacts.node()])
        try await pass("cluster.orphan", facts, .k3d)
        // One that a recovery of this instance made is its own, whatever it is called.
        facts.containers = .known([try ContainerFacts.node { $0.labels["k3d.cluster"] = "kecs-recovered" }])
        try await pass("cluster.orphan", facts, .k3d)
        facts.containers = .known([
            try ContainerFacts.node {
                $0.labels["k3d.cluster"] = "kecs-gone"
                $0.labels["kecsctl.instance"] = "id-of-gone"
            }
        ])
        try await fail("cluster.orphan", facts, .k3d, "kecs-gone")
        facts.containers = .known([])
        facts.networks = .known([
            NetworkFacts(name: "k3d-kecs-dev", labels: ["app": "k3d"]),
            NetworkFacts(name: "k3d-kecs-x", labels: [:]),
        ])
        try await fail("cluster.network-leaked", facts, .k3d, "k3d-kecs-dev")
        facts.volumes = .known([
            VolumeFacts(name: "k3d-kecs-dev-images", labels: ["app": "k3d", "k3d.cluster": "kecs-dev"])
        ])
        try await fail("cluster.volume-leaked", facts, .k3d, "k3d-kecs-dev-images")
        facts.containers = .known([try ContainerFacts.node { $0.addresses = ["k3d-kecs-dev": "172.18.0.2"] }])
        try await pass("cluster.network-leaked", facts, .k3d)
        try await pass("cluster.volume-leaked", facts, .k3d)
    }

    @Test func `a cluster that was started and is gone`() async throws {
        try await CheckScene.with(runtime: .k3d) { scene in
            try await scene.expectNone(check("cluster.missing", EngineFacts.well()))
            try scene.addHistory("start", "done")
            _ = try await scene.finding(check("cluster.missing", EngineFacts.well()))
            try await scene.expectNone(
                check("cluster.missing", EngineFacts.well([try ContainerFacts.node()])))
            try scene.addHistory("stop", "done")
            try await scene.expectNone(check("cluster.missing", EngineFacts.well()))
        }
    }

    @Test func `clusters that are half there`() async throws {
        let server = try ContainerFacts.node()
        try await pass(
            "cluster.half-made", EngineFacts.well([server, try ContainerFacts.node("loadbalancer")]), .k3d)
        try await fail(
            "cluster.half-made",
            EngineFacts.well([server, try ContainerFacts.node("loadbalancer") { $0.status = "created" }]),
            .k3d,
            "never started")
        try await fail(
            "cluster.half-made", EngineFacts.well([try ContainerFacts.node("loadbalancer")]), .k3d,
            "no server")
        try await pass("cluster.mixed", EngineFacts.well([server]), .k3d)
        try await fail(
            "cluster.mixed",
            EngineFacts.well([server, try ContainerFacts.node("agent") { $0.status = "exited" }]), .k3d,
            "agent (exited)")
    }

    @Test func `an API that other machines reach`() async throws {
        try await pass(
            "cluster.api-exposed",
            EngineFacts.well([try ContainerFacts.node { $0.published = ["6443/tcp": ["127.0.0.1"]] }]), .k3d)
        try await fail(
            "cluster.api-exposed",
            EngineFacts.well([try ContainerFacts.node { $0.published = ["6443/tcp": ["0.0.0.0"]] }]), .k3d,
            "other machines")
    }

    @Test func `an object store whose folder is not in the cluster`() async throws {
        try await CheckScene.with(runtime: .k3d) { scene in
            _ = try await scene.finding(
                check(
                    "minio.hostpath-unmapped", EngineFacts.well([try ContainerFacts.node { $0.mounts = [] }]))
            )
            let bound = try ContainerFacts.node {
                $0.mounts = [
                    .init(
                        kind: "bind", name: "", source: scene.folder.objectStore.string, destination: "/x",
                        isWritable: true)
                ]
            }
            try await scene.expectNone(check("minio.hostpath-unmapped", EngineFacts.well([bound])))
        }
    }

    @Test func `a node that got another address`() async throws {
        func facts(_ recorded: String) throws -> EngineFacts {
            EngineFacts.well([
                try ContainerFacts.node {
                    $0.labels["k3d.node.staticIP"] = recorded
                    $0.addresses = ["k3d-kecs-dev": "172.18.0.3"]
                }
            ])
        }
        try await pass("cluster.node-ip", try facts("172.18.0.3"), .k3d)
        try await fail("cluster.node-ip", try facts("172.18.0.2"), .k3d, "made with 172.18.0.2")
    }

    /// Asks through a scripted `docker exec`.
    private func inside(_ id: String, _ question: [String], _ answer: String, _ words: String?) async throws {
        try await CheckScene.with(runtime: .k3d) { scene in
            scene.setState(.running)
            var call = ProcessCall(
                "docker",
                ["exec", "k3d-kecs-dev-server", "kubectl", "--request-timeout=4s"] + question + [
                    "-o", "json",
                ])
            call.limit = .seconds(6)
            scene.site.machine.processes = ScriptedProcesses([.call(call, output: answer)])
            let facts = EngineFacts.well([
                try ContainerFacts.node { $0.addresses = ["k3d-kecs-dev": "172.18.0.3"] }
            ])
            if let words {
                #expect(try await scene.finding(check(id, facts)).message.contains(words))
            } else {
                try await scene.expectNone(check(id, facts))
            }
        }
    }

    @Test func `what the cluster itself says of its nodes and of Velero`() async throws {
        func nodes(_ ip: String) -> String {
            #"{"items":[{"metadata":{"name":"k3d-kecs-dev-server"},"status":{"addresses":[{"type":"InternalIP","address":"\#(ip)"}]}}]}"#
        }
        try await inside("cluster.node-ip-drift", ["get", "nodes"], nodes("172.18.0.3"), nil)
        try await inside("cluster.node-ip-drift", ["get", "nodes"], nodes("172.18.0.9"), "172.18.0.9")
        let hosts = ["-n", "kube-system", "get", "configmap", "coredns"]
        try await inside(
            "cluster.coredns-hosts", hosts, #"{"data":{"NodeHosts":"172.18.0.3 k3d-kecs-dev-server\n"}}"#, nil
        )
        try await inside(
            "cluster.coredns-hosts", hosts, #"{"data":{"NodeHosts":"172.18.0.9 k3d-kecs-dev-server\n"}}"#,
            "tells 172.18.0.9")
        let locations = ["-n", "velero", "get", "backupstoragelocations.velero.io"]
        try await inside(
            "velero.location", locations,
            #"{"items":[{"metadata":{"name":"default"},"status":{"phase":"Available"}}]}"#, nil)
        try await inside(
            "velero.location", locations,
            #"{"items":[{"metadata":{"name":"default"},"status":{"phase":"Unavailable"}}]}"#, "Unavailable")
        let backups = ["-n", "velero", "get", "backups.velero.io"]
        try await inside(
            "velero.expired", backups,
            #"{"items":[{"metadata":{"name":"b"},"status":{"expiration":"2100-01-01T00:00:00Z"}}]}"#, nil)
        try await inside(
            "velero.expired", backups,
            #"{"items":[{"metadata":{"name":"b"},"status":{"expiration":"2020-01-01T00:00:00Z"}}]}"#,
            "expired")
        try await inside(
            "velero.failed", backups,
            #"{"items":[{"metadata":{"name":"b","creationTimestamp":"2"},"status":{"phase":"Completed"}},{"metadata":{"name":"a","creationTimestamp":"1"},"status":{"phase":"Failed"}}]}"#,
            nil)
        try await inside(
            "velero.failed", backups,
            #"{"items":[{"metadata":{"name":"b","creationTimestamp":"2"},"status":{"phase":"PartiallyFailed"}}]}"#,
            "PartiallyFailed")
    }

    @Test func `docker's inspect is read`() throws {
        let json: JSONValue = [
            "Name": "/k", "RestartCount": 2,
            "Config": ["Labels": ["a": "b"], "Image": "i:1", "User": "1001"],
            "HostConfig": ["RestartPolicy": ["Name": "always"], "GroupAdd": ["998"]],
            "State": ["Status": "running", "Pid": 7, "OOMKilled": true, "Health": ["Status": "healthy"]],
            "Mounts": [["Type": "bind", "Source": "/s", "Destination": "/d", "RW": false]],
            "NetworkSettings": [
                "Networks": ["n": ["IPAddress": "1.2.3.4"]],
                "Ports": ["80/tcp": [["HostIp": "0.0.0.0", "HostPort": "1"]], "81/tcp": .null],
            ],
        ]
        let facts = try #require(ContainerFacts(json))
        #expect(
            facts.name == "k" && facts.restarts == 2 && facts.labels == ["a": "b"] && facts.user == "1001")
        #expect(
            facts.status == "running" && facts.pid == 7 && facts.wasOutOfMemory && facts.health == "healthy")
        #expect(
            facts.mounts == [
                .init(kind: "bind", name: "", source: "/s", destination: "/d", isWritable: false)
            ])
        #expect(facts.addresses == ["n": "1.2.3.4"] && facts.published["80/tcp"] == ["0.0.0.0"])
    }

    @Test func `what docker answers when it is down is kept, and nobody is asked in vain`() async throws {
        try await TemporaryHome.with { home in
            try home.tools.add(
                "docker", "echo 'Cannot connect to the Docker daemon at unix:///x.' >&2; exit 1")
            let machine = Machine(
                environment: home.environment,
                processes: SystemProcesses(environment: home.environment, cancellation: Cancellation()))
            let facts = await EngineFacts.gather(machine, limit: .seconds(300))
            #expect(facts.docker == .known(true))
            #expect(facts.server.value == nil)
            #expect(facts.containers == .unknown("docker does not answer"))
            #expect(try home.tools.calls().allSatisfy { ["version", "compose", "context"].contains($0[1]) })
        }
    }
}
