// SPDX-License-Identifier: Apache-2.0
import KecsSystem
@testable import KecsState
import Testing

@Suite struct RecoveryPlanTests {
    let records: StateRecords
    let nothing = ExistingObjects(k3dClusters: .known([:]))

    init() throws { records = try SampleState.c.records() }

    private func services(_ plan: RecoveryPlan) -> [String: RecoveryPlan.Decision] {
        let steps = plan.clusters.flatMap(\.services)
        return Dictionary(
            uniqueKeysWithValues: steps.map { ($0.taskSet.map { "\($0)" } ?? $0.name, $0.decision) })
    }

    @Test func `the sample with every edge case comes back as it should`() throws {
        let plan = RecoveryPlan(records, nothing)
        #expect(
            plan.k3dClusters == [
                RecoveryPlan.K3dStep(name: "kecs-brave-lovelace", action: .create, clusters: ["default"])
            ])
        #expect(plan.clusters.map(\.name) == ["default", "no-k8s", "retired"])
        #expect(
            plan.clusters.map(\.decision) == [
                .recover, .skip("it has no k3d cluster name"), .skip("its status is INACTIVE"),
            ])
        #expect(plan.clusters[0].namespace.id.name == "default-us-east-1")
        #expect(
            services(plan) == [
                "agent-daemon": .skip("it was being drained"), "backend-api-service": .recover,
                "broken-service": .fail("task definition missing-family:7 is missing"),
                "old-service": .skip("its status is INACTIVE"), "service-with-secrets": .recover,
                "ts-1b2c3d4e": .recover, "ts-5f6a7b8c": .recover,
            ])
        let deployments = plan.clusters[0].services.flatMap(\.objects).filter { $0.id.kind == "Deployment" }
        #expect(
            Dictionary(
                uniqueKeysWithValues: deployments.map { ($0.id.name, $0.manifest["spec"]?["replicas"]) }) == [
                    "service-with-secrets": 2, "backend-api-service": 0, "webapp-service-ts-1b2c3d4e": 2,
                    "webapp-service-ts-5f6a7b8c": 1,
                ])
        #expect(
            plan.clusters[0].tasks.map { "\($0.id.prefix(4)) \($0.decision)" } == [
                "2232 recover", "9e0e recover", "f3ca skip(\"its status is STOPPED\")",
            ])
        #expect(
            plan.clusters[0].tasks.flatMap(\.objects).map(\.id.description) == [
                "Pod default-us-east-1/task-2232b5829dc71803b8c8f26061dd7550",
                "Pod default-us-east-1/task-legacy",
            ])
        #expect(
            plan.secrets.map(\.name) == [
                "sm-myapp-prod-db", "sm-myapp-prod-jwt", "ssm-myapp-prod-database-url",
            ])
        #expect(!plan.isEmpty)
    }

    @Test func `what is there is left alone, and a plan for a whole instance is empty`() throws {
        let plan = RecoveryPlan(records, nothing)
        let objects = plan.clusters.flatMap { cluster in
            [cluster.namespace] + cluster.services.flatMap(\.objects) + cluster.tasks.flatMap(\.objects)
        }
        var there = Set(objects.map(\.id))
        func existing() -> ExistingObjects {
            ExistingObjects(
                k3dClusters: .known(["kecs-brave-lovelace": .running, "other": .stopped]),
                objects: ["kecs-brave-lovelace": .known(there)])
        }
        let again = RecoveryPlan(records, existing())
        #expect(again.isEmpty)
        #expect(again.k3dClusters.map(\.action) == [.reuse])
        #expect(services(again)["service-with-secrets"] == .exists)
        #expect(again.clusters[0].services.allSatisfy { $0.objects.isEmpty })

        // A crash in the middle: the Deployment is there, its Service is not.
        there.remove(KubernetesObject.ID("Service", "default-us-east-1", "webapp-service-ts-1b2c3d4e"))
        let orphan = RecoveryPlan(records, existing())
        #expect(services(orphan)["ts-1b2c3d4e"] == .recover)
        // What is there is left alone: only what is missing is made.
        #expect(
            orphan.clusters[0].services.flatMap(\.objects).map(\.id) == [
                KubernetesObject.ID("Service", "default-us-east-1", "webapp-service-ts-1b2c3d4e")
            ])
    }

    @Test func `what could not be found out creates nothing`() throws {
        let blind = RecoveryPlan(records, ExistingObjects(k3dClusters: .unknown("k3d cluster list: exit 1")))
        #expect(blind.isEmpty)
        #expect(blind.k3dClusters.map(\.action) == [.leave(why: "k3d cluster list: exit 1")])
        #expect(blind.clusters[0].decision == .unknown("k3d cluster list: exit 1"))
        #expect(services(blind)["service-with-secrets"] == .unknown("k3d cluster list: exit 1"))
        #expect(blind.clusters[0].services.allSatisfy { $0.objects.isEmpty })

        for objects in [[:], ["kecs-brave-lovelace": .unknown("no answer")]]
            as [[String: ExistingObjects.Answer<Set<KubernetesObject.ID>>]]
        {
            let mute = RecoveryPlan(
                records,
                ExistingObjects(k3dClusters: .known(["kecs-brave-lovelace": .running]), objects: objects))
            #expect(mute.isEmpty)
            #expect(mute.k3dClusters.map(\.action) == [.reuse])
            #expect(services(mute)["broken-service"] == .fail("task definition missing-family:7 is missing"))
        }
    }

    @Test func `a cluster that is stopped or broken is brought up, and what is in it is not guessed`() throws
    {
        for (state, action) in [
            (K3dClusterState.stopped, RecoveryPlan.K3dStep.Action.start),
            (.broken("it has no server"), .repair(why: "it has no server")),
        ] {
            let plan = RecoveryPlan(
                records, ExistingObjects(k3dClusters: .known(["kecs-brave-lovelace": state])))
            #expect(plan.k3dClusters.map(\.action) == [action])
            #expect(!plan.isEmpty)
            #expect(
                services(plan)["service-with-secrets"]
                    == .unknown("k3d cluster “kecs-brave-lovelace” does not run yet"))
            #expect(plan.clusters[0].services.allSatisfy { $0.objects.isEmpty })
        }
    }

    @Test func `clusters and services can be left out, and draining ones taken in`() throws {
        var policy = RecoveryPolicy()
        policy.skip = ["default/service-with-secrets"]
        policy.includesDraining = true
        policy.includesStandaloneTasks = false
        let plan = RecoveryPlan(records, nothing, policy)
        #expect(services(plan)["service-with-secrets"] == .skip("by request"))
        #expect(services(plan)["agent-daemon"] == .recover)
        #expect(plan.clusters[0].services.flatMap(\.objects).contains { $0.id.kind == "DaemonSet" })
        #expect(plan.clusters[0].tasks.allSatisfy { $0.decision == .skip("by request") })
        policy.only = ["retired"]
        #expect(
            RecoveryPlan(records, nothing, policy).clusters[0].decision == .skip("it was not requested"))
        policy.only = nil
        policy.skip = ["default"]
        let none = RecoveryPlan(records, nothing, policy)
        #expect(none.isEmpty && none.k3dClusters.isEmpty)
    }

    @Test func `services come back by their priority, then by name`() throws {
        var records = records
        let order = ["broken-service": "x", "backend-api-service": "5", "service-with-secrets": "0"]
        records.services = records.services.map { service in
            var service = service
            if let priority = order[service.serviceName] {
                service.tags = JSONText(#"[{"key":"kecsctl.dev/recovery-priority","value":"\#(priority)"}]"#)
            }
            return service
        }
        let steps = RecoveryPlan(records, nothing).clusters[0].services
        #expect(
            steps.map { "\($0.priority) \($0.name)" } == [
                "0 service-with-secrets", "5 backend-api-service", "100 agent-daemon", "100 broken-service",
                "100 old-service", "100 webapp-service", "100 webapp-service",
            ])
        #expect(
            steps.flatMap(\.notes).contains {
                $0.field == "tags" && $0.subject == "service default/broken-service"
            })
    }

    @Test func `a column that is no JSON fails its own service only`() throws {
        var records = records
        for index in records.services.indices
        where records.services[index].serviceName == "service-with-secrets" {
            records.services[index].networkConfiguration = JSONText("{")
        }
        let decisions = services(RecoveryPlan(records, nothing))
        #expect(decisions["service-with-secrets"] == .fail("no JSON at byte 1"))
        #expect(decisions["backend-api-service"] == .recover)
    }

    @Test func `an external service without task sets is skipped, and says why`() throws {
        var records = records
        records.taskSets = []
        #expect(
            services(RecoveryPlan(records, nothing))["webapp-service"]
                == .skip("its controller is EXTERNAL and it has no task sets"))
    }

    @Test func `several ECS clusters may live in one k3d cluster`() throws {
        var records = records
        for index in records.clusters.indices {
            records.clusters[index].status = "ACTIVE"
            records.clusters[index].k8sClusterName = "kecs-one"
        }
        let plan = RecoveryPlan(records, nothing)
        #expect(
            plan.k3dClusters == [
                RecoveryPlan.K3dStep(
                    name: "kecs-one", action: .create, clusters: ["default", "no-k8s", "retired"])
            ])
    }
}
