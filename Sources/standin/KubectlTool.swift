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
        case "logs": logs(&options, cluster)
        case "exec": execute(cluster)
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
        let hasHeaders = !options.flag("--no-headers")
        let form = options.value("-o") ?? ""
        if form != "json", !form.hasPrefix("custom-columns=") || hasHeaders, !form.hasPrefix("go-template=") {
            scene.unexpected("the form \(form)")
        }
        let kinds = (options.next() ?? "").split(separator: ",").map { Self.kind(String($0)) }
        let name = options.next()
        options.end()
        let found = scene.change(objects: true) { world -> [JSONValue] in
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
        if form.hasPrefix("custom-columns=") {
            scene.say(
                found.map { columns($0, form.dropFirst("custom-columns=".count)) + "\n" }.joined(), to: 1)
        } else if form.hasPrefix("go-template=") {
            for object in found {
                let metadata = object["metadata"]
                for key in (object["data"]?.object ?? [:]).keys.sorted() {
                    scene.say(
                        "\(metadata?["namespace"]?.string ?? "") \(metadata?["name"]?.string ?? "") \(key)\n",
                        to: 1)
                }
            }
        } else if name != nil {
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

    /// `KIND:.kind,MARK:.metadata.labels.a\.b/c`: values, three spaces apart; `<none>` for what is not there.
    private func columns(_ object: JSONValue, _ form: Substring) -> String {
        form.split(separator: ",").map { column in
            let path = column.drop { $0 != ":" }.dropFirst(2).replacing("\\.", with: "\u{0}")
            var value: JSONValue? = object
            for key in path.split(separator: ".") {
                value = value?[String(key.replacing("\u{0}", with: "."))]
            }
            return value?.string ?? value?.integer.map(String.init) ?? "<none>"
        }.joined(separator: "   ")
    }

    private func matches(_ object: JSONValue?, _ label: String?) -> Bool {
        guard let label else { return true }
        return label.split(separator: ",").allSatisfy { term in
            let words = term.split(separator: "=").map(String.init)
            let value = object?["metadata"]?["labels"]?[words[0]]?.string
            return words.count == 2 ? value == words[1] : value != nil
        }
    }

    /// A workload comes up a little with each question.
    private func advance(_ key: String, _ cluster: String, _ world: inout World) {
        guard case .object(var object)? = world.objects[cluster]?[key],
            object["kind"]?.string == "Deployment",
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

    // MARK: Looking in

    /// The workload that a call names, if it is there.
    private func needWorkload(_ word: String?, _ namespace: String?, _ cluster: String) {
        guard let word, let namespace else { scene.unexpected("no workload, or no namespace") }
        let words = word.split(separator: "/").map(String.init)
        guard words.count == 2 else { scene.unexpected("the workload \(word)") }
        let isThere = scene.change(objects: true) { world in
            world.objects[cluster]?["\(Self.kind(words[0]))/\(namespace)/\(words[1])"] != nil
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
        // Nothing is younger than a second here.
        var lines = log.split(separator: "\n").suffix(tail)[...]
        if since == "1s" { lines = [] }
        scene.say(lines.map { $0 + "\n" }.joined(), to: 1)
        while follows, scene.world.podLog == log { usleep(20_000) }
        if follows { scene.say(String((scene.world.podLog ?? "").dropFirst(log.count)), to: 1) }
        _exit(0)
    }

    /// `exec WORKLOAD -n NAMESPACE --container NAME --request-timeout=10s -- PROGRAM ARGUMENT…`: the pod's `/data` is the
    /// folder that its Deployment names.
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
        // K59: what it ended with is repeated, and is the exit status.
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
        guard let document = try? JSONValue(parsing: String(decoding: input, as: UTF8.self)) else {
            scene.say("error: error parsing STDIN\n", to: 2)
            _exit(1)
        }
        let objects = document["items"]?.array ?? [document]
        if objects.isEmpty { _exit(scene.replay("K54-apply-empty")) }
        let fault = scene.take { $0.kind == "die" }
        let end = fault.map { min(Int($0.at ?? "0") ?? 0, objects.count) } ?? objects.count
        let answers = scene.change(objects: true) { world -> [(text: String, isError: Bool)] in
            objects[..<end].map { object in
                let kind = object["kind"]?.string ?? ""
                let name = object["metadata"]?["name"]?.string ?? ""
                let namespace = object["metadata"]?["namespace"]?.string ?? ""
                guard namespace.isEmpty || world.objects[cluster]?["namespace//\(namespace)"] != nil else {
                    return (
                        "Error from server (NotFound): error when creating \"STDIN\": namespaces \"\(namespace)\" not found",
                        true
                    )
                }
                if world.invalid.contains(name) {
                    return ("The \(kind) \"\(name)\" is invalid: spec: Invalid value", true)
                }
                store(object, "\(kind.lowercased())/\(namespace)/\(name)", cluster, &world)
                return ("\(Self.resource(kind, object))/\(name) serverside-applied", false)
            }
        }
        for answer in answers { scene.say(answer.text + "\n", to: answer.isError ? 2 : 1) }
        if fault != nil { scene.die() }
        _exit(answers.contains { $0.isError } ? 1 : 0)
    }

    private func store(_ object: JSONValue, _ key: String, _ cluster: String, _ world: inout World) {
        let old = world.objects[cluster]?[key]
        guard case .object(var fields) = old.map({ $0.merging(object) }) ?? object else { return }
        var generation: Int64 = 1
        if let old, case .integer(let number)? = old["metadata"]?["generation"] {
            generation = old["spec"] == fields["spec"] ? number : number + 1
        }
        fields["metadata"] = (fields["metadata"] ?? [:]).merging(["generation": .integer(generation)])
        if object["kind"]?.string == "Deployment", old?["spec"] != fields["spec"] {
            fields["status"] = [
                "observedGeneration": .integer(generation), "updatedReplicas": 0, "availableReplicas": 0,
                "standinQuestions": .integer(Int64(world.rolloutQuestions)),
            ]
        }
        world.objects[cluster, default: [:]][key] = .object(fields)
    }

    // MARK: Delete

    private func delete(_ options: inout Options, _ cluster: String) -> Never {
        if scene.arguments.dropFirst().first == "namespace" { deleteNamespace(&options, cluster) }
        guard options.flag("-A"), options.flag("--ignore-not-found"), options.value("-o") == "name",
            options.value("--cascade") == "foreground", options.value("--timeout") != nil,
            let label = options.value("-l")
        else { scene.unexpected("another way to delete") }
        let kinds = (options.next() ?? "").split(separator: ",").map { Self.kind(String($0)) }
        options.end()
        let gone = scene.change(objects: true) { world -> [String] in
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

    private func deleteNamespace(_ options: inout Options, _ cluster: String) -> Never {
        _ = options.next()
        guard let name = options.next(), options.flag("--ignore-not-found"),
            options.value("--timeout") != nil,
            options.value("-o") == "name"
        else { scene.unexpected("another way to delete a namespace") }
        options.end()
        scene.change(objects: true) { world in
            for key in (world.objects[cluster] ?? [:]).keys
            where key == "namespace//\(name)"
                || key.split(separator: "/", omittingEmptySubsequences: false)[1] == name
            {
                world.objects[cluster]?[key] = nil
            }
        }
        scene.say("namespace/\(name)\n", to: 1)
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
        let version = object["apiVersion"]?.string ?? "v1"
        let group = version.split(separator: "/").count == 2 ? "." + version.prefix { $0 != "/" } : ""
        return kind.lowercased() + group
    }

    private func text(_ value: JSONValue) -> String { value.text() }
}

extension JSONValue {
    /// Objects field by field; everything else of `other` replaces what is here.
    func merging(_ other: JSONValue) -> JSONValue {
        guard case .object(var fields) = self, case .object(let newer) = other else { return other }
        for (key, value) in newer { fields[key] = fields[key].map { $0.merging(value) } ?? value }
        return .object(fields)
    }
}
