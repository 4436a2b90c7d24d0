// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSQLite
import KecsState
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import standin

/// `kecsctl recover` from its words to its exit status, with each of the sample states.
@Suite(.serialized) struct RecoverCommandTests {
    private let k3d = "kecs-brave-lovelace"

    private func outcomes(_ result: JSONValue) -> [String] {
        (result["clusters"]?.array ?? []).flatMap { cluster -> [String] in
            let own = "\(cluster["name"]?.string ?? "") \(cluster["outcome"]?.string ?? "")"
            return [own]
                + (cluster["services"]?.array ?? []).map { service in
                    let name = service["taskSet"]?.string ?? service["name"]?.string ?? ""
                    let why = service["reason"]?.string.map { ": \($0)" } ?? ""
                    return "  \(name) \(service["outcome"]?.string ?? "")\(why)"
                }
        }
    }

    private func keys(_ here: StandInWorld, _ kind: String) throws -> [String] {
        (try here.world().objects[k3d] ?? [:]).keys.filter { $0.hasPrefix("\(kind)/") }
            .map { String($0.dropFirst(kind.count + 1)) }.sorted()
    }

    @Test func `the smallest sample comes back whole`() async throws {
        try await StandInWorld.with { here in
            _ = try here.instance(holding: "a_single_nginx")
            let answer = try await here.kecsctl("recover", "dev", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            let result = try answer.first()
            #expect(result["outcome"] == "done")
            #expect(outcomes(result) == ["single-task-nginx recovered", "  single-task-nginx recovered"])
            #expect(
                try keys(here, "namespace") == ["/default", "/kube-system", "/single-task-nginx-us-east-1"])
            #expect(try here.workloads(k3d) == ["single-task-nginx": 1])
            #expect(try keys(here, "service") == ["single-task-nginx-us-east-1/single-task-nginx"])
            // The task of a service is the Deployment's business.
            #expect(try keys(here, "pod") == [])
            #expect(answer.errors.contains("State recovery summary: 1 recovered, 0 skipped, 0 failed\n"))
            #expect(answer.errors.contains("State recovery completed\n"))
            let made = try here.calls().filter {
                $0.hasPrefix("k3d cluster create") || $0.hasPrefix("kubectl")
            }
            .map { $0.split(separator: " ").prefix(3).joined(separator: " ") }
            // The API is ready before its first object, the namespace before what is in it.
            #expect(made.first == "k3d cluster create")
            #expect(made.dropFirst().first == "kubectl get --raw")
            #expect(made.filter { $0.hasPrefix("kubectl apply") }.count == 2)
            let changes = try here.changes()
            let again = try await here.kecsctl("recover", "dev", "-o", "json")
            #expect(again.status == 0)
            #expect(try again.first()["outcome"] == "already")
            #expect(try here.changes() == changes)
        }
    }

    @Test func `when k3d cannot say what there is, the status is 14 and nothing is changed`() async throws {
        try await StandInWorld.with(World(docker: "down")) { here in
            _ = try here.instance(holding: "c_mixed_edge_cases")
            let answer = try await here.kecsctl("recover", "dev", "-o", "json")
            #expect(answer.status == 14, "\(answer.errors)")
            #expect(try here.changes() == [])
            #expect(try await here.kecsctl("recover", "dev", "--resume").status == 14)
            #expect(try here.changes() == [])
        }
    }

    @Test func `critical services are up before the next ones are begun`() async throws {
        try await StandInWorld.with(World(rolloutQuestions: 1)) { here in
            let instance = try here.instance(holding: "b_multi_container_alb")
            let database = try StateDatabase.open(try instance.databaseFile()).database
            try database.execute(
                """
                INSERT INTO services (id, arn, service_name, cluster_arn, task_definition_arn, desired_count, launch_type,
                    status, scheduling_strategy, tags, region, account_id, created_at, updated_at)
                SELECT id || 'x', arn || 'x', 'zz-database', cluster_arn, task_definition_arn, 1, launch_type, status,
                    scheduling_strategy, '[{"key":"kecsctl.dev/recovery-priority","value":"0"}]', region, account_id,
                    created_at, updated_at FROM services
                """)
            let answer = try await here.kecsctl("recover", "dev")
            #expect(answer.status == 0, "\(answer.errors)")
            let lines = answer.errors.split(separator: "\n").filter { $0.contains("service ") }
                .map { $0.replacing("kecsctl: notice: ", with: "") }
            #expect(
                lines == [
                    "Recovering service zz-database in cluster multi-container-alb...",
                    "Successfully recovered service zz-database",
                    "Recovering service webapp in cluster multi-container-alb...",
                    "Successfully recovered service webapp",
                ])
        }
    }

    @Test func `the sample behind a load balancer comes back whole`() async throws {
        try await StandInWorld.with { here in
            _ = try here.instance(holding: "b_multi_container_alb")
            let answer = try await here.kecsctl("recover", "dev", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(
                outcomes(try answer.first()) == ["multi-container-alb recovered", "  webapp recovered"])
            #expect(try here.workloads(k3d) == ["webapp": 3])
            #expect(try keys(here, "service") == ["multi-container-alb-us-east-1/webapp"])
            #expect(try keys(here, "pod") == [])
            let webapp = try here.world().objects[k3d]?["deployment/multi-container-alb-us-east-1/webapp"]
            #expect(webapp?["spec"]?["template"]?["spec"]?["containers"]?.array?.count == 2)
            #expect(webapp?["spec"]?["template"]?["spec"]?["initContainers"]?.array?.count == 1)
        }
    }

    @Test func `the sample with every edge case comes back as far as it can, with status 3`() async throws {
        try await StandInWorld.with { here in
            _ = try here.instance(holding: "c_mixed_edge_cases")
            let plan = try await here.kecsctl("recover", "dev", "-n", "-o", "json")
            #expect(plan.status == 0, "\(plan.errors)")
            #expect(try plan.first()["outcome"] == "planned")
            #expect(try here.changes() == [])

            let answer = try await here.kecsctl("recover", "dev", "-o", "json")
            #expect(answer.status == 3, "\(answer.errors)")
            let result = try answer.first()
            #expect(result["outcome"] == "partial")
            let lines = outcomes(result)
            #expect(
                lines.filter { !$0.hasPrefix("  ") } == [
                    "default recovered", "no-k8s skipped", "retired skipped",
                ])
            let services = lines.filter { $0.hasPrefix("  ") }.map { $0.dropFirst(2) }
            #expect(
                services.filter { !$0.contains("secret") } == [
                    "agent-daemon skipped: it was being drained",
                    "broken-service failed: task definition missing-family:7 is missing",
                    "old-service skipped: its status is INACTIVE", "ts-1b2c3d4e recovered",
                    "ts-5f6a7b8c recovered",
                ])
            let secrets = [
                "sm-myapp-prod-db password", "sm-myapp-prod-jwt value", "ssm-myapp-prod-database-url value",
            ].map { "default-us-east-1/\($0)" }.joined(separator: ", ")
            #expect(
                services.filter { $0.contains("secret") } == [
                    "backend-api-service recovered: it waits for the secret \(secrets)",
                    "service-with-secrets recovered: it waits for the secret \(secrets)",
                ])
            #expect(
                try here.workloads(k3d) == [
                    "service-with-secrets": 2, "backend-api-service": 0, "webapp-service-ts-1b2c3d4e": 2,
                    "webapp-service-ts-5f6a7b8c": 1,
                ])
            #expect(try keys(here, "namespace") == ["/default", "/default-us-east-1", "/kube-system"])
            // Of three standalone tasks two ran.
            #expect(
                try keys(here, "pod") == [
                    "default-us-east-1/task-2232b5829dc71803b8c8f26061dd7550",
                    "default-us-east-1/task-legacy",
                ])
            #expect(result["tasks"]?.array?.count == 2)
            #expect(result["notRecovered"]?["tasks"] == [])
            #expect(result["notRecovered"]?["secrets"]?.array?.count == 3)
            #expect(answer.errors.contains("State recovery summary: 1 recovered, 2 skipped, 0 failed\n"))

            let again = try await here.kecsctl("recover", "dev", "-n", "-o", "json")
            #expect(outcomes(try again.first()).contains { $0.hasSuffix("planned") } == false)
        }
    }

    @Test func `those who asked are told when a recovery starts and ends`() async throws {
        try await StandInWorld.with { here in
            _ = try here.instance(holding: "a_single_nginx")
            try here.home.tools.add("tell", "cat >>\"$FAKES/told\"; echo >>\"$FAKES/told\"")
            let settings =
                #"{"notify":{"command":{"argv":["tell"],"on":["recover.started","recover.finished"]}}}"#
            try here.home.kecs.appending("kecsctl.json").replaceContents(Array(settings.utf8))
            #expect(try await here.kecsctl("recover", "dev", "--dry-run").status == 0)
            let told = here.home.tools.folder.appending("told")
            #expect(try !told.isPresent)
            let answer = try await here.kecsctl("recover", "dev")
            #expect(answer.status == 0, "\(answer.errors)")
            let text = String(decoding: try told.contents(), as: UTF8.self)
            let notes = try text.split(separator: "\n}\n").filter { $0.contains("{") }.map {
                try JSONValue(parsing: $0 + "\n}")
            }
            #expect(notes.map { $0["event"] } == ["recover.started", "recover.finished"])
            #expect(notes.first?["run"] == notes.last?["run"])
            #expect(notes.first?["result"]?["clusters"] == 1)
            #expect(notes.last?["result"]?["summary"]?["recovered"] == 1)
            #expect(notes.last?["status"] == 0)
        }
    }
}
