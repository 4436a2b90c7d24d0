// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// A field with different values in a manifest and in the existing object.
public struct FieldDifference: Hashable, Sendable, Encodable {
    /// "spec.template.spec.containers[app].image"
    public var field: String
    /// The present value as JSON; nil for a missing field.
    public var there: String?
    public var wanted: String

    public init(field: String, there: String?, wanted: String) {
        self.field = field
        self.there = there
        self.wanted = wanted
    }
}

/// Compares a manifest with an existing object, by the fields of the manifest. Fields that the API adds on its own, and
/// values that it writes in another form (quantities, empty fields), are no difference.
public struct ManifestDifference {
    private let ignoredLabel: String
    private var found: [FieldDifference] = []

    /// - Parameter ignoredLabel: A label that describes the maker and not the object.
    public static func between(
        _ manifest: JSONValue, and live: JSONValue, ignoring ignoredLabel: String
    ) -> [FieldDifference] {
        var comparison = ManifestDifference(ignoredLabel: ignoredLabel)
        for field in (manifest.object ?? [:]).keys.sorted() where !["apiVersion", "kind"].contains(field) {
            comparison.compare(manifest[field] ?? .null, live[field], field, in: "")
        }
        return comparison.found
    }

    private init(ignoredLabel: String) { self.ignoredLabel = ignoredLabel }

    private mutating func compare(_ wanted: JSONValue, _ live: JSONValue?, _ path: String, in list: String) {
        if path == "metadata.labels.\(ignoredLabel)" || path == "metadata.namespace" { return }
        switch wanted {
        case .object(let members):
            guard !members.isEmpty || live != nil else { return }
            let isAmount = ["requests", "limits"].contains(list)
            for key in members.keys.sorted() {
                let value = members[key] ?? .null
                if isAmount, let mine = value.string, let other = live?[key]?.string,
                    KubernetesQuantity(mine) == KubernetesQuantity(other)
                {
                    continue
                }
                compare(value, live?[key], "\(path).\(key)", in: key)
            }
        case .array(let items):
            if let keys = Self.keys[list] {
                for item in items {
                    let name = Self.name(item, keys)
                    let other = live?.array?.first { Self.name($0, keys) == name }
                    if other == nil {
                        note(path + "[\(name)]", nil, item)
                    } else {
                        compare(item, other, path + "[\(name)]", in: "")
                    }
                }
                // A list of ours has only our entries: an entry that was added by hand is a change.
                for other in live?.array ?? [] {
                    let name = Self.name(other, keys)
                    if !items.contains(where: { Self.name($0, keys) == name }) {
                        note(path + "[\(name)]", other, .null)
                    }
                }
            } else if !(items.isEmpty && live == nil), .array(items) != live {
                note(path, live, wanted)
            }
        default:
            if wanted == live { return }
            // The API leaves out empty values.
            if live == nil, wanted.isEmpty || wanted == false { return }
            note(path, live, wanted)
        }
    }

    private mutating func note(_ path: String, _ live: JSONValue?, _ wanted: JSONValue) {
        found.append(
            FieldDifference(
                field: path, there: live?.text(), wanted: wanted == .null ? "none" : wanted.text()))
    }

    /// The keys by which Kubernetes merges these lists.
    private static let keys: [String: [String]] = [
        "containers": ["name"], "initContainers": ["name"], "env": ["name"], "volumes": ["name"],
        "volumeMounts": ["mountPath"], "hostAliases": ["ip"], "ports": ["containerPort", "port", "protocol"],
    ]

    private static func name(_ item: JSONValue, _ keys: [String]) -> String {
        keys.compactMap { item[$0] }.map { $0.string ?? $0.text() }.joined(separator: "/")
    }
}

/// An amount as the API compares it: `1000m` is `1`, `1024Mi` is `1Gi`.
struct KubernetesQuantity: Equatable {
    private let thousandths: Double

    /// Nil for a text that is no amount in the forms that are written here, or that the API makes of them.
    init?(_ text: String) {
        let scales: [(String, Double)] = [
            ("Ki", 1024e3), ("Mi", 1_048_576e3), ("Gi", 1_073_741_824e3), ("Ti", 1_099_511_627_776e3),
            ("m", 1),
            ("k", 1e6), ("M", 1e9), ("G", 1e12),
        ]
        let scale = scales.first { text.hasSuffix($0.0) } ?? ("", 1e3)
        guard let number = Double(text.dropLast(scale.0.count)) else { return nil }
        thousandths = number * scale.1
    }
}
