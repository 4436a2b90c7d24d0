// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem

extension KubectlTool {
    func delete(_ options: inout Options, _ cluster: String) -> Never {
        if scene.arguments.dropFirst().first == "namespace" { deleteNamespace(&options, cluster) }
        guard options.flag("-A"), options.flag("--ignore-not-found"), options.value("-o") == "name",
            options.value("--cascade") == "foreground", options.value("--timeout") != nil,
            let label = options.value("-l")
        else { scene.unexpected("another way to delete") }
        let kinds = (options.next() ?? "").split(separator: ",").map { table.kind(String($0)) }
        options.end()
        let fault = scene.take { $0.kind == "die" }
        let (gone, held) = scene.change(objects: true) { world -> ([String], [String]) in
            var keys = (world.objects[cluster] ?? [:]).keys.sorted().filter { key in
                kinds.contains(String(key.prefix { $0 != "/" }))
                    && matches(world.objects[cluster]?[key], label)
            }
            if let fault { keys = Array(keys.prefix(Int(fault.at ?? "0") ?? 0)) }
            var held: [String] = []
            for key in keys where !remove(key, cluster, &world) { held.append(key) }
            return (keys, held)
        }
        for key in gone { scene.say("\(word(key))\n", to: 1) }
        if fault != nil { scene.die() }
        for key in held {
            scene.say("error: timed out waiting for the condition on \(word(key))\n", to: 2)
        }
        _exit(held.isEmpty ? 0 : 1)
    }

    /// Returns the name for messages: `deployment.apps/web`.
    private func word(_ key: String) -> String {
        let words = key.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let kind = table.resource(words[0]).map(Self.word) ?? words[0]
        return "\(kind)/\(words[2])"
    }

    /// Removes an object.
    ///
    /// - Returns: False while a finalizer holds it: it is marked, and stays.
    private func remove(_ key: String, _ cluster: String, _ world: inout World) -> Bool {
        guard let object = world.objects[cluster]?[key] else { return true }
        guard object["metadata"]?["finalizers"]?.isEmpty != false else {
            world.objects[cluster]?[key] = object.merging([
                "metadata": ["deletionTimestamp": "2026-11-21T02:06:59Z"]
            ])
            return false
        }
        world.objects[cluster]?[key] = nil
        return true
    }

    /// Deletes a namespace with everything in it, and waits for objects that a finalizer holds (K62).
    private func deleteNamespace(_ options: inout Options, _ cluster: String) -> Never {
        _ = options.next()
        guard let name = options.next(), options.flag("--ignore-not-found"),
            options.value("--timeout") != nil,
            options.value("-o") == "name"
        else { scene.unexpected("another way to delete a namespace") }
        options.end()
        let (wasThere, isHeld) = scene.change(objects: true) { world -> (Bool, Bool) in
            let own = "namespace//\(name)"
            guard world.objects[cluster]?[own] != nil else { return (false, false) }
            var isHeld = false
            for key in Array((world.objects[cluster] ?? [:]).keys)
            where key.split(separator: "/", omittingEmptySubsequences: false)[1] == name {
                if !remove(key, cluster, &world) { isHeld = true }
            }
            if isHeld, let space = world.objects[cluster]?[own] {
                world.objects[cluster]?[own] = space.merging([
                    "metadata": ["deletionTimestamp": "2026-11-21T02:06:59Z"]
                ])
            } else if !remove(own, cluster, &world) {
                isHeld = true
            }
            return (true, isHeld)
        }
        if wasThere { scene.say("namespace/\(name)\n", to: 1) }
        if isHeld {
            scene.say("error: timed out waiting for the condition on namespaces/\(name)\n", to: 2)
            _exit(1)
        }
        _exit(0)
    }
}
