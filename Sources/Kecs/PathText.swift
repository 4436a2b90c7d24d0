// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// A path in a JSON file of ours: plain text is written as it is, any other byte as `%XX`.
public struct PathText: Codable, Hashable, Sendable {
    public var bytes: PathBytes

    public var path: FilePath { bytes.path }

    public init(_ path: FilePath) { bytes = PathBytes(path) }

    public init(_ bytes: PathBytes) { self.bytes = bytes }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = Array(try container.decode(String.self).utf8)
        var bytes: [UInt8] = []
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "%") {
                guard index + 2 < text.count,
                    let byte = UInt8(String(decoding: text[index + 1...index + 2], as: UTF8.self), radix: 16)
                else {
                    throw DecodingError.dataCorruptedError(
                        in: container, debugDescription: "a path with a broken %XX")
                }
                bytes.append(byte)
                index += 3
            } else {
                bytes.append(text[index])
                index += 1
            }
        }
        self.bytes = bytes.withUnsafeBytes { PathBytes($0) }
    }

    public func encode(to encoder: any Encoder) throws {
        let bytes = bytes.withBytes { Array($0) }
        let isText = String(validating: bytes, as: UTF8.self) != nil
        var text: [UInt8] = []
        for byte in bytes {
            if byte == UInt8(ascii: "%") || byte < 0x20 || byte == 0x7F || (byte > 0x7F && !isText) {
                let digits = Array(String(byte, radix: 16, uppercase: true).utf8)
                text += [UInt8(ascii: "%")] + (digits.count == 1 ? [UInt8(ascii: "0")] : []) + digits
            } else {
                text.append(byte)
            }
        }
        var container = encoder.singleValueContainer()
        try container.encode(String(decoding: text, as: UTF8.self))
    }
}
