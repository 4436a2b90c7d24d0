// SPDX-License-Identifier: Apache-2.0

/// A key of a Kubernetes Secret, where KECS keeps a value of Secrets Manager or of the Parameter Store.
public struct SecretReference: Hashable, Sendable, Comparable {
    public let namespace: String
    public let name: String
    public let key: String

    public static func < (left: SecretReference, right: SecretReference) -> Bool {
        (left.namespace, left.name, left.key) < (right.namespace, right.name, right.key)
    }

    /// The names are those that upstream's synchronisation gives (converters/service_converter.go).
    ///
    /// - Parameter source: `valueFrom` of the container definition: an ARN, or the bare name of a parameter.
    /// - Returns: Nil when it is neither. `isVersioned`: it names a version, and the Secret only has the newest one.
    static func parse(_ source: String, namespace: String) -> (secret: SecretReference, isVersioned: Bool)? {
        let fields = source.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard fields.first == "arn" else {
            let isName = !source.isEmpty && !source.contains(":")
            return isName ? (parameter(source, namespace), false) : nil
        }
        guard fields.count >= 6 else { return nil }
        switch fields[2] {
        case "secretsmanager":
            guard fields.count >= 7, fields[5] == "secret", !fields[6].isEmpty else { return nil }
            let key = fields.count > 7 && !fields[7].isEmpty ? fields[7] : "value"
            let name = KubernetesNames.subdomain("sm-" + plain(withoutSuffix(fields[6])))
            let isVersioned = fields.dropFirst(8).contains { !$0.isEmpty }
            return (SecretReference(namespace: namespace, name: name, key: key), isVersioned)
        case "ssm":
            guard fields[5].hasPrefix("parameter/") else { return nil }
            return (parameter(String(fields[5].dropFirst("parameter/".count)), namespace), fields.count > 6)
        default: return nil
        }
    }

    private static func parameter(_ path: String, _ namespace: String) -> SecretReference {
        let name = KubernetesNames.subdomain("ssm-" + plain(String(path.drop { $0 == "/" })))
        return SecretReference(namespace: namespace, name: name, key: "value")
    }

    private static func plain(_ name: String) -> String {
        String(name.lowercased().map { $0 == "/" || $0 == "_" ? "-" : $0 })
    }

    /// Secrets Manager appends a hyphen and six letters or digits to the name.
    private static func withoutSuffix(_ name: String) -> String {
        guard let hyphen = name.lastIndex(of: "-") else { return name }
        let suffix = name[name.index(after: hyphen)...]
        let isRandom =
            suffix.utf8.count == 6 && suffix.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
        return isRandom ? String(name[..<hyphen]) : name
    }
}
