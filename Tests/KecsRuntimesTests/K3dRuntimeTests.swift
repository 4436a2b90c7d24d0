// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import KecsRuntimes
@testable import standin

@Suite(.serialized) struct K3dRuntimeTests {
    // MARK: Create

    @Test func `a first start makes the cluster, binds the data and deploys the control plane`() async throws
    {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            try here.usersKubeconfig.replaceContents(Array("the user's own".utf8))
            let instance = try here.instance()
            #expect(await (try here.runtime(instance)).state() == .absent)
            try await here.runtime(instance).start(limit: .seconds(30))
            #expect(await (try here.runtime(instance)).state() == .running)
            let world = try here.world()
            let cluster = try #require(world.clusters.first)
            #expect(cluster.name == "kecs-dev")
            #expect(
                cluster.binds == [
                    "\(instance.folder.data):\(instance.folder.data)",
                    "\(instance.folder.objectStore):\(instance.folder.objectStore)",
                ])
            // The port is chosen once and kept.
            let config = try InstanceConfig.read(instance.folder.config)
            #expect(config.settings["kubePort"] == .integer(Int64(cluster.kubePort)))
            let status = try #require(try FileStatus.of(instance.folder.kubeconfig))
            #expect(status.mode == 0o600)
            #expect(try !instance.folder.clusterDraft.isPresent)
            #expect(try here.usersKubeconfig.contents() == Array("the user's own".utf8))
            let server = world.objects["kecs-dev"]?["deployment/kecs-system/kecs-server"]
            #expect(
                server?["spec"]?["template"]?["spec"]?["volumes"]?.array?.last?["hostPath"]?["path"]?.string
                    == instance.folder.data.string)
            #expect(
                world.containers.first { $0.name == "k3d-kecs-dev-server-0" }?.labels["kecsctl.instance"]
                    == "id-of-dev")
        }
    }

    @Test func `the components that are chosen are deployed, and Traefik's ports are kept`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance("dev", [.components: "postgres,localstack,traefik,vector"])
            try await here.runtime(instance).start(limit: .seconds(30))
            let objects = try #require(try here.world().objects["kecs-dev"])
            for name in [
                "deployment/kecs-system/localstack", "deployment/kecs-system/traefik",
                "daemonset/kecs-system/vector", "service/kecs-system/traefik",
            ] { #expect(objects[name] != nil, "\(name) of \(objects.keys.sorted())") }
            let pod = objects["deployment/kecs-system/kecs-server"]?["spec"]?["template"]?["spec"]
            #expect(
                pod?["containers"]?.array?.compactMap { $0["name"]?.string } == ["postgres", "controlplane"])
            #expect(try instance.folder.data.appending("postgres").isFolder)
            // Chosen once, mapped into the node, and said.
            let config = try InstanceConfig.read(instance.folder.config)
            guard case .integer(let http)? = config.settings["httpPort"],
                case .integer(let https)? = config.settings["httpsPort"]
            else {
                Issue.record("the ports are not in \(config.settings)")
                return
            }
            let create = try #require(try here.calls().first { $0.contains("cluster create") })
            #expect(create.contains("127.0.0.1:\(http):30880@server:0:direct"), "\(create)")
            #expect(create.contains("127.0.0.1:\(https):30443@server:0:direct"))
            let again = try here.runtime(
                try here.instance(
                    "dev",
                    [
                        .components: "traefik", .httpPort: "\(http)", .httpsPort: "\(https)",
                    ]))
            #expect(again.endpoints().map(\.name) == ["api", "admin", "http", "https"])
        }
    }

    @Test func `a component that there is not is refused before anything is made`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance("dev", [.components: "mysql"])
            let failure = #expect(throws: Failure.self) { try here.runtime(instance) }
            #expect(failure?.kind == .usage)
            #expect(try here.changes() == [])
        }
    }

    @Test func `a second start changes nothing but applies the same again`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance()
            try await here.runtime(instance).start(limit: .seconds(30))
            let before = try here.world()
            let calls = try here.changes().count
            try await here.runtime(try here.instance()).start(limit: .seconds(30))
            let after = try here.world()
            #expect(after.clusters.count == 1)
            #expect(after.objects == before.objects)
            #expect(Array(try here.changes()[calls...]) == ["kubectl apply --server-side --force-conflicts"])
        }
    }

    @Test(arguments: ["down", "forbidden"])
    func `with docker away the state is unknown and no call changes anything`(docker: String) async throws {
        try await StandInWorld.with(World(docker: docker)) { (here: StandInWorld) async throws in
            let instance = try here.instance()
            let runtime = try here.runtime(instance)
            guard case .unknown(let why) = await runtime.state() else {
                Issue.record("the state is known")
                return
            }
            #expect(
                why.contains(docker == "down" ? "Cannot connect to the Docker daemon" : "permission denied"))
            for action in [
                { try await runtime.start(limit: .seconds(5)) },
                { try await runtime.stop(limit: .seconds(5)) }, { try await runtime.provision.remove() },
            ] as [@Sendable () async throws -> Void] {
                let failure = await #expect(throws: Failure.self) { try await action() }
                #expect(failure?.kind == .unreachable)
            }
            #expect(try here.changes() == [])
        }
    }

    @Test func `a list that fails while the cluster lives creates nothing and deletes nothing`() async throws
    {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            try await here.runtime(try here.instance()).start(limit: .seconds(30))
            let calls = try here.changes().count
            try here.change {
                $0.faults = [
                    Fault(call: "k3d cluster list", kind: "fail", times: nil, says: "107b-list-while-down")
                ]
            }
            let runtime = try here.runtime(try here.instance())
            for action in [
                { try await runtime.start(limit: .seconds(5)) },
                { try await runtime.stop(limit: .seconds(5)) }, { try await runtime.provision.remove() },
            ] as [@Sendable () async throws -> Void] {
                let failure = await #expect(throws: Failure.self) { try await action() }
                #expect(failure?.kind == .unreachable)
            }
            #expect(try here.changes().count == calls)
            #expect(try here.world().clusters.count == 1)
        }
    }

    @Test func `a list that is no JSON is unknown`() async throws {
        try await StandInWorld.with(World(faults: [Fault(call: "k3d cluster list", kind: "lie", times: nil)]))
        { (here: StandInWorld) async throws in
            guard case .unknown = await (try here.runtime(try here.instance())).state() else {
                Issue.record("the state is known")
                return
            }
        }
    }

    @Test func `100 MB before a list are cut off and unknown`() async throws {
        try await StandInWorld.with(World(faults: [Fault(call: "k3d cluster list", kind: "flood")])) {
            (here: StandInWorld) async throws in
            guard case .unknown = await (try here.runtime(try here.instance())).state() else {
                Issue.record("the state is known")
                return
            }
        }
    }

    @Test func `without k3d the failure names it, and nothing is created`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            try here.home.tools.folder.appending("k3d").remove()
            let failure = await #expect(throws: Failure.self) {
                do { try await here.runtime(try here.instance()).start(limit: .seconds(5)) } catch {
                    throw Failure.describing(error)
                }
            }
            #expect(failure?.kind == .unreachable)
            #expect(failure?.cause?.contains("k3d") == true)
            #expect(try here.changes() == [])
        }
    }

    // MARK: Made by hand

    /// As somebody makes one without kecsctl, with what it needs bound and mapped or not.
    private func makeByHand(_ here: StandInWorld, _ folders: [FilePath]) async throws {
        let request = K3dCreate(
            cluster: "kecs-dev", image: OwnCluster.defaultImage, kubePort: 26_443, folders: folders,
            ports: [],
            instance: "", phase: .seconds(90))
        var words = request.arguments
        let label = try #require(words.firstIndex(of: "--runtime-label"))
        words.removeSubrange(label...(label + 1))
        let result = try await here.machine.processes.run(ProcessCall("k3d", words))
        #expect(result.succeeded, "\(result.errorText)")
    }

    @Test func `a cluster that was made by hand is taken over, stopped and started, and never deleted`()
        async throws
    {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance()
            for folder in [instance.folder.data, instance.folder.objectStore] { try folder.createFolder() }
            try await makeByHand(here, [instance.folder.data, instance.folder.objectStore])
            let nodes = try here.world().containers.map(\.name).sorted()
            let runtime = try here.runtime(instance)
            try await runtime.start(limit: .seconds(30))
            #expect(await runtime.state() == .running)
            #expect(try here.world().objects["kecs-dev"]?["deployment/kecs-system/kecs-server"] != nil)
            // As a stop with a verified backup does.
            try await runtime.stop(limit: .seconds(30))
            try await runtime.provision.remove()
            #expect(await runtime.state() == .stopped)
            try await runtime.start(limit: .seconds(30))
            #expect(await runtime.state() == .running)
            #expect(try here.world().containers.map(\.name).sorted() == nodes)
            let calls = try here.calls()
            #expect(calls.filter { $0.contains("cluster create") }.count == 1, "\(calls)")
            #expect(!calls.contains { $0.contains("cluster delete") }, "\(calls)")
        }
    }

    @Test func `one by hand that does not see the data is refused, and the remedy does not stop it`()
        async throws
    {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            try await makeByHand(here, [])
            let before = try here.changes().count
            let failure = await #expect(throws: Failure.self) {
                try await here.runtime(try here.instance()).start(limit: .seconds(5))
            }
            #expect(failure?.message == "the cluster “kecs-dev” does not see the data of “dev”")
            #expect(
                failure?.remedy
                    == "docker container inspect --format {{.HostConfig.Binds}} k3d-kecs-dev-server-0")
            #expect(try here.changes().count == before)
            #expect(try here.world().clusters.map(\.name) == ["kecs-dev"])
        }
    }

    // MARK: Names of others

    @Test func `a foreign container of the server's name is refused and survives`() async throws {
        try await StandInWorld.with(
            World(containers: [.init(name: "k3d-kecs-dev-server-0", status: "running")])
        ) { (here: StandInWorld) async throws in
            let failure = await #expect(throws: Failure.self) {
                try await here.runtime(try here.instance()).start(limit: .seconds(5))
            }
            #expect(failure?.cause?.contains("k3d-kecs-dev-server-0") == true)
            #expect(try here.changes() == [])
            #expect(try here.world().containers.count == 1)
        }
    }

    @Test func `a foreign network and a foreign volume are refused and survive`() async throws {
        try await StandInWorld.with(
            World(
                networks: [.init(name: "k3d-kecs-dev")],
                volumes: [.init(name: "k3d-kecs-dev-images", labels: ["app": "k3d", "k3d.cluster": "other"])])
        ) { (here: StandInWorld) async throws in
            let failure = await #expect(throws: Failure.self) {
                try await here.runtime(try here.instance()).start(limit: .seconds(5))
            }
            #expect(failure?.cause?.contains("the network k3d-kecs-dev") == true)
            #expect(failure?.cause?.contains("the volume k3d-kecs-dev-images") == true)
            #expect(try here.changes() == [])
        }
    }

    @Test func `containers of a cluster with a longer name are not taken for ours`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            try await here.runtime(try here.instance("a-server")).start(limit: .seconds(30))
            try await here.runtime(try here.instance("a")).start(limit: .seconds(30))
            try await here.runtime(try here.instance("a")).provision.remove()
            #expect(try here.world().clusters.map(\.name) == ["kecs-a-server"])
            #expect(try here.world().containers.allSatisfy { $0.label == "kecs-a-server" })
        }
    }

    @Test func `a cluster of another home's instance is neither used, stopped nor deleted`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            var other = try here.instance()
            other.config.id = "another"
            try await here.runtime(other).start(limit: .seconds(30))
            let mine = try here.runtime(try here.instance())
            guard case .unknown = await mine.state() else {
                Issue.record("it is taken for ours")
                return
            }
            let calls = try here.changes().count
            let failure = await #expect(throws: Failure.self) { try await mine.start(limit: .seconds(5)) }
            #expect(failure?.kind == .busy)
            try await mine.stop(limit: .seconds(5))
            try await mine.remove()
            #expect(try here.changes().count == calls)
        }
    }

    // MARK: Ports and settings

    @Test func `a port that is taken is found before anything is created`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let listener = try Listener()
            let taken = try here.instance("dev", [.apiPort: "\(listener.port)"])
            let failure = await #expect(throws: Failure.self) {
                try await here.runtime(taken).start(limit: .seconds(5))
            }
            #expect(failure?.message.contains("\(listener.port)") == true)
            #expect(try here.changes() == [])
        }
    }

    @Test func `a data folder that cannot be a volume is refused before anything is made`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            for folder in ["relative/data", "/tmp/a:b", "/tmp/a@b"] {
                let instance = try here.instance("dev", [.dataDir: folder])
                let failure = #expect(throws: Failure.self) { try here.runtime(instance) }
                #expect(failure?.kind == .usage)
            }
        }
    }

    @Test func `a missing image fails with what docker said and leaves nothing`() async throws {
        try await StandInWorld.with(World(missingImages: ["rancher/k3s:v9"])) {
            (here: StandInWorld) async throws in
            let instance = try here.instance("dev", [.k3sImage: "rancher/k3s:v9"])
            let failure = await #expect(throws: Failure.self) {
                try await here.runtime(instance).start(limit: .seconds(5))
            }
            #expect(failure?.kind == .failed)
            #expect(failure?.cause?.contains("docker failed to pull the image") == true)
            let world = try here.world()
            #expect(world.containers.isEmpty && world.networks.isEmpty && world.volumes.isEmpty)
            #expect(try !instance.folder.clusterDraft.isPresent)
        }
    }

    // MARK: Interrupted creates

    /// Where k3d was killed, and what the recordings show to be left then.
    @Test(arguments: [
        "Created network", "Creating node", "Starting node 'k3d-two-server-0'",
        "Starting node 'k3d-two-serverlb'", "Injecting",
    ])
    func `a create that was killed is made whole by the next start`(stage: String) async throws {
        try await StandInWorld.with(
            World(faults: [Fault(call: "k3d cluster create", kind: "die", at: stage)])
        ) { (here: StandInWorld) async throws in
            // Docker does not answer afterwards, so nothing is cleaned up: whatever k3d left is still there.
            try here.change {
                $0.faults.append(
                    Fault(
                        call: "k3d cluster list", kind: "fail", after: 1, times: nil,
                        says: "107b-list-while-down"))
            }
            let instance = try here.instance()
            let failure = await #expect(throws: Failure.self) {
                try await here.runtime(instance).start(limit: .seconds(5))
            }
            #expect(try !here.world().networks.isEmpty, "\(String(describing: failure))")
            #expect(try instance.folder.clusterDraft.isPresent)
            try here.change { $0.faults = [] }
            try await here.runtime(try here.instance()).start(limit: .seconds(30))
            #expect(await (try here.runtime(instance)).state() == .running)
            let world = try here.world()
            #expect(world.clusters.map(\.isReachable) == [true])
            #expect(world.clusters.allSatisfy { !$0.isNetworkForeign && !$0.isVolumeForeign })
            #expect(world.containers.count == 2)
            try await here.runtime(instance).provision.remove()
            let end = try here.world()
            #expect(
                end.containers.isEmpty && end.networks.isEmpty && end.volumes.isEmpty && end.clusters.isEmpty)
        }
    }

    @Test func `a half-made cluster that somebody started is recognised by its silent API`() async throws {
        try await StandInWorld.with(
            World(faults: [
                Fault(call: "k3d cluster create", kind: "die", at: "Starting node 'k3d-two-server-0'"),
                Fault(call: "k3d cluster list", kind: "fail", after: 1, says: "107b-list-while-down"),
            ])
        ) { (here: StandInWorld) async throws in
            let instance = try here.instance()
            _ = try? await here.runtime(instance).start(limit: .seconds(5))
            // k3d cluster start exits 0 and says that all is well (92b3c).
            try here.change { world in
                for index in world.containers.indices { world.containers[index].status = "running" }
            }
            var machine = here.machine
            machine.clock = ManualClock()
            try await K3dRuntime(try here.instance(), machine: machine).start(limit: .seconds(30))
            #expect(try here.world().clusters.map(\.isReachable) == [true])
        }
    }

    @Test func `a complete cluster with a silent API is not deleted`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            try await here.runtime(try here.instance()).start(limit: .seconds(30))
            try here.change { $0.silent = ["kecs-dev"] }
            var machine = here.machine
            machine.clock = ManualClock()
            let failure = await #expect(throws: Failure.self) {
                try await K3dRuntime(try here.instance(), machine: machine).start(limit: .seconds(30))
            }
            #expect(failure?.kind == .timeout)
            #expect(try !here.changes().contains { $0.hasPrefix("k3d cluster delete") })
        }
    }

    @Test func `a half-made cluster of somebody else is left to them`() async throws {
        var world = World()
        let labels = ["app": "k3d", "k3d.cluster": "kecs-dev"]
        world.clusters = [.init(name: "kecs-dev", kubePort: 6999)]
        world.containers = [
            .init(
                name: "k3d-kecs-dev-server-0", status: "running",
                labels: labels.merging(["k3d.role": "server"]) { $1 }),
            .init(
                name: "k3d-kecs-dev-serverlb", status: "created",
                labels: labels.merging(["k3d.role": "loadbalancer"]) { $1 }),
        ]
        try await StandInWorld.with(world) { (here: StandInWorld) async throws in
            let failure = await #expect(throws: Failure.self) {
                try await here.runtime(try here.instance()).start(limit: .seconds(5))
            }
            #expect(failure?.remedy == "k3d cluster delete kecs-dev")
            #expect(try here.changes() == [])
        }
    }

    // MARK: Stop

    @Test func `stop keeps the cluster, and start brings the same one back`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance()
            try await here.runtime(instance).start(limit: .seconds(30))
            try await here.runtime(instance).stop(limit: .seconds(30))
            #expect(await (try here.runtime(instance)).state() == .stopped)
            try await here.runtime(instance).stop(limit: .seconds(30))
            try await here.runtime(instance).start(limit: .seconds(30))
            #expect(await (try here.runtime(instance)).state() == .running)
            #expect(
                try here.changes().filter { $0.hasPrefix("k3d") } == [
                    "k3d cluster create kecs-dev", "k3d cluster stop kecs-dev", "k3d cluster start kecs-dev",
                ])
        }
    }

    @Test func `a stop and a delete that only say so are found out`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance()
            try await here.runtime(instance).start(limit: .seconds(30))
            try here.change {
                $0.faults = [
                    Fault(call: "k3d cluster stop", kind: "lie"),
                    Fault(call: "k3d cluster delete", kind: "lie"),
                ]
            }
            let stop = await #expect(throws: Failure.self) {
                try await here.runtime(instance).stop(limit: .seconds(5))
            }
            #expect(stop?.message == "k3d could not stop “kecs-dev”")
            let delete = await #expect(throws: Failure.self) {
                try await here.runtime(instance).provision.remove()
            }
            #expect(delete?.message == "k3d could not delete “kecs-dev”")
        }
    }

    @Test func `remove takes the cluster and leaves the data`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance()
            try await here.runtime(instance).start(limit: .seconds(30))
            try instance.folder.data.appending("kecs.db").replaceContents(Array("rows".utf8))
            try await here.runtime(instance).stop(limit: .seconds(30))
            try await here.runtime(instance).provision.remove()
            try await here.runtime(instance).provision.remove()
            #expect(await (try here.runtime(instance)).state() == .absent)
            #expect(try instance.folder.data.appending("kecs.db").contents() == Array("rows".utf8))
            #expect(try here.world().networks.isEmpty)
        }
    }

    @Test func `a delete that was killed is finished by the next one`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance()
            try await here.runtime(instance).start(limit: .seconds(30))
            try here.change { $0.faults = [Fault(call: "k3d cluster delete", kind: "die")] }
            _ = try? await here.runtime(instance).provision.remove()
            try await here.runtime(instance).provision.remove()
            #expect(try here.world().containers.isEmpty)
            #expect(try here.world().networks.isEmpty)
        }
    }

    @Test func `a k3d that hangs is ended with all that it started`() async throws {
        try await StandInWorld.with(World(faults: [Fault(call: "k3d cluster list", kind: "hang")])) {
            (here: StandInWorld) async throws in
            var call = ProcessCall("k3d", "cluster", "list", "-o", "json")
            call.limit = .milliseconds(300)
            let result = try await here.machine.processes.run(call)
            #expect(result.end == .timedOut)
        }
    }

    // MARK: Freeze

    @Test func `the nodes are paused while the body runs, and resumed although it fails`() async throws {
        struct Broken: Error {}
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let runtime = try here.runtime(try here.instance())
            try await runtime.start(limit: .seconds(30))
            func status() throws -> [String] {
                try here.world().containers.filter { $0.name.contains("server-0") }.map(\.status)
            }
            await #expect(throws: Broken.self) {
                try await runtime.whileFrozen {
                    let seen = try status()
                    #expect(seen == ["paused"])
                    #expect(await runtime.state() == .paused)
                    throw Broken()
                }
            }
            #expect(try status() == ["running"])
        }
    }

    @Test func `what a killed run left paused is resumed by thaw`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let runtime = try here.runtime(try here.instance())
            try await runtime.start(limit: .seconds(30))
            try here.change { world in
                for index in world.containers.indices { world.containers[index].status = "paused" }
            }
            try await runtime.thaw()
            #expect(try here.world().containers.allSatisfy { $0.status == "running" })
            try await runtime.thaw()
        }
    }

    // MARK: Several

    @Test func `six instances that start at once have ports of their own`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for name in ["one", "two", "three", "four", "five", "six"] {
                    let instance = try here.instance(name)
                    // Each test has few free ports that it knows of: those of the API are chosen.
                    group.addTask { try await here.runtime(instance).start(limit: .seconds(60)) }
                }
                try await group.waitForAll()
            }
            let ports = try here.world().clusters.map(\.kubePort)
            #expect(ports.count == 6)
            #expect(Set(ports).count == 6)
        }
    }

    @Test func `the namespace that is being deleted is waited for, not applied into`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let runtime = try here.runtime(try here.instance())
            try await runtime.start(limit: .seconds(30))
            try here.change { world in
                world.objects["kecs-dev"]?["namespace//kecs-system"] = [
                    "kind": "Namespace",
                    "metadata": ["name": "kecs-system", "deletionTimestamp": "2026-11-21T02:06:59Z"],
                ]
            }
            let calls = try here.changes().count
            var machine = here.machine
            machine.clock = ManualClock()
            let failure = await #expect(throws: Failure.self) {
                try await K3dRuntime(try here.instance(), machine: machine).start(limit: .seconds(30))
            }
            #expect(failure?.kind == .timeout)
            #expect(try here.changes().count == calls)
        }
    }

    @Test func `a call that changes is named by the stand-ins`() async throws {
        try await StandInWorld.with(expectsUnexpected: true) { (here: StandInWorld) async throws in
            // "stop" mutated to "delete --all", a flag dropped, a subcommand that does not exist.
            for words in [
                ["cluster", "delete", "--all"], ["cluster", "halt", "kecs-dev"],
                ["cluster", "create", "kecs-dev", "--timeout", "90"],
            ] {
                let result = try await here.machine.processes.run(ProcessCall("k3d", words))
                #expect(!result.succeeded)
            }
            #expect(try here.world().unexpected.count == 3)
        }
    }
}
