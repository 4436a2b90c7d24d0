// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSQLite
import KecsState
import KecsSystem
import KecsTesting
import Synchronization
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes
@testable import standin

@Suite(.serialized) struct RecoverTests {
    private final class Lines: Sendable {
        private let all = Mutex<[String]>([])
        var text: [String] { all.withLock { $0 } }
        func add(_ line: String) { all.withLock { $0.append(line) } }
    }

    private func instance(_ here: StandInWorld, _ sample: String) throws -> Instance {
        try here.instance(holding: sample)
    }

    private func recover(
        _ here: StandInWorld, _ instance: Instance,
        _ request: RecoverRequest = RecoverRequest(limit: .seconds(30)),
        _ lines: Lines = Lines()
    ) async throws -> RecoverReport {
        try await RecoverInstance(
            site: site(here), ground: RecoverGround(instance, machine: here.machine), log: { lines.add($0) }
        ).run(instance, request)
    }

    private func site(_ here: StandInWorld) -> Site {
        let machine = here.machine
        return Site(
            machine: machine, home: Home(here.home.kecs), tool: Manifest.Tool(name: "kecsctl", version: "0")
        ) { try K3dRuntime($0, machine: machine) }
    }

    private func deployments(_ here: StandInWorld, _ cluster: String) throws -> [String: Int64] {
        try here.workloads(cluster)
    }

    private let expected: [String: Int64] = [
        "service-with-secrets": 2, "backend-api-service": 0, "webapp-service-ts-1b2c3d4e": 2,
        "webapp-service-ts-5f6a7b8c": 1,
    ]
    private let k3d = "kecs-brave-lovelace"

    // MARK: The samples

    @Test func `the sample with every edge case comes back as it should, in the guide's words`() async throws
    {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try instance(here, "c_mixed_edge_cases")
            let lines = Lines()
            let report = try await recover(here, instance, RecoverRequest(limit: .seconds(30)), lines)
            #expect(try deployments(here, k3d) == expected)
            #expect(report.outcome == .partial)
            #expect(
                report.clusters.map { "\($0.name) \($0.outcome)" } == [
                    "default recovered", "no-k8s skipped", "retired skipped",
                ])
            let failed = report.clusters.flatMap(\.services).filter { $0.outcome == .failed }
            #expect(failed.map(\.name) == ["broken-service"])
            #expect(failed.map(\.reason) == ["task definition missing-family:7 is missing"])
            #expect(report.tasks.count == 2)
            #expect(report.notRecovered.secrets.count == 3)
            #expect(report.summary.services.recovered == 4)
            let text = lines.text
            #expect(
                text.prefix(4) == [
                    "Starting state recovery...",
                    "Found 3 clusters in storage, checking which need recovery...",
                    "Recovering k3d cluster kecs-brave-lovelace for ECS cluster default...",
                    "Waiting for k3d cluster kecs-brave-lovelace to be ready...",
                ])
            for line in [
                "Found 4 services to recover for cluster default",
                "Recovering service service-with-secrets in cluster default...",
                "Successfully recovered service service-with-secrets",
                "Failed to create deployment for service broken-service: task definition missing-family:7 is missing",
                "Successfully recovered k3d cluster kecs-brave-lovelace",
                "Cluster no-k8s has no k8s cluster name, skipping",
                "State recovery summary: 1 recovered, 2 skipped, 0 failed",
                "State recovery failed: failed to recover 1 services",
            ] { #expect(text.contains(line), "\(line)") }
        }
    }

    @Test(arguments: ["a_single_nginx", "b_multi_container_alb"])
    func `a sample without edges comes back whole, and a second recovery changes nothing`(
        sample: String
    ) async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try instance(here, sample)
            let lines = Lines()
            let report = try await recover(here, instance, RecoverRequest(limit: .seconds(30)), lines)
            #expect(report.outcome == .done)
            #expect(lines.text.last == "State recovery completed")
            let before = try here.world().objects
            let changes = try here.changes().count
            let again = try await recover(here, instance)
            #expect(again.outcome == .already)
            #expect(try here.world().objects == before)
            #expect(try here.changes().count == changes)
            #expect(again.clusters.flatMap(\.services).allSatisfy { $0.outcome == .existing })
        }
    }

    @Test func `counts and places are written back`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try instance(here, "a_single_nginx")
            _ = try await recover(here, instance)
            let records = try StateDatabase.open(try instance.databaseFile(), .readOnly).allRecords()
            let service = try #require(records.services.first)
            #expect(service.runningCount == service.desiredCount)
            #expect(service.pendingCount == 0)
            #expect(service.namespace == "\(records.clusters[0].name)-us-east-1")
            #expect(service.deploymentName == service.serviceName)
            #expect(records.clusters[0].runningTasksCount == service.desiredCount)
        }
    }

    // MARK: What is there

    @Test func `a list that fails is status 14, and no call changes anything`() async throws {
        try await StandInWorld.with(World(docker: "down")) { (here: StandInWorld) async throws in
            let instance = try instance(here, "c_mixed_edge_cases")
            let failure = await #expect(throws: Failure.self) { _ = try await recover(here, instance) }
            #expect(failure?.status == 14)
            #expect(try here.changes() == [])
            #expect(try !instance.folder.recovery.isPresent)
        }
    }

    @Test func `orphans of a crash are used again and keep their marks`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try instance(here, "c_mixed_edge_cases")
            let first = try await recover(here, instance)
            // Somebody else's hand: one is gone, one has lost its mark.
            try here.change { world in
                world.objects[k3d]?["deployment/default-us-east-1/backend-api-service"] = nil
                let key = "deployment/default-us-east-1/service-with-secrets"
                if case .object(var object)? = world.objects[k3d]?[key] {
                    object["metadata"] = ["name": "service-with-secrets", "namespace": "default-us-east-1"]
                    world.objects[k3d]?[key] = .object(object)
                }
            }
            let second = try await recover(here, instance)
            #expect(second.recovery != first.recovery)
            #expect(try deployments(here, k3d) == expected)
            let undone = try await UndoRecovery(
                site: site(here), ground: RecoverGround(instance, machine: here.machine)
            )
            .run(instance, dryRun: false)
            // Only what the second one made.
            #expect(undone.removed.contains { $0.contains("backend-api-service") })
            #expect(
                try deployments(here, k3d).keys.sorted() == [
                    "service-with-secrets", "webapp-service-ts-1b2c3d4e", "webapp-service-ts-5f6a7b8c",
                ])
        }
    }

    @Test func `undo takes away all that a recovery made and leaves what others put beside it`() async throws
    {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try instance(here, "a_single_nginx")
            let cluster = try #require(try await recover(here, instance).clusters.first?.k3dCluster)
            try here.change { world in
                world.objects[cluster]?["deployment/default/mine"] = [
                    "kind": "Deployment", "metadata": ["name": "mine", "namespace": "default"],
                ]
            }
            _ = try await UndoRecovery(
                site: site(here), ground: RecoverGround(instance, machine: here.machine)
            )
            .run(instance, dryRun: false)
            #expect(
                try here.world().objects[cluster]?.keys.sorted() == [
                    "deployment/default/mine", "namespace//default", "namespace//kube-system",
                    "node//k3d-\(cluster)-server-0",
                ])
            #expect(
                try await UndoRecovery(
                    site: site(here), ground: RecoverGround(instance, machine: here.machine)
                ).run(instance, dryRun: false).outcome == .already)
        }
    }

    @Test func `a recovery that finds everything there leaves the last one to be taken back`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try instance(here, "a_single_nginx")
            let first = try await recover(here, instance)
            #expect(try await recover(here, instance).outcome == .already)
            #expect(try RecoveryRecord.read(instance.folder.recovery)?.id == first.recovery)
        }
    }

    @Test func `a namespace that is being deleted is a failure, not a place to apply to`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try instance(here, "c_mixed_edge_cases")
            _ = try await recover(here, instance)
            try here.change { world in
                world.objects[k3d]?["namespace//default-us-east-1"] = [
                    "kind": "Namespace",
                    "metadata": ["name": "default-us-east-1", "deletionTimestamp": "2026-11-21T02:06:59Z"],
                ]
            }
            let changes = try here.changes().count
            let report = try await recover(here, instance)
            #expect(report.clusters.first?.outcome == .failed)
            #expect(try here.changes().count == changes)
        }
    }

    @Test func `a cluster that is stopped is started, and what is in it is left alone`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try instance(here, "a_single_nginx")
            _ = try await recover(here, instance)
            let objects = try here.world().objects
            _ = try await here.machine.processes.run(ProcessCall("k3d", "cluster", "stop", k3d))
            let plan = try await recover(here, instance, RecoverRequest(dryRun: true))
            #expect(plan.clusters.map(\.outcome) == [.planned])
            #expect(plan.clusters.first?.reason == "its k3d cluster was stopped")
            #expect(plan.clusters.first?.services.map(\.outcome) == [.planned])
            let report = try await recover(here, instance)
            #expect(report.clusters.map(\.outcome) == [.recovered])
            #expect(report.clusters.first?.services.map(\.outcome) == [.existing])
            #expect(try here.world().objects == objects)
            #expect(
                try here.changes().filter { $0.hasPrefix("k3d") }.suffix(1) == ["k3d cluster start \(k3d)"])
            #expect(try here.calls().count { $0.hasPrefix("kubectl apply") } == 2)
        }
    }

    @Test func `an address that moved after a reboot is told with its repair`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try instance(here, "a_single_nginx")
            #expect(try await recover(here, instance).troubles == [])
            let server = "k3d-\(k3d)-server-0"
            try here.change { world in
                world.clusters[0].address = "172.25.0.7"
                world.objects[k3d]?["configmap/kube-system/coredns"] = [
                    "kind": "ConfigMap", "metadata": ["name": "coredns", "namespace": "kube-system"],
                    "data": ["NodeHosts": .string("172.25.0.2 \(server)\n")],
                ]
            }
            let troubles = try await recover(here, instance).troubles
            #expect(
                troubles.map(\.message) == [
                    "the node \(server) is on record with the address 172.25.0.2, and its container has 172.25.0.7",
                    "the DNS of “\(k3d)” has 172.25.0.2 for \(server), which has 172.25.0.7",
                    "the DNS of “\(k3d)” does not know host.k3d.internal any more",
                ])
            #expect(
                troubles.allSatisfy {
                    $0.remedy == "k3d cluster stop \(k3d) && k3d cluster start \(k3d)"
                })
            // Whoever has put the name where a restart does not lose it is not told to restart.
            try here.change { world in
                world.objects[k3d]?["configmap/kube-system/coredns-custom"] = [
                    "kind": "ConfigMap", "metadata": ["name": "coredns-custom", "namespace": "kube-system"],
                    "data": [
                        "hosts.server": "host.k3d.internal:53 { hosts { 172.25.0.1 host.k3d.internal } }"
                    ],
                ]
            }
            #expect(try await recover(here, instance).troubles == Array(troubles.prefix(2)))
            // Of an API that does not come up, the address is what may have stopped it.
            try here.change { world in
                world.clusters[0].address = "172.25.0.9"
                world.silent = [k3d]
            }
            var machine = here.machine
            machine.clock = ManualClock()
            let failure = await #expect(throws: Failure.self) {
                try await RecoverGround(instance, machine: machine).bringUp(
                    k3d, RecoveryTime(machine.clock, each: .seconds(5), whole: nil))
            }
            #expect(
                failure?.cause?.contains(
                    "\(server) had the address 172.25.0.7 when the cluster last worked, and has 172.25.0.9 now"
                )
                    == true)
        }
    }

    // MARK: Failures

    @Test func `a service that is refused is named and the others come back`() async throws {
        try await StandInWorld.with(World(invalid: ["backend-api-service"])) {
            (here: StandInWorld) async throws in
            let report = try await recover(here, try instance(here, "c_mixed_edge_cases"))
            let failed = report.clusters.flatMap(\.services).filter { $0.outcome == .failed }
            #expect(failed.map(\.name) == ["backend-api-service", "broken-service"])
            #expect(failed[0].reason?.contains("is invalid") == true)
            #expect(report.outcome == .partial)
        }
    }

    @Test(arguments: ["0", "1", "2", "3"])
    func `an API that dies in the middle is resumed to the same end`(after: String) async throws {
        try await StandInWorld.with(
            World(faults: [Fault(call: "kubectl apply", kind: "die", after: after == "0" ? 0 : 1, at: after)])
        ) { (here: StandInWorld) async throws in
            let instance = try instance(here, "c_mixed_edge_cases")
            let first = try await recover(here, instance)
            #expect(first.outcome == .partial)
            let second = try await recover(here, instance)
            #expect(
                second.clusters.flatMap(\.services).filter { $0.outcome == .failed }.map(\.name) == [
                    "broken-service"
                ])
            #expect(try deployments(here, k3d) == expected)
        }
    }

    @Test func `a recovery that was cut off goes on under its own mark`() async throws {
        try await StandInWorld.with(World(faults: [Fault(call: "kubectl apply", kind: "hang", after: 1)])) {
            (here: StandInWorld) async throws in
            let instance = try instance(here, "c_mixed_edge_cases")
            let task = Task {
                try await recover(here, instance, RecoverRequest(skip: ["default/backend-api-service"]))
            }
            // Until the call that hangs has been made.
            while try !here.world().faults.isEmpty {
                try await SystemClock().sleep(for: .milliseconds(50))
            }
            here.cancellation.cancel(.interrupt)
            await #expect(throws: (any Error).self) { _ = try await task.value }
            let record = try #require(try RecoveryRecord.read(instance.folder.recovery))
            #expect(record.finishedAt == nil)
            let again = StandInWorld(home: here.home, folder: here.folder)
            let report = try await recover(again, instance, RecoverRequest(resume: true, limit: .seconds(30)))
            #expect(report.recovery == record.id)
            // What was made before the interruption is part of it.
            #expect(report.summary.services.recovered == 3)
            #expect(try deployments(here, k3d).keys.contains("backend-api-service") == false)
            #expect(
                try deployments(here, k3d).keys.sorted() == [
                    "service-with-secrets", "webapp-service-ts-1b2c3d4e", "webapp-service-ts-5f6a7b8c",
                ])
            // Once it is over there is nothing to go on with, and the same is left out.
            let changes = try again.changes()
            let last = try await recover(again, instance, RecoverRequest(resume: true))
            #expect(last.summary.services.existing == 3)
            #expect(try again.changes() == changes)
        }
    }

    @Test func `another k3d that works on the cluster is waited for, and named when it does not end`()
        async throws
    {
        try await StandInWorld.with(World(faults: [Fault(call: "k3d cluster stop", kind: "hang")])) {
            (here: StandInWorld) async throws in
            let instance = try instance(here, "a_single_nginx")
            let stop = Task {
                var call = ProcessCall("k3d", "cluster", "stop", k3d)
                call.limit = .seconds(600)
                return try await here.machine.processes.run(call)
            }
            while try !here.world().faults.isEmpty {
                try await SystemClock().sleep(for: .milliseconds(20))
            }
            let survivors = K3dSurvivors(
                machine: here.machine, cluster: k3d, instance: instance.config.id, patience: .seconds(1))
            let failure = await #expect(throws: Failure.self) { try await survivors.settle() }
            #expect(failure?.kind == .busy)
            #expect(failure?.cause?.hasSuffix("k3d cluster stop \(k3d)") == true)
            #expect(try here.changes() == ["k3d cluster stop \(k3d)"])
            here.cancellation.cancel(.interrupt)
            await #expect(throws: (any Error).self) { _ = try await stop.value }
        }
    }

    // MARK: Choices

    @Test func `what is not there cannot be asked for or skipped`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try instance(here, "c_mixed_edge_cases")
            for request in [RecoverRequest(clusters: ["defualt"]), RecoverRequest(skip: ["default/web"])] {
                let failure = await #expect(throws: Failure.self) {
                    _ = try await recover(here, instance, request)
                }
                #expect(failure?.kind == .notFound)
            }
            #expect(try here.changes() == [])
        }
    }

    @Test func `a dry run shows the plan and changes nothing`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try instance(here, "c_mixed_edge_cases")
            let report = try await recover(here, instance, RecoverRequest(dryRun: true))
            #expect(report.outcome == .planned)
            #expect(report.clusters.first?.services.filter { $0.outcome == .planned }.count == 4)
            #expect(try here.changes() == [])
            #expect(try !instance.folder.recovery.isPresent)
        }
    }

    // MARK: Calls

    @Test func `every form in which kubectl is called is in its list, and no other`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try instance(here, "c_mixed_edge_cases")
            _ = try await recover(here, instance)
            try here.change {
                $0.edit(k3d, "deployment/default-us-east-1/backend-api-service", [".spec", ".replicas"], 4)
            }
            _ = try await recover(here, instance, RecoverRequest(overwrite: true, limit: .seconds(30)))
            _ = try await UndoRecovery(
                site: site(here), ground: RecoverGround(instance, machine: here.machine)
            ).run(instance, dryRun: false)
            let made = Set(
                try here.home.tools.calls().filter { $0.first == "kubectl" }.map { call in
                    let flags = call.dropFirst(2).filter { $0.hasPrefix("-") && $0 != "-" }
                        .map { String($0.prefix { $0 != "=" }) }
                    return ([call[1]] + flags.sorted()).joined(separator: " ")
                })
            let file = FilePath(#filePath).removingLastComponent().removingLastComponent()
                .removingLastComponent().appending("docs/kubectl.md")
            let listed = Set(
                String(decoding: try file.contents(), as: UTF8.self).split(separator: "\n")
                    .filter { $0.hasPrefix("| `") }
                    .map { String($0.dropFirst(3).prefix { $0 != "`" }) })
            #expect(made.subtracting(listed) == [])
            #expect(listed.subtracting(made) == [])
        }
    }

    // MARK: Size

    @Test func `of six clusters three are made at once, or one, as was asked`() async throws {
        try await StandInWorld.with(World(createMilliseconds: 1000)) { (here: StandInWorld) async throws in
            let instance = try instance(here, "a_single_nginx")
            let state = try StateDatabase.open(try instance.databaseFile())
            try state.database.execute("DELETE FROM tasks")
            try state.database.execute("DELETE FROM services")
            for index in 2...6 {
                try state.database.execute(
                    """
                    INSERT INTO clusters (id, arn, name, status, region, account_id, k8s_cluster_name, created_at, updated_at)
                    SELECT id || ?1, arn || ?1, name || ?1, status, region, account_id, 'kecs-n' || ?1, created_at, updated_at
                    FROM clusters WHERE k8s_cluster_name NOT LIKE 'kecs-n%'
                    """, .text("\(index)"))
            }
            for parallel in [3, 1] {
                try here.change { $0.mostCreating = 0 }
                let report = try await recover(
                    here, instance, RecoverRequest(parallel: parallel, limit: .seconds(60)))
                #expect(report.summary.recovered == 6)
                // On a machine of any speed: never more than asked, and more than one when asked.
                let most = try here.world().mostCreating
                #expect(most <= parallel)
                #expect(parallel == 1 || most > 1)
                for name in try here.world().clusters.map(\.name) {
                    _ = try await here.machine.processes.run(ProcessCall("k3d", "cluster", "delete", name))
                }
            }
        }
    }

    @Test func `a thousand services are planned at once and applied in a few calls`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try instance(here, "a_single_nginx")
            let state = try StateDatabase.open(try instance.databaseFile())
            try state.database.execute(
                """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
                INSERT INTO services (id, arn, service_name, cluster_arn, task_definition_arn, desired_count, launch_type,
                    status, scheduling_strategy, region, account_id, created_at, updated_at)
                SELECT id || i, arn || i, service_name || i, cluster_arn, task_definition_arn, desired_count, launch_type,
                    status, scheduling_strategy, region, account_id, created_at, updated_at FROM services, n
                """)
            let report = try await recover(here, instance, RecoverRequest(limit: .seconds(120)))
            #expect(report.summary.services.recovered == 1000)
            #expect(report.outcome == .done)
            #expect(try here.calls().count { $0.hasPrefix("kubectl apply") } <= 20)
        }
    }
}
