// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Names that Kubernetes accepts, for names that ECS accepts. A valid name stays as it is.
public enum KubernetesNames {
    /// Returns a DNS label (RFC 1123): at most 63 of `a-z 0-9 -`. A changed name ends in a digest of the original, so
    /// that "web_a" and "Web-a" stay two.
    public static func label(_ name: String) -> String {
        isLabel(name) ? name : changed(name, limit: 63)
    }

    /// Returns a DNS subdomain, as the names of most kinds of objects must be: labels joined by dots, at most 253
    /// characters.
    static func subdomain(_ name: String) -> String {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        let isFine = name.utf8.count <= 253 && labels.allSatisfy { isLabel(String($0)) }
        return isFine ? name : changed(name, limit: 253)
    }

    /// Returns a Service's name, which is a DNS label of RFC 1035 and may not begin with a digit: `1web` becomes
    /// `svc-1web`. A name that already looks like that gets one more `svc-`, so that no two names collide and
    /// `ownName(ofService:)` reverses it.
    public static func service(_ name: String) -> String {
        let name = label(name)
        return isShifted(name) ? label(servicePrefix + name) : name
    }

    /// Returns the name from which `service` made this one.
    public static func ownName(ofService name: String) -> String {
        name.hasPrefix(servicePrefix) && isShifted(name) ? String(name.dropFirst(servicePrefix.count)) : name
    }

    private static let servicePrefix = "svc-"

    /// Any number of `svc-`, and then a digit.
    private static func isShifted(_ name: String) -> Bool {
        var rest = name[...]
        while rest.hasPrefix(servicePrefix) { rest = rest.dropFirst(servicePrefix.count) }
        return rest.first?.isNumber == true
    }

    /// The name of an environment variable, as Kubernetes up to 1.31 takes it.
    static func isVariable(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first),
            name != ".",
            !name.hasPrefix("..")
        else { return false }
        return name.utf8.allSatisfy(isValueByte)
    }

    /// A key of a Secret.
    static func isConfigKey(_ key: String) -> Bool {
        !key.isEmpty && key.utf8.count <= 253 && key != "." && !key.hasPrefix("..")
            && key.utf8.allSatisfy(isValueByte)
    }

    /// A name of a host, as `/etc/hosts` of a pod may have it: labels joined by dots.
    static func isHost(_ name: String) -> Bool { !name.isEmpty && subdomain(name) == name }

    public static func isLabel(_ name: String) -> Bool {
        guard let first = name.utf8.first, let last = name.utf8.last, name.utf8.count <= 63 else {
            return false
        }
        return isPlain(first) && isPlain(last)
            && name.utf8.allSatisfy { isPlain($0) || $0 == UInt8(ascii: "-") }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func changed(_ name: String, limit: Int) -> String {
        let bytes = name.lowercased().utf8.map { isPlain($0) ? $0 : UInt8(ascii: "-") }
        let simple = trimmed(bytes, of: UInt8(ascii: "-"))
        let head = trimmed(Array(simple.prefix(limit - 9)), of: UInt8(ascii: "-"))
        let digest = sha256(Array(name.utf8)).prefix(8)
        return head.isEmpty ? "x\(digest)" : "\(String(decoding: head, as: UTF8.self))-\(digest)"
    }

    /// A value that a label may have: at most 63 of letters, digits, `- _ .`, with a letter or digit at both ends.
    public static func labelValue(_ text: String) -> String {
        let bytes = text.utf8.map { byte -> UInt8 in
            isValueByte(byte) ? byte : UInt8(ascii: "-")
        }
        let edges: [UInt8] = [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ".")]
        func cut(_ bytes: [UInt8]) -> [UInt8] {
            Array(bytes.drop { edges.contains($0) }.reversed().drop { edges.contains($0) }.reversed())
        }
        let value = cut(bytes)
        if value.count <= 63 { return String(decoding: value, as: UTF8.self) }
        let digest = sha256(Array(text.utf8)).prefix(8)
        return String(decoding: cut(Array(value.prefix(54))), as: UTF8.self) + "-" + digest
    }

    private static func isValueByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private static func trimmed(_ bytes: [UInt8], of edge: UInt8) -> [UInt8] {
        Array(bytes.drop { $0 == edge }.reversed().drop { $0 == edge }.reversed())
    }
}
