// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// The translation of an ECS object to Kubernetes: objects to apply, and notes on everything that Kubernetes cannot
/// express.
public struct Translation: Hashable, Sendable {
    public var objects: [KubernetesObject] = []
    public var notes: [TranslationNote] = []
    /// The secrets that must exist before the pods can start. Their values are not in the database.
    public var secrets: Set<SecretReference> = []
}

/// A manifest. The text of `manifest` is always the same for the same rows.
public struct KubernetesObject: Hashable, Sendable {
    public struct ID: Hashable, Sendable, Comparable, CustomStringConvertible {
        public let kind: String
        /// Nil for a namespace.
        public let namespace: String?
        public let name: String

        public init(_ kind: String, _ namespace: String?, _ name: String) {
            self.kind = kind
            self.namespace = namespace
            self.name = name
        }

        /// "Deployment default-us-east-1/web"
        public var description: String { "\(kind) \(namespace.map { "\($0)/" } ?? "")\(name)" }
        public static func < (left: ID, right: ID) -> Bool { left.description < right.description }
    }

    public let id: ID
    public let manifest: JSONValue

    init(
        _ apiVersion: String, _ kind: String, namespace: String?, name: String, labels: [String: String],
        annotations: [String: String] = [:], body: [String: JSONValue] = [:]
    ) {
        id = ID(kind, namespace, name)
        var metadata: [String: JSONValue] = ["name": .string(name), "labels": .strings(labels)]
        if let namespace { metadata["namespace"] = .string(namespace) }
        if !annotations.isEmpty { metadata["annotations"] = .strings(annotations) }
        manifest = .object(
            body.merging([
                "apiVersion": .string(apiVersion), "kind": .string(kind), "metadata": .object(metadata),
            ]) { own, _ in own })
    }
}

/// Something in the database that is missing from the manifests, or has another meaning there.
public struct TranslationNote: Hashable, Sendable {
    /// "service default/web", "container web/app"
    public let subject: String
    /// The ECS name of the field: "ulimits".
    public let field: String
    public let why: String

    public init(_ subject: String, _ field: String, _ why: String) {
        self.subject = subject
        self.field = field
        self.why = why
    }
}

/// The reason why something cannot be translated at all.
public struct TranslationFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

extension JSONValue {
    static func strings(_ members: [String: String]) -> JSONValue {
        .object(members.mapValues { .string($0) })
    }

    static func strings(_ items: [String]) -> JSONValue { .array(items.map { .string($0) }) }
}
