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

/// The built program, killed with SIGKILL while it recovers: what it had started goes on, as k3d and kubectl do.
@Suite(.serialized) struct RecoverKillTests {
    /// Two k3d clusters: the instance's own, and one more with a service in it.
    private func scene(_ here: StandInWorld) throws -> Instance {
        let instance = try here.instance(holding: "c_mixed_edge_cases", named: "brave-lovelace")
        let database = try StateDatabase.open(try instance.databaseFile()).database
        try database.execute("UPDATE clusters SET k8s_cluster_name = 'kecs-second' WHERE name = 'no-k8s'")
        try database.execute(
            """
            INSERT INTO services (id, arn, service_name, cluster_arn, task_definition_arn, desired_count, launch_type,
                status, scheduling_strategy, region, account_id, created_at, updated_at)
            SELECT id || 'x', arn || 'x', service_name || '-x', (SELECT arn FROM clusters WHERE name = 'no-k8s'),
                task_definition_arn, 2, launch_type, status, scheduling_strategy, region, account_id, created_at, updated_at
            FROM services WHERE service_name = 'backend-api-service'
            """)
        return instance
    }

    private static var world: World { World(createMilliseconds: 500, rolloutQuestions: 1) }

    /// Everything that a recovery changes, but for ids and times.
    private struct End: Hashable {
        var objects: [String: [String: JSONValue]]
        var containers: [String]
        var networks: [String]
        var volumes: [String]
        var reachable: [String]
        var records: StateRecords
        var isFinished: Bool

        /// By name: the whole is some thousand lines.
        func differences(from other: End) -> [String] {
            var found: [String] = []
            for cluster in Set(objects.keys).union(other.objects.keys) {
                let (mine, theirs) = (objects[cluster] ?? [:], other.objects[cluster] ?? [:])
                found += Set(mine.keys).union(theirs.keys).filter { mine[$0] != theirs[$0] }
            }
            if containers != other.containers { found.append("containers: \(containers)") }
            if networks != other.networks || volumes != other.volumes { found.append("networks, volumes") }
            if reachable != other.reachable { found.append("reachable: \(reachable)") }
            if records.clusters != other.records.clusters { found.append("the table clusters") }
            if records.services != other.records.services { found.append("the table services") }
            if records.taskSets != other.records.taskSets { found.append("the table task_sets") }
            if records != other.records { found.append("the database") }
            if isFinished != other.isFinished { found.append("recovery.json") }
            return found
        }
    }

    private func end(_ here: StandInWorld, _ instance: Instance) throws -> End {
        let world = try here.world()
        var records = try StateDatabase.open(try instance.databaseFile(), .readOnly).allRecords()
        for index in records.clusters.indices { records.clusters[index].updatedAt = "" }
        for index in records.services.indices { records.services[index].updatedAt = "" }
        for index in records.taskSets.indices { records.taskSets[index].updatedAt = "" }
        let record = try JSONFile.read(JSONValue.self, from: instance.folder.recovery)
        let id = record["id"]?.string ?? "none"
        return End(
            objects: try world.objects.mapValues { objects in
                // How far a rollout is depends on how often it was looked at; what was seen is in the database.
                try objects.mapValues { object in
                    var object = try JSONValue(
                        parsing: object.text().replacing(id, with: "RECOVERY")
                            .replacing(here.home.folder.string, with: "HOME"))
                    if case .object(var fields) = object {
                        fields["status"] = nil
                        object = .object(fields)
                    }
                    return object
                }
            },
            containers: world.containers.map {
                "\($0.name) \($0.status) \($0.labels.sorted { $0.key < $1.key })"
            }
            .sorted(),
            networks: world.networks.map(\.name).sorted(), volumes: world.volumes.map(\.name).sorted(),
            reachable: world.clusters.filter(\.isReachable).map(\.name).sorted(), records: records,
            isFinished: record["finishedAt"]?.string != nil)
    }

    @Test func `a recovery that was killed at a random moment and resumed ends as one that was not`()
        async throws
    {
        var expected: End?
        var length = Duration.zero
        try await StandInWorld.with(Self.world) { here in
            let instance = try scene(here)
            let began = ContinuousClock.now
            let answer = try await here.kecsctl("recover", "brave-lovelace")
            length = ContinuousClock.now - began
            #expect(answer.status == 3, "\(answer.errors)")
            expected = try end(here, instance)
        }
        let whole = try #require(expected)
        #expect(whole.isFinished && whole.reachable == ["kecs-brave-lovelace", "kecs-second"])
        #expect(whole.objects["kecs-second"]?.keys.contains { $0.hasSuffix("backend-api-service-x") } == true)

        let kills = Rounds.count(ci: 4, full: 50)
        var seed = CampaignSeed("RecoverKillTests")
        var (round, killed) = (0, 0)
        var begun = 0
        var halfMade = 0
        // One that was over before it could be killed does not count; it was faster than the first.
        while killed < kills, round < kills * 4 {
            round += 1
            try await StandInWorld.with(Self.world) { here in
                let instance = try scene(here)
                let none = try StateDatabase.open(try instance.databaseFile(), .readOnly).allRecords()
                let moment = Duration.milliseconds(
                    Int.random(in: 5...max(6, Int(length / .milliseconds(1))), using: &seed))
                guard try await here.kecsctl.killed(after: moment, ["recover", "brave-lovelace"]) else {
                    length = min(length, moment)
                    return
                }
                killed += 1
                if try instance.folder.recovery.isPresent { begun += 1 }
                if try here.world().clusters.contains(where: { !$0.isReachable }) { halfMade += 1 }
                // Every other one is taken back as it was left; the others are brought to their end first.
                if round % 2 == 0 {
                    let answer = try await here.kecsctl("recover", "brave-lovelace", "--resume")
                    #expect(answer.status == 3, "round \(round), \(moment): \(answer.errors)")
                    let now = try end(here, instance)
                    let differences = now.differences(from: whole)
                    #expect(differences == [], "round \(round), killed after \(moment)")
                }
                // All that was made before and after is one recovery, which can be taken back as one.
                let undo = try await here.kecsctl("recover", "brave-lovelace", "--undo")
                #expect(undo.status == 0, "\(undo.errors)")
                let left = try here.world().objects.values.flatMap(\.keys).filter {
                    !["namespace//default", "namespace//kube-system", "namespace//kecs-system"].contains($0)
                        && !$0.hasPrefix("node//") && !$0.contains("kecs-server")
                        && !$0.contains("/kecs-system/")
                }
                #expect(left == [], "round \(round), killed after \(moment)")
                #expect(try !instance.folder.recovery.isPresent)
                var records = try StateDatabase.open(try instance.databaseFile(), .readOnly).allRecords()
                for index in records.clusters.indices {
                    records.clusters[index].updatedAt = none.clusters[index].updatedAt
                }
                for index in records.services.indices {
                    records.services[index].updatedAt = none.services[index].updatedAt
                }
                for index in records.taskSets.indices {
                    records.taskSets[index].updatedAt = none.taskSets[index].updatedAt
                }
                #expect(records == none, "round \(round), killed after \(moment)")
            }
        }
        #expect(killed > 0)
        print(
            "recover: seed \(seed.seed), killed \(killed) times in \(length), \(begun) after it had begun, \(halfMade) with a half-made cluster"
        )
    }

    @Test func `a k3d that outlived its kecsctl is ended before the cluster is made anew`() async throws {
        try await StandInWorld.with(World(createMilliseconds: 600_000)) { here in
            let instance = try scene(here)
            let pid = try here.kecsctl.spawn(["recover", "brave-lovelace", "--cluster", "default"])
            while try here.world().creating == 0 { try await SystemClock().sleep(for: .milliseconds(20)) }
            kill(pid, SIGKILL)
            var status: Int32 = 0
            waitpid(pid, &status, 0)
            func creates() throws -> Int {
                try RunningProcess.ofThisUser { $0.contains("\(here.folder)") && $0.contains("create") }.count
            }
            #expect(try creates() == 1)
            try here.change { $0.createMilliseconds = 0 }
            let answer = try await here.kecsctl("recover", "brave-lovelace", "--resume")
            #expect(answer.status == 3, "\(answer.errors)")
            #expect(try creates() == 0)
            #expect(try here.world().clusters.map(\.isReachable) == [true])
            // Four services, and the control plane: it is the instance's own cluster.
            #expect(try here.workloads("kecs-brave-lovelace").count == 5)
            #expect(try !instance.folder.clusterDraft.isPresent)
        }
    }
}
