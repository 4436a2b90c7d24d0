// SPDX-License-Identifier: Apache-2.0
import Glibc
import Kecs
import KecsSQLite
import KecsState
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import standin

/// What the first release did wrong on real clusters, done again with the program itself, from its words to what is left in
/// the cluster.
@Suite(.serialized) struct RecoverProgramTests {
    private let k3d = "kecs-brave-lovelace"
    private let space = "single-task-nginx-us-east-1"
    private let server = "deployment/kecs-system/kecs-server"

    private func must(
        _ here: StandInWorld, _ words: String..., at place: SourceLocation = #_sourceLocation
    ) async throws -> Kecsctl.Answer {
        let answer = try await here.kecsctl.run(words)
        try #require(answer.status == 0, "\(words): \(answer.errors)", sourceLocation: place)
        return answer
    }

    private func services(_ answer: Kecsctl.Answer) throws -> [JSONValue] {
        (try answer.first()["clusters"]?.array ?? []).flatMap { $0["services"]?.array ?? [] }
    }

    private func keys(_ here: StandInWorld, _ cluster: String) throws -> [String] {
        (try here.world().objects[cluster] ?? [:]).keys.filter { !$0.hasPrefix("node/") }.sorted()
    }

    // MARK: In others' hands

    @Test func `what somebody put into a recovered namespace is there after an undo`() async throws {
        try await StandInWorld.with { here in
            _ = try here.instance(holding: "a_single_nginx")
            _ = try await must(here, "recover", "dev")
            let mine = ["ingress", "cronjob", "role", "horizontalpodautoscaler"].map { "\($0)/\(space)/mine" }
            try here.change { world in
                for key in mine {
                    world.objects[k3d]?[key] = [
                        "kind": .string(String(key.prefix { $0 != "/" })),
                        "metadata": ["name": "mine", "namespace": .string(space)],
                    ]
                }
            }
            let answer = try await here.kecsctl("recover", "dev", "--undo")
            let left = try keys(here, k3d)
            #expect(Set(left).isSuperset(of: mine + ["namespace//\(space)"]), "\(left)")
            #expect(!left.contains { $0.hasPrefix("deployment/") || $0.hasPrefix("service/") })
            #expect((answer.output + answer.errors).contains(space), "\(answer)")
        }
    }

    @Test func `what was changed by hand is as it was, and what is missing is there again`() async throws {
        try await StandInWorld.with { here in
            _ = try here.instance(holding: "a_single_nginx")
            _ = try await must(here, "recover", "dev")
            let key = "deployment/\(space)/single-task-nginx"
            let image = [".spec", ".template", ".spec", ".containers", "[0]", ".image"]
            try here.change { world in
                world.edit(k3d, key, [".spec", ".replicas"], 5)
                world.edit(k3d, key, image, "nginx:patched")
                world.objects[k3d]?["service/\(space)/single-task-nginx"] = nil
            }
            _ = try await must(here, "recover", "dev")
            let now = try here.world().objects[k3d]?[key]?["spec"]
            #expect(now?["replicas"] == 5)
            let containers = now?["template"]?["spec"]?["containers"]?.array
            #expect(containers?.first?["image"] == "nginx:patched")
            #expect(try keys(here, k3d).contains("service/\(space)/single-task-nginx"))
            let plan = try await must(here, "recover", "dev", "--dry-run")
            #expect(plan.output.contains("spec.replicas"), "\(plan.output)")
        }
    }

    // MARK: The control plane

    @Test(arguments: ["deleted", "scaled to nothing"])
    func `a cluster without its control plane is not running, and a start brings it back`(
        how: String
    ) async throws {
        try await StandInWorld.with { here in
            _ = try here.instance()
            _ = try await must(here, "start", "dev", "--no-recover")
            #expect(try await must(here, "status", "dev", "-o", "json").first()["state"] == "running")
            try here.change { world in
                if how == "deleted" {
                    for key in Array((world.objects["kecs-dev"] ?? [:]).keys)
                    where key.contains("kecs-system") { world.objects["kecs-dev"]?[key] = nil }
                } else {
                    world.edit("kecs-dev", server, [".spec", ".replicas"], 0)
                }
            }
            let status = try await here.kecsctl("status", "dev", "-o", "json")
            #expect(try status.first()["state"] != "running", "\(status.output)")
            let answer = try await must(here, "start", "dev", "--no-recover", "-o", "json")
            #expect(try answer.first()["outcome"] == "done", "\(answer.output)")
            #expect(try here.world().objects["kecs-dev"]?[server]?["spec"]?["replicas"] == 1)
        }
    }

    @Test func `a recovery of the instance's own deleted cluster brings its control plane`() async throws {
        try await StandInWorld.with { here in
            let instance = try here.instance(holding: "a_single_nginx")
            // Closed before the program is called, which finds whoever has it open.
            do {
                let database = try StateDatabase.open(try instance.databaseFile()).database
                try database.execute("UPDATE clusters SET k8s_cluster_name = 'kecs-dev'")
            }
            _ = try await must(here, "start", "dev")
            #expect(try here.workloads("kecs-dev")["kecs-server"] == 1)
            // As k3d cluster delete leaves it.
            try here.change { world in
                world.clusters = []
                world.containers = []
                world.networks = []
                world.volumes = []
                world.objects = [:]
            }
            _ = try await must(here, "recover", "dev")
            #expect(try here.workloads("kecs-dev") == ["single-task-nginx": 1, "kecs-server": 1])
            #expect(try await must(here, "status", "dev", "-o", "json").first()["state"] == "running")
        }
    }

    @Test func `with agents the control plane comes back where its data is`() async throws {
        try await StandInWorld.with { here in
            let instance = try here.instance()
            try instance.folder.data.createFolder()
            _ = try await must(here, "start", "dev", "--agents", "1", "--no-recover")
            _ = try await must(here, "stop", "dev", "--keep-clusters")
            let answer = try await here.kecsctl("start", "dev", "--no-recover")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try await must(here, "status", "dev", "-o", "json").first()["state"] == "running")
        }
    }

    @Test func `an instance goes from its cluster to a container although the cluster is there`()
        async throws
    {
        let image = World.Image(
            id: "sha256:" + String(repeating: "ab", count: 32), tags: ["kecs:1"],
            programs: ["stat", "head", "sh"])
        try await StandInWorld.with(World(images: [image])) { here in
            let instance = try here.instance()
            try instance.folder.data.createFolder()
            _ = try StateDatabase.create(try instance.databaseFile(), at: Moment(seconds: 0))
            _ = try await must(here, "start", "dev", "--no-recover")
            let answer = try await here.kecsctl(
                "migrate", "runtime", "dev", "--to", "docker", "--image", "kecs:1", "--owner",
                "\(Machine.userID):\(Machine.groupID)")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try here.world().containers.filter { $0.status == "running" }.map(\.name) == ["kecs-dev"])
            // Servers end with their containers.
            try here.change { world in
                for index in world.containers.indices { world.containers[index].status = "exited" }
            }
        }
    }

    @Test func `a Kubernetes port that is taken is answered with the setting that helps`() async throws {
        try await StandInWorld.with { here in
            let listener = try Listener()
            let instance = try here.instance()
            var config = instance.config
            config.settings["kubePort"] = .integer(Int64(listener.port))
            try config.write(to: instance.folder.config)
            let answer = try await here.kecsctl("start", "dev", "--no-recover")
            #expect(answer.status != 0)
            let line = answer.errors.split(separator: "\n").last { $0.contains("kecsctl config set ") }
            let words = try #require(line?.split(separator: " "), "\(answer.errors)")
            let remedy = words.drop { $0 != "kecsctl" }.dropFirst().map(String.init)
            #expect(remedy.prefix(3) == ["config", "set", "kubePort"], "\(remedy)")
            #expect(try await here.kecsctl.run(remedy).status == 0, "\(remedy)")
            #expect(try await here.kecsctl("start", "dev", "--no-recover").status == 0)
            _ = listener
        }
    }

    // MARK: One recovery

    @Test func `an API that is gone in between leaves one recovery, and nothing after its undo`()
        async throws
    {
        try await StandInWorld.with(
            World(faults: [
                Fault(call: "kubectl apply", kind: "die", after: 1, at: "2"),
                Fault(call: "kubectl get --raw", kind: "fail", after: 1, times: 1),
            ])
        ) { here in
            let instance = try here.instance(holding: "c_mixed_edge_cases")
            _ = try await here.kecsctl("recover", "dev")
            _ = try await here.kecsctl("recover", "dev", "--resume")
            let marks = (try here.world().objects[k3d] ?? [:]).values.compactMap {
                $0["metadata"]?["labels"]?["kecsctl.dev/recovery"]?.string
            }
            #expect(marks.count > 5)
            #expect(Set(marks).count == 1, "\(Set(marks))")
            _ = try await must(here, "recover", "dev", "--undo")
            #expect(try keys(here, k3d) == ["namespace//default", "namespace//kube-system"])
            _ = instance
        }
    }

    // MARK: What Kubernetes does not take

    private static let onlyUnderscore = PeculiarServices.Service(
        name: "host-underscore",
        containers:
            #"[{"name":"a","image":"i","extraHosts":[{"hostname":"My_Host","ipAddress":"10.0.0.2"}]}]"#)

    private static let peculiar = [
        "hosts-one-address", "host-underscore", "twice-env", "env-and-secret", "port-twice",
        "mount-twice-the-same", "two-volumes-one-place", "1web", "cpu-above", "reservation-above",
        "unknown-volume",
    ]

    @Test(arguments: peculiar)
    func
        `a service that Kubernetes refuses as it stands comes back, or is refused before anything is applied`(
            name: String
        ) async throws
    {
        try await StandInWorld.with { here in
            let service = try #require(
                (PeculiarServices.all + [Self.onlyUnderscore]).first { $0.name == name })
            let instance = try here.instance(holding: "a_single_nginx")
            try PeculiarServices.write([service], into: StateDatabase.open(try instance.databaseFile()))
            let plan = try await must(here, "recover", "dev", "--dry-run", "-o", "json")
            let planned = try #require(try services(plan).first)
            let answer = try await here.kecsctl("recover", "dev", "-o", "json")
            let told = try #require(try services(answer).first)
            if let refusal = service.refusal {
                #expect(planned["outcome"] == "failed")
                #expect(answer.status == 3)
                #expect(told["outcome"] == "failed")
                #expect(told["reason"]?.string?.contains(refusal) == true, "\(told)")
                #expect(try here.workloads(k3d).isEmpty)
            } else {
                #expect(planned["outcome"] == "planned")
                #expect(answer.status == 0, "\(told)")
                #expect(told["outcome"] == "recovered", "\(told)")
                #expect(try here.workloads(k3d).count == 1)
            }
        }
    }

    @Test func `a service whose secret is missing is recovered, and it is said what it waits for`()
        async throws
    {
        try await StandInWorld.with { here in
            let service = try #require(PeculiarServices.all.first { $0.name == "odd-secret-key" })
            let other = PeculiarServices.Service(
                name: "needy",
                containers:
                    #"[{"name":"a","image":"i","secrets":[{"name":"K","valueFrom":"arn:aws:secretsmanager:us-east-1:1:secret:db-AbCdEf"}]}]"#
            )
            let instance = try here.instance(holding: "a_single_nginx")
            try PeculiarServices.write(
                [other, service], into: StateDatabase.open(try instance.databaseFile()))
            let answer = try await here.kecsctl("recover", "dev", "-o", "json")
            #expect(answer.status == 0, "\(answer.output)")
            let needy = try services(answer).first { $0["name"] == "needy" }
            #expect(needy?["outcome"] == "recovered", "\(answer.output)")
            #expect(needy?["reason"]?.string?.contains("waits for the secret") == true)
        }
    }

    // MARK: Reasons

    @Test(arguments: [
        ("ImagePullBackOff", "ImagePullBackOff: Back-off pulling image"),
        ("CrashLoopBackOff", "CrashLoopBackOff: container nginx ended with 3 (Error): no such table: users"),
        ("FailedMount", "FailedMount: MountVolume.SetUp failed"), ("FailedCreate", "FailedCreate: pods"),
    ])
    func `what waiting does not help is told with its reason long before the time is over`(
        trouble: String, reason: String
    ) async throws {
        try await StandInWorld.with(World(podTroubles: ["single-task-nginx": trouble])) { here in
            _ = try here.instance(holding: "a_single_nginx")
            // Half of what a rollout is given.
            let answer = try await here.kecsctl.run(["recover", "dev", "-o", "json"], limit: .seconds(150))
            #expect(answer.status == 3)
            let told = try services(answer).first?["reason"]?.string ?? ""
            #expect(told.contains(reason), "\(told)")
        }
    }

    // MARK: The database

    @Test func `a local instance's database of a newer schema is called that`() async throws {
        try await StandInWorld.with { here in
            _ = try await must(here, "start", "own", "--runtime", "local")
            let file = here.home.kecs.appending("instances/own/data/kecs.db")
            try SQLiteDatabase(file, .readWrite).execute("PRAGMA user_version = 7777")
            let answer = try await here.kecsctl("recover", "own")
            #expect(answer.status == 1, "\(answer)")
            #expect(answer.errors.contains("newer schema"), "\(answer.errors)")
            #expect(!answer.errors.contains("unforeseen"))
        }
    }
}
