// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem

extension KubectlTool {
    func apply(_ options: inout Options, _ cluster: String) -> Never {
        let forces = options.flag("--force-conflicts")
        guard options.flag("--server-side"), options.value("--field-manager") == "kecsctl",
            options.value("-f") == "-"
        else { scene.unexpected("another way to apply") }
        _ = options.value("--request-timeout")
        options.end()
        let input = standardInput()
        guard let document = try? JSONValue(parsing: String(decoding: input, as: UTF8.self)) else {
            scene.say("error: error parsing STDIN\n", to: 2)
            _exit(1)
        }
        let objects = document["items"]?.array ?? [document]
        if objects.isEmpty { _exit(scene.replay("K54-apply-empty")) }
        let fault = scene.take { $0.kind == "die" }
        let end = fault.map { min(Int($0.at ?? "0") ?? 0, objects.count) } ?? objects.count
        let answers = scene.change(objects: true) { world in
            objects[..<end].map { answer(to: $0, forces: forces, cluster, &world) }
        }
        for answer in answers { scene.say(answer.text + "\n", to: answer.isError ? 2 : 1) }
        if fault != nil { scene.die() }
        _exit(answers.contains { $0.isError } ? 1 : 0)
    }

    private func answer(
        to object: JSONValue, forces: Bool, _ cluster: String, _ world: inout World
    ) -> (text: String, isError: Bool) {
        let kind = object["kind"]?.string ?? ""
        let version = object["apiVersion"]?.string ?? ""
        let name = object["metadata"]?["name"]?.string ?? ""
        let namespace = object["metadata"]?["namespace"]?.string ?? ""
        let key = "\(kind.lowercased())/\(namespace)/\(name)"
        guard
            let resource = table.resources.first(where: { $0.kind == kind && Self.group(version) == $0.group }
            )
        else {
            return (
                "error: resource mapping not found for name: \"\(name)\" namespace: \"\(namespace)\" from \"STDIN\": no matches for kind \"\(kind)\" in version \"\(version)\"",
                true
            )
        }
        var shape = APIShape(table)
        shape.check(object)
        if let complaint = shape.complaints.first {
            return (
                "Error from server: failed to create typed patch object (\(namespace)/\(name); \(version), Kind=\(kind)): \(complaint)",
                true
            )
        }
        let live = world.objects[cluster]?[key]
        if resource.isNamespaced {
            guard let space = world.objects[cluster]?["namespace//\(namespace)"] else {
                return (
                    "Error from server (NotFound): error when creating \"STDIN\": namespaces \"\(namespace)\" not found",
                    true
                )
            }
            if live == nil, space["metadata"]?["deletionTimestamp"] != nil {
                return (
                    "Error from server (Forbidden): error when creating \"STDIN\": \(resource.name) \"\(name)\" is forbidden: unable to create new content in namespace \(namespace) because it is being terminated",
                    true
                )
            }
        }
        var rules = APIRules()
        rules.check(object)
        if world.invalid.contains(name) {
            return ("The \(kind) \"\(name)\" is invalid: spec: Invalid value", true)
        }
        if !rules.complaints.isEmpty {
            let lines = rules.complaints
            return (
                "The \(kind) \"\(name)\" is invalid: "
                    + (lines.count == 1 ? lines[0] : lines.map { "\n* \($0)" }.joined()), true
            )
        }
        if let live, ["Deployment", "DaemonSet", "StatefulSet"].contains(kind),
            live["spec"]?["selector"] != object["spec"]?["selector"]
        {
            return (
                "The \(kind) \"\(name)\" is invalid: spec.selector: Invalid value: \(object["spec"]?["selector"] ?? .null): field is immutable",
                true
            )
        }
        switch APIApply(table: table, manager: "kecsctl", forces: forces).run(object, over: live) {
        case .refused(let why): return (why, true)
        case .stored(let merged):
            store(Self.canonical(merged), over: live, key, cluster, &world)
            return ("\(Self.word(resource))/\(name) serverside-applied", false)
        }
    }

    private func store(
        _ object: JSONValue, over live: JSONValue?, _ key: String, _ cluster: String, _ world: inout World
    ) {
        guard case .object(var fields) = object else { return }
        let old = live?["metadata"]?["generation"]?.integer ?? 0
        let isNew = live?["spec"] != fields["spec"]
        let generation = isNew || old == 0 ? old + 1 : old
        fields["metadata"] = (fields["metadata"] ?? [:]).merging([
            "generation": .integer(generation),
            "uid": live?["metadata"]?["uid"] ?? .string("uid-of-\(key)"),
        ])
        let kind = object["kind"]?.string ?? ""
        if kind == "CustomResourceDefinition" {
            let word =
                "\(fields["metadata"]?["name"]?.string ?? "")=\(fields["spec"]?["names"]?["kind"]?.string ?? "")"
            if !world.customResources.contains(word) { world.customResources.append(word) }
            fields["status"] = ["conditions": [["type": "Established", "status": "True"]]]
        }
        if ["Deployment", "DaemonSet", "StatefulSet"].contains(kind), isNew {
            fields["status"] =
                kind != "DaemonSet"
                ? [
                    "observedGeneration": .integer(generation), "updatedReplicas": 0, "availableReplicas": 0,
                    "standinQuestions": .integer(Int64(world.rolloutQuestions)),
                ]
                : [
                    "observedGeneration": .integer(generation), "updatedNumberScheduled": 0,
                    "numberAvailable": 0,
                    "desiredNumberScheduled": 1,
                    "standinQuestions": .integer(Int64(world.rolloutQuestions)),
                ]
        }
        world.objects[cluster, default: [:]][key] = .object(fields)
    }

    /// Returns the value as the API stores it: quantities in their shortest form, no empty values.
    private static func canonical(_ value: JSONValue, _ field: String = "") -> JSONValue {
        switch value {
        case .object(let members):
            var result: [String: JSONValue] = [:]
            for (name, member) in members {
                if field == "env", name == "value", member == "" { continue }
                if ["requests", "limits"].contains(field), let text = member.string {
                    result[name] = .string(shortest(text))
                } else {
                    result[name] = canonical(member, name)
                }
            }
            return .object(result)
        case .array(let items): return .array(items.map { canonical($0, field) })
        default: return value
        }
    }

    private static func shortest(_ quantity: String) -> String {
        if quantity.hasSuffix("m"), let number = Int(quantity.dropLast()), number % 1000 == 0 {
            return "\(number / 1000)"
        }
        if quantity.hasSuffix("Mi"), let number = Int(quantity.dropLast(2)), number > 0, number % 1024 == 0 {
            return "\(number / 1024)Gi"
        }
        return quantity
    }

    static func group(_ version: String) -> String {
        version.contains("/") ? String(version.prefix { $0 != "/" }) : ""
    }

    /// Returns the name for messages: `deployment.apps`.
    static func word(_ resource: APITable.Resource) -> String {
        resource.kind.lowercased() + (resource.group.isEmpty ? "" : ".\(resource.group)")
    }
}

/// The changes that people make by hand (K56).
extension KubectlTool {
    func scale(_ options: inout Options, _ cluster: String) -> Never {
        _ = options.value("--request-timeout")
        let namespace = options.value("-n") ?? "default"
        let words = (options.next() ?? "").split(separator: "/").map(String.init)
        guard let count = options.value("--replicas").flatMap({ Int64($0) }), words.count == 2 else {
            scene.unexpected("another way to scale")
        }
        options.end()
        let key = "\(table.kind(words[0]))/\(namespace)/\(words[1])"
        scene.change(objects: true) { $0.edit(cluster, key, [".spec", ".replicas"], .integer(count)) }
        scene.say("\(words[0])/\(words[1]) scaled\n", to: 1)
        _exit(0)
    }

    /// `create -f -`: one object, with its status where that is none of the API's own; never one that is there.
    func create(_ options: inout Options, _ cluster: String) -> Never {
        guard options.value("-f") == "-" else { createConfigMap(&options, cluster) }
        _ = options.value("--request-timeout")
        options.end()
        guard let object = try? JSONValue(parsing: String(decoding: standardInput(), as: UTF8.self)) else {
            scene.say("error: error parsing STDIN\n", to: 2)
            _exit(1)
        }
        let kind = object["kind"]?.string ?? ""
        let name = object["metadata"]?["name"]?.string ?? ""
        let key = "\(kind.lowercased())/\(object["metadata"]?["namespace"]?.string ?? "")/\(name)"
        guard
            let resource = table.resources.first(where: {
                $0.kind == kind && $0.group == Self.group(object["apiVersion"]?.string ?? "")
            })
        else {
            scene.say("error: resource mapping not found for name: \"\(name)\"\n", to: 2)
            _exit(1)
        }
        guard name.utf8.count <= 63, !name.isEmpty else { scene.unexpected("the name \(name)") }
        let isNew = scene.change(objects: true) { world -> Bool in
            guard world.objects[cluster]?[key] == nil else { return false }
            let isBare = kind == "BackupStorageLocation" && world.velero.dropsSeeds
            let made = isBare ? object.merging(["status": .null]) : object
            world.objects[cluster, default: [:]][key] = made.merging([
                "metadata": [
                    "generation": 1, "uid": .string("uid-of-\(key)-\(world.velero.now)"),
                    "creationTimestamp": .string("\(Moment(seconds: world.velero.now))"),
                ]
            ])
            return true
        }
        guard isNew else {
            scene.say(
                "Error from server (AlreadyExists): error when creating \"STDIN\": \(resource.name) \"\(name)\" already exists\n",
                to: 2)
            _exit(1)
        }
        scene.say("\(Self.word(resource))/\(name) created\n", to: 1)
        _exit(0)
    }

    private func standardInput() -> [UInt8] {
        var input: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = read(0, &buffer, buffer.count), count > 0 { input += buffer[..<count] }
        return input
    }

    func createConfigMap(_ options: inout Options, _ cluster: String) -> Never {
        let namespace = options.value("-n") ?? "default"
        guard options.next() == "configmap", let name = options.next() else {
            scene.unexpected("something else to create")
        }
        options.end()
        scene.change(objects: true) { world in
            world.objects[cluster, default: [:]]["configmap/\(namespace)/\(name)"] = [
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": ["name": .string(name), "namespace": .string(namespace)],
            ]
        }
        scene.say("configmap/\(name) created\n", to: 1)
        _exit(0)
    }
}
