// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsState
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes
@testable import standin

/// Recoveries into a cluster that refuses what a real one refuses.
@Suite(.serialized) struct RecoverStrictTests {
    private let k3d = "kecs-brave-lovelace"
    private let space = "single-task-nginx-us-east-1"

    private func recover(
        _ here: StandInWorld, _ instance: Instance,
        _ request: RecoverRequest = RecoverRequest(limit: .seconds(30))
    ) async throws -> RecoverReport {
        try await RecoverInstance(
            site: here.site, ground: RecoverGround(instance, machine: here.machine), log: { _ in }
        ).run(instance, request)
    }

    private func undo(_ here: StandInWorld, _ instance: Instance) async throws -> RecoverReport {
        try await UndoRecovery(site: here.site, ground: RecoverGround(instance, machine: here.machine))
            .run(instance, dryRun: false)
    }

    private func services(_ report: RecoverReport) -> [RecoverReport.Service] {
        report.clusters.flatMap(\.services)
    }

    // MARK: The stand-in

    @Test(arguments: [
        (
            #"{"apiVersion":"v1","kind":"Service","metadata":{"name":"1web","namespace":"default"},"spec":{"ports":[{"port":80}]}}"#,
            "metadata.name"
        ),
        (
            #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"default"},"spec":{"containers":[{"name":"a","image":"i","env":[{"name":"A"},{"name":"A"}]}]}}"#,
            "duplicate entries for key [name=\"A\"]"
        ),
        (
            #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"default"},"spec":{"containers":[{"name":"a","image":"i","ports":[{"containerPort":80},{"containerPort":80,"protocol":"TCP"}]}]}}"#,
            "duplicate entries"
        ),
        (
            #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"default"},"spec":{"containers":[{"name":"a","image":"i"}],"hostAliases":[{"ip":"1.1.1.1"},{"ip":"1.1.1.1"}]}}"#,
            "duplicate entries for key [ip=\"1.1.1.1\"]"
        ),
        (
            #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"default"},"spec":{"containers":[{"name":"a","image":"i","bogus":1}]}}"#,
            "field not declared in schema"
        ),
        (
            #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"default"},"spec":{"containers":[{"name":"a","image":"i","volumeMounts":[{"name":"v","mountPath":"/v"}]}]}}"#,
            "Not found: \"v\""
        ),
        (
            #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"default"},"spec":{"containers":[{"name":"a","image":"i","resources":{"requests":{"cpu":"500m"},"limits":{"cpu":"0.25"}}}]}}"#,
            "must be less than or equal to cpu limit"
        ),
        (
            #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"nope"},"spec":{"containers":[{"name":"a","image":"i"}]}}"#,
            "namespaces \"nope\" not found"
        ),
    ])
    func `the stand-in refuses what the API server refuses`(manifest: String, complaint: String) async throws
    {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance(holding: "a_single_nginx")
            _ = try await recover(here, instance)
            let kubectl = try OwnCluster(instance, machine: here.machine, named: k3d).kubectl
            let answer = try await kubectl.apply([try JSONValue(parsing: manifest)], forced: false)
            #expect(answer.complaint?.contains(complaint) == true, "\(answer)")
        }
    }

    // MARK: Translation

    @Test func `sixty peculiar services: what the report calls recovered the API has taken`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance(holding: "a_single_nginx")
            try PeculiarServices.write(into: try StateDatabase.open(try instance.databaseFile()))
            let plan = try await recover(here, instance, RecoverRequest(dryRun: true))
            let report = try await recover(here, instance)
            #expect(PeculiarServices.all.count == 60)
            #expect(services(report).count == 60)
            for service in PeculiarServices.all {
                let told = services(report).filter { $0.name == service.name }
                #expect(told.count == 1, "\(service.name)")
                if let refusal = service.refusal {
                    #expect(told.first?.outcome == .failed, "\(service.name)")
                    #expect(told.first?.reason?.contains(refusal) == true, "\(told)")
                    // Before anything was applied: the plan said so.
                    #expect(services(plan).first { $0.name == service.name }?.outcome == .failed)
                } else {
                    #expect(told.first?.outcome == .recovered, "\(service.name): \(told)")
                }
            }
            let made = try here.workloads(k3d)
            #expect(made.count == PeculiarServices.all.count { $0.refusal == nil })
            let names = try here.world().objects[k3d]?.keys.filter { $0.hasPrefix("service/") } ?? []
            #expect(names.contains("service/\(space)/svc-1web"))
            #expect(names.contains("service/\(space)/svc-svc-1web"))
            func pod(_ name: String) throws -> JSONValue? {
                try here.world().objects[k3d]?["deployment/\(space)/\(name)"]?["spec"]?["template"]?["spec"]
            }
            let env = try pod("twice-env")?["containers"]?.array?.first?["env"]
            #expect(env == [["name": "A", "value": "2"], ["name": "B", "value": "x"]])
            #expect(
                services(report).first { $0.name == "twice-env" }?.notes.contains {
                    $0.contains("the last value is used")
                } == true)
            let aliases = try pod("hosts-one-address")?["hostAliases"]
            #expect(
                aliases == [
                    ["ip": "10.0.0.1", "hostnames": ["db", "cache"]],
                    ["ip": "10.0.0.3", "hostnames": ["upper.example"]],
                ])
            let secret = try pod("env-and-secret")?["containers"]?.array?.first?["env"]?.array
            #expect(secret?.count == 1)
            #expect(secret?.first?["valueFrom"] != nil)
            // A second one finds all of it and nothing that differs.
            let again = try await recover(here, instance)
            #expect(services(again).filter { $0.outcome == .existing }.count == made.count)
            #expect(services(again).flatMap(\.differences).flatMap(\.lines) == [])
        }
    }

    // MARK: What is in others' hands

    @Test func `what was changed by hand stays, is shown by field, and is taken back only when asked for`()
        async throws
    {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance(holding: "a_single_nginx")
            _ = try await recover(here, instance)
            let key = "deployment/\(space)/single-task-nginx"
            try here.change { world in
                world.edit(k3d, key, [".spec", ".replicas"], 5)
                world.edit(
                    k3d, key, [".spec", ".template", ".spec", ".containers", "[0]", ".image"], "nginx:patched"
                )
                // Its Service is gone: only that is made anew.
                world.objects[k3d]?["service/\(space)/single-task-nginx"] = nil
            }
            let plan = try await recover(here, instance, RecoverRequest(dryRun: true))
            let fields = services(plan).flatMap(\.differences).flatMap(\.fields).map(\.field).sorted()
            #expect(fields.count == 2, "\(fields)")
            #expect(fields.first == "spec.replicas")
            #expect(fields.last?.hasSuffix(".image") == true)
            let report = try await recover(here, instance)
            #expect(services(report).map(\.outcome) == [.recovered])
            #expect(try here.workloads(k3d) == ["single-task-nginx": 5])
            #expect(try here.world().objects[k3d]?["service/\(space)/single-task-nginx"] != nil)
            let left = try await recover(here, instance)
            #expect(services(left).map(\.outcome) == [.existing])
            #expect(services(left).first?.reason?.contains("differs in 2 fields") == true)
            #expect(try here.workloads(k3d) == ["single-task-nginx": 5])

            let taken = try await recover(here, instance, RecoverRequest(overwrite: true))
            #expect(services(taken).map(\.outcome) == [.recovered])
            #expect(try here.workloads(k3d) == ["single-task-nginx": 1])
            #expect(try await recover(here, instance).outcome == .already)
        }
    }

    @Test func `a field that somebody takes in between is that object's refusal, and nobody else's`()
        async throws
    {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance(holding: "a_single_nginx")
            _ = try await recover(here, instance)
            let kubectl = try OwnCluster(instance, machine: here.machine, named: k3d).kubectl
            let key = "deployment/\(space)/single-task-nginx"
            let before = try #require(try here.world().objects[k3d]?[key])
            try here.change { $0.edit(k3d, key, [".spec", ".replicas"], 5) }
            let manifest: JSONValue = [
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": before["metadata"].map {
                    ["name": $0["name"] ?? "", "namespace": $0["namespace"] ?? ""]
                } ?? [:],
                "spec": [
                    "replicas": 1, "selector": before["spec"]?["selector"] ?? [:],
                    "template": before["spec"]?["template"] ?? [:],
                ],
            ]
            let answer = try await kubectl.apply([manifest], forced: false)
            #expect(
                answer.complaint?.contains("conflict with \"kubectl\" using apps/v1: .spec.replicas") == true,
                "\(answer)")
            #expect(try await kubectl.apply([manifest], forced: true).complaint == nil)
        }
    }

    private static let foreign = [
        "ingress", "cronjob", "role", "rolebinding", "horizontalpodautoscaler", "networkpolicy",
        "poddisruptionbudget", "resourcequota", "persistentvolumeclaim", "statefulset", "secret", "widget",
    ]

    @Test(arguments: foreign)
    func `a foreign object in a recovered namespace survives an undo, and it is said why`(
        kind: String
    ) async throws {
        try await StandInWorld.with(World(customResources: ["widgets.example.com"])) {
            (here: StandInWorld) async throws in
            let instance = try here.instance(holding: "a_single_nginx")
            _ = try await recover(here, instance)
            let key = "\(kind)/\(space)/mine"
            try here.change { world in
                world.objects[k3d]?[key] = [
                    "kind": .string(kind), "metadata": ["name": "mine", "namespace": .string(space)],
                ]
            }
            let report = try await undo(here, instance)
            let left = try here.world().objects[k3d]?.keys.sorted() ?? []
            #expect(left.contains(key))
            #expect(left.contains("namespace//\(space)"))
            #expect(!left.contains { $0.hasPrefix("deployment/") || $0.hasPrefix("service/") })
            #expect(report.kept.count == 1)
            #expect(report.kept.first?.contains("\(kind) mine") == true, "\(report.kept)")
        }
    }

    @Test func `kinds that cannot be asked for keep the namespace`() async throws {
        try await StandInWorld.with(
            World(faults: [Fault(call: "kubectl api-resources", kind: "fail", times: nil)])
        ) {
            (here: StandInWorld) async throws in
            let instance = try here.instance(holding: "a_single_nginx")
            _ = try await recover(here, instance)
            let failure = await #expect(throws: Failure.self) { _ = try await undo(here, instance) }
            #expect(failure?.kind == .unreachable)
            #expect(try here.world().objects[k3d]?["namespace//\(space)"] != nil)
            #expect(try instance.folder.recovery.isPresent)
        }
    }

    @Test func `what a finalizer holds is told, and the undo can be repeated`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance(holding: "a_single_nginx")
            _ = try await recover(here, instance)
            let key = "deployment/\(space)/single-task-nginx"
            try here.change { $0.edit(k3d, key, [".metadata", ".finalizers"], ["example.com/hold"]) }
            let failure = await #expect(throws: Failure.self) { _ = try await undo(here, instance) }
            #expect(failure?.cause?.contains("timed out waiting") == true)
            try here.change { $0.edit(k3d, key, [".metadata", ".finalizers"], []) }
            _ = try await undo(here, instance)
            #expect(try here.world().objects[k3d]?.keys.contains(key) == false)
        }
    }

    // MARK: One recovery

    @Test func `an API that is gone for a while leaves one recovery, which is resumed and taken back as one`()
        async throws
    {
        try await StandInWorld.with(
            World(faults: [Fault(call: "kubectl apply", kind: "die", after: 1, at: "2")])
        ) { (here: StandInWorld) async throws in
            let instance = try here.instance(holding: "c_mixed_edge_cases")
            let before = try StateDatabase.open(try instance.databaseFile(), .readOnly).allRecords()
            try here.change {
                $0.faults.append(Fault(call: "kubectl get --raw", kind: "fail", after: 1, times: 1))
            }
            let first = try await recover(here, instance)
            #expect(first.isUnfinished)
            let second = try await recover(here, instance, RecoverRequest(resume: true, limit: .seconds(30)))
            #expect(second.recovery == first.recovery)
            #expect(!second.isUnfinished)
            _ = try await undo(here, instance)
            let left = try here.world().objects[k3d]?.keys.filter { !$0.hasPrefix("node/") }.sorted()
            #expect(left == ["namespace//default", "namespace//kube-system"])
            var after = try StateDatabase.open(try instance.databaseFile(), .readOnly).allRecords()
            for index in after.services.indices {
                after.services[index].updatedAt = before.services[index].updatedAt
            }
            for index in after.clusters.indices {
                after.clusters[index].updatedAt = before.clusters[index].updatedAt
            }
            for index in after.taskSets.indices {
                after.taskSets[index].updatedAt = before.taskSets[index].updatedAt
            }
            #expect(after == before)
        }
    }

    @Test func `a bound on the whole ends in a report, and in a recovery that goes on`() async throws {
        try await StandInWorld.with(World(podTroubles: ["single-task-nginx": "Unready"])) {
            (here: StandInWorld) async throws in
            let instance = try here.instance(holding: "a_single_nginx")
            var machine = here.machine
            machine.clock = ManualClock()
            let site = Site(
                machine: machine, home: here.site.home, tool: here.site.tool, runtime: here.site.runtime)
            let report = try await RecoverInstance(
                site: site, ground: RecoverGround(instance, machine: machine), log: { _ in }
            ).run(instance, RecoverRequest(limit: .seconds(300), whole: .seconds(60)))
            #expect(report.outcome == .partial)
            #expect(report.isUnfinished)
            let reason = services(report).first?.reason ?? ""
            #expect(reason.contains("Unhealthy: Readiness probe failed"), "\(reason)")
            #expect(reason.contains("when the time that was given had passed"))
            #expect(try RecoveryRecord.read(instance.folder.recovery)?.finishedAt == nil)
            try here.change { $0.podTroubles = [:] }
            let second = try await recover(here, instance, RecoverRequest(resume: true))
            #expect(second.recovery == report.recovery)
            #expect(services(second).map(\.outcome) == [.recovered])
        }
    }

    @Test func `a bound on the command ends with 15, a report and the two ways on`() async throws {
        try await StandInWorld.with(World(podTroubles: ["webapp": "Unready"])) {
            (here: StandInWorld) async throws in
            _ = try here.instance(holding: "b_multi_container_alb")
            #expect(try await here.kecsctl("recover", "dev", "--no-wait").status == 0)
            let key = "deployment/multi-container-alb-us-east-1/webapp"
            try here.change { $0.objects[k3d]?[key] = nil }
            let answer = try await here.kecsctl("recover", "dev", "--timeout", "20s")
            #expect(answer.status == 15, "\(answer.errors)")
            #expect(answer.output.contains("webapp failed: "), "\(answer.output)")
            #expect(answer.output.contains("kecsctl recover dev --resume"))
            #expect(answer.output.contains("kecsctl recover dev --undo"))
            #expect(!answer.errors.contains("nothing half-done is left"))
        }
    }

    // MARK: Reasons

    @Test(arguments: [
        ("ImagePullBackOff", "ImagePullBackOff: Back-off pulling image"),
        ("CrashLoopBackOff", "CrashLoopBackOff: container nginx ended with 3 (Error): no such table: users"),
        ("FailedMount", "FailedMount: MountVolume.SetUp failed"), ("FailedCreate", "FailedCreate: pods"),
        ("CreateContainerConfigError", "CreateContainerConfigError: secret"),
        ("InvalidImageName", "InvalidImageName"),
        ("FailedScheduling", "FailedScheduling: 0/1 nodes are available"),
    ])
    func `what does not come up is told with its own reason, without waiting for it`(
        trouble: String, reason: String
    ) async throws {
        try await StandInWorld.with(World(podTroubles: ["single-task-nginx": trouble])) {
            (here: StandInWorld) async throws in
            let instance = try here.instance(holding: "a_single_nginx")
            var request = RecoverRequest(limit: .seconds(3600))
            request.patience = .zero
            let report = try await recover(here, instance, request)
            let told = try #require(services(report).first)
            #expect(told.outcome == .failed)
            #expect(told.reason?.contains(reason) == true, "\(told.reason ?? "")")
            #expect(told.reason?.contains("of 1 are available") == true)
            #expect(report.clusters.first?.outcome == .recovered)
        }
    }

    @Test func `the recorded pods are read as what they are`() throws {
        let file = FilePath(#filePath).removingLastComponent().removingLastComponent()
            .appending("Fixtures/k3d-5.9/K90-pods-image-pull-backoff/stdout")
        let pods =
            try JSONValue(parsing: String(decoding: try file.contents(), as: UTF8.self))["items"]?.array ?? []
        let set: JSONValue = [
            "kind": "ReplicaSet",
            "metadata": [
                "name": "noimg-6fd7d75d64", "ownerReferences": [["kind": "Deployment", "name": "noimg"]],
            ],
        ]
        let found = KubectlObstacles(namespace: "default", found: pods + [set]).byWorkload()
        let pull = found[KubernetesObject.ID("Deployment", "default", "noimg")]
        #expect(pull?.why.hasPrefix("ErrImagePull: failed to pull and unpack image") == true)
        #expect(pull?.certainty == .lasting)
        let crash = found[KubernetesObject.ID("Pod", "default", "crash")]
        #expect(crash == RolloutObstacle("container crash ended with 3 (Error)", .none))
    }

    @Test func `of twelve that fail each has its own reason in JSON, and the table shows ten`() async throws {
        let names = (1...12).map { "single-task-nginx\($0)" }
        try await StandInWorld.with(
            World(podTroubles: Dictionary(uniqueKeysWithValues: names.map { ($0, "ImagePullBackOff") }))
        ) { (here: StandInWorld) async throws in
            let instance = try here.instance(holding: "a_single_nginx")
            let state = try StateDatabase.open(try instance.databaseFile())
            try state.database.execute(
                """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12)
                INSERT INTO services (id, arn, service_name, cluster_arn, task_definition_arn, desired_count, launch_type,
                    status, scheduling_strategy, region, account_id, created_at, updated_at)
                SELECT id || i, arn || i, service_name || i, cluster_arn, task_definition_arn, desired_count, launch_type,
                    status, scheduling_strategy, region, account_id, created_at, updated_at FROM services, n
                """)
            let answer = try await here.kecsctl("recover", "dev")
            #expect(answer.status == 3)
            let shown = answer.output.split(separator: "\n").filter {
                $0.contains("failed: ImagePullBackOff")
            }
            #expect(shown.count == 10, "\(answer.output)")
            #expect(answer.output.contains("2 more services failed"))
            let json = try await here.kecsctl("recover", "dev", "--overwrite", "-o", "json")
            #expect(try json.first()["outcome"] == "already")
        }
    }

    // MARK: Names and numbers

    @Test func `two services that would be one object are told, and the first has it`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance(holding: "c_mixed_edge_cases")
            let database = try StateDatabase.open(try instance.databaseFile()).database
            try database.execute(
                "UPDATE services SET service_name = 'webapp-service-ts-1b2c3d4e' WHERE service_name = 'backend-api-service'"
            )
            let report = try await recover(here, instance)
            let failed = services(report).filter { $0.outcome == .failed && $0.name != "broken-service" }
            #expect(failed.count == 1)
            #expect(
                failed.first?.reason?.contains("would be that of the service default/") == true, "\(failed)")
        }
    }

    @Test func `tasks and services that stay away are all listed, whatever became of their cluster`()
        async throws
    {
        try await StandInWorld.with(World(missingImages: ["rancher/k3s:v1.31.4-k3s1"])) {
            (here: StandInWorld) async throws in
            let instance = try here.instance(holding: "c_mixed_edge_cases")
            let database = try StateDatabase.open(try instance.databaseFile()).database
            try database.execute(
                """
                UPDATE services SET deployment_controller = '{"type":"EXTERNAL"}' WHERE service_name = 'backend-api-service'
                """)
            let answer = try await here.kecsctl("recover", "dev", "-o", "json")
            let away = try answer.first()["notRecovered"]
            #expect(away?["tasks"]?.array?.count == 2, "\(answer.output)\(answer.errors)")
            #expect(away?["external"] == ["default/backend-api-service"])
        }
    }

    @Test func `a plan says how long it takes`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let report = try await recover(
                here, try here.instance(holding: "a_single_nginx"), RecoverRequest(dryRun: true))
            #expect(report.estimatedSeconds ?? 0 > 20)
        }
    }

    @Test func `a database of a newer schema, or of somebody else, is told as that`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try here.instance(holding: "a_single_nginx")
            let database = try SQLiteDatabase(try instance.databaseFile(), .readWrite)
            for (pragma, words) in [
                ("PRAGMA user_version = 7777", "newer schema"),
                ("PRAGMA application_id = 1262699331", "another program's"),
            ] {
                try database.execute(pragma)
                let answer = try await here.kecsctl("recover", "dev")
                #expect(answer.status == 1)
                #expect(answer.errors.contains(words), "\(answer.errors)")
                #expect(!answer.errors.contains("unforeseen"))
            }
            #expect(try here.changes() == [])
        }
    }
}
