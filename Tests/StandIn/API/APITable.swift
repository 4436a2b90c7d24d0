// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// The API server's table of kinds: `Tests/Fixtures/kubernetes/api-1.31.json`, generated from Kubernetes' own OpenAPI
/// definitions (`Tests/Tools/kubernetes-table`).
struct APITable {
    struct Resource: Hashable {
        var plural: String
        var group: String
        var kind: String
        var isNamespaced: Bool

        /// The full name: `deployments.apps`.
        var name: String { group.isEmpty ? plural : "\(plural).\(group)" }
    }

    /// The parsed type of a field: `![@Container] name`.
    struct Field: Hashable {
        indirect enum Shape: Hashable {
            case scalar(String)
            case type(String)
            case list(Shape)
            case map(Shape)
        }
        var shape: Shape
        var isRequired: Bool
        /// The keys of a list that is merged by keys.
        var keys: [String]

        init(_ text: String) {
            var text = text[...]
            isRequired = text.hasPrefix("!")
            if isRequired { text = text.dropFirst() }
            let words = text.split(separator: " ", maxSplits: 1)
            shape = Self.shape(words[0])
            let rest = words.count > 1 ? String(words[1]) : ""
            keys = rest.isEmpty || rest == "set" ? [] : rest.split(separator: ",").map(String.init)
        }

        private static func shape(_ text: Substring) -> Shape {
            switch text.first {
            case "[": .list(shape(text.dropFirst().dropLast()))
            case "{": .map(shape(text.dropFirst().dropLast()))
            case "@": .type(String(text.dropFirst()))
            default: .scalar(String(text))
            }
        }
    }

    let resources: [Resource]
    /// The type's name by version and kind: "apps/v1 Deployment".
    private let kinds: [String: String]
    private let types: [String: [String: Field]]

    /// - Parameter custom: The names of custom resource definitions: `widgets.example.com`.
    init(scene: Scene, custom: [String]) {
        let file = scene.folder.appending("recordings/kubernetes/api-1.31.json")
        guard let bytes = try? file.contents(),
            let table = try? JSONValue(parsing: String(decoding: bytes, as: UTF8.self))
        else { scene.unexpected("there is no table of the API's kinds at \(file)") }
        kinds = (table["kinds"]?.object ?? [:]).compactMapValues(\.string)
        types = (table["types"]?.object ?? [:]).mapValues { fields in
            (fields.object ?? [:]).compactMapValues { $0.string.map(Field.init) }
        }
        var resources = (table["resources"]?.array ?? []).map { row in
            let words = (row.array ?? []).map { $0.string ?? "" }
            return Resource(
                plural: words[0], group: words[1], kind: words[2], isNamespaced: words[3] == "Namespaced")
        }
        for name in custom {
            let halves = name.split(separator: "=").map(String.init)
            let words = halves[0].split(separator: ".", maxSplits: 1).map(String.init)
            resources.append(
                Resource(
                    plural: words[0], group: words[1],
                    kind: halves.count > 1 ? halves[1] : String(words[0].dropLast()).capitalized,
                    isNamespaced: true))
        }
        self.resources = resources
    }

    func type(of object: JSONValue) -> String? {
        kinds["\(object["apiVersion"]?.string ?? "") \(object["kind"]?.string ?? "")"]
    }

    func fields(of type: String) -> [String: Field] { types[type] ?? [:] }

    /// Returns the resource for a word of a command line: `deploy`, `deployments`, `deployments.apps`, `Deployment`.
    func resource(_ word: String) -> Resource? {
        let short = ["deploy": "deployments", "ds": "daemonsets", "ns": "namespaces", "svc": "services"]
        let word = short[word] ?? word.lowercased()
        return resources.first { $0.name == word }
            ?? resources.first { $0.plural == word || $0.kind.lowercased() == word }
    }
}

extension String {
    fileprivate var capitalized: String { prefix(1).uppercased() + dropFirst() }
}
