// SPDX-License-Identifier: Apache-2.0
import Kecs

/// The text format of Prometheus, version 0.0.4: one HELP and one TYPE for each name, then its samples together.
public struct PrometheusText: Sendable {
    public enum Kind: String, Sendable { case gauge, counter }

    private var order: [String] = []
    private var families: [String: (kind: Kind, help: String, samples: [String])] = [:]

    public init() {}

    public mutating func add(
        _ name: String, _ kind: Kind, _ help: String, _ labels: KeyValuePairs<String, String>,
        _ value: Double?
    ) {
        guard let value else { return }
        if families[name] == nil {
            order.append(name)
            families[name] = (kind, help, [])
        }
        let list = labels.map { "\($0)=\"\(Self.escape($1))\"" }.joined(separator: ",")
        families[name]?.samples.append("\(name)\(list.isEmpty ? "" : "{\(list)}") \(Self.number(value))")
    }

    public mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Double?) {
        add(name, kind, help, [:], value)
    }

    public var text: String {
        order.reduce(into: "") { text, name in
            guard let family = families[name] else { return }
            text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.kind.rawValue)\n"
            text += family.samples.map { $0 + "\n" }.joined()
        }
    }

    private static func escape(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value) { return "\(whole)" }
        return "\(value)"
    }
}
