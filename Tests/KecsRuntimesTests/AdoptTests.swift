// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import Kecs
import KecsState
import KecsBackups
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import standin

/// The guide's manual recovery: a cluster made by hand, the state connected with it, the services back in it.
@Suite struct AdoptTests {
    private let recorded = "kecs-brave-lovelace"
    private let mine = "kecs-mine"

    private func must(_ here: StandInWorld, _ words: String...) async throws -> Kecsctl.Answer {
        let answer = try await here.kecsctl.run(words)
        try #require(answer.status == 0, "\(words): \(answer.errors)")
        return answer
    }

    private func makeCluster(_ here: StandInWorld) async throws {
        let made = try await here.machine.processes.run(
            ProcessCall(
                "k3d", "cluster", "create", mine, "--servers", "1", "--agents", "0", "--api-port",
                "127.0.0.1:6999", "--timeout", "60s", "--kubeconfig-update-default=false", "--wait"))
        try #require(made.succeeded, "\(made.errorText)")
    }

    private func name(_ instance: Instance) throws -> String? {
        try StateDatabase.open(try instance.databaseFile(), .readOnly, cancellation: Cancellation())
            .allRecords().clusters[0].k8sClusterName
    }

    @Test func `services come back in the cluster that somebody made by hand`() async throws {
        try await StandInWorld.with { here in
            let instance = try here.instance(holding: "a_single_nginx")
            try await makeCluster(here)
            let before = try here.world().clusters
            let plan = try await must(here, "adopt", "dev", "single-task-nginx", mine, "--dry-run")
            #expect(plan.output.contains("would record “\(mine)”"), "\(plan)")
            #expect(try name(instance) == recorded)
            _ = try await must(here, "adopt", "dev", "single-task-nginx", mine)
            #expect(try name(instance) == mine)
            // Nothing was done to any cluster, and the state before is in a backup.
            #expect(try here.world().clusters.map(\.name) == before.map(\.name))
            #expect(try instance.backups.all().map(\.id.reason) == [BackupReason.beforeMigration])
            let again = try await must(here, "adopt", "dev", "single-task-nginx", mine)
            #expect(again.output.contains("already"), "\(again)")
            _ = try await must(here, "recover", "dev")
            #expect(try here.workloads(mine)["single-task-nginx"] != nil)
            #expect(try !here.world().clusters.contains { $0.name == recorded })
        }
    }

    @Test func `a name that is not there changes nothing, and the near one is named`() async throws {
        try await StandInWorld.with { here in
            let instance = try here.instance(holding: "a_single_nginx")
            try await makeCluster(here)
            let noCluster = try await here.kecsctl("adopt", "dev", "single-task-nginx", "kecs-min")
            #expect(noCluster.status == 10)
            #expect(noCluster.errors.contains("kecsctl adopt dev single-task-nginx \(mine)"), "\(noCluster)")
            let noRow = try await here.kecsctl("adopt", "dev", "nope", mine)
            #expect(noRow.status == 10)
            #expect(noRow.errors.contains("there are: single-task-nginx"), "\(noRow)")
            let few = try await here.kecsctl("adopt", "dev")
            #expect(few.status == 64, "\(few)")
            #expect(try name(instance) == recorded)
            #expect(try instance.backups.all().isEmpty)
        }
    }
}
