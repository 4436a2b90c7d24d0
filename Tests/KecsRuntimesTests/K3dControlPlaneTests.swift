// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsState
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes
@testable import standin

/// A control plane that is not where its cluster is, and what brings it back.
@Suite(.serialized) struct K3dControlPlaneTests {
    private let server = "deployment/kecs-system/kecs-server"

    private func start(_ here: StandInWorld, _ settings: [SettingKey: String] = [:]) async throws -> Instance
    {
        let instance = try here.instance("dev", settings)
        try instance.folder.data.createFolder()
        try await here.runtime(instance).start(limit: .seconds(30))
        return instance
    }

    // MARK: Its state

    @Test func `a cluster without its control plane does not run, and a start brings it back`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try await start(here)
            #expect(await (try here.runtime(instance)).state() == .running)
            try here.change { world in
                for key in Array((world.objects["kecs-dev"] ?? [:]).keys) where key.contains("kecs-system") {
                    world.objects["kecs-dev"]?[key] = nil
                }
            }
            #expect(await (try here.runtime(instance)).state() == .paused)
            let status = try await here.kecsctl("status", "dev", "-o", "json")
            let problems = try status.first()["problems"]?.array?.compactMap(\.string) ?? []
            #expect(
                problems.contains { $0.contains("its control plane does not: the Deployment") }, "\(problems)"
            )
            let answer = try await here.kecsctl("start", "dev", "--no-recover", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try answer.first()["outcome"] == "done")
            #expect(try here.world().objects["kecs-dev"]?[server] != nil)
        }
    }

    @Test func `a control plane that was told to run nothing does not run`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try await start(here)
            try here.change { $0.edit("kecs-dev", server, [".spec", ".replicas"], 0) }
            #expect(await (try here.runtime(instance)).state() == .paused)
            #expect(await (try here.runtime(instance)).outage()?.contains("0 replicas") == true)
            try await here.runtime(instance).start(limit: .seconds(30))
            #expect(await (try here.runtime(instance)).state() == .running)
        }
    }

    @Test
    func `a control plane that does not come up is told with its reason, and what ran beside it goes on`()
        async throws
    {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try await start(here)
            try here.change { $0.podTroubles = ["kecs-server": "CrashLoopBackOff"] }
            #expect(await (try here.runtime(instance)).state() == .paused)
            let why = await (try here.runtime(instance)).outage()
            #expect(
                why?.contains("CrashLoopBackOff: container postgres ended with 3") == true, "\(why ?? "")")
            let answer = try await here.kecsctl("start", "dev", "--no-recover")
            #expect(answer.status == 1, "\(answer.errors)")
            #expect(answer.errors.contains("CrashLoopBackOff"))
            // The cluster ran before, and services may be in it.
            #expect(try here.world().containers.allSatisfy { $0.status == "running" })
        }
    }

    @Test func `an API that does not answer is no control plane that runs`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try await start(here)
            try here.change { $0.silent = ["kecs-dev"] }
            #expect(await (try here.runtime(instance)).state() == .paused)
            #expect(await (try here.runtime(instance)).outage()?.contains("does not answer") == true)
        }
    }

    @Test func `with agents the control plane stays on the node that has its data`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try await start(here, [.agents: "1"])
            #expect(try here.world().containers.contains { $0.name == "k3d-kecs-dev-agent-0" })
            try await here.runtime(instance).stop(limit: .seconds(30))
            try await here.runtime(instance).start(limit: .seconds(30))
            #expect(await (try here.runtime(instance)).state() == .running)
            let pod = try here.world().objects["kecs-dev"]?[server]?["spec"]?["template"]?["spec"]
            #expect(pod?["nodeSelector"] == ["kubernetes.io/hostname": "k3d-kecs-dev-server-0"])
        }
    }

    // MARK: Recovery

    @Test func `recovering the cluster of the instance itself brings its control plane`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance(holding: "a_single_nginx")
            let database = try StateDatabase.open(try instance.databaseFile()).database
            try database.execute("UPDATE clusters SET k8s_cluster_name = 'kecs-dev'")
            let plan = try await here.kecsctl("recover", "dev", "-n", "-o", "json")
            #expect(try plan.first()["controlPlane"] == "planned")
            let answer = try await here.kecsctl("recover", "dev", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try answer.first()["controlPlane"] == "recovered")
            #expect(try here.world().objects["kecs-dev"]?[server] != nil)
            #expect(try here.workloads("kecs-dev")["single-task-nginx"] == 1)
            let again = try await here.kecsctl("recover", "dev", "-o", "json")
            #expect(try again.first()["controlPlane"] == nil)
        }
    }

    // MARK: Ports, programs, engine

    @Test func `a Kubernetes port that is taken is answered with its own setting`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let listener = try Listener()
            let instance = try here.instance("dev", [.kubePort: "\(listener.port)"])
            let failure = await #expect(throws: Failure.self) {
                try await here.runtime(instance).start(limit: .seconds(30))
            }
            #expect(failure?.message.contains("(kubePort)") == true)
            #expect(
                failure?.remedy?.hasPrefix("kecsctl config set kubePort ") == true,
                "\(failure?.remedy ?? "")")
            _ = listener
        }
    }

    @Test func `without k3d a first start makes no instance`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            var environment = here.environment
            let folder = here.home.folder.appending("few")
            try folder.createFolder()
            environment["PATH"] = folder.string
            let answer = try await Kecsctl(home: here.home.kecs, environment: environment)(
                "start", "dev", "--runtime", "k3d")
            #expect(answer.status == 14, "\(answer.errors)")
            #expect(answer.errors.contains("k3d is missing"))
            #expect(try !here.home.kecs.appending("instances/dev").isPresent)
        }
    }

    @Test func `an instance of which no cluster was ever made can be destroyed without k3d`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance()
            try instance.folder.data.createFolder()
            var environment = here.environment
            let folder = here.home.folder.appending("few")
            try folder.createFolder()
            environment["PATH"] = folder.string
            let answer = try await Kecsctl(home: here.home.kecs, environment: environment)(
                "destroy", "dev", "--yes", "--force")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try !instance.folder.path.isPresent)
        }
    }

    @Test func `nodes that ended with the engine are started by the next command`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try await start(here)
            try here.change { world in
                for index in world.containers.indices { world.containers[index].status = "exited" }
                let index = world.containers.firstIndex { $0.name == "k3d-kecs-dev-server-0" } ?? 0
                world.containers[index].finishedAt = "2026-11-21T11:47:02.897268294Z"
                world.engineStart = "2026-11-21T11:47:03.3691374Z"
                world.deaths = [world.containers[index].id: 1_795_261_622_919_820_317]
            }
            #expect(try await here.runtime(instance).engine.wasTakenDown())
            // A command that only reads leaves it; one that changes something starts it first.
            _ = try await here.kecsctl("backup", "dev")
            #expect(await (try here.runtime(instance)).state() == .running)
            #expect(try here.calls().contains { $0.hasPrefix("k3d cluster start kecs-dev") })
        }
    }

    @Test func `data that the pod could not write is told before anything is switched`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance()
            try instance.folder.data.createFolder()
            let database = instance.folder.data.appending("kecs.db")
            try database.replaceContents([1], mode: 0o600)
            _ = try await here.runtime(instance).provision.prepare()
            guard Machine.userID == 0 else { try Test.cancel("only root can give a folder away") }
            _ = instance.folder.data.withPlatformString { chown($0, 65532, 65532) }
            let failure = await #expect(throws: Failure.self) {
                _ = try await here.runtime(instance).provision.prepare()
            }
            #expect(
                failure?.cause?.contains("its pod runs as 65532:65532") == true, "\(failure?.cause ?? "")")
            #expect(failure?.remedy == "chown -R 65532:65532 \(instance.folder.data)")
            _ = database.withPlatformString { chown($0, 65532, 65532) }
            _ = try await here.runtime(instance).provision.prepare()
        }
    }

    // MARK: Clusters that recoveries made

    @Test func `clusters that a recovery made are listed, stopped and destroyed with their instance`()
        async throws
    {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance(holding: "a_single_nginx")
            #expect(try await here.kecsctl("recover", "dev").status == 0)
            let k3d = "kecs-brave-lovelace"
            try here.change { world in
                // Somebody else's, of a name that the instance knows.
                world.clusters.append(.init(name: "mine", kubePort: 6999))
                world.containers.append(
                    .init(
                        name: "k3d-mine-server-0", status: "running",
                        labels: ["app": "k3d", "k3d.cluster": "mine", "k3d.role": "server"]))
            }
            let listed = try await here.kecsctl("list", "-o", "json")
            #expect(try listed.first()["clusters"] == [k3d: "running"], "\(listed.output)")
            let stopped = try await here.kecsctl("stop", "dev", "-o", "json")
            #expect(stopped.status == 0, "\(stopped.errors)")
            #expect(try stopped.first()["outcome"] == "done")
            #expect(
                try here.world().containers.filter { $0.label == k3d }.allSatisfy { $0.status == "exited" })
            #expect(try here.world().containers.first { $0.label == "mine" }?.status == "running")
            #expect(try await here.kecsctl("stop", "dev", "-o", "json").first()["outcome"] == "already")
            let gone = try await here.kecsctl("destroy", "dev", "--yes", "--force")
            #expect(gone.status == 0, "\(gone.errors)")
            #expect(try here.world().clusters.map(\.name) == ["mine"])
            _ = instance
        }
    }

    // MARK: Degraded

    @Test func `what cannot be recovered is accepted once, and does not degrade again`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance(holding: "c_mixed_edge_cases")
            let first = try await here.kecsctl("start", "dev")
            #expect(first.status == 3, "\(first.errors)")
            let degraded = try InstanceConfig.read(instance.folder.config).degraded
            #expect(degraded?.why.contains("default/broken-service") == true)
            #expect(degraded?.lacks?.isEmpty == false)
            let accepted = try await here.kecsctl("start", "dev", "--accept")
            #expect(accepted.status == 0, "\(accepted.errors)")
            #expect(try InstanceConfig.read(instance.folder.config).degraded == nil)
            let again = try await here.kecsctl("start", "dev")
            #expect(again.status == 0, "\(again.errors)")
            #expect(try InstanceConfig.read(instance.folder.config).degraded == nil)
            // Something else that fails is something new.
            let database = try StateDatabase.open(try instance.databaseFile()).database
            try database.execute(
                "UPDATE services SET task_definition_arn = 'gone:1' WHERE service_name = 'backend-api-service'"
            )
            #expect(try await here.kecsctl("start", "dev").status == 3)
        }
    }
}
