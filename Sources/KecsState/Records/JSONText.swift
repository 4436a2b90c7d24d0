// SPDX-License-Identifier: Apache-2.0
public import KecsStorage

/// A column that holds JSON: the text as it stands in the database, which is never re-serialised, and what it says.
public struct JSONText: Hashable, Sendable {
    /// Nil for NULL. Upstream also writes "" and the word `null` for "nothing".
    public let text: String?

    public init(_ text: String?) { self.text = text }

    /// Nil for the three ways of saying nothing.
    ///
    /// - Throws: `JSONError`. The schema's checks allow only JSON, those of an imported file perhaps did not.
    public func value() throws(JSONError) -> JSONValue? {
        guard let text, !text.isEmpty else { return nil }
        let value = try JSONValue(parsing: text)
        return value == .null ? nil : value
    }

    public func array() throws(JSONError) -> [JSONValue] { try value()?.array ?? [] }

    /// `[{"key":…,"value":…}]` as ECS keeps tags, or the map that ELBv2 keeps. Of a key that is there twice, the last one counts.
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
