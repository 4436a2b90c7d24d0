// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// A column that holds JSON: the text from the database, which is never re-serialised, and its value.
public struct JSONText: Hashable, Sendable {
    /// Nil for NULL. Upstream also writes "" and the word `null` for "nothing".
    public let text: String?

    public init(_ text: String?) { self.text = text }

    /// Returns the value; nil for the three forms of an empty one.
    ///
    /// - Throws: `JSONError`. The schema's checks allow only JSON, those of an imported file perhaps did not.
    public func value() throws(JSONError) -> JSONValue? {
        guard let text, !text.isEmpty else { return nil }
        let value = try JSONValue(parsing: text)
        return value == .null ? nil : value
    }

    public func array() throws(JSONError) -> [JSONValue] { try value()?.array ?? [] }

    /// Returns tags from `[{"key":…,"value":…}]`, as ECS keeps them, or from the map that ELBv2 keeps. If a key occurs
    /// twice, the last one counts.
    public func tags() throws(JSONError) -> [String: String] {
        switch try value() {
        case .array(let tags):
            Dictionary(
                tags.compactMap { tag in tag["key"]?.string.map { ($0, tag["value"]?.string ?? "") } }
            ) { _, last in last }
        case .object(let members): members.compactMapValues(\.string)
        default: [:]
        }
    }
}
