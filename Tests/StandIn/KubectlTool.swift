// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage

struct KubectlTool {
    let scene: Scene
    let table: APITable

    init(scene: Scene) {
        self.scene = scene
        table = APITable(scene: scene, custom: scene.world.customResources)
    }

    func run() -> Never {
        var options = Options(scene.arguments.dropFirst(), scene: scene)
        let cluster = reach()
        switch scene.arguments.first {
        case "get": get(&options, cluster)
        case "apply": apply(&options, cluster)
        case "delete": delete(&options, cluster)
        case "api-resources": resources(&options)
        case "scale": scale(&options, cluster)
        case "create": create(&options, cluster)
        case "logs": logs(&options, cluster)
        case "exec": execute(cluster)
        default: scene.unexpected("unknown command")
        }
    }

    /// Returns the cluster of $KUBECONFIG if its API can be reached: server and load balancer run, and the latter knows
    /// its target.
    private func reach() -> String {
        let path = FilePath(Scene.environment["KUBECONFIG"] ?? "")
        guard let bytes = try? path.contents() else {
            scene.say(
                "The connection to the server localhost:8080 was refused - did you specify the right host or port?\n",
                to: 2)
            _exit(1)
        }
        let status = try? FileStatus.of(path)
        if status?.mode != 0o600 { scene.unexpected("a kubeconfig that others can read") }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let range = text.firstRange(of: "server: https://127.0.0.1:"),
            let port = Int(text[range.upperBound...].prefix { $0.isNumber })
        else { scene.unexpected("a kubeconfig without a server") }
        let world = scene.world
        guard let cluster = world.clusters.first(where: { $0.kubePort == port }), cluster.isReachable,
            world.docker == "up", !world.silent.contains(cluster.name),
            ["server-0", "serverlb"].allSatisfy({ suffix in
                world.containers.contains {
                    $0.name == "k3d-\(cluster.name)-\(suffix)" && $0.status == "running"
                }
            })
        else { _exit(scene.replay("K80-cluster-stopped-get", names: [("6550", "\(port)")])) }
        return cluster.name
    }

    // MARK: Looking in

    /// Ends with kubectl's complaint when the workload of a call does not exist.
    func needWorkload(_ word: String?, _ namespace: String?, _ cluster: String) {
        guard let word, let namespace else { scene.unexpected("no workload, or no namespace") }
        let words = word.split(separator: "/").map(String.init)
        guard words.count == 2 else { scene.unexpected("the workload \(word)") }
        let isThere = scene.change(objects: true) { world in
            world.objects[cluster]?["\(table.kind(words[0]))/\(namespace)/\(words[1])"] != nil
        }
        guard isThere else {
            scene.say(
                "error: error from server (NotFound): deployments.apps \"\(words[1])\" not found in namespace \"\(namespace)\"\n",
                to: 2)
            _exit(1)
        }
    }

    private func logs(_ options: inout Options, _ cluster: String) -> Never {
        let namespace = options.value("-n")
        guard options.value("--container") == "controlplane",
            let tail = options.value("--tail").flatMap({ Int($0) })
        else { scene.unexpected("another container, or no --tail") }
        let since = options.value("--since")
        let follows = options.flag("--follow")
        needWorkload(options.next(), namespace, cluster)
        options.end()
        guard let log = scene.world.podLog else {
            _exit(
                scene.replay(
                    "K93-logs-waiting",
                    names: [("\"img\"", "\"controlplane\""), ("noimg-6fd7d75d64-89fll", "kecs-server-0")]))
        }
        // No line here is younger than a second.
        var lines = log.split(separator: "\n").suffix(tail)[...]
        if since == "1s" { lines = [] }
        scene.say(lines.map { $0 + "\n" }.joined(), to: 1)
        while follows, scene.world.podLog == log { usleep(20_000) }
        if follows { scene.say(String((scene.world.podLog ?? "").dropFirst(log.count)), to: 1) }
        _exit(0)
    }

    /// Performs `exec WORKLOAD -n NAMESPACE --container NAME --request-timeout=10s -- PROGRAM ARGUMENT…`: the pod's
    /// `/data` is the folder that its Deployment names.
    private func execute(_ cluster: String) -> Never {
        let words = Array(scene.arguments.dropFirst())
        guard let end = words.firstIndex(of: "--") else { scene.unexpected("no --") }
        var options = Options(words[..<end], scene: scene)
        let namespace = options.value("-n")
        guard options.value("--container") == "controlplane", options.value("--request-timeout") != nil else {
            scene.unexpected("another container, or no limit")
        }
        needWorkload(options.next(), namespace, cluster)
        options.end()
        let program = Array(words[(end + 1)...])
        guard scene.world.podPrograms.contains(program[0]) else {
            scene.say(
                "error: Internal error occurred: error executing command in container: failed to exec in container: failed to start exec: OCI runtime exec failed: exec failed: unable to start container process: exec: \"\(program[0])\": executable file not found in $PATH: unknown\n",
                to: 2)
            _exit(1)
        }
        let folder = scene.change(objects: true) { world in
            world.objects[cluster]?["deployment/\(namespace ?? "")/kecs-server"]?["spec"]?["template"]?[
                "spec"]?["volumes"]?
                .array?.compactMap { $0["hostPath"]?["path"]?.string }.first ?? "/nonexistent"
        }
        let inside = program.map { $0.hasPrefix("/data/") ? folder + $0.dropFirst("/data".count) : $0 }
        let child = fork(inside)
        // K59: the program's exit code is in the message, and is the exit status.
        if child != 0 { scene.say("command terminated with exit code \(child)\n", to: 2) }
        _exit(child)
    }

    private func fork(_ words: [String]) -> Int32 {
        var pid = pid_t()
        var argv = words.map { strdup($0) } + [nil]
        defer { for pointer in argv { free(pointer) } }
        guard posix_spawnp(&pid, words[0], nil, nil, &argv, environ) == 0 else { return 127 }
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        return status >> 8 & 0xff
    }
}

extension APITable {
    /// Returns the first word of an object's key: `deploy` and `deployments.apps` become `deployment`. Unknown types
    /// are refused as the server refuses them (K08).
    func kind(_ word: String) -> String {
        resource(word)?.kind.lowercased() ?? word.lowercased()
    }
}
