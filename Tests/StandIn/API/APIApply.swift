// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Performs server-side apply: a manager owns the fields that it set; a field that another one set stays, unless the
/// apply is forced.
struct APIApply {
    let table: APITable
    let manager: String
    let forces: Bool

    enum Answer {
        case stored(JSONValue)
        case refused(String)
    }

    /// - Parameter live: The present object; nil when it does not exist yet.
    func run(_ object: JSONValue, over live: JSONValue?) -> Answer {
        let type = table.type(of: object) ?? ""
        let mine = leaves(object, .type(type), [])
        var owners = live.map(Self.owners) ?? [:]
        if let live {
            var conflicts: [String: [String]] = [:]
            for (path, value) in mine {
                let now = self.value(at: path, of: live)
                let others = owners.filter { $0.key != manager && $0.value.contains(path) }.keys
                if now != nil, now != value {
                    for other in others {
                        let version = object["apiVersion"]?.string ?? ""
                        conflicts["\"\(other)\" using \(version)", default: []].append(path.joined())
                    }
                }
            }
            if !conflicts.isEmpty, !forces { return .refused(Self.text(conflicts)) }
        }
        var merged = merge(object, .type(type), into: live ?? .object([:]))
        // Fields that this manager no longer sets are removed, unless another manager sets them too.
        for path in owners[manager] ?? [] where mine[path] == nil {
            if owners.contains(where: { $0.key != manager && $0.value.contains(path) }) { continue }
            merged = Self.removing(path[...], from: merged)
        }
        for other in owners.keys where other != manager {
            owners[other] = owners[other]?.filter { path in
                mine[path] == nil || live.flatMap { value(at: path, of: $0) } == mine[path]
            }
        }
        owners[manager] = Set(mine.keys)
        return .stored(Self.with(owners, merged))
    }

    private static func text(_ conflicts: [String: [String]]) -> String {
        let count = conflicts.values.reduce(0) { $0 + $1.count }
        let words = conflicts.sorted { $0.key < $1.key }.map { manager, paths in
            "conflict with \(manager): \(paths.sorted().joined(separator: ", "))"
        }
        return "error: Apply failed with \(count) conflict\(count == 1 ? "" : "s"): "
            + words.joined(separator: "; ")
            + "\nPlease review the fields above--they currently have other managers. Here\nare the ways you can resolve this warning:\n"
            + "* If you intend to manage all of these fields, please re-run the apply\n  command with the `--force-conflicts` flag."
    }

    // MARK: Owners

    /// Returns the owners from `managedFields`, with a list of paths in place of the API's own notation; clients never
    /// see it.
    static func owners(of object: JSONValue) -> [String: Set<[String]>] {
        var owners: [String: Set<[String]>] = [:]
        for entry in object["metadata"]?["managedFields"]?.array ?? [] {
            let paths = (entry["paths"]?.array ?? []).map { ($0.array ?? []).compactMap(\.string) }
            owners[entry["manager"]?.string ?? "", default: []].formUnion(paths)
        }
        return owners
    }

    static func with(_ owners: [String: Set<[String]>], _ object: JSONValue) -> JSONValue {
        let entries = owners.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }.map { manager, paths in
            let lists = paths.sorted { $0.joined() < $1.joined() }.map {
                JSONValue.array($0.map(JSONValue.string))
            }
            return JSONValue.object(["manager": .string(manager), "paths": .array(lists)])
        }
        return object.merging(["metadata": ["managedFields": .array(entries)]])
    }

    // MARK: Paths

    /// Returns the values by path: `.spec`, `.ports`, `[containerPort=80,protocol="TCP"]` …
    private func leaves(
        _ value: JSONValue, _ shape: APITable.Field.Shape, _ path: [String], keys: [String] = []
    ) -> [[String]: JSONValue] {
        var found: [[String]: JSONValue] = [:]
        func add(_ more: [[String]: JSONValue]) { found.merge(more) { $1 } }
        switch (shape, value) {
        case (.type(let type), .object(let members)) where !table.fields(of: type).isEmpty:
            let fields = table.fields(of: type)
            if !path.isEmpty, members.isEmpty { found[path] = value }
            for (name, member) in members {
                if path.isEmpty, ["apiVersion", "kind"].contains(name) { continue }
                if path == [".metadata"], ["name", "namespace"].contains(name) { continue }
                guard let field = fields[name] else { continue }
                add(leaves(member, field.shape, path + [".\(name)"], keys: field.keys))
            }
        case (.map(let inner), .object(let members)):
            for (name, member) in members { add(leaves(member, inner, path + [".\(name)"])) }
        case (.list(let inner), .array(let items)) where !keys.isEmpty:
            for item in items { add(leaves(item, inner, path + [Self.key(of: item, keys)])) }
        default: found[path] = value
        }
        return found
    }

    private static func key(of item: JSONValue, _ keys: [String]) -> String {
        let words = keys.map { "\($0)=\(item[$0] ?? ($0 == "protocol" ? "TCP" : .null))" }
        return "[\(words.joined(separator: ","))]"
    }

    private func value(at path: [String], of object: JSONValue) -> JSONValue? {
        var value: JSONValue? = object
        for step in path { value = value.flatMap { Self.child($0, step) } }
        return value
    }

    private static func child(_ value: JSONValue, _ step: String) -> JSONValue? {
        if step.hasPrefix(".") { return value[String(step.dropFirst())] }
        return value.array?.first { matches($0, step) }
    }

    private static func matches(_ item: JSONValue, _ step: String) -> Bool {
        let keys = step.dropFirst().dropLast().split(separator: ",").compactMap {
            $0.split(separator: "=").first.map(String.init)
        }
        return key(of: item, keys) == step
    }

    private static func removing(_ path: ArraySlice<String>, from value: JSONValue) -> JSONValue {
        guard let step = path.first else { return value }
        let rest = path.dropFirst()
        if step.hasPrefix("."), case .object(var members) = value {
            let name = String(step.dropFirst())
            members[name] = rest.isEmpty ? nil : members[name].map { removing(rest, from: $0) }
            return .object(members)
        }
        if case .array(let items) = value {
            return .array(
                items.compactMap { item in
                    guard matches(item, step) else { return item }
                    return rest.isEmpty ? nil : removing(rest, from: item)
                })
        }
        return value
    }

    // MARK: Merge

    private func merge(
        _ new: JSONValue, _ shape: APITable.Field.Shape, into old: JSONValue, keys: [String] = []
    ) -> JSONValue {
        switch (shape, new, old) {
        case (.type(let type), .object(let newer), .object(var members)):
            let fields = table.fields(of: type)
            for (name, value) in newer {
                let field = fields[name]
                members[name] =
                    members[name].map {
                        merge(value, field?.shape ?? .scalar("any"), into: $0, keys: field?.keys ?? [])
                    } ?? value
            }
            return .object(members)
        case (.map(let inner), .object(let newer), .object(var members)):
            for (name, value) in newer {
                members[name] = members[name].map { merge(value, inner, into: $0) } ?? value
            }
            return .object(members)
        case (.list(let inner), .array(let newer), .array(var items)) where !keys.isEmpty:
            for item in newer {
                let key = Self.key(of: item, keys)
                if let index = items.firstIndex(where: { Self.key(of: $0, keys) == key }) {
                    items[index] = merge(item, inner, into: items[index])
                } else {
                    items.append(item)
                }
            }
            return .array(items)
        default: return new
        }
    }
}

extension World {
    /// Makes a change that another user makes by hand: `kubectl scale`, `kubectl set image`, `kubectl edit`.
    ///
    /// - Parameter path: The path, for example `[".spec", ".replicas"]`.
    mutating func edit(
        _ cluster: String, _ key: String, _ path: [String], _ value: JSONValue, by manager: String = "kubectl"
    ) {
        guard let object = objects[cluster]?[key] else { return }
        func setting(_ steps: ArraySlice<String>, in old: JSONValue?) -> JSONValue {
            guard let step = steps.first else { return value }
            if step.hasPrefix("["), case .array(var items)? = old,
                let index = Int(step.dropFirst().dropLast())
            {
                items[index] = setting(steps.dropFirst(), in: items[index])
                return .array(items)
            }
            let name = String(step.dropFirst())
            return (old ?? .object([:])).merging([name: setting(steps.dropFirst(), in: old?[name])])
        }
        var owners = APIApply.owners(of: object)
        let changed = setting(path[...], in: object)
        for other in owners.keys { owners[other]?.remove(path) }
        owners[manager, default: []].insert(path)
        var result = APIApply.with(owners, changed)
        let generation = (object["metadata"]?["generation"]?.integer ?? 1) + 1
        result = result.merging([
            "metadata": ["generation": .integer(generation)],
            "status": ["observedGeneration": .integer(generation)],
        ])
        objects[cluster]?[key] = result
    }
}
