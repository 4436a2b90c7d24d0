// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsStorage
import KecsSystem
import SystemPackage

struct KubectlTool {
    let scene: Scene

    func run() -> Never {
        var options = Options(scene.arguments.dropFirst(), scene: scene)
        let cluster = reach()
        switch scene.arguments.first {
        case "get": get(&options, cluster)
        case "apply": apply(&options, cluster)
        case "delete": delete(&options, cluster)
        default: scene.unexpected("unknown command")
        }
    }

    /// The cluster that $KUBECONFIG leads to, if its API can be reached: server and load balancer run, and the latter was
    /// told where to.
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

    // MARK: Get

    private func get(_ options: inout Options, _ cluster: String) -> Never {
        _ = options.value("--request-timeout")
        if let raw = options.value("--raw") {
            options.end()
            guard raw == "/readyz" else { scene.unexpected("the path \(raw)") }
            scene.say("ok", to: 1)
            _exit(0)
        }
        let namespace = options.value("-n")
        let everywhere = options.flag("-A")
        let label = options.value("-l")
        let ignores = options.flag("--ignore-not-found")
        guard options.value("-o") == "json" else { scene.unexpected("another form than JSON") }
        let kinds = (options.next() ?? "").split(separator: ",").map { Self.kind(String($0)) }
        let name = options.next()
        options.end()
        let found = scene.change { world -> [JSONValue] in
            let keys = (world.objects[cluster] ?? [:]).keys.sorted().filter { key in
                let words = key.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
                return kinds.contains(words[0]) && (name == nil || name == words[2])
                    && (everywhere || words[1].isEmpty || words[1] == (namespace ?? "default"))
                    && matches(world.objects[cluster]?[key], label)
            }
            return keys.compactMap { key in
                advance(key, cluster, &world)
                return world.objects[cluster]?[key]
            }
        }
        if name != nil {
            guard let object = found.first else {
                if ignores { _exit(0) }
                scene.say("Error from server (NotFound)\n", to: 2)
                _exit(1)
            }
            scene.say(text(object), to: 1)
        } else {
            scene.say(text(["apiVersion": "v1", "kind": "List", "items": .array(found)]), to: 1)
        }
        _exit(0)
    }

    private func matches(_ object: JSONValue?, _ label: String?) -> Bool {
        guard let label else { return true }
        return label.split(separator: ",").allSatisfy { term in
            let words = term.split(separator: "=").map(String.init)
            let value = object?["metadata"]?["labels"]?[words[0]]?.text
            return words.count == 2 ? value == words[1] : value != nil
        }
    }

    /// A workload comes up a little with each question.
    private func advance(_ key: String, _ cluster: String, _ world: inout World) {
        guard case .object(var object)? = world.objects[cluster]?[key], object["kind"]?.text == "Deployment",
            case .object(var status)? = object["status"]
        else { return }
        if case .integer(let left)? = status["standinQuestions"], left > 0 {
            status["standinQuestions"] = .integer(left - 1)
        } else {
            let replicas = object["spec"]?["replicas"] ?? 1
            status["updatedReplicas"] = replicas
            status["availableReplicas"] = replicas
        }
        object["status"] = .object(status)
        world.objects[cluster]?[key] = .object(object)
    }

    // MARK: Apply

    private func apply(_ options: inout Options, _ cluster: String) -> Never {
        guard options.flag("--server-side"), options.flag("--force-conflicts"),
            options.value("--field-manager") == "kecsctl", options.value("-f") == "-"
        else { scene.unexpected("another way to apply") }
        _ = options.value("--request-timeout")
        options.end()
        var input: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = read(0, &buffer, buffer.count), count > 0 { input += buffer[..<count] }
        guard let document = try? JSONFile.decode(JSONValue.self, from: input, at: "STDIN") else {
            scene.say("error: error parsing STDIN\n", to: 2)
            _exit(1)
        }
        let objects = document["items"]?.elements ?? [document]
        if objects.isEmpty { _exit(scene.replay("K54-apply-empty")) }
        let fault = scene.take { $0.kind == "die" }
        var isComplete = true
        for (index, object) in objects.enumerated() {
            if let fault, index == Int(fault.at ?? "0") { scene.die() }
            guard let kind = object["kind"]?.text, let name = object["metadata"]?["name"]?.text else {
                scene.unexpected("an object without kind or name")
            }
            let namespace = object["metadata"]?["namespace"]?.text ?? ""
            let missing = scene.change { world -> Bool in
                let all = world.objects[cluster] ?? [:]
                guard namespace.isEmpty || all["namespace//\(namespace)"] != nil else { return true }
                store(object, "\(kind.lowercased())/\(namespace)/\(name)", cluster, &world)
                return false
            }
            if missing {
                scene.say(
                    "Error from server (NotFound): error when creating \"STDIN\": namespaces \"\(namespace)\" not found\n",
                    to: 2)
                isComplete = false
            } else {
                scene.say("\(Self.resource(kind, object))/\(name) serverside-applied\n", to: 1)
            }
        }
        _exit(isComplete ? 0 : 1)
    }

    private func store(_ object: JSONValue, _ key: String, _ cluster: String, _ world: inout World) {
        let old = world.objects[cluster]?[key]
        guard case .object(var fields) = old.map({ $0.merging(object) }) ?? object else { return }
        var generation: Int64 = 1
        if let old, case .integer(let number)? = old["metadata"]?["generation"] {
            generation = old["spec"] == fields["spec"] ? number : number + 1
        }
        fields["metadata"] = (fields["metadata"] ?? [:]).merging(["generation": .integer(generation)])
        if object["kind"]?.text == "Deployment", old?["spec"] != fields["spec"] {
            fields["status"] = [
                "observedGeneration": .integer(generation), "updatedReplicas": 0, "availableReplicas": 0,
                "standinQuestions": .integer(Int64(world.rolloutQuestions)),
            ]
        }
        world.objects[cluster, default: [:]][key] = .object(fields)
    }

    // MARK: Delete

    private func delete(_ options: inout Options, _ cluster: String) -> Never {
        guard options.flag("-A"), options.flag("--ignore-not-found"), options.value("-o") == "name",
            options.value("--timeout") != nil, let label = options.value("-l")
        else { scene.unexpected("another way to delete") }
        let kinds = (options.next() ?? "").split(separator: ",").map { Self.kind(String($0)) }
        options.end()
        let gone = scene.change { world -> [String] in
            let keys = (world.objects[cluster] ?? [:]).keys.sorted().filter { key in
                kinds.contains(String(key.prefix { $0 != "/" }))
                    && matches(world.objects[cluster]?[key], label)
            }
            for key in keys { world.objects[cluster]?[key] = nil }
            return keys
        }
        for key in gone {
            let words = key.split(separator: "/", omittingEmptySubsequences: false)
            scene.say("\(words[0])/\(words[2])\n", to: 1)
        }
        _exit(0)
    }

    // MARK: Words

    /// `deployments` and `deploy` to `deployment`.
    private static func kind(_ word: String) -> String {
        let word = word.lowercased().split(separator: ".").first.map(String.init) ?? word
        switch word {
        case "deploy": return "deployment"
        case "ds": return "daemonset"
        case "ns": return "namespace"
        case "svc": return "service"
        default: return word.hasSuffix("s") && !word.hasSuffix("ss") ? String(word.dropLast()) : word
        }
    }

    private static func resource(_ kind: String, _ object: JSONValue) -> String {
        let version = object["apiVersion"]?.text ?? "v1"
        let group = version.split(separator: "/").count == 2 ? "." + version.prefix { $0 != "/" } : ""
        return kind.lowercased() + group
    }

    private func text(_ value: JSONValue) -> String {
        (try? JSONFile.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
