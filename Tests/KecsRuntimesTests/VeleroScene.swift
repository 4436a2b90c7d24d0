// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import KecsVelero
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes
@testable import standin

/// An instance with Velero in its cluster, and something that somebody deployed there.
struct VeleroScene {
    let here: StandInWorld
    static let cluster = "kecs-dev"
    static let marker = "configmap/web/marker"

    static func with(
        _ world: World = World(), _ body: (VeleroScene) async throws -> Void
    ) async throws {
        try await StandInWorld.with(world) { (here: StandInWorld) async throws in
            let scene = VeleroScene(here: here)
            try await scene.begin()
            try await body(scene)
        }
    }

    func start(_ words: String...) async throws -> Kecsctl.Answer {
        try await here.kecsctl.run(["start", "dev", "--no-recover", "-o", "json"] + words)
    }

    func stop(_ words: String...) async throws -> Kecsctl.Answer {
        try await here.kecsctl.run(["stop", "dev", "-o", "json"] + words)
    }

    /// A first start, and a deployment.
    func begin() async throws {
        let instance = try here.instance()
        try instance.folder.data.createFolder()
        let answer = try await start("--use-velero-backup")
        try #require(answer.status == 0, "\(answer.errors)")
        try deploy()
    }

    func deploy(_ value: String = "1") throws {
        try here.change { world in
            for (key, object) in Self.deployed(value) {
                world.objects[Self.cluster, default: [:]][key] = object
            }
        }
    }

    static func deployed(_ value: String) -> World.Objects {
        func object(
            _ version: String, _ kind: String, _ name: String, in namespace: String? = nil,
            _ more: [String: JSONValue] = [:]
        ) -> JSONValue {
            var metadata: [String: JSONValue] = ["name": .string(name), "uid": .string("uid-of-\(name)")]
            if let namespace { metadata["namespace"] = .string(namespace) }
            var fields = more
            fields["apiVersion"] = .string(version)
            fields["kind"] = .string(kind)
            fields["metadata"] = .object(metadata)
            return .object(fields)
        }
        let labels: JSONValue = ["app": "site"]
        let pod: JSONValue = [
            "metadata": ["labels": labels],
            "spec": ["containers": [["name": "site", "image": "nginx:1"]]],
        ]
        return [
            "namespace//web": object("v1", "Namespace", "web"),
            "deployment/web/site": object(
                "apps/v1", "Deployment", "site", in: "web",
                [
                    "spec": ["replicas": 1, "selector": ["matchLabels": labels], "template": pod],
                    "status": ["observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1],
                ]),
            "service/web/site": object(
                "v1", "Service", "site", in: "web",
                ["spec": ["type": "NodePort", "ports": [["port": 80, "nodePort": 30_123]]]]),
            marker: object("v1", "ConfigMap", "marker", in: "web", ["data": ["n": .string(value)]]),
            "priorityclass//urgent": object(
                "scheduling.k8s.io/v1", "PriorityClass", "urgent", ["value": 7]),
        ]
    }

    // MARK: What there is

    func objects() throws -> World.Objects { try here.world().objects[Self.cluster] ?? [:] }

    func value() throws -> String? { try objects()[Self.marker]?["data"]?["n"]?.string }

    func folder() throws -> InstanceFolder { try here.instance().folder }

    func config() throws -> InstanceConfig { try InstanceConfig.read(try folder().config) }

    func bucket() throws -> VeleroBucket {
        VeleroBucket(try ObjectStore(try folder().objectStore), path: "velero")
    }

    /// Of the store on this host, after every block was read; the newest first.
    func backups() throws -> [VeleroBackup] {
        try JudgeVeleroBackup(
            bucket(), depth: .blocks, now: Moment(seconds: 1_795_000_000), cancellation: Cancellation()
        ).all() ?? []
    }

    func backupNames() throws -> [String] { try backups().map(\.name) }

    /// Nothing of kecsctl's may stand there: Velero would not use the bucket any more.
    func bucketRoot() throws -> [String] {
        try folder().objectStore.appending("velero").entries().map(\.string).sorted()
    }

    /// In this process, with a clock that passes by waiting and shows the same second for ever.
    func runtime() throws -> K3dRuntime {
        var machine = here.machine
        machine.clock = FrozenClock()
        return try K3dRuntime(try here.instance(), machine: machine)
    }
}

// MARK: In this process

extension VeleroScene {
    func restore(_ name: String) async throws -> ClusterRestore {
        let request = ClusterRestoreRequest(
            source: .named(name), isDegraded: true, limit: .seconds(30), stall: .seconds(120))
        return try #require(try await runtime().clusterBackups.restoreCluster(request))
    }

    /// A backup, and nothing of it in the cluster any more.
    func backedUp() async throws -> String {
        let backup = try #require(try await runtime().clusterBackups.backUpCluster(.init(isDegraded: false)))
        try forget()
        return backup.name
    }

    func forget() throws {
        try here.change { world in
            for key in Self.deployed("1").keys { world.objects[Self.cluster]?[key] = nil }
        }
    }
}

/// Stands still for whoever asks the time of day; waits end all the same.
struct FrozenClock: WallClock {
    private let manual = ManualClock()

    func now() -> Moment { Moment(seconds: 1_795_910_467) }
    func elapsed() -> Duration { manual.elapsed() }
    func sleep(for duration: Duration) async throws { try await manual.sleep(for: duration) }
}
