// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem

extension KubectlTool {
    func get(_ options: inout Options, _ cluster: String) -> Never {
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
        let words = (options.next() ?? "").split(separator: ",").map(String.init)
        let name = options.next()
        options.end()
        let resources = words.map { word -> APITable.Resource in
            guard let resource = table.resource(word) else {
                scene.say("error: the server doesn't have a resource type \"\(word)\"\n", to: 2)
                _exit(1)
            }
            return resource
        }
        let found = scene.change(objects: true) { world -> [JSONValue] in
            for key in Array((world.objects[cluster] ?? [:]).keys)
            where ["deployment/", "daemonset/", "statefulset/"].contains(where: key.hasPrefix) {
                guard resources.contains(where: { key.hasPrefix($0.kind.lowercased() + "/") }) else {
                    continue
                }
                let space = key.split(separator: "/", omittingEmptySubsequences: false)[1]
                guard everywhere || space == (namespace ?? "default") else { continue }
                advance(key, cluster, &world)
            }
            var velero = VeleroControllers(cluster: cluster, resources: table.resources, world: world)
            velero.work()
            world = velero.world
            let controllers = Controllers(cluster: cluster, world: world)
            return resources.flatMap { resource -> [JSONValue] in
                // Both groups list the same events.
                if resource.group == "events.k8s.io" { return [] }
                return controllers.all(resource.kind.lowercased()).filter { key, object in
                    let words = key.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
                    return (name == nil || name == words[2])
                        && (everywhere || !resource.isNamespaced || words[1] == (namespace ?? "default"))
                        && matches(object, label)
                }.map { seen($0.object, controllers) }
            }
        }
        show(found, form, isOne: name != nil, ignores: ignores)
    }

    /// Returns the object as it is shown: without the managed fields, and a pod with the status that its node gives it.
    private func seen(_ object: JSONValue, _ controllers: Controllers) -> JSONValue {
        guard case .object(var fields) = object, case .object(var metadata)? = fields["metadata"] else {
            return object
        }
        metadata["managedFields"] = nil
        fields["metadata"] = .object(metadata)
        if fields["kind"] == "Pod", fields["status"] == nil {
            fields["status"] = controllers.status(controllers.trouble(of: object), object)
        }
        return .object(fields)
    }

    private func show(_ found: [JSONValue], _ form: String, isOne: Bool, ignores: Bool) -> Never {
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
        } else if isOne {
            guard let object = found.first else {
                if ignores { _exit(0) }
                scene.say("Error from server (NotFound)\n", to: 2)
                _exit(1)
            }
            scene.say(object.text(), to: 1)
        } else if found.isEmpty, ignores {
            // K07: no output at all.
            _exit(0)
        } else {
            let list: JSONValue = ["apiVersion": "v1", "kind": "List", "items": .array(found)]
            scene.say(list.text(), to: 1)
        }
        _exit(0)
    }

    /// Returns the columns for `KIND:.kind,MARK:.metadata.labels.a\.b/c,OWNER:.metadata.ownerReferences[0].kind`:
    /// values, three spaces apart; `<none>` for a missing one.
    private func columns(_ object: JSONValue, _ form: Substring) -> String {
        form.split(separator: ",").map { column in
            let path = column.drop { $0 != ":" }.dropFirst(2).replacing("\\.", with: "\u{0}")
            var value: JSONValue? = object
            for part in path.split(separator: ".") {
                let key = String(part.replacing("\u{0}", with: "."))
                if key.hasSuffix("[0]") {
                    value = value?[String(key.dropLast(3))]?.array?.first
                } else {
                    value = value?[key]
                }
            }
            return value?.string ?? value?.integer.map(String.init) ?? "<none>"
        }.joined(separator: "   ")
    }

    func matches(_ object: JSONValue?, _ label: String?) -> Bool {
        guard let label else { return true }
        return label.split(separator: ",").allSatisfy { term in
            let words = term.split(separator: "=").map(String.init)
            let value = object?["metadata"]?["labels"]?[words[0]]?.string
            return words.count == 2 ? value == words[1] : value != nil
        }
    }

    /// Performs `api-resources --namespaced=true --verbs=list,delete -o name` (K70 has the form of an answer).
    func resources(_ options: inout Options) -> Never {
        _ = options.value("--request-timeout")
        guard options.value("--namespaced") == "true", options.value("--verbs") == "list,delete",
            options.value("-o") == "name"
        else { scene.unexpected("another question for kinds") }
        options.end()
        let names = table.resources.filter(\.isNamespaced).map(\.name).sorted()
        scene.say(names.map { $0 + "\n" }.joined(), to: 1)
        _exit(0)
    }

    /// Advances a workload a little with each question, unless an obstacle holds its pods back.
    private func advance(_ key: String, _ cluster: String, _ world: inout World) {
        guard case .object(var object)? = world.objects[cluster]?[key],
            case .object(var status)? = object["status"]
        else { return }
        let isDaemon = object["kind"] == "DaemonSet"
        let replicas: JSONValue = isDaemon ? 1 : object["spec"]?["replicas"] ?? 1
        let trouble = Controllers(cluster: cluster, world: world).trouble(of: .object(object))
        if isDaemon { status["desiredNumberScheduled"] = replicas }
        if case .integer(let left)? = status["standinQuestions"], left > 0 {
            status["standinQuestions"] = .integer(left - 1)
        } else {
            let available = trouble == nil ? replicas : 0
            status[isDaemon ? "updatedNumberScheduled" : "updatedReplicas"] =
                trouble?.0 == .create ? 0 : replicas
            status[isDaemon ? "numberAvailable" : "availableReplicas"] = available
        }
        if let (kind, message) = trouble, kind == .create, !isDaemon {
            status["conditions"] = [
                [
                    "type": "ReplicaFailure", "status": "True", "reason": .string(kind.rawValue),
                    "message": .string(message),
                ]
            ]
        } else {
            status["conditions"] = nil
        }
        object["status"] = .object(status)
        world.objects[cluster]?[key] = .object(object)
    }
}
