// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import KecsRuntimes

@Suite struct K3dTests {
    private static let fixtures = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .appending("Fixtures/k3d-5.9")

    private func recorded(_ name: String, _ stream: String = "stdout") throws -> [UInt8] {
        try Self.fixtures.appending(name).appending(stream).contents()
    }

    private func cluster(_ recording: String) throws -> K3dCluster {
        try #require(K3dCluster.list(from: try recorded(recording))?.first)
    }

    // MARK: Lists

    @Test func `the recorded clusters say what they are, whatever their counts are`() throws {
        #expect(try cluster("71c-cluster-list-running-json").condition == .running)
        #expect(try cluster("76d-list-stopped-json").condition == .stopped)
        // 1/1 servers, a load balancer: k3d shows it as any other.
        #expect(
            try cluster("92b2j-list-json").condition
                == .halfMade("k3d-sig-serverlb was created and never started"))
    }

    @Test func `no nodes are null, no clusters are an empty list, and words are neither`() throws {
        #expect(K3dCluster.list(from: try recorded("15-node-list-empty-json")) == [])
        #expect(K3dCluster.list(from: try recorded("09-cluster-list-empty-json")) == [])
        #expect(K3dCluster.list(from: Array("DEBU[0000] something\n[]".utf8)) == nil)
        #expect(K3dCluster.list(from: []) == nil)
    }

    @Test func `other mixtures of nodes are told apart`() throws {
        func cluster(_ nodes: [(String, String)]) -> K3dCluster {
            K3dCluster(
                name: "c",
                nodes: nodes.map { role, status in
                    .init(
                        name: "k3d-c-\(role)", role: role,
                        state: .init(running: status == "running" || status == "paused", status: status))
                })
        }
        #expect(cluster([("server", "running"), ("loadbalancer", "paused")]).condition == .paused)
        #expect(
            cluster([("server", "running"), ("loadbalancer", "exited")]).condition
                == .mixed("k3d-c-loadbalancer is exited"))
        #expect(cluster([("server", "running")]).condition == .mixed("it has no load balancer"))
        #expect(cluster([("loadbalancer", "running")]).condition == .halfMade("it has no server"))
        #expect(cluster([("server", "restarting"), ("loadbalancer", "running")]).condition != .running)
    }

    // MARK: Calls

    @Test func `calls are made with k3d's own variables removed and a kubeconfig of ours`() async throws {
        var call = ProcessCall("k3d", "cluster", "list", "-o", "json")
        call.environment = [
            "LOG_LEVEL": "warn", "LOG_COLORS": "0", "KUBECONFIG": "/i/kubeconfig", "K3D_IMAGE": nil,
        ]
        let processes = ScriptedProcesses([.call(call, output: "[]\n")])
        let machine = Machine(environment: ["K3D_IMAGE": "evil", "PATH": "/bin"], processes: processes)
        #expect(try await K3d(machine: machine, ownKubeconfig: "/i/kubeconfig").clusters() == [])
        processes.finish()
    }

    @Test(arguments: [
        "42-dockerdown-cluster-list-json", "60-noperm-cluster-list-json", "107b-list-while-down",
    ])
    func `a list that could not be made is unknown, never empty`(recording: String) async throws {
        let errors = String(decoding: try recorded(recording, "stderr"), as: UTF8.self)
        let processes = ScriptedProcesses([
            .call(ProcessCall("k3d", "cluster", "list", "-o", "json"), errors: errors, status: 1)
        ])
        let k3d = K3d(machine: Machine(environment: [:], processes: processes), ownKubeconfig: "/k")
        guard case .unknown = try await k3d.existence(of: "dev") else {
            Issue.record("it is known")
            return
        }
        processes.finish()
    }

    @Test func `a kubeconfig that binds to every address is one that can be connected to`() async throws {
        let text = String(decoding: try recorded("74-kubeconfig-get"), as: UTF8.self)
        let call = ProcessCall("k3d", "kubeconfig", "get", "one")
        let processes = ScriptedProcesses([
            .call(call, output: text), .call(call, output: "---\n", status: 1),
        ])
        let k3d = K3d(machine: Machine(environment: [:], processes: processes), ownKubeconfig: "/k")
        let kubeconfig = try #require(try await k3d.kubeconfig(of: "one"))
        #expect(
            String(decoding: kubeconfig, as: UTF8.self)
                == text.replacing("https://0.0.0.0", with: "https://127.0.0.1"))
        #expect(try await k3d.kubeconfig(of: "one") == nil)
        processes.finish()
    }

    @Test func `what k3d complains of is its first error, without its wrapping`() throws {
        let plain =
            "time=\"2026-11-21T02:01:45Z\" level=error msg=\"it \\\"fails\\\"\"\n"
            + "time=\"2026-11-21T02:01:45Z\" level=fatal msg=\"all changes have been rolled back!\"\n"
        let result = ProcessResult(end: .exited(1), errors: Array(plain.utf8))
        #expect(result.firstComplaint == "it \"fails\"")
    }

    // MARK: Create

    @Test func `a cluster is made with everything that decides about it`() {
        let request = K3dCreate(
            cluster: "kecs-dev", image: "rancher/k3s:v1", kubePort: 6550, folders: ["/d"],
            ports: [.init(host: 5373, node: 30_080)], instance: "uuid", phase: .seconds(120))
        #expect(
            request.arguments.joined(separator: " ") == """
                cluster create kecs-dev --image rancher/k3s:v1 --servers 1 --agents 0 --api-port 127.0.0.1:6550 \
                --volume /d:/d@server:0 --port 127.0.0.1:5373:30080@server:0:direct \
                --k3s-arg --disable=traefik@server:* --k3s-arg --disable=servicelb@server:* \
                --k3s-arg --disable=metrics-server@server:* --k3s-arg --disable-network-policy@server:* \
                --runtime-label kecsctl.instance=uuid@server:* --kubeconfig-update-default=false \
                --kubeconfig-switch-context=false --wait --timeout 120s
                """)
    }

    @Test func `node ports follow upstream's rule, and never collide`() {
        #expect(NodePort.pair(api: 5373, admin: 5374) == (30_080, 30_081))
        #expect(NodePort.pair(api: 8080, admin: 8081) == (30_080, 30_081))
        #expect(NodePort.pair(api: 30_500, admin: 31_000) == (30_500, 31_000))
        // Upstream makes 30080 of both, and 30443 is Traefik's.
        #expect(NodePort.pair(api: 5373, admin: 8080) == (30_080, 30_081))
        #expect(NodePort.pair(api: 8443, admin: 8444) == (30_444, 30_445))
        #expect(NodePort.pair(api: 32_767, admin: 32_767) == (32_767, 30_000))
    }

    @Test(arguments: ["", "-a", "a-", "A", "a.b", "a b", "ä", String(repeating: "a", count: 33)])
    func `names that k3d or docker would trip over are refused`(name: String) {
        #expect(!OwnCluster.isName(name))
    }

    @Test func `a cluster's name may have 32 characters`() {
        #expect(OwnCluster.isName(String(repeating: "a", count: 32)))
        #expect(OwnCluster.isName("kecs-0"))
    }
}
