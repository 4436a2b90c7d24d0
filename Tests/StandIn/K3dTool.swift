// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage

struct K3dTool {
    let scene: Scene

    func run() -> Never {
        let environment = Scene.environment
        let known: Set = ["K3D_FIX_MOUNTS", "K3D_TOKEN"]
        if let name = environment.keys.first(where: { $0.hasPrefix("K3D_") && !known.contains($0) }) {
            scene.unexpected("the environment has \(name)")
        }
        let words = scene.arguments
        switch words.prefix(2).joined(separator: " ") {
        case "version -o": _exit(scene.replay("02-version-json"))
        case "cluster list": list(Options(words.dropFirst(2), scene: scene))
        case "cluster create": create(Options(words.dropFirst(2), scene: scene))
        case "cluster start": start(Options(words.dropFirst(2), scene: scene))
        case "cluster stop": stop(Options(words.dropFirst(2), scene: scene))
        case "cluster delete": delete(Options(words.dropFirst(2), scene: scene))
        case "kubeconfig get": kubeconfig(Options(words.dropFirst(2), scene: scene))
        default: scene.unexpected("unknown command")
        }
    }

    /// - Parameter recordings: The recordings of the answers with docker down, and with its socket forbidden.
    private func needDocker(_ down: String, _ forbidden: String, _ name: String = "") {
        switch scene.world.docker {
        case "down": _exit(scene.replay(down, names: [("down1", name)]))
        case "forbidden": _exit(scene.replay(forbidden, names: [("perm1", name)]))
        default: break
        }
    }

    // MARK: Asking

    private func list(_ given: Options) -> Never {
        var options = given
        guard options.value("-o") == "json" else { scene.unexpected("another form than JSON") }
        if options.next() != nil { scene.unexpected("a name") }
        options.end()
        needDocker("42-dockerdown-cluster-list-json", "60-noperm-cluster-list-json")
        let world = scene.world
        // Clusters with only a tools container left are not listed.
        let clusters = world.clusters.filter { cluster in
            nodes(of: cluster.name, in: world).contains { $0.labels["k3d.role"] != "noRole" }
        }
        let texts = clusters.map { describe($0, world) }
        scene.say("[\(texts.joined(separator: ","))]\n", to: 1)
        _exit(0)
    }

    private func nodes(of cluster: String, in world: World) -> [World.Container] {
        world.containers.filter { $0.labels["k3d.cluster"] == cluster }
    }

    /// Returns the recorded cluster "one" with the values of this cluster.
    private func describe(_ cluster: World.Cluster, _ world: World) -> String {
        let text = scene.recorded("71c-cluster-list-running-json").replacing(
            "k3d-one", with: "k3d-\(cluster.name)"
        )
        .replacing("\"one\"", with: "\"\(cluster.name)\"").replacing("43991", with: "\(cluster.kubePort)")
        guard
            let list = try? JSONValue(parsing: text),
            case .object(var fields)? = list.array?.first, let recorded = fields["nodes"]?.array
        else { scene.unexpected("the recording is broken") }
        var described: [JSONValue] = []
        var running = 0
        for node in nodes(of: cluster.name, in: world) where node.labels["k3d.role"] != "noRole" {
            let role = node.labels["k3d.role"] ?? ""
            // No recording has a running agent; its node is described like the server's.
            let known = recorded.first { $0["role"]?.string == (role == "agent" ? "server" : role) }
            guard case .object(var facts)? = known else { continue }
            if role == "agent" {
                facts["role"] = "agent"
                facts["name"] = .string(node.name)
                facts["volumes"] = []
                facts["IP"] = ["IP": "172.25.0.9", "Static": false]
            }
            let isRunning = node.status == "running" || node.status == "paused"
            if role == "server", isRunning { running += 1 }
            facts["State"] = ["Running": .bool(isRunning), "Status": .string(node.status), "Started": ""]
            if role == "server" {
                facts["IP"] = ["IP": .string(isRunning ? cluster.address : ""), "Static": false]
                facts["volumes"] = .array(
                    (cluster.binds + (cluster.shared ?? []) + ["k3d-\(cluster.name)-images:/k3d/images"]).map(
                        JSONValue.string))
            }
            described.append(.object(facts))
        }
        fields["nodes"] = .array(described)
        fields["serversRunning"] = .integer(Int64(running))
        if !described.contains(where: { $0["role"]?.string == "loadbalancer" }) {
            fields["hasLoadbalancer"] = nil
        }
        return JSONValue.object(fields).text()
    }

    private func kubeconfig(_ given: Options) -> Never {
        var options = given
        let name = options.next() ?? ""
        options.end()
        needDocker("48-dockerdown-kubeconfig-get", "48-dockerdown-kubeconfig-get", name)
        let world = scene.world
        guard let cluster = world.clusters.first(where: { $0.name == name }) else {
            _exit(scene.replay("20-kubeconfig-get-missing", names: [("nope", name)]))
        }
        guard
            nodes(of: name, in: world).contains(where: {
                $0.labels["k3d.role"] == "server" && $0.status != "created"
            })
        else {
            scene.say("---\n", to: 1)
            _exit(1)
        }
        _exit(
            scene.replay(
                "74-kubeconfig-get",
                names: [("k3d-one", "k3d-\(name)"), ("0.0.0.0:43991", "127.0.0.1:\(cluster.kubePort)")]))
    }

    // MARK: Create

    private func create(_ given: Options) -> Never {
        var options = given
        let image = options.value("--image") ?? ""
        let api = options.value("--api-port") ?? "0.0.0.0:0"
        let volumes = options.values("--volume")
        let ports = options.values("--port")
        let labels = options.values("--runtime-label")
        _ = options.values("--k3s-arg")
        let servers = options.value("--servers"), agents = options.value("--agents")
        let timeout = options.value("--timeout") ?? "0s"
        let leavesKubeconfig = options.value("--kubeconfig-update-default") == "false"
        _ = options.value("--kubeconfig-switch-context")
        _ = options.flag("--wait")
        guard let name = options.next(), name.utf8.count <= 32 else { scene.unexpected("the name") }
        options.end()
        guard timeout.hasSuffix("s"), Int(timeout.dropLast()) != nil else { scene.unexpected("the timeout") }
        guard servers == "1", let agents = agents.flatMap({ Int($0) }), agents >= 0 else {
            scene.unexpected("the nodes")
        }
        if !leavesKubeconfig { scene.unexpected("it would write the user's kubeconfig") }
        guard api.hasPrefix("127.0.0.1:"), let kubePort = Int(api.dropFirst(10)) else {
            scene.unexpected("the API's address")
        }
        let shared = volumes.filter { $0.hasSuffix("@all") }.map { String($0.dropLast("@all".count)) }
        let binds = volumes.filter { !$0.hasSuffix("@all") }.map { volume in
            guard volume.hasSuffix("@server:0") else { scene.unexpected("the node of a volume") }
            return String(volume.dropLast("@server:0".count))
        }
        let sharesMounts = Scene.environment["K3D_FIX_MOUNTS"] == "1"
        var hostPorts = [kubePort]
        for port in ports {
            let words = port.split(separator: ":")
            guard port.hasSuffix("@server:0:direct"), words.count == 5, words[0] == "127.0.0.1",
                let host = Int(words[1])
            else { scene.unexpected("the port map \(port)") }
            hostPorts.append(host)
        }
        needDocker("43-dockerdown-cluster-create", "43-dockerdown-cluster-create", name)

        let names = [("'two'", "'\(name)'"), ("k3d-two", "k3d-\(name)"), ("write two", "write \(name)")]
        let exists = scene.change { world in !nodes(of: name, in: world).isEmpty }
        if exists { _exit(scene.replay("72-create-existing", names: [("'one'", "'\(name)'")])) }
        let fault = scene.take { $0.kind == "die" }
        var lines = scene.recorded("80-create-manager-style").split(separator: "\n").map(String.init)[...]
        /// Prints up to the log line with a text, dies there if a fault says so, and then makes the change that the
        /// line reports.
        func reach(_ text: String, objects: Bool = false, _ body: (inout World) -> Void) {
            while let line = lines.first {
                lines = lines.dropFirst()
                scene.print(line, names: names, to: 1)
                if line.contains(text) { break }
            }
            scene.change(objects: objects, body)
            if let fault, text.contains(fault.at ?? "") { scene.die() }
        }
        reach("Created network") { world in
            let isThere = world.networks.contains { $0.name == "k3d-\(name)" }
            if !isThere { world.networks.append(.init(name: "k3d-\(name)", labels: ["app": "k3d"])) }
            world.clusters.removeAll { $0.name == name }
            world.clusters.append(
                .init(
                    name: name, kubePort: kubePort, binds: binds, shared: shared, sharesMounts: sharesMounts,
                    image: image,
                    isNetworkForeign: isThere,
                    agents: agents))
        }
        reach("Created image volume") { world in
            if world.volumes.contains(where: { $0.name == "k3d-\(name)-images" }) {
                setCluster(name, &world) { $0.isVolumeForeign = true }
            } else {
                world.volumes.append(
                    .init(
                        name: "k3d-\(name)-images",
                        labels: ["app": "k3d", "k3d.cluster": name, "k3d.version": "v5.9.0"]))
            }
        }
        reach("Creating node") { world in
            add("tools", "noRole", "running", name, [], &world)
        }
        if scene.world.containers.contains(where: { $0.name == "k3d-\(name)-server-0" }) {
            rollBack(name, "115-create-container-name-clash", names: [("clash", name)])
        }
        if scene.world.missingImages.contains(image) {
            rollBack(name, "86-create-image-missing", names: [("three", name)])
        }
        reach("Creating LoadBalancer") { world in
            add("server-0", "server", "created", name, labels, &world)
            for index in world.containers.indices
            where world.containers[index].name == "k3d-\(name)-server-0" {
                world.containers[index].mounts = (binds + shared).map { bind in
                    let words = bind.split(separator: ":").map(String.init)
                    return .init(type: "bind", source: words[0], target: words[1])
                }
            }
            for agent in 0..<agents { add("agent-\(agent)", "agent", "created", name, [], &world) }
            add("serverlb", "loadbalancer", "created", name, [], &world)
            world.containers.removeAll { $0.name == "k3d-\(name)-tools" }
        }
        scene.change { world in
            world.creating += 1
            world.mostCreating = max(world.mostCreating, world.creating)
        }
        usleep(UInt32(scene.world.createMilliseconds) * 1000)
        scene.change { $0.creating -= 1 }
        reach("Starting node 'k3d-two-server-0'") { world in
            set("k3d-\(name)-server-0", "running", &world)
            for agent in 0..<agents { set("k3d-\(name)-agent-\(agent)", "running", &world) }
        }
        let taken = scene.world.takenPorts
        if hostPorts.contains(where: taken.contains) {
            rollBack(name, "81b-create-apiport-in-use-by-process", names: [("three", name)])
        }
        reach("Starting node 'k3d-two-serverlb'", objects: true) { world in
            set("k3d-\(name)-serverlb", "running", &world)
            setCluster(name, &world) { $0.isReachable = true }
            seed(name, &world)
        }
        reach("Injecting") { _ in }
        while let line = lines.first {
            lines = lines.dropFirst()
            scene.print(line, names: names, to: 1)
        }
        _exit(0)
    }

    /// Removes by name, and so also containers that k3d did not make (115).
    private func rollBack(_ name: String, _ recording: String, names: [(String, String)]) -> Never {
        scene.change(objects: true) { world in
            world.containers.removeAll { $0.name.hasPrefix("k3d-\(name)-") }
            forget(name, &world)
        }
        _exit(scene.replay(recording, names: names))
    }

    private func add(
        _ suffix: String, _ role: String, _ status: String, _ cluster: String, _ given: [String],
        _ world: inout World
    ) {
        var labels = [
            "app": "k3d", "k3d.cluster": cluster, "k3d.role": role, "k3d.version": "v5.9.0",
            "k3d.cluster.token": "AAAAAAAAAAAAAAAAAAAA",
        ]
        for label in given {
            let words = label.replacing("@server:*", with: "").split(separator: "=")
            if words.count == 2 { labels[String(words[0])] = String(words[1]) }
        }
        world.containers.append(
            .init(
                name: "k3d-\(cluster)-\(suffix)", status: status, labels: labels,
                id: "id-of-k3d-\(cluster)-\(suffix)", restart: "unless-stopped"))
    }

    private func set(_ container: String, _ status: String, _ world: inout World) {
        for index in world.containers.indices where world.containers[index].name == container {
            if status == "running", world.containers[index].status != status {
                world.containers[index].runs += 1
            }
            world.containers[index].status = status
        }
    }

    private func setCluster(_ name: String, _ world: inout World, _ body: (inout World.Cluster) -> Void) {
        for index in world.clusters.indices where world.clusters[index].name == name {
            body(&world.clusters[index])
        }
    }

    private func seed(_ name: String, _ world: inout World) {
        let address = world.clusters.first { $0.name == name }?.address ?? World.recordedAddress
        world.objects[name, default: [:]]["node//k3d-\(name)-server-0"] = [
            "apiVersion": "v1", "kind": "Node", "metadata": ["name": .string("k3d-\(name)-server-0")],
            "status": [
                "addresses": [["type": "InternalIP", "address": .string(address)]],
                "conditions": [["type": "Ready", "status": "True"]],
                "nodeInfo": ["kubeletVersion": .string(world.velero.kubernetes)],
            ],
        ]
        for namespace in ["default", "kube-system"] {
            world.objects[name, default: [:]]["namespace//\(namespace)"] = [
                "apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(namespace)],
            ]
        }
    }

    // MARK: Start, stop, delete

    private func start(_ given: Options) -> Never {
        var options = given
        _ = options.value("--timeout")
        _ = options.flag("--wait")
        let name = options.next() ?? ""
        options.end()
        needDocker("45-dockerdown-cluster-start", "45-dockerdown-cluster-start", name)
        let wasRunning = scene.change { world -> Bool? in
            let all = nodes(of: name, in: world)
            guard !all.isEmpty else { return nil }
            for node in all { set(node.name, "running", &world) }
            return all.allSatisfy { $0.status == "running" }
        }
        guard let wasRunning else { _exit(scene.replay("18-cluster-start-missing", names: [("nope", name)])) }
        let isWhole = scene.world.clusters.contains { $0.name == name && $0.isReachable }
        if !isWhole { _exit(scene.replay("92b3c-start", names: [("sig", name)])) }
        _exit(scene.replay(wasRunning ? "73-start-already-running" : "77-start-stopped", names: oneIs(name)))
    }

    private func oneIs(_ name: String) -> [(String, String)] {
        [("k3d-one", "k3d-\(name)"), ("'one'", "'\(name)'"), ("cluster one!", "cluster \(name)!")]
    }

    private func stop(_ given: Options) -> Never {
        var options = given
        let name = options.next() ?? ""
        options.end()
        needDocker("46-dockerdown-cluster-stop", "46-dockerdown-cluster-stop", name)
        let isThere = scene.change { world -> Bool in
            let all = nodes(of: name, in: world)
            return !all.isEmpty
        }
        Engine(scene: scene).stop(
            nodes(of: name, in: scene.world).filter { $0.status == "running" }.map(\.name))
        guard isThere else { _exit(scene.replay("19-cluster-stop-missing", names: [("nope", name)])) }
        _exit(scene.replay("76-stop", names: oneIs(name)))
    }

    private func delete(_ given: Options) -> Never {
        var options = given
        let name = options.next() ?? ""
        options.end()
        needDocker("44-dockerdown-cluster-delete", "64-noperm-cluster-delete", name)
        let fault = scene.take { $0.kind == "die" }
        let found = scene.change(objects: true) { world -> (all: Bool, tools: Bool) in
            let all = nodes(of: name, in: world)
            if fault != nil {
                // The load balancer is deleted first.
                world.containers.removeAll { $0.name == "k3d-\(name)-serverlb" }
                return (true, false)
            }
            world.containers.removeAll { $0.labels["k3d.cluster"] == name }
            let onlyTools = !all.isEmpty && all.allSatisfy { $0.labels["k3d.role"] == "noRole" }
            if onlyTools {
                world.volumes.removeAll { $0.name == "k3d-\(name)-images" }
            } else if !all.isEmpty {
                forget(name, &world)
            }
            return (!all.isEmpty, onlyTools)
        }
        if fault != nil { scene.die() }
        guard found.all else { _exit(scene.replay("17-cluster-delete-missing", names: [("nope", name)])) }
        if found.tools { _exit(scene.replay("92a4-delete", names: [("sig", name)])) }
        _exit(scene.replay("79-delete-running", names: oneIs(name)))
    }

    /// Removes the cluster. The network and the volume are only deleted if k3d made them for this cluster.
    private func forget(_ name: String, _ world: inout World) {
        let cluster = world.clusters.first { $0.name == name }
        if cluster?.isNetworkForeign != true { world.networks.removeAll { $0.name == "k3d-\(name)" } }
        if cluster?.isVolumeForeign != true { world.volumes.removeAll { $0.name == "k3d-\(name)-images" } }
        world.clusters.removeAll { $0.name == name }
        world.objects[name] = nil
    }
}
