// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Writes a JSON value as block-style YAML that every YAML 1.1 and 1.2 reader reads as the same value.
///
/// Text is plain only when it cannot be anything else. A word that some version reads as a number, a boolean, a date or
/// nothing is quoted, and so is everything outside a small set of harmless characters.
enum YAMLText {
    static func document(_ value: JSONValue) -> String {
        var text = ""
        write(value, indent: 0, at: .start, into: &text)
        return text
    }

    private enum Place { case start, afterKey, afterDash }

    private static func write(_ value: JSONValue, indent: Int, at place: Place, into text: inout String) {
        switch value {
        case .object(let fields) where !fields.isEmpty:
            if place == .afterKey { text += "\n" }
            for (index, (key, field)) in fields.sorted(by: { $0.key < $1.key }).enumerated() {
                if !(index == 0 && place == .afterDash) { text += blanks(indent) }
                text += scalar(key) + ":"
                write(field, indent: indent + 2, at: .afterKey, into: &text)
            }
        case .array(let items) where !items.isEmpty:
            if place == .afterKey { text += "\n" }
            for (index, item) in items.enumerated() {
                if !(index == 0 && place == .afterDash) { text += blanks(indent) }
                text += "-"
                // The item's own lines start two columns right of the dash.
                if case .object(let fields) = item, !fields.isEmpty { text += " " }
                if case .array(let inner) = item, !inner.isEmpty { text += " " }
                write(item, indent: indent + 2, at: .afterDash, into: &text)
            }
        default:
            text += (place == .start ? "" : " ") + scalar(value) + "\n"
        }
    }

    private static func blanks(_ count: Int) -> String { String(repeating: " ", count: count) }

    private static func scalar(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .real(let value): number(value)
        case .string(let value): scalar(value)
        case .array: "[]"
        case .object: "{}"
        }
    }

    /// YAML 1.1 wants a point in the mantissa and a sign in the exponent: Swift's "1e+20" would be read as text.
    private static func number(_ value: Double) -> String {
        let text = "\(value)"
        guard let exponent = text.firstIndex(of: "e"), !text[..<exponent].contains(".") else { return text }
        return text[..<exponent] + ".0" + text[exponent...]
    }

    static func scalar(_ text: String) -> String {
        isPlain(text) ? text : quoted(text)
    }

    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, isLetter(first) || first == "/" else { return false }
        guard
            text.unicodeScalars.allSatisfy({
                isLetter($0) || isDigit($0) || "_-./+@".unicodeScalars.contains($0)
            })
        else { return false }
        return !reserved.contains(text.lowercased())
    }

    private static let reserved: Set = [
        "true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf",
    ]

    private static func isLetter(_ one: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(one) || ("A"..."Z").contains(one)
    }

    private static func isDigit(_ one: Unicode.Scalar) -> Bool { ("0"..."9").contains(one) }

    /// Returns the text in double quotes, the only style in which every character can be written.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            // Controls, the line separators that YAML folds, the byte order mark and unassigned ends of planes.
            case _ where isUnprintable(scalar): result += escape(scalar)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private static func isUnprintable(_ one: Unicode.Scalar) -> Bool {
        switch one.value {
        case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029, 0xfeff, 0xfffe, 0xffff: true
        default: one.value & 0xfffe == 0xfffe
        }
    }

    private static func escape(_ one: Unicode.Scalar) -> String {
        let digits = String(one.value, radix: 16)
        let (letter, width) = one.value <= 0xff ? ("x", 2) : one.value <= 0xffff ? ("u", 4) : ("U", 8)
        return "\\" + letter + String(repeating: "0", count: width - digits.count) + digits
    }
}
