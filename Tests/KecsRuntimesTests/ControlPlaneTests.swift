// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import KecsRuntimes

@Suite struct ControlPlaneTests {
    private var manifests: ControlPlaneManifests {
        ControlPlaneManifests(
            image: "ghcr.io/nandemo-ya/kecs:v1", dataFolder: "/home/u/.kecs/instances/dev/data",
            owner: (1000, 1000),
            apiNodePort: 30_080, adminNodePort: 30_081, instance: "dev", node: "k3d-kecs-dev-server-0")
    }

    private static let golden = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .appending("Fixtures/kecs/golden/control-plane.json")

    @Test func `the manifests are the ones that were looked at`() throws {
        let golden = try JSONValue(parsing: String(decoding: try Self.golden.contents(), as: UTF8.self))
        #expect(golden == .array(manifests.objects))
    }

    @Test func `a folder that is not the bound one is never made, and the data's owner writes it`() {
        let server = manifests.objects.first { $0["kind"] == "Deployment" }
        let pod = server?["spec"]?["template"]?["spec"]
        #expect(pod?["volumes"]?.array?.last?["hostPath"]?["type"] == "Directory")
        #expect(pod?["securityContext"] == ["runAsUser": 1000, "runAsGroup": 1000])
        #expect(server?["spec"]?["strategy"] == ["type": "Recreate"])
    }

    // MARK: Components

    private static let allComponents = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .appending("Fixtures/kecs/golden/control-plane-components.json")

    @Test func `the components are the ones that were looked at`() throws {
        var all = manifests
        all.components = Set(Component.allCases)
        let text = try Self.allComponents.contents()
        #expect(try JSONValue(parsing: String(decoding: text, as: UTF8.self)) == .array(all.objects))
    }

    @Test func `upstream's image gets the database that it needs, another one nothing`() throws {
        func chosen(_ text: String?, _ image: String) throws -> Set<Component> {
            try Component.chosen(text, image: image, instance: "dev")
        }
        #expect(try chosen(nil, "ghcr.io/nandemo-ya/kecs:latest") == [.postgres])
        #expect(try chosen(nil, "ghcr.io/nandemo-ya/kecs@sha256:ab") == [.postgres])
        #expect(try chosen(nil, "ghcr.io/nandemo-ya/kecs-lite:1") == [])
        #expect(try chosen(nil, "kecs-test:1") == [])
        #expect(try chosen("none", "ghcr.io/nandemo-ya/kecs:latest") == [])
        #expect(try chosen("traefik, localstack", "x") == [.traefik, .localstack])
        for bad in ["redis", "traefik,", "none,traefik"] {
            #expect(throws: Failure.self) { try chosen(bad, "x") }
        }
    }

    @Test func `a database of upstream's goes on as its user, a new one is the data's owner's`() throws {
        let new = ControlPlaneManifests.postgresImage(existing: nil, owner: (1000, 1001))
        #expect(new == ("postgres:16", 1000, 1001))
        let theirs = ControlPlaneManifests.postgresImage(existing: 70, owner: (1000, 1001))
        #expect(theirs == ("postgres:16-alpine", 70, 70))
        try withTemporaryFolder { data in
            let owner = (Machine.userID, Machine.groupID)
            #expect(try ControlPlaneManifests.preparePostgres(in: data, owner: owner) == nil)
            try data.appending("postgres/pgdata").createFolder()
            #expect(try ControlPlaneManifests.preparePostgres(in: data, owner: owner) == Machine.userID)
        }
    }

    // MARK: Health

    @Test(arguments: [
        (200, "{\"status\":\"ok\"}"), (200, "{\"status\":\"healthy\",\"persistence\":{\"status\":\"ok\"}}"),
        (204, ""),
    ])
    func `a control plane that says so is healthy`(status: Int, body: String) {
        #expect(ControlPlaneHealth(status: status, body: Array(body.utf8)) == .healthy)
    }

    @Test(arguments: [
        (503, "{\"status\":\"ok\"}"), (200, "{\"status\":\"degraded\"}"),
        (200, "{\"status\":\"ok\",\"persistence\":{\"status\":\"readonly\"}}"),
    ])
    func `one that says otherwise is not`(status: Int, body: String) {
        #expect(ControlPlaneHealth(status: status, body: Array(body.utf8)) != .healthy)
    }

    // MARK: Rollouts

    private func deployment(generation: Int64, observed: Int64, updated: Int64, available: Int64) -> JSONValue
    {
        [
            "kind": "Deployment", "metadata": ["generation": .integer(generation)], "spec": ["replicas": 2],
            "status": [
                "observedGeneration": .integer(observed), "updatedReplicas": .integer(updated),
                "availableReplicas": .integer(available),
            ],
        ]
    }

    @Test func `a status from before the last change proves nothing`() {
        #expect(Rollout(of: deployment(generation: 2, observed: 2, updated: 2, available: 2)) == .complete)
        #expect(Rollout(of: deployment(generation: 3, observed: 2, updated: 2, available: 2)) != .complete)
        #expect(
            Rollout(of: deployment(generation: 2, observed: 2, updated: 2, available: 1))
                == .waiting("1 of 2 are available"))
        #expect(
            Rollout(of: deployment(generation: 2, observed: 2, updated: 1, available: 2))
                == .waiting("1 of 2 are available"))
    }

    @Test func `nothing wanted is complete, and one that gave up is told`() {
        #expect(Rollout(of: ["kind": "Deployment", "spec": ["replicas": 0]]) == .complete)
        #expect(
            Rollout(of: [
                "kind": "Deployment",
                "status": [
                    "conditions": [
                        ["type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "late"]
                    ]
                ],
            ]) == .failed("late"))
    }
}
