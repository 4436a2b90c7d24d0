// SPDX-License-Identifier: Apache-2.0

/// Returns a name as text that cannot do anything to a terminal. Control characters, marks that change the direction of
/// writing and bytes that are not UTF-8 appear as `\n`, `\x1b`, `\u{202e}`; a backslash as `\\`.
public func printable(_ raw: [UInt8]) -> String {
    // Nearly every name. To classify each scalar of 5,000 long paths takes most of a minute.
    if raw.allSatisfy({ (0x20..<0x7f).contains($0) && $0 != UInt8(ascii: "\\") }) {
        return String(decoding: raw, as: UTF8.self)
    }
    var text = ""
    var rest = raw[...]
    while let byte = rest.first {
        guard let (scalar, length) = firstScalar(of: rest) else {
            text += hexEscape(byte)
            rest = rest.dropFirst()
            continue
        }
        switch scalar {
        case "\\": text += "\\\\"
        case "\n": text += "\\n"
        case "\t": text += "\\t"
        case "\r": text += "\\r"
        default:
            switch scalar.properties.generalCategory {
            case .control:
                text += scalar.value < 0x80 ? hexEscape(byte) : "\\u{\(String(scalar.value, radix: 16))}"
            case .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse:
                text += "\\u{\(String(scalar.value, radix: 16))}"
            default: text.unicodeScalars.append(scalar)
            }
        }
        rest = rest.dropFirst(length)
    }
    return text
}

/// Returns the first scalar; nil where no valid UTF-8 begins.
private func firstScalar(of bytes: ArraySlice<UInt8>) -> (Unicode.Scalar, Int)? {
    for length in 1...4 where length <= bytes.count {
        if let text = String(validating: bytes.prefix(length), as: UTF8.self),
            let scalar = text.unicodeScalars.first
        {
            return (scalar, length)
        }
    }
    return nil
}

private func hexEscape(_ byte: UInt8) -> String {
    "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
}
