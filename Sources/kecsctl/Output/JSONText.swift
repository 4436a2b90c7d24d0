// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import KecsSystem

enum JSONText {
    private static func encoder(_ more: JSONEncoder.OutputFormatting) -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, more]
        return encoder
    }

    /// A document with its final newline.
    static func document(_ value: some Encodable) throws -> String {
        String(decoding: try encoder(.prettyPrinted).encode(value), as: UTF8.self) + "\n"
    }

    /// Returns a line without a newline.
    static func line(_ value: some Encodable) throws -> String {
        String(decoding: try encoder([]).encode(value), as: UTF8.self)
    }

    /// Returns the document as a value. YAML is written from it, so that both forms hold exactly the same.
    static func value(_ value: some Encodable) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: encoder([]).encode(value))
    }
}
