// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import standin

extension OnDocker {
    /// The state of a cluster's k3s. k3d and kubectl are the stand-ins; the node is a container on a real engine, which
    /// opens its state only as k3s would.
    @Suite struct K3sStateTests {
        @Test func `a cluster comes back from a backup with its token, its node and its rows`() async throws {
            try await K3sScene.with { scene in
                try await scene.start()
                #expect(try await scene.isUp())
                let argument = try scene.calls("k3d").filter { $0.contains("create") }.joined()
                #expect(argument.contains("kecs-dev-k3s:/var/lib/rancher/k3s/server@server:0"), "\(argument)")
                let record = try JSONFile.read(
                    JSONValue.self, from: scene.instance.appending("k3s-state.json"))
                let token = try #require(record["token"]?.string)
                #expect(!argument.contains(token))

                // While the node writes.
                let report = try await scene.must(["backup", "dev", "-o", "json"]).first()
                let parts = try #require(report["backup"]?["parts"]?.array)
                let state = try #require(parts.first { $0["name"] == "k3s-state" })
                #expect(parts.contains { $0["name"] == "k3s-node" })
                #expect(state["consistency"] == "live", "\(state)")
                guard case .integer(let captured)? = state["databases"]?.array?.first?["tables"]?["kine"]
                else {
                    Issue.record("\(state)")
                    return
                }
                // The 5,000, that of the node, and pairs.
                #expect(captured > 5_001 && captured % 2 == 1, "\(captured)")
                for file in ["token", "tls/server-ca.crt", "cred/passwd"] {
                    try await scene.must(["backups", "cat", "dev/latest", "k3s-state/\(file)"])
                }
                let files = try await scene.must(["backups", "ls", "dev/latest", "k3s-state/db"]).output
                #expect(files.contains("state.db") && !files.contains("state.db-"), "\(files)")

                // A new node on the volumes, which outlive the cluster.
                let before = try await scene.rows()
                try await scene.must(["stop", "dev"])
                #expect(try await scene.nodes().isEmpty)
                try await scene.must(["start", "dev"])
                #expect(try await scene.isUp())
                #expect(try await scene.rows() > before)

                // A new node on a machine without them: from the backup, before it starts first.
                let last = try await scene.rows()
                try await scene.must(["stop", "dev"])
                try await Engine.docker("volume", "rm", "kecs-dev-k3s", "kecs-dev-k3s-node")
                let lost = try await scene.kecsctl("start", "dev")
                #expect(
                    lost.status == 3 && lost.errors.contains("k3s-node, k3s-state are gone"), "\(lost.errors)"
                )
                try await scene.must(
                    ["restore", "dev", "--from", "latest", "--part", "k3s-state", "--part", "k3s-node"])
                #expect(try await scene.nodes().isEmpty)
                try await scene.must(["start", "dev"])
                #expect(try await scene.isUp())
                #expect(try await scene.rows() >= last)

                // And of an instance that is gone as a whole.
                try await scene.must(["destroy", "dev", "--yes"])
                #expect(try await Engine.docker("volume", "ls", "-q").contains("kecs-dev-k3s") == false)
                try await scene.must(["restore", "dev", "--from", "latest"])
                try await scene.must(["start", "dev"])
                #expect(try await scene.isUp())
                #expect(try await scene.rows() >= last)
                let now = try JSONFile.read(JSONValue.self, from: scene.instance.appending("k3s-state.json"))
                #expect(now["token"] == .string(token))
            }
        }

        @Test func `a restore replaces the state of a cluster that runs`() async throws {
            try await K3sScene.with { scene in
                try await scene.start()
                try await scene.must(["backup", "dev"])
                try await scene.sql("DELETE FROM kine WHERE name LIKE '/registry/configmaps/%'")
                try await scene.must(["restore", "dev", "--from", "latest", "--part", "k3s-state", "--yes"])
                #expect(try await scene.isUp())
                #expect(try await scene.rows("WHERE name LIKE '/registry/configmaps/%'") == 5_000)
            }
        }

        @Test func `what another k3s or another node wrote is refused before anything is touched`()
            async throws
        {
            try await K3sScene.with { scene in
                try await scene.start()
                try await scene.must(["backup", "dev"])
                try await scene.must(["stop", "dev"])
                try await scene.must(
                    ["config", "set", "k3sImage", "rancher/k3s:v1.32.1-k3s1", "--instance", "dev"])
                let newer = try await scene.kecsctl("start", "dev")
                #expect(newer.status == 64 && newer.errors.contains("another k3s"), "\(newer.errors)")
                #expect(
                    newer.errors.contains("config set k3sImage rancher/k3s:v1.31.4-k3s1"), "\(newer.errors)")
                let restore = try await scene.kecsctl(
                    "restore", "dev", "--from", "latest", "--part", "k3s-state")
                #expect(restore.status == 64 && restore.errors.contains("same minor"), "\(restore.errors)")
                try await scene.must([
                    "config", "set", "k3sImage", "rancher/k3s:v1.31.9-k3s1", "--instance", "dev",
                ])
                try await scene.must(["start", "dev"])
                let rename = try await scene.kecsctl("clone", "dev", "try")
                #expect(rename.status == 64 && rename.errors.contains("name of its node"), "\(rename.errors)")
                try await scene.must(["config", "set", "agents", "1", "--instance", "dev"])
                let agents = try await scene.kecsctl("backup", "dev")
                #expect(agents.status == 64 && agents.errors.contains("one node"), "\(agents.errors)")
                try await scene.must(["config", "set", "agents", "0", "--instance", "dev"])

                try await scene.must(["destroy", "dev", "--yes"])
                #expect(try await Engine.docker("volume", "ls", "-q").contains("kecs-dev-k3s") == false)
            }
        }

        @Test func `a cluster that was made without it is told, and a volume of somebody else is not taken`()
            async throws
        {
            try await K3sScene.with { scene in
                try await scene.must(["config", "set", "k3sState", "false"])
                try await scene.start()
                try await scene.must(["config", "set", "k3sState", "true"])
                try await Engine.docker("stop", "-t", "0", "k3d-kecs-dev-server-0")
                try await scene.must(["stop", "dev"])
                try await Engine.docker("volume", "create", "kecs-dev-k3s")
                let taken = try await scene.kecsctl("start", "dev")
                #expect(
                    taken.status == 11 && taken.errors.contains("belongs to something else"),
                    "\(taken.errors)")
                try await Engine.docker("volume", "rm", "kecs-dev-k3s")
                try await scene.must(["start", "dev"])
                #expect(try await scene.isUp())
            }
        }
    }
}

/// An instance whose k3d makes real containers beside the stand-in's world.
private struct K3sScene: Sendable {
    let root: FilePath
    let kecsctl: Kecsctl
    let ports: [String]

    var instance: FilePath { kecsctl.home.appending("instances/dev") }

    static func with(_ body: (K3sScene) async throws -> Void) async throws {
        try await DockerScene.with { docker in
            let fixture = FilePath(#filePath).removingLastComponent().removingLastComponent()
                .appending("Fixtures/k3s/build-image").string
            try await Engine.run(ProcessCall(fixture, "k3s-test:node"))
            let world = docker.root.appending("world")
            try world.createFolder()
            try World().write(to: world)
            let tools = try FakeTools(in: docker.root.appending("bin"))
            let standIn = Kecsctl.program.removingLastComponent().appending("standin")
            try tools.addStandIns(standIn, world: world)
            try tools.add("docker", "PATH=/usr/local/bin:/usr/bin:/bin exec docker \"$@\"")
            try tools.add("k3d", script("'\(standIn)' '\(world)'"))
            var kecsctl = docker.kecsctl
            kecsctl.environment["PATH"] = "\(tools.folder):/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            let scene = K3sScene(root: docker.root, kecsctl: kecsctl, ports: docker.ports)
            _ = try await kecsctl("list")
            try await scene.must(["config", "set", "k3sState", "true"])
            try await body(scene)
            let unexpected = try World.read(from: world).unexpected
            #expect(unexpected.isEmpty, "\(unexpected)")
        }
    }

    func start() async throws {
        try await must(["start", "dev", "--runtime", "k3d", "--health-url", "none"] + ports)
    }

    @discardableResult
    func must(_ words: [String], at place: SourceLocation = #_sourceLocation) async throws -> Kecsctl.Answer {
        let answer = try await kecsctl.run(words)
        try #require(answer.status == 0, "\(words): \(answer.output)\(answer.errors)", sourceLocation: place)
        return answer
    }

    func calls(_ tool: String) throws -> [String] {
        try FakeTools(in: root.appending("bin")).calls().filter { $0.first == tool }
            .map { $0.joined(separator: " ") }
    }

    func nodes() async throws -> [Substring] {
        try await Engine.docker("ps", "--all", "--quiet", "--filter", "name=k3d-kecs-dev").split(
            separator: "\n")
    }

    /// The node has opened its state, and did not end over its token or its password.
    func isUp() async throws -> Bool {
        let hasOpened = try await SystemClock().wait(upTo: .seconds(60)) {
            try await Engine.docker("logs", "k3d-kecs-dev-server-0").contains("k3s is up and running")
        }
        let state = try await Engine.docker(
            "inspect", "--format", "{{.State.Status}} {{.RestartCount}}", "k3d-kecs-dev-server-0")
        return hasOpened && state.hasPrefix("running 0")
    }

    @discardableResult
    func sql(_ statement: String) async throws -> String {
        try await Engine.docker(
            "exec", "k3d-kecs-dev-server-0", "sqlite3", "-cmd", ".timeout 10000",
            "/var/lib/rancher/k3s/server/db/state.db", statement)
    }

    func rows(_ condition: String = "") async throws -> Int {
        Int(try await sql("SELECT count(*) FROM kine \(condition)").filter { !$0.isNewline }) ?? -1
    }

    /// The stand-in answers, and what it says is done on the engine.
    private static func script(_ standIn: String) -> String {
        """
        \(standIn) k3d "$@" || exit
        case "$1 $2" in
        "cluster create")
            name=$3
            set -- "$@"
            mounts= labels=
            while [ $# -gt 0 ]; do
                case $1 in
                --volume) mounts="$mounts -v ${2%@*}"; shift ;;
                --runtime-label) labels="$labels --label ${2%@*}"; shift ;;
                esac
                shift
            done
            common="--label app=k3d --label k3d.cluster=$name --restart no --network none"
            docker run -d --name k3d-$name-server-0 --label k3d.role=server $common $labels $mounts \\
                -e K3S_TOKEN="$K3D_TOKEN" -e NODE=k3d-$name-server-0 k3s-test:node >/dev/null
            docker run -d --name k3d-$name-serverlb --label k3d.role=loadbalancer $common \\
                --entrypoint /bin/sleep k3s-test:node infinity >/dev/null
            ;;
        "cluster start") docker start k3d-$3-server-0 k3d-$3-serverlb >/dev/null ;;
        "cluster stop") docker stop -t 0 k3d-$3-server-0 k3d-$3-serverlb >/dev/null ;;
        "cluster delete") docker rm -f -v k3d-$3-server-0 k3d-$3-serverlb >/dev/null 2>&1 || true ;;
        esac
        """
    }
}
